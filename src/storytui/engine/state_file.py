"""What a model had read, kept in a file while storytui is closed: sealed, and checked before use.

llama.cpp writes the state of a sequence into a file and reads it back; a broken one may end the
process. So a file counts only if a checksum over all of it is right and it says that it was made
by the same model, library and settings. It is llama.cpp's own file, which may have anything behind
its end, with a seal there:

    llama.cpp's bytes | head (msgpack) | their two lengths | magic and version | checksum

It holds the story in another form: only its owner may read it.
"""

import contextlib
import hashlib
import os
import re
import shutil
import stat
import struct
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Protocol

import msgspec

from storytui.engine.adapting import in_force
from storytui.engine.api import EngineError
from storytui.engine.messages import ModelConfig
from storytui.engine.model_info import ModelInfo

_MAGIC = b"storyst1"
"""What it is, and in which version; another one counts as damaged."""
_LENGTHS = struct.Struct("<QI")
_DIGEST = 32
_FOOT = _LENGTHS.size + len(_MAGIC) + _DIGEST
_MOST_HEAD = 32 << 20
_BLOCK = 1 << 20
"""Bytes read at a time: a state can have a gibibyte."""
_SPARE = 64 << 20
"""Bytes that are left free on the disk."""
_ABANDONED = 600.0
"""Seconds after which nobody writes a part any more."""
_SAMPLES = 16
_SAMPLE = 1 << 16
_DIVIDED = re.compile(r"-00001-of-(\d{5})(?=\.gguf$)")


class AdapterIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """What must be the same of an adapter: a state that was read under another is of no use."""

    size: int
    mtime_ns: int
    sample: str
    """Hash over the file's beginning and blocks throughout it."""
    scale: float


class ModelIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """What must be the same for a state to be of any use."""

    path: str
    size: int
    mtime_ns: int
    sample: str
    """Hash over the model file's beginning and blocks throughout it."""
    library: str
    """llama-cpp-python's version."""
    context: int
    """Tokens."""
    cache_type: str
    backend: str
    gpu_layers: int
    whole_windows: bool | None
    adapters: tuple[AdapterIdentity, ...] = ()
    """Those that work, in their order."""


