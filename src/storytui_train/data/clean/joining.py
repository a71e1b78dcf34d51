"""PURE. What comes in the place of a line break that goes: a space, nothing, or a mended word."""

import re
from collections import Counter

_DASH = re.compile(r"(\s?)(?:--+|—+)(\s?)(?=(\S?))")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_LAST = re.compile(r"((?<![^\W\d_])[^\W\d_]+(?:-[^\W\d_]+)*)-$")
_NEXT = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_DIVIDED = re.compile(r"((?<![^\W\d_])[^\W\d_]+)-\n\s*([^\W\d_]+)")
_COMPOUNDING = frozenset(
    [
        "self",
        "half",
        "well",
        "ill",
        "ever",
        "never",
        "all",
        "ex",
        "vice",
        "quasi",
        "non",
        "mid",
        "cross",
        "twenty",
        "thirty",
        "forty",
        "fifty",
        "sixty",
        "seventy",
        "eighty",
        "ninety",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "first",
        "second",
        "third",
    ]
)
"""Words that compounds begin with, whether or not the book has them elsewhere."""
_SUSPENDED = ("and", "or", "to", "und", "oder", "bis", "et", "ou", "y")


class Joiner:
    """Joins the lines of one book in that book's own manner."""

    def __init__(self, text: str) -> None:
        """Learn from a text how it spaces dashes; its words are counted when they are needed."""
        self._text = text
        self._words: Counter[str] | None = None
        self._divides = False
        """Whether its printer divided words at the ends of lines."""
        spaced = tight = behind_great = tight_great = 0
        for found in _DASH.finditer(text):
            if "\n" in found[0]:
                continue
            if found[1] and found[2]:
                spaced += 1
            elif found[3].isalnum():
                tight += 1
            if found[3].isupper() and not found[1]:
                behind_great += bool(found[2])
                tight_great += not found[2]
        self._spaced = spaced > tight
        """Whether dashes have spaces round them."""
        self._space_behind = not self._spaced and behind_great > tight_great
        """Whether a dash that breaks off speech has one behind it."""

    def between(self, left: str, right: str) -> tuple[int, str]:
        """What joins two lines.

        Args:
            left: the line before the break.
            right: the line behind it.

        Returns:
            How many characters of `left` go, and what comes in their and the break's place.
        """
        if left.endswith(("--", "—", "⸺")):
            if self._spaced and left[:-1].rstrip("-—").endswith(" "):
                return 0, " "
            if self._space_behind and right[:1].isupper():
                return 0, " "
            return 0, ""
        if right.startswith(("--", "—")) and not self._spaced:
            return 0, ""
        if left.endswith("-") and (last := _LAST.search(left)) and (first := _NEXT.match(right)):
            return self._hyphen(last[1], first[0])
        if left.endswith("-") and len(left) > 1 and left[-2].isdigit() and right[:1].isdigit():
            return 0, ""
        return 0, " "

    def _hyphen(self, last: str, first: str) -> tuple[int, str]:
        """A word divided at a line's end: mended, or a compound that keeps its hyphen."""
        if first.lower() in _SUSPENDED:
            return 0, " "
        words = self._counted()
        whole, compound = f"{last}{first}".lower(), f"{last}-{first}".lower()
        if words[whole] or words[compound]:
            return (1, "") if words[whole] >= words[compound] else (0, "")
        if not first[0].islower() or "-" in last or "-" in first:
            return 0, ""
        # Nowhere else: a compound is made of words, a divided word of syllables.
        if last.lower() in _COMPOUNDING:
            return 0, ""
        before, behind = words[last.lower()] > 0, words[first.lower()] > 0
        if before and behind:
            return 0, ""
        if not self._divides and (before or (behind and len(last) > 3)):
            return 0, ""
        return 1, ""

    def _counted(self) -> Counter[str]:
        if self._words is None:
            # A word behind a line's hyphen counts only where it stands by itself.
            inner = _DIVIDED.sub(" ", self._text)
            words = self._words = Counter(_WORD.findall(inner.lower()))
            pairs = [(a.lower(), b.lower()) for a, b in _DIVIDED.findall(self._text)]
            divided = sum(
                words[a + b] > words[f"{a}-{b}"] or not (words[a] or words[b]) for a, b in pairs
            )
            self._divides = divided >= 3 and divided >= 0.3 * len(pairs)
        return self._words
