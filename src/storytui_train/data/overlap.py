"""PURE. That nothing of what is tested stands in what is trained on, by runs of 13 words.

Two passes over the rows, each in any number of tasks. The first makes an index of the held-out
rows (`index_of` in each task, then `merged`); the second asks of every other row what it shares
with it. An epigraph that two books quote is the usual find.

datatrove's decontamination blocks do not fit. The indexer runs in one task only, imports
lighteval and asks it for its benchmarks, and its word tokenizers want spaCy; the filter holds the
index as a Python dictionary (a hundred bytes a hash, here eight), knows nothing of splits, and
hashes a row word run by word run in Python, where here numpy does all of a row's at once.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from storytui.story.visible import visible
from storytui_train.data.documents import Refusal
from storytui_train.data.examples import Row, Split

Hashes: TypeAlias = npt.NDArray[np.uint64]
NOTHING: Hashes = np.empty(0, dtype=np.uint64)

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_SHOWN = 40
"""Words of a shared run that are told."""
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
"""Odd, so that multiplying by it loses nothing."""


@dataclass(frozen=True, slots=True)
class Held:
    """What is held out, as sorted hashes of its word runs."""

    test: Hashes
    validation: Hashes
    words: int
    """Of a run."""


def held_of(rows: Iterable[Row], words: int) -> Held:
    """Index the held-out rows among these; rows that train are passed over.

    Args:
        rows: of any task, with their splits.
        words: of a run, 13 usually.
    """
    parts: dict[Split, list[Hashes]] = {"test": [], "validation": []}
    for row in rows:
        if row.split in parts:
            parts[row.split].append(hashes_of(words_of(text_of(row)), words))
    return Held(_sorted(parts["test"]), _sorted(parts["validation"]), words)


def merged(parts: Sequence[Held]) -> Held:
    """One index of several tasks' indexes, in whatever order.

    Raises:
        ValueError: they were made of runs of different lengths, or there are none.
    """
    lengths = {part.words for part in parts}
    if len(lengths) != 1:
        raise ValueError("the parts of an index have runs of different lengths, or there are none")
    return Held(
        _sorted([part.test for part in parts]),
        _sorted([part.validation for part in parts]),
        lengths.pop(),
    )


def refusal_of(row: Row, held: Held) -> Refusal | None:
    """Why a row cannot stay: words in a row that it shares with what is held out.

    A training row may share with neither the test nor the validation rows, a validation row not
    with the test rows; test rows always stay.
    """
    against: list[tuple[str, Hashes]] = []
    if row.split in ("train", "validation"):
        against.append(("test", held.test))
    if row.split == "train":
        against.append(("validation", held.validation))
    if not any(index.size for _, index in against):
        return None
    words = words_of(text_of(row))
    hashes = hashes_of(words, held.words)
    for name, index in against:
        run = _shared(hashes, index, held.words)
        if run is not None:
            low, high = run
            told = " ".join(words[low : min(high, low + _SHOWN)])
            more = " …" if high - low > _SHOWN else ""
            return Refusal(
                stage="split",
                id=row.id,
                title=row.source.title,
                reason="overlap",
                detail=visible(
                    f"It shares {high - low} words in a row with the {name} set: “{told}{more}”."
                ),
            )
    return None


def text_of(row: Row) -> str:
    """All the text of a row that a model is shown in training or in a test."""
    return row.context + row.continuation + row.after


def words_of(text: str) -> list[str]:
    """The words of a text in small letters, without punctuation."""
    return _WORD.findall(text.lower().replace("’", "'"))


def hashes_of(words: Sequence[str], length: int) -> Hashes:
    """A hash of every run of `length` words, in order; none where there are fewer words.

    The same words have the same hash in every process. Of two different runs one in 2⁶⁴ has.
    """
    count = len(words) - length + 1
    if count < 1:
        return NOTHING
    single = np.fromiter(map(_hash, words), dtype=np.uint64, count=len(words))
    hashes = np.zeros(count, dtype=np.uint64)
    for place in range(length):
        hashes = hashes * _FACTOR + single[place : place + count]
    return hashes


@lru_cache(maxsize=200_000)
def _hash(word: str) -> int:
    return int.from_bytes(blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def _sorted(parts: Sequence[Hashes]) -> Hashes:
    return np.unique(np.concatenate(parts)) if parts else NOTHING


def _shared(hashes: Hashes, index: Hashes, length: int) -> tuple[int, int] | None:
    """The first longest run of words whose hashes are in the index, or None."""
    if not index.size or not hashes.size:
        return None
    places = np.searchsorted(index, hashes)
    places[places == index.size] = 0
    found = np.flatnonzero(index[places] == hashes)
    if not found.size:
        return None
    groups = np.split(found, np.flatnonzero(np.diff(found) > 1) + 1)
    longest = max(groups, key=len)
    return int(longest[0]), int(longest[-1]) + length