class KeptState(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the tokens whose state is kept."""

    model: ModelIdentity
    tokens: tuple[int, ...]
    exact: int
    """How many of the first ones were read after those that stand before them."""
    logits: bytes = b""
    """The logits behind the last token, as float32; empty where they were not kept."""


class StatefulMemory(Protocol):
    """What is needed of a model: its main sequence written to a file, and read from one."""

    def state_size(self) -> int:
        """Bytes that the state takes now, roughly."""
        ...

    def save_state(self, path: Path, tokens: Sequence[int]) -> int:
        """Write the state and its tokens into a file; returns its bytes, raises EngineError."""
        ...

    def load_state(self, path: Path, most: int) -> list[int]:
        """Take up a state of at most so many tokens; returns them, raises EngineError."""
        ...

    def clear(self) -> None:
        """Forget everything."""
        ...


def identity_of(config: ModelConfig, info: ModelInfo, library: str) -> ModelIdentity | None:
    """What the states of a loaded model are known by; None where its files cannot be read now.

    Reads about a megabyte of the model's file, and of each adapter's.

    Args:
        config: what was asked for.
        info: what was loaded.
        library: llama-cpp-python's version.
    """
    try:
        size, newest, sample = _look(_parts(Path(config.path)))
        adapters = tuple(
            AdapterIdentity(size=its[0], mtime_ns=its[1], sample=its[2], scale=each.scale)
            for each in in_force(config.adapters)
            for its in (_look([Path(each.path)]),)
        )
    except (OSError, ValueError):
        return None
    return ModelIdentity(
        path=os.fsencode(Path(config.path).absolute()).decode("utf-8", "backslashreplace"),
        size=size,
        mtime_ns=newest,
        sample=sample,
        library=library,
        context=info.context,
        cache_type=config.kv_type,
        backend=info.backend,
        gpu_layers=info.gpu_layers,
        whole_windows=config.whole_windows,
        adapters=adapters,
    )


def _look(paths: Sequence[Path]) -> tuple[int, int, str]:
    """Bytes of files, nanoseconds of their last change, and a hash over samples of them."""
    digest = hashlib.blake2b(digest_size=_DIGEST)
    size = newest = 0
    for path in paths:
        with path.open("rb", buffering=0) as file:
            found = os.fstat(file.fileno())
            size += found.st_size
            newest = max(newest, found.st_mtime_ns)
            for index in range(_SAMPLES):
                file.seek(max(0, found.st_size - _SAMPLE) * index // (_SAMPLES - 1))
                digest.update(file.read(_SAMPLE))
    return size, newest, digest.hexdigest()


def keep(
    path: Path,
    kept: KeptState,
    memory: StatefulMemory,
    room: int,
    written: Callable[[], object] = lambda: None,
) -> bool:
    """Keep a memory's state in a file; returns whether it was kept.

    The file is replaced as a whole: whoever is killed meanwhile leaves the old one. Where there is
    no room the old one goes too, and nothing is left; the log says why.

    Args:
        path: the file, in a folder that is there and only its owner may look into.
        kept: what is known of the state that the memory holds now.
        memory: holds exactly `kept.tokens`.
        room: bytes that the file may take.
        written: called as soon as the memory is not needed any more.
    """
    _remove_parts(path)
    part = path.with_name(f"{path.name}.{uuid.uuid4().hex[:12]}.part")
    head = msgspec.msgpack.encode(kept)
    try:
        around = memory.state_size() + 4 * len(kept.tokens) + len(head) + _FOOT
        if around > room:
            return _not_kept(path, f"it takes {around:,} bytes of {room:,}")
        if around + _SPARE > shutil.disk_usage(path.parent).free:
            return _not_kept(path, "the disk is nearly full")
        # Made here, so that nobody else can read it from the first byte on.
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        length = memory.save_state(part, kept.tokens)
        written()
        _seal(part, length, head)
        if part.stat().st_size > room:
            return _not_kept(path, f"it takes more than {room:,} bytes")
        part.replace(path)
        _settle(path.parent)
    except (OSError, EngineError) as error:
        return _not_kept(path, str(error))
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return True


def take_up(path: Path, expected: ModelIdentity, memory: StatefulMemory) -> KeptState | None:
    """Have the memory take up a kept state; None: there is none that is whole and fits.

    What cannot be used is deleted, and the log says why. The memory is empty then, if it was
    before.

    Args:
        path: the file.
        expected: the model that is loaded.
        memory: an empty one.
    """
    try:
        kept = _verified(path)
        if kept.model != expected:
            raise _UselessError("it is of another model, another version, or other settings")
        if len(kept.tokens) > expected.context or not 0 <= kept.exact <= len(kept.tokens):
            raise _UselessError("it does not fit the context")
        try:
            found = memory.load_state(path, expected.context)
            if tuple(found) != kept.tokens:
                raise _UselessError("llama.cpp found other tokens in it")
        except (OSError, EngineError):
            memory.clear()
            raise
    except FileNotFoundError:
        return None
    except (OSError, EngineError) as error:
        _note(f"what the model had read is not taken up from {path}: {error}")
        _discard(path)
        return None
    # The file that was not used for longest is the first to make room.
    with contextlib.suppress(OSError):
        os.utime(path)
    return kept


class _UselessError(EngineError):
    """A file that is no state, or not one for this model."""


# --- writing ----------------------------------------------------------------------------------


def _seal(part: Path, written: int, head: bytes) -> None:
    """Put head and checksum behind llama.cpp's bytes."""
    with part.open("r+b", buffering=0) as file:
        length = os.fstat(file.fileno()).st_size
        # llama.cpp does not look whether its last bytes went out.
        if length != written:
            raise _UselessError(f"{written:,} bytes were written and {length:,} are there")
        digest = hashlib.blake2b(digest_size=_DIGEST)
        _digest_into(digest, file, length)
        tail = head + _LENGTHS.pack(length, len(head)) + _MAGIC
        digest.update(tail)
        tail += digest.digest()
        if file.write(tail) != len(tail):
            raise _UselessError("the disk is full")
        os.fsync(file.fileno())


def _not_kept(path: Path, why: str) -> bool:
    _note(f"what the model had read is not kept in {path}: {why}")
    _discard(path)
    return False


def _settle(folder: Path) -> None:
    """Have the new name reach the disk, where a folder can be opened."""
    if os.name == "posix":
        with contextlib.suppress(OSError):
            opened = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(opened)
            finally:
                os.close(opened)


def _remove_parts(path: Path) -> None:
    """Delete what interrupted writes have left beside a file."""
    with contextlib.suppress(OSError):
        for name in os.listdir(path.parent):
            part = path.with_name(name)
            ours = name.startswith(f"{path.name}.") and name.endswith(".part")
            # Another child may be writing a younger one: the story was opened again at once.
            if ours and time.time() - part.lstat().st_mtime > _ABANDONED:
                _discard(part)


# --- reading ----------------------------------------------------------------------------------


def _verified(path: Path) -> KeptState:
    """What a file says of its state, after all of it was checked."""
    # Neither a folder, nor a link's goal, nor a pipe, which would wait for a writer.
    if not stat.S_ISREG(path.lstat().st_mode):
        raise _UselessError("it is no file")
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    with open(os.open(path, flags | getattr(os, "O_BINARY", 0)), "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        if size < _FOOT:
            raise _UselessError("it is too short")
        file.seek(size - _FOOT)
        foot = file.read(_FOOT)
        length, head_length = _LENGTHS.unpack_from(foot)
        right = foot[_LENGTHS.size : -_DIGEST] == _MAGIC and head_length <= _MOST_HEAD
        if not right or length + head_length + _FOOT != size:
            raise _UselessError("it is damaged, or of another version")
        file.seek(0)
        digest = hashlib.blake2b(digest_size=_DIGEST)
        _digest_into(digest, file, length)
        head = file.read(head_length)
        digest.update(head + foot[:-_DIGEST])
        if digest.digest() != foot[-_DIGEST:]:
            raise _UselessError("it is damaged")
    try:
        return msgspec.msgpack.decode(head, type=KeptState)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise _UselessError("its head is of another version") from error


def _digest_into(digest: hashlib.blake2b, file: IO[bytes], length: int) -> None:
    """Add the next `length` bytes of a file to a checksum."""
    block = memoryview(bytearray(_BLOCK))
    left = length
    while left:
        read = file.readinto(block[: min(left, _BLOCK)])  # type: ignore[attr-defined]
        if not read:
            raise _UselessError("it breaks off")
        digest.update(block[:read])
        left -= read


def _discard(path: Path) -> None:
    """Delete a file, or a link, that is the writer's own."""
    with contextlib.suppress(OSError):
        found = path.lstat()
        own = os.name != "posix" or found.st_uid == os.geteuid()
        if own and not stat.S_ISDIR(found.st_mode):
            path.unlink()


def _parts(path: Path) -> list[Path]:
    """The files of a model: one, or those of a divided one."""
    divided = _DIVIDED.search(path.name)
    if divided is None:
        return [path]
    start, end = path.name[: divided.start()], path.name[divided.end() :]
    count = int(divided[1])
    return [path.with_name(f"{start}-{at:05}-of-{divided[1]}{end}") for at in range(1, count + 1)]


def _note(line: str) -> None:
    """Tell the log, which the error output of the model's process goes to."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
