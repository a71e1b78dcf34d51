"""Has llama.cpp quantise a model's file, in a process of its own that ends with the work.

llama.cpp ends its process over some files and when memory runs out; here that becomes a sentence.
What runs there is `storytui.engine.llama.quantising`.
"""

import os
import signal
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

import msgspec

from storytui.engine.api import ModelError
from storytui.story.visible import visible

COMMAND = (sys.executable, "-P", "-X", "utf8", "-m", "storytui.engine.llama.quantising")
"""What runs as the quantising process. -P: a file in the working folder is not imported."""
LENGTH = struct.Struct("<Q")
"""Before the request: its bytes. The pipe stays open as long as whoever asks is alive."""

_MOST_LINE = 1 << 16


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be quantised, and how."""

    source: bytes
    """The model's file, as the system names it (`os.fsencode`); of a divided one, its first."""
    out: bytes
    """The file that is made."""
    kind: int
    """Of the whole file (llama_ftype in llama.h, `general.file_type`)."""
    threads: int = 0
    """0: one for each processor."""
    again: bool = False
    """Whether tensors that are quantised already may be quantised once more."""
    importance: dict[str, bytes] = {}
    """By a tensor's name, float32 numbers, one for each column of each of its matrices."""


class Progress(msgspec.Struct, frozen=True, tag=True):
    """How far it is."""

    done: int
    of: int
    """Tensors."""


class Done(msgspec.Struct, frozen=True, tag=True):
    """The file is written."""


class Fault(msgspec.Struct, frozen=True, tag=True):
    """It is not; llama.cpp's own words, or none."""

    reason: str


_answer = msgspec.json.Decoder(Progress | Done | Fault)


def quantise(
    request: Request,
    *,
    tell: Callable[[int, int], None] | None = None,
    log: IO[bytes] | None = None,
    command: tuple[str, ...] = COMMAND,
) -> None:
    """Quantise a file; what is left of `out` where that fails is the caller's to remove.

    Args:
        request: what and how.
        tell: is told how many tensors of how many are done.
        log: gets what llama.cpp says; None: nobody.
        command: what runs as the quantising process.

    Raises:
        ModelError: it could not be done.
    """
    name = visible(Path(os.fsdecode(request.source)).name, newlines=False)
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if log is None else log,
            start_new_session=True,
        )
    except OSError as error:
        raise ModelError(
            f"{name} cannot be quantised: no process can be started "
            f"({(error.strerror or str(error)).lower()}). Close other programs and try again."
        ) from error
    assert process.stdin is not None
    assert process.stdout is not None
    said: Done | Fault | None = None
    try:
        packed = msgspec.msgpack.encode(request)
        try:
            process.stdin.write(LENGTH.pack(len(packed)) + packed)
            process.stdin.flush()
        except BrokenPipeError:
            pass  # its status says why
        while line := process.stdout.readline(_MOST_LINE):
            try:
                answer = _answer.decode(line)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                continue  # a process that is ended while it writes leaves half a line
            if isinstance(answer, Progress):
                if tell is not None:
                    tell(answer.done, answer.of)
            else:
                said = answer
        status = process.wait()
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            try:
                pipe.close()
            except OSError:
                continue  # what was not yet written has nobody to read it
    if not (isinstance(said, Done) and status == 0):
        raise ModelError(f"{name} cannot be quantised: {_why(said, status)}")


def _why(said: Done | Fault | None, status: int) -> str:
    if isinstance(said, Fault) and said.reason:
        return f"llama.cpp says: {visible(said.reason, newlines=False)}."
    if status == -getattr(signal, "SIGKILL", 9):
        return "the system ended the process, most likely for want of memory. Close other programs."
    if status < 0:
        return f"llama.cpp ended its process (signal {-status}). Get the model's file again."
    return "llama.cpp gives no reason. Get the model's file again."
