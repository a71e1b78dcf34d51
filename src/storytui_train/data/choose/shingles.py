"""Runs of words as numbers: what MinHash compares texts by."""

import re
import unicodedata
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from storytui_train.data.choose import unspaced

_LETTERS = re.compile(r"[a-z0-9]+")
_ANY_LETTERS = re.compile(rf"[{unspaced.LETTERS}]|(?:(?![{unspaced.LETTERS}])[^\W_])+")
_ACCENTS = re.compile("[\u0300-\u036f]+")
_SPELT_OUT = (("’", ""), ("‘", ""), ("æ", "ae"), ("œ", "oe"), ("ß", "ss"))
_KNOWN = 200_000
"""Words whose hashes are kept; then they are forgotten, so that memory is flat."""

Numbers = npt.NDArray[np.uint64]


def tokens(text: str) -> list[str]:
    """The words of a text as any edition spells them: small letters without accents, apostrophes,
    and hyphens (`to-day`, `o’clock`)."""
    text = text.lower()
    if not text.isascii():
        for letter, spelt in _SPELT_OUT:
            text = text.replace(letter, spelt)
        text = _ACCENTS.sub("", unicodedata.normalize("NFD", text))
    text = text.replace("--", " ").replace("-", "").replace("'", "")
    return (_LETTERS if text.isascii() else _ANY_LETTERS).findall(text)


class Shingles:
    """Hashes of the runs of `length` words in texts."""

    def __init__(self, length: int, hashed: Callable[[bytes], int]) -> None:
        """Begin with no words known.

        Args:
            length: words in a run.
            hashed: 64 bits for a word in UTF-8, the same in every process.
        """
        self._length = length
        self._hashed = hashed
        self._known: dict[str, int] = {}

    def of(self, text: str) -> Numbers:
        """One number for each different run of words, in no order; none of a shorter text."""
        words = tokens(text)
        count = len(words) - self._length + 1
        if count <= 0:
            return np.empty(0, dtype=np.uint64)
        known, hashed = self._known, self._hashed
        if len(known) > _KNOWN:
            known.clear()
        for word in set(words).difference(known):
            known[word] = hashed(word.encode("utf-8", "surrogatepass"))
        numbers = np.fromiter(map(known.__getitem__, words), dtype=np.uint64, count=len(words))
        run = numbers[:count].copy()
        for place in range(1, self._length):
            run *= _FACTOR
            run += numbers[place : place + count]
        return np.unique(_mixed(run))


_FACTOR = np.uint64(0x9E3779B97F4A7C15)


def _mixed(numbers: Numbers) -> Numbers:
    """Numbers whose bits all depend on all of their bits (the finaliser of SplitMix64, Steele
    and others 2014)."""
    numbers ^= numbers >> np.uint64(30)
    numbers *= np.uint64(0xBF58476D1CE4E5B9)
    numbers ^= numbers >> np.uint64(27)
    numbers *= np.uint64(0x94D049BB133111EB)
    numbers ^= numbers >> np.uint64(31)
    return numbers
