"""What was scored and written is kept: appended line by line, so that a kill costs one at most."""

import os
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import IO, TypeVar

import msgspec

from storytui.story.visible import visible
from storytui_train.errors import EvaluateError

NAME = "kept.jsonl"
Value = TypeVar("Value", bound=msgspec.Struct)


class _Line(msgspec.Struct, frozen=True):
    """One thing that is kept."""

    key: str
    value: msgspec.Raw


class Kept:
    """What is kept in a folder, by keys that say all that it depends on."""

    def __init__(self, folder: Path) -> None:
        """Read what there is; a line that broke off is dropped.

        Args:
            folder: is made where it is missing.

        Raises:
            EvaluateError: it cannot be read or written.
        """
        self._folder = folder
        self._found: dict[str, msgspec.Raw] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = _opened(folder / NAME)
            self._file.seek(0)
            raw = self._file.read()
        except OSError as error:
            raise self._problem(error) from error
        for line in raw.splitlines():
            try:
                read = msgspec.json.decode(line, type=_Line)
            except (msgspec.MsgspecError, ValueError):
                continue
            self._found[read.key] = msgspec.Raw(bytes(read.value))

    def found(self, key: str, kind: type[Value]) -> Value | None:
        """What is kept by a key; None where there is nothing, or something of another kind."""
        raw = self._found.get(key)
        if raw is None:
            return None
        try:
            return msgspec.json.decode(raw, type=kind)
        except (msgspec.MsgspecError, ValueError):
            return None

    def keep(self, key: str, value: msgspec.Struct) -> None:
        """Keep something for good: it is on the disk when this returns.

        Raises:
            EvaluateError: it cannot be written.
        """
        raw = msgspec.Raw(msgspec.json.encode(value))
        try:
            self._file.write(msgspec.json.encode(_Line(key, raw)) + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._problem(error) from error
        self._found[key] = raw

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> "Kept":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _problem(self, error: OSError) -> EvaluateError:
        return EvaluateError(
            f"What is measured cannot be kept in {visible(str(self._folder), newlines=False)}: "
            f"{(error.strerror or str(error)).lower()}. Make room, or allow writing there, and run "
            "again; what was measured is kept."
        )


def key(*parts: object) -> str:
    """A key of everything that a thing depends on, in order: texts and numbers."""
    return sha256(msgspec.json.encode([_plain(each) for each in parts])).hexdigest()[:32]


def _plain(part: object) -> object:
    """Text that has bytes, whatever halves of characters are in it."""
    return part.encode("utf-8", "surrogatepass").hex() if isinstance(part, str) else part


def _opened(path: Path) -> IO[bytes]:
    """The file to append to, without a line that broke off."""
    file = path.open("ab+")
    file.seek(0)
    raw = file.read()
    if raw and not raw.endswith(b"\n"):
        file.truncate(raw.rfind(b"\n") + 1)
    return file
