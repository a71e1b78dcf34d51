"""How long a child is waited for, and when one that died is started again. Pure: no clock runs."""

from collections.abc import Sequence
from dataclasses import dataclass, field

LOOKS = 8
"""How often a waiting thread looks up within a limit."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a child that owes an answer counts as hung; seconds."""

    silence: float = 120.0
    """Without any message, not even the sign of life that a busy child gives every few seconds."""
    standstill: float = 600.0
    """With signs of life, but without getting any further with what it was asked."""

    @property
    def look(self) -> float:
        """How long one look at the child lasts, in seconds."""
        return min(self.silence, self.standstill) / LOOKS


class Patience:
    """Counts the looks at a child that owes an answer.

    Looks are counted and not the time: an editor that was itself stopped for an hour must not
    blame the child, whose messages it could not read meanwhile.
    """

    def __init__(self, limits: Limits, heard: int) -> None:
        """Begin to wait.

        Args:
            limits: when patience ends.
            heard: how many messages have come so far.
        """
        self._limits = limits
        self._heard = heard
        self._silent = 0.0
        self._still = 0.0

    def ends(self, heard: int) -> str:
        """One more look brought nothing; why the child is given up, empty while it is not."""
        self._silent = self._silent + self._limits.look if heard == self._heard else 0.0
        self._still += self._limits.look
        self._heard = heard
        if self._silent >= self._limits.silence:
            return f"gave no sign of life for {_span(self._limits.silence)} and was ended"
        if self._still >= self._limits.standstill:
            return f"got no further for {_span(self._limits.standstill)} and was ended"
        return ""


def _span(seconds: float) -> str:
    """A stretch of time in words."""
    if seconds >= 120:
        return f"{round(seconds / 60)} minutes"
    return f"{seconds:g} seconds"


@dataclass(frozen=True, slots=True)
class Backoff:
    """How a child that keeps dying is started again."""

    delays: tuple[float, ...] = (0.0, 1.0, 4.0, 10.0)
    """Seconds between a death and the next start, by how many died in a row; the last stays."""
    most: int = 5
    """After so many deaths in a row the engine gives up, until it is asked again."""
    within: float = 600.0
    """Seconds after which a death no longer counts."""


def wait_before_start(deaths: Sequence[float], now: float, backoff: Backoff) -> float:
    """Seconds until a new child may be started; 0 where it may be at once.

    Args:
        deaths: when children died, oldest first, on the clock of `now`.
        now: the time.
        backoff: how long to wait after how many deaths.
    """
    recent = [each for each in deaths if now - each <= backoff.within]
    if not recent:
        return 0.0
    delay = backoff.delays[min(len(recent), len(backoff.delays)) - 1]
    return max(0.0, delay - (now - recent[-1]))


@dataclass(slots=True)
class Deaths:
    """The deaths in a row; a finished reply ends the row."""

    backoff: Backoff
    times: list[float] = field(default_factory=list)

    def add(self, now: float) -> int:
        """A child died; returns how many did in a row, those of long ago left out."""
        self.times = [each for each in self.times if now - each <= self.backoff.within]
        self.times.append(now)
        return len(self.times)

    def wait(self, now: float) -> float:
        """Seconds until a new child may be started."""
        return wait_before_start(self.times, now, self.backoff)

    def forget(self) -> None:
        """A reply was finished: the row is over."""
        self.times.clear()
