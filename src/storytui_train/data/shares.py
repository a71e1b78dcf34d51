"""PURE. Whole units whose sizes come as near to a share as whole units allow."""

from collections.abc import Sequence

_TABLE = 64_000_000
"""Bits."""


def nearest_subset(sizes: Sequence[int], wanted: int) -> list[int]:
    """The places of some but not all sizes, at least one, whose sum is nearest to `wanted`.

    Of several such choices it is the one that earlier places make.

    Args:
        sizes: at least two.
        wanted: a sum.
    """
    # A library's rows are counted in hundreds: the table stays below 8 MB.
    scale = max(1, (wanted + max(sizes)) * len(sizes) // _TABLE)
    sizes = [max(1, round(size / scale)) for size in sizes]
    wanted = round(wanted / scale)
    limit = wanted + max(sizes)
    mask = (1 << (limit + 1)) - 1
    # Bit n of the k-th number: whether some of the first k sizes, and not none, have the sum n.
    reached = [0]
    for size in sizes:
        reached.append((reached[-1] | (reached[-1] << size) | (1 << size)) & mask)
    sums = [each for each in range(limit + 1) if reached[-1] >> each & 1]
    for total in sorted(sums, key=lambda each: (abs(each - wanted), each)):
        taken = _walked_back(sizes, reached, total)
        if len(taken) < len(sizes):
            return taken
    return [min(range(len(sizes)), key=lambda place: sizes[place])]


def _walked_back(sizes: Sequence[int], reached: Sequence[int], total: int) -> list[int]:
    """Sizes with that sum; each is left out where those before it can do without."""
    taken: list[int] = []
    for place in reversed(range(len(sizes))):
        if total == 0 and taken:
            break
        if reached[place] >> total & 1:
            continue
        taken.append(place)
        total -= sizes[place]
    return taken[::-1]


def nearest_stretches(
    before: Sequence[int], shares: Sequence[float], gap: int
) -> list[tuple[int, int]] | None:
    """The stretches of chapters for training and for one or two other splits, as near as may be.

    Args:
        before: rows before each chapter, and all of them at the end.
        shares: of the other splits.
        gap: chapters between two stretches.

    Returns:
        Each stretch has rows; with two other splits at least half of the rows train. None where
        that cannot be.
    """
    total, count = before[-1], len(before) - 1
    best: tuple[float, list[tuple[int, int]]] | None = None
    for end in range(1, count - gap):
        if len(shares) == 1:
            choices = [[(0, end), (end + gap, count)]]
        else:
            choices = [
                [(0, end), (end + gap, middle), (middle + gap, count)]
                for middle in range(end + gap + 1, count - gap)
            ]
        for stretches in choices:
            rows = [before[high] - before[low] for low, high in stretches]
            if min(rows) < 1 or (len(shares) > 1 and 2 * rows[0] < total):
                continue
            wanted = [(1 - sum(shares)) * total, *(share * total for share in shares)]
            distance = sum(abs(a - b) for a, b in zip(rows, wanted, strict=True))
            if best is None or distance < best[0]:
                best = (distance, stretches)
    return best[1] if best else None
