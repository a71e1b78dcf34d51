"""The rows that models are measured on: of authors held out from training, spread over books."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from storytui_train.data.dataset.reading import RowList
from storytui_train.data.examples import Row
from storytui_train.errors import EvaluateError

TEST = "test"


def held_out(
    path: Path, *, most: int = 0, seed: int = 1, split: str = TEST, guided: bool = False
) -> list[Row]:
    """Choose rows: each book in turn gives one, until there are enough.

    The same rows and seed give the same, and of fewer rows always the first of more.

    Args:
        path: a data set's folder, a folder of files of rows, or one such file.
        most: how many; 0: all.
        seed: of the order within books and among them.
        split: only rows of it; where no row has any split, all are taken.
        guided: only rows that have guidance.

    Raises:
        EvaluateError: there are none.
        TrainError: they cannot be read.
    """
    rows = RowList(path, split=split)
    if not len(rows):
        rows = RowList(path)
        if any(rows[number].split for number in range(len(rows))):
            raise EvaluateError(
                f"No row is held out as {split}. Hold authors out in the recipe's [split], or name "
                "another split with --split; rows that a model was trained on say nothing of it."
            )
    books: dict[str, list[tuple[bytes, int]]] = {}
    seen: set[str] = set()
    for number in range(len(rows)):
        row = rows[number]
        if row.id in seen:
            continue
        seen.add(row.id)
        usable = row.context.strip() and row.continuation.strip()
        if usable and (not guided or row.guidance.strip()):
            books.setdefault(row.source.id, []).append((_order(seed, row.id), number))
    if not books:
        what = "with guidance, which the prompt format needs" if guided else "to measure on"
        raise EvaluateError(f"There are no rows {what}; name others.")
    return [rows[number] for number in _in_turn(books, seed)[: most or None]]


def _in_turn(books: dict[str, list[tuple[bytes, int]]], seed: int) -> list[int]:
    """The numbers of rows: the first of each book, then the second, and so on."""
    names = sorted(books, key=lambda name: _order(seed, name))
    ordered: Sequence[list[tuple[bytes, int]]] = [sorted(books[name]) for name in names]
    longest = max(map(len, ordered))
    return [rows[place][1] for place in range(longest) for rows in ordered if place < len(rows)]


def _order(seed: int, name: str) -> bytes:
    return sha256(f"{seed}:{name}".encode("utf-8", "surrogatepass")).digest()


def seed_of(seed: int, name: str) -> int:
    """A row's own seed for what is sampled, the same for every model."""
    return int.from_bytes(_order(seed, name)[:4]) >> 1
