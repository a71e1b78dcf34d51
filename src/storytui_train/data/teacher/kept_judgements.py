"""Judgements that are kept: appended line by line, so that a kill costs one row at the most."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import msgspec

from storytui.story.visible import visible
from storytui_train.errors import TeacherError


class Gains(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan gains, in percent of the continuation's perplexity."""

    first: float
    """On the first half of the continuation."""
    second: float
    whole: float
    masked: float
    """Share of the continuation's tokens that were left out, since the plan has their words."""


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    """One judgement."""

    name: str
    """A hash of all that it depends on."""
    gains: Gains


class KeptJudgements:
    """The judgements in a folder: each task has a file of its own, and knows everybody's."""

    def __init__(self, folder: Path, task: str) -> None:
        """Read what there is. A line that broke off is dropped.

        Args:
            folder: is made where it is missing.
            task: names the file that is written.

        Raises:
            TeacherError: it cannot be read or written.
        """
        self._folder = folder
        self._found: dict[str, Gains] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for path in sorted(folder.glob("*.jsonl")):
                self._read(path.read_bytes())
            self._file: IO[bytes] = self._open(folder / f"{task}.jsonl")
        except OSError as error:
            raise self._problem(error) from error

    def found(self, name: str) -> Gains | None:
        """The judgement of a name; None: it was not made."""
        return self._found.get(name)

    def keep(self, judged: Mapping[str, Gains]) -> None:
        """Keep judgements for good: they are on the disk when this returns.

        Raises:
            TeacherError: they cannot be written.
        """
        lines = [
            msgspec.json.encode(_Line(name=name, gains=gains)) + b"\n"
            for name, gains in judged.items()
        ]
        try:
            self._file.write(b"".join(lines))
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._problem(error) from error
        self._found.update(judged)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read(self, raw: bytes) -> None:
        for line in raw.splitlines(keepends=True):
            # One that another task is just writing, or a kill cut off, is judged again.
            if line.endswith(b"\n"):
                try:
                    read = msgspec.json.decode(line, type=_Line)
                except (msgspec.MsgspecError, ValueError):
                    continue
                self._found[read.name] = read.gains

    @staticmethod
    def _open(path: Path) -> IO[bytes]:
        """The file to append to, without a line that broke off."""
        file = path.open("ab+")
        file.seek(0)
        raw = file.read()
        if not raw.endswith(b"\n") and raw:
            file.truncate(raw.rfind(b"\n") + 1)
        return file

    def _problem(self, error: OSError) -> TeacherError:
        return TeacherError(
            f"Judgements cannot be kept in {visible(str(self._folder))}: "
            f"{(error.strerror or str(error)).lower()}. Make room, or allow writing there, and run "
            "again; what was judged is kept."
        )
