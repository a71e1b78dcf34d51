"""Rows of a data set or of a stage, one at a time, however many there are."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from storytui.story.visible import visible
from storytui_train.data.dataset.marks import NAME as MARKS
from storytui_train.data.dataset.writing import ROWS
from storytui_train.data.documents import Source
from storytui_train.data.examples import Row
from storytui_train.errors import TrainError


class _Glance(msgspec.Struct):
    """What is needed of a row to choose it."""

    id: str
    source: Source
    split: str = ""


class _Place(NamedTuple):
    """Where a row is."""

    file: Path
    offset: int
    id: str


class RowList:
    """Rows in files, found by their number; only where they are is kept in memory."""

    def __init__(self, path: Path, *, split: str = "", id: str = "", source: str = "") -> None:
        """Look for rows.

        Args:
            path: a data set's folder, a folder of JSONL files of rows, or one such file.
            split: only rows of it; empty: all.
            id: only rows whose id has this in it.
            source: only rows whose source's id, title or author has this in it.

        Raises:
            TrainError: it cannot be read, or holds something else than rows.
        """
        self.path = path
        self._places: list[_Place] = []
        id, source = id.casefold(), source.casefold()
        for place, glance in _glances(path):
            about = f"{glance.source.id}\n{glance.source.title}\n{glance.source.author}"
            if (
                (not split or glance.split == split)
                and id in glance.id.casefold()
                and source in about.casefold()
            ):
                self._places.append(place)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, number: int) -> Row:
        place = self._places[number]
        try:
            with open(place.file, "rb") as file:
                file.seek(place.offset)
                return msgspec.json.decode(file.readline(), type=Row)
        except OSError as error:
            raise _unreadable(place.file, error) from error
        except msgspec.DecodeError as error:
            raise TrainError(
                f"{visible(str(place.file), newlines=False)} has changed; look at it again."
            ) from error

    def ids(self) -> list[str]:
        """Of all rows, in order."""
        return [each.id for each in self._places]

    def only(self, ids: set[str]) -> None:
        """Keep these rows and no others."""
        self._places = [each for each in self._places if each.id in ids]


def marks_of(path: Path) -> Path:
    """Where the marks of rows are kept: beside a data set's folder, beside a file of rows."""
    return path.resolve().parent / MARKS


def _glances(path: Path) -> Iterator[tuple[_Place, _Glance]]:
    decoder = msgspec.json.Decoder(_Glance)
    for file in _files(path):
        offset = number = 0
        try:
            with open(file, "rb") as lines:
                for line in lines:
                    number += 1
                    if line.strip():
                        glance = decoder.decode(line)
                        yield _Place(file, offset, glance.id), glance
                    offset += len(line)
        except OSError as error:
            raise _unreadable(file, error) from error
        except msgspec.DecodeError as error:
            raise TrainError(
                f"Line {number} of "
                f"{visible(str(file), newlines=False)} is no row ({visible(str(error))}). Name a "
                "data set's folder, or a file of rows."
            ) from error


def _files(path: Path) -> list[Path]:
    shown = visible(str(path), newlines=False)
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise TrainError(f"There is no {shown}; name a data set's folder, or a file of rows.")
    # A recipe's stage has its data set in its parts.
    within = (path / ROWS, path / "parts" / ROWS, path)
    folder = next(each for each in within if each.is_dir())
    files = sorted(each for each in folder.glob("*.jsonl") if each.name != MARKS)
    if not files:
        raise TrainError(f"{shown} holds no rows; name a data set's folder, or a file of rows.")
    order = {"train.jsonl": 0, "validation.jsonl": 1, "test.jsonl": 2}
    return sorted(files, key=lambda each: (order.get(each.name, 3), each.name))


def _unreadable(file: Path, error: OSError) -> TrainError:
    return TrainError(f"{visible(str(file), newlines=False)} cannot be read: {error.strerror}.")
