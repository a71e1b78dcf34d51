"""What waiting between two requests goes by; tests bring a clock of their own."""

import time
from typing import Protocol


class Clock(Protocol):
    """What pacing goes by."""

    def now(self) -> float:
        """Seconds, from any beginning."""

    def sleep(self, seconds: float) -> None:
        """Let time pass."""


class WallClock:
    """The time that passes."""

    def now(self) -> float:
        """Seconds since some moment."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)
