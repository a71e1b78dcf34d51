"""PURE. Means and ratios with the interval they are uncertain by, drawn by book: rows of one are
alike.
"""

import random
from collections.abc import Iterable, Sequence

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


def bootstrap(
    values: Iterable[tuple[str, float]],
    *,
    seed: int = 1,
    resamples: int = RESAMPLES,
    share: float = SHARE,
) -> Interval:
    """The mean of rows' values, with a percentile interval of the cluster bootstrap.

    Whole books are drawn with replacement, as many as there are, and the mean of all their rows is
    taken (Field and Welsh, "Bootstrapping clustered data", 2007). The same values give the same
    interval in whichever order they come.

    Args:
        values: the book and the value of each row.
        seed: of the draws.
        resamples: how often books are drawn.
        share: of the means that lie in the interval.

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
        share: of the ratios that lie in the interval.

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
    return Interval(
        mean=whole[0] / whole[1],
        low=found[round(edge * (len(found) - 1))],
        high=found[round((1 - edge) * (len(found) - 1))],
        rows=len(everything),
        books=len(groups),
    )


def _sum(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return sum(top for top, _ in pairs), sum(bottom for _, bottom in pairs)
