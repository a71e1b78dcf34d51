"""Rows in tokens on the disk, read one by one by their numbers."""

import sys
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from storytui.story.visible import visible
from storytui_train.errors import TrainError
from storytui_train.training.packing import spread
from storytui_train.training.rows import TokenRow

Split = Literal["train", "validation"]


def rows_path(folder: Path, split: Split) -> Path:
    """Where the rows of a split stand, in a folder of rows."""
    return folder / f"{split}.jsonl"


class RowFile:
    """The rows of one split, read from the disk when they are asked for.

    May be used from several threads, and be handed to other processes.
    """

    def __init__(self, path: Path) -> None:
        """Look where the rows are, and how long.

        Raises:
            TrainError: the file cannot be read, or a line of it is no row.
        """
        self.path = path
        self.lengths = array("l")
        """Tokens of each row."""
        self.replies = array("l")
        """Tokens of each row that are not trained: those before its reply."""
        self.books: list[str] = []
        """The id of each row's source."""
        self._places = array("q", [0])
        decoder = msgspec.json.Decoder(_Head)
        try:
            with path.open("rb") as lines:
                for line in lines:
                    self._add(decoder.decode(line), len(line))
        except OSError as error:
            raise TrainError(f"{self._shown} cannot be read: {error.strerror}.") from error
        except msgspec.MsgspecError as error:
            raise self._damaged(len(self)) from error

    @classmethod
    def of(cls, folder: Path, split: Split) -> "RowFile":
        """The rows of one split in a folder of rows; raises as the constructor."""
        return cls(rows_path(folder, split))

    def _add(self, head: "_Head", size: int) -> None:
        tokens = bytes(head.tokens).count(b",") + 1
        if not 0 < head.reply < tokens:
            raise self._damaged(len(self))
        self.lengths.append(tokens)
        self.replies.append(head.reply)
        self.books.append(sys.intern(head.book))
        self._places.append(self._places[-1] + size)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, number: int) -> TokenRow:
        """The row of this number, from 0.

        Raises:
            TrainError: the file was changed meanwhile.
        """
        if not 0 <= number < len(self):
            raise IndexError(number)
        start, end = self._places[number], self._places[number + 1]
        try:
            with self.path.open("rb") as file:
                file.seek(start)
                row = msgspec.json.decode(file.read(end - start), type=TokenRow)
        except (OSError, msgspec.MsgspecError) as error:
            raise self._damaged(number) from error
        if len(row.tokens) != self.lengths[number]:
            raise self._damaged(number)
        return row

    def __iter__(self) -> Iterator[TokenRow]:
        return (self[number] for number in range(len(self)))

    @property
    def trained(self) -> int:
        """Tokens that are trained, of all rows together."""
        return sum(self.lengths) - sum(self.replies)

    def spread(self, most: int) -> list[int]:
        """The numbers of at most so many rows, spread over the books and in them; 0: of all."""
        return spread(self.books, most)

    @property
    def _shown(self) -> str:
        return visible(str(self.path), newlines=False)

    def _damaged(self, number: int) -> TrainError:
        return TrainError(
            f"Line {number + 1:,} of {self._shown} is no row in tokens. Remove the file and run "
            "again: it is made of the data set."
        )


class _Head(msgspec.Struct, frozen=True):
    """Of a line what is kept in memory."""

    book: str
    tokens: msgspec.Raw
    reply: int
