"""PURE. Means with the interval they are uncertain by, drawn by book: rows of a book are alike."""

import random
from collections.abc import Iterable

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
    by_book: dict[str, list[float]] = {}
    for book, value in sorted(values):
        by_book.setdefault(book, []).append(value)
    if not by_book:
        raise ValueError("an interval needs values")
    everything = [value for each in by_book.values() for value in each]
    drawn_from = list(by_book.values())
    if len(drawn_from) == 1:
        drawn_from = [[value] for value in everything]
    sums = [(sum(each), len(each)) for each in drawn_from]
    draw = random.Random(seed)
    means = []
    for _ in range(resamples):
        chosen = draw.choices(sums, k=len(sums))
        means.append(sum(total for total, _ in chosen) / sum(count for _, count in chosen))
    means.sort()
    edge = (1 - share) / 2
    return Interval(
        mean=sum(everything) / len(everything),
        low=means[round(edge * (resamples - 1))],
        high=means[round((1 - edge) * (resamples - 1))],
        rows=len(everything),
        books=len(by_book),
    )
