"""What two sequences of parts have in common, in their order.

Matching begins with what occurs once in both (as in Bram Cohen's patience diff), since that can
be matched in the time it takes to sort it; what lies between is matched exactly where it is small.
So two books that have nothing in common take about as long as two that are nearly the same.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

_MOST_LEVELS = 12
"""How often a stretch is divided at what is unique in it before it is taken as it is."""
_SPARSE = 40
"""One part in as many, and fewer, that occur once are too few to divide a long stretch at."""
_OFTEN = 40
"""How often a part may occur in both texts to be matched by its count instead."""
_LARGEST_TABLE = 10_000
"""How many pairs of words are compared one by one, at most, in one stretch."""
_ALL_TABLES = 1_500_000
"""The same for the whole comparison: beyond it, stretches are left undivided."""


class Block(NamedTuple):
    """As many parts in a row that are the same in both."""

    before: int
    after: int
    length: int


class Effort:
    """How much exact matching is still allowed."""

    def __init__(self) -> None:
        self._left = _ALL_TABLES

    def spend(self, pairs: int) -> bool:
        """Whether `pairs` more may be compared; if so they are counted."""
        if pairs > min(_LARGEST_TABLE, self._left):
            return False
        self._left -= pairs
        return True


def matching_blocks(before: Sequence[str], after: Sequence[str], effort: Effort) -> list[Block]:
    """What is the same in both sequences, in its order."""
    found: list[Block] = []
    stretches = [(0, len(before), 0, len(after), 0)]
    while stretches:
        start, end, other_start, other_end, level = stretches.pop()
        longest = min(end - start, other_end - other_start)
        head = 0
        while head < longest and before[start + head] == after[other_start + head]:
            head += 1
        tail = 0
        while tail < longest - head and before[end - 1 - tail] == after[other_end - 1 - tail]:
            tail += 1
        if head:
            found.append(Block(start, other_start, head))
        if tail:
            found.append(Block(end - tail, other_end - tail, tail))
        start, other_start = start + head, other_start + head
        end, other_end = end - tail, other_end - tail
        if start == end or other_start == other_end:
            continue
        one, other = before[start:end], after[other_start:other_end]
        anchors = _anchors(one, other) if level < _MOST_LEVELS else []
        if anchors:
            edges = [(-1, -1), *anchors, (len(one), len(other))]
            found += [Block(start + at, other_start + at_other, 1) for at, at_other in anchors]
            stretches += [
                (start + a + 1, start + b, other_start + c + 1, other_start + d, level + 1)
                for (a, c), (b, d) in pairwise(edges)
                if b - a > 1 and d - c > 1
            ]
        elif effort.spend(len(one) * len(other)):
            found += [
                Block(start + at, other_start + at_other, 1)
                for at, at_other in _longest_common(one, other)
            ]
    return sorted(found)


def _anchors(before: Sequence[str], after: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of places of what occurs once in both, as many as there are in one order.

    Where hardly anything does and the stretch is long: of what occurs equally often in both.
    """
    counts, other_counts = Counter(before), Counter(after)
    often = {part: count for part, count in counts.items() if count == other_counts.get(part, 0)}
    most = 1
    once = sum(count == 1 for count in often.values())
    if once * _SPARSE < min(len(before), len(after)) and len(before) * len(after) > _LARGEST_TABLE:
        most = _OFTEN
    chosen = {part for part, count in often.items() if count <= most}
    if not chosen:
        return []
    places: dict[str, list[int]] = {}
    for at in range(len(after) - 1, -1, -1):
        if after[at] in chosen:
            places.setdefault(after[at], []).append(at)
    return _rising([(at, places[part].pop()) for at, part in enumerate(before) if part in chosen])


def _rising(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest choice of pairs that rises in the second number as it does in the first."""
    tops: list[int] = []
    """The smallest number that a choice of each length can end with."""
    ends: list[int] = []
    previous: list[int] = []
    for at, (_, number) in enumerate(pairs):
        length = bisect_left(tops, number)
        tops[length : length + 1] = [number]
        ends[length : length + 1] = [at]
        previous.append(ends[length - 1] if length else -1)
    chosen: list[tuple[int, int]] = []
    at = ends[-1] if ends else -1
    while at >= 0:
        chosen.append(pairs[at])
        at = previous[at]
    return chosen[::-1]


def _longest_common(before: Sequence[str], after: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Pairs of places of a longest common subsequence; a word is worth more than what is not."""
    worth = [3 if each[0].isalnum() else 1 for each in before]
    table = [[0] * (len(after) + 1)]
    for part, value in zip(reversed(before), reversed(worth), strict=True):
        below = table[-1]
        row = [0]
        best = 0
        for at, other in enumerate(reversed(after), 1):
            diagonal = below[at - 1] + value if part == other else 0
            best = max(best, below[at], diagonal)
            row.append(best)
        table.append(row)
    table = [row[::-1] for row in table[::-1]]
    one = other_at = 0
    while one < len(before) and other_at < len(after):
        if (
            before[one] == after[other_at]
            and table[one][other_at] == table[one + 1][other_at + 1] + worth[one]
        ):
            yield one, other_at
            one, other_at = one + 1, other_at + 1
        elif table[one + 1][other_at] >= table[one][other_at + 1]:
            one += 1
        else:
            other_at += 1
