"""Which versions of a manuscript are thinned out as they grow old (pure)."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

HOUR = 3600.0
DAY = 24 * HOUR
WEEK = 7 * DAY
YEAR = 365 * DAY

_MANY = 500
"""How many versions of the last day stay that were neither saved nor otherwise remarkable."""
_REMARKABLE = 3
"""The significance of what stays for a day however much there is."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a version when it is decided whether it stays."""

    number: int
    at: float
    """Seconds since 1970."""
    significance: int
    """How much its reason tells: a save more than an acceptance, that more than mere work."""


def dispensable(kept: Sequence[Kept], now: float) -> set[int]:
    """Numbers of the versions that may go for their age.

    All of the last day stay (of acceptances and stages of work the newest 500), then one an hour
    for a week, one a day for a year, one a week for ever; of each the most telling, of several
    the newest. The newest of all and the first of all always stay.

    Args:
        kept: oldest first.
        now: seconds since 1970.
    """
    best: dict[Hashable, Kept] = {}
    stay = {each.number for each in (*kept[:1], *kept[-1:])}
    plain = 0
    for each in reversed(kept):
        age = now - each.at
        plain += each.significance < _REMARKABLE
        if age <= DAY and (each.significance >= _REMARKABLE or plain <= _MANY):
            stay.add(each.number)
            continue
        width = HOUR if age <= WEEK else DAY if age <= YEAR else WEEK
        bucket = (width, each.at // width)
        rival = best.get(bucket)
        if rival is None or each.significance > rival.significance:
            best[bucket] = each
    stay.update(each.number for each in best.values())
    return {each.number for each in kept} - stay


def thinned(kept: Sequence[Kept]) -> set[int]:
    """Numbers of versions that go because there is no room; none where nothing may go.

    Of each two neighbours in the older half the less telling goes, so that the past grows coarser
    and is not cut off. The newest of all and the first of all stay.

    Args:
        kept: oldest first.
    """
    between = kept[1:-1]
    older = between[: max(2, len(between) // 2)]
    gone = set()
    for at in range(0, len(older), 2):
        pair = older[at : at + 2]
        gone.add(min(pair, key=lambda each: (each.significance, each.number)).number)
    return gone
