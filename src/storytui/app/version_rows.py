"""Versions of a manuscript as rows of a list."""

from collections.abc import Sequence
from datetime import datetime
from itertools import zip_longest

from storytui.manuscript.history import Version
from storytui.story.visible import visible

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""Spelt out: the locale would change them, and nothing else on the screen."""


def told(when: datetime, now: datetime) -> str:
    """A moment as a writer says it: `today 14:02`, `yesterday 9:40`, `3 Mar 14:02`, `3 Mar 2025`.

    Args:
        when: the moment.
        now: the present one; both are taken in the local time zone.
    """
    local = when.astimezone()
    days = (now.astimezone().date() - local.date()).days
    clock = f"{local.hour}:{local.minute:02}"
    if days in (0, 1):
        return f"{('today', 'yesterday')[days]} {clock}"
    date = f"{local.day} {_MONTHS[local.month - 1]}"
    return f"{date} {clock}" if local.year == now.astimezone().year else f"{date} {local.year}"


def version_rows(versions: Sequence[Version], now: datetime) -> list[str]:
    """One row for each version, in columns: when, why, words, words more or less than before.

    Args:
        versions: newest first.
        now: the present moment.
    """
    table: list[tuple[str, str, str, str]] = []
    for version, earlier in zip_longest(versions, versions[1:]):
        more = "" if earlier is None else _signed(version.words - earlier.words)
        why = visible(version.why, newlines=False)
        table.append((told(version.when, now), why, f"{version.words:,} w", more))
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(_aligned(row, widths)) for row in table]


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Names to the left, numbers to the right."""
    return [
        cell.ljust(width) if at < 2 else cell.rjust(width)
        for at, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]


def _signed(number: int) -> str:
    return f"−{-number:,}" if number < 0 else f"+{number:,}"
