"""Where a manuscript's chapters begin, seen from its lines alone."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chapter:
    """A heading."""

    line: int
    """Counted from 0."""
    title: str
    level: int
    """1 for the highest."""


def chapters(lines: Iterable[str]) -> list[Chapter]:
    """The headings among `lines`, in order."""
    raise NotImplementedError
