"""Rows put in order on the disk: as many as there are, in the memory that their ids take."""

import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import msgspec

from storytui_train.data.examples import Row


class _Line(NamedTuple):
    """Where a row is, and where in the order it belongs."""

    source: str
    start: int
    end: int
    id: str
    digest: bytes
    offset: int
    length: int


class Spool:
    """Rows by source, place in it and id, whatever the order they came in; each id once."""

    def __init__(self, rows: Iterable[Row], folder: Path) -> None:
        """Take the rows.

        Args:
            rows: read once.
            folder: where the temporary file is made; there has to be room for all rows.
        """
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115, closed by __exit__
        self._lines: list[_Line] = []
        self.taken = 0
        """How many rows came, those with an id twice among them."""
        encoder, offset = msgspec.json.Encoder(), 0
        for row in rows:
            data = encoder.encode(row)
            self._file.write(data)
            digest = hashlib.sha256(data).digest()[:8]
            self._lines.append(_Line(row.source.id, *row.span, row.id, digest, offset, len(data)))
            offset += len(data)
            self.taken += 1
        self._lines.sort()
        self._lines = [
            line
            for place, line in enumerate(self._lines)
            if place == 0 or line.id != self._lines[place - 1].id
        ]

    def __enter__(self) -> "Spool":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[Row]:
        decoder = msgspec.json.Decoder(Row)
        for line in self._lines:
            self._file.seek(line.offset)
            yield decoder.decode(self._file.read(line.length))
