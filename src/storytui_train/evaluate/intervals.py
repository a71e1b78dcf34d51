"""PURE. Means and ratios with the interval they are uncertain by, drawn by book: rows of one are
alike.
"""

import math
import random
from collections.abc import Iterable, Sequence
from functools import cache
from statistics import NormalDist

import msgspec

RESAMPLES = 2000
SHARE = 0.95


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """A mean over rows, and between which values it lies."""

    mean: float
    low: float
    high: float
    rows: int
    books: int
    """Of a single book the interval is drawn by row, and says nothing of other books."""

    @property
    def units(self) -> int:
        """How many books it is drawn of, or rows of a single book; one has no interval."""
        return self.books if self.books > 1 else self.rows

    def within(self, least: float, most: float) -> "Interval":
        """The same, its ends no farther out than its values can be."""
        low, high = (min(max(each, least), most) for each in (self.low, self.high))
        return msgspec.structs.replace(self, low=low, high=high)


def bootstrap(
    values: Iterable[tuple[str, float]],
    *,
    seed: int = 1,
    resamples: int = RESAMPLES,
    share: float = SHARE,
) -> Interval:
    """The mean of rows' values, with a percentile interval of the cluster bootstrap.

    Whole books are drawn with replacement, as many as there are, and the mean of all their rows is
    taken (Field and Welsh, "Bootstrapping clustered data", 2007). Of few books such an interval is
    far too narrow: of two it ends at the two. So it is widened about the mean by
    `t / z * sqrt(n / (n - 1))` (the expanded percentile interval of Hesterberg, "What Teachers
    Should Know About the Bootstrap", 2015), and is nowhere narrower than Student's t. The same
    values give the same interval in whichever order they come.

    Args:
        values: the book and the value of each row.
        seed: of the draws.
        resamples: how often books are drawn.
        share: of such intervals that hold the mean of all books, more than 0 and less than 1.

    Raises:
        ValueError: there are no values.
    """
    return bootstrap_ratio(
        ((book, value, 1.0) for book, value in values), seed=seed, resamples=resamples, share=share
    )


def bootstrap_ratio(
    values: Iterable[tuple[str, float, float]],
    *,
    seed: int = 1,
    resamples: int = RESAMPLES,
    share: float = SHARE,
) -> Interval:
    """The sum of rows' first values by that of their second ones, with its interval.

    The two are drawn together, so what makes both large in a book makes the ratio no less certain.

    Args:
        values: the book of each row, what is divided, and what it is divided by (0 or more).
        seed: of the draws.
        resamples: how often books are drawn; draws in which nothing divides are left out.
        share: of such intervals that hold the ratio of all books, more than 0 and less than 1.

    Raises:
        ValueError: there are no values, or nothing divides.
    """
    by_book: dict[str, list[tuple[float, float]]] = {}
    for book, top, bottom in sorted(values):
        by_book.setdefault(book, []).append((top, bottom))
    everything = [each for some in by_book.values() for each in some]
    whole = _sum(everything)
    if not whole[1]:
        raise ValueError("an interval needs values")
    groups = list(by_book.values())
    sums = [_sum(each) for each in groups] if len(groups) > 1 else everything
    draw = random.Random(seed)
    found = []
    for _ in range(resamples):
        top, bottom = _sum(draw.choices(sums, k=len(sums)))
        if bottom:
            found.append(top / bottom)
    found = sorted(found) or [whole[0] / whole[1]]
    edge = (1 - share) / 2
    mean = whole[0] / whole[1]
    below = mean - found[round(edge * (len(found) - 1))]
    above = found[round((1 - edge) * (len(found) - 1))] - mean
    least, wider = 0.0, 1.0
    if len(sums) > 1:
        free = len(sums) - 1
        student = student_t(free, share)
        apart = math.fsum((top - mean * bottom) ** 2 for top, bottom in sums)
        least = student * math.sqrt(apart * len(sums) / free) / whole[1]
        wider = student / NormalDist().inv_cdf(1 - edge) * math.sqrt(len(sums) / free)
    return Interval(
        mean=mean,
        low=mean - max(least, wider * below),
        high=mean + max(least, wider * above),
        rows=len(everything),
        books=len(groups),
    )


def sign_test(one: int, other: int) -> float:
    """How often chance alone divides things between two so unevenly, or more, either way.

    The exact two-sided sign test.
    """
    count = one + other
    tail = sum(math.comb(count, each) for each in range(min(one, other) + 1))
    return min(1.0, 2 * tail / (1 << count))


@cache
def student_t(free: int, share: float) -> float:
    """The value that Student's t stays within, to both sides, with a probability.

    Args:
        free: degrees of freedom, from 1 on.
        share: the probability, more than 0 and less than 1.
    """
    low, high = 0.0, math.pi / 2
    for _ in range(64):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(free, middle) < share else (low, middle)
    return math.tan(low) * math.sqrt(free)


def _within(free: int, angle: float) -> float:
    """The probability that `atan(|t| / sqrt(free))` is less than an angle.

    Abramowitz and Stegun, "Handbook of Mathematical Functions" (1964), 26.7.3 and 26.7.4.
    """
    square = math.cos(angle) ** 2
    term = math.cos(angle) if free % 2 else 1.0
    series = term if free > 1 else 0.0
    for number in range(3 if free % 2 else 2, free - 1, 2):
        term *= square * (number - 1) / number
        series += term
    if free % 2:
        return (angle + math.sin(angle) * series) * 2 / math.pi
    return math.sin(angle) * series


def _sum(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return sum(top for top, _ in pairs), sum(bottom for _, bottom in pairs)
