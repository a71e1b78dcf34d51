"""Counts bytes and says, now and then, how far it is, how fast, and how long it will take."""

import time
from collections import deque
from collections.abc import Callable

from storytui.models.hub.messages import Phase, Progress

EVERY_SECONDS = 0.2
WINDOW_SECONDS = 8.0
"""The speed is that of the last so many seconds."""


class Meter:
    """How far a piece of work is."""

    def __init__(
        self,
        say: Callable[[Progress], None],
        total: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say = say
        self._total = total
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()
        self._said = float("-inf")
        self._last: tuple[Phase, str, str] | None = None

    def at(self, phase: Phase, done: int, file: str, note: str = "") -> None:
        """It is so far; said at once where something else than the count changed."""
        now = self._clock()
        if self._last is None or phase != self._last[0]:
            self._seen.clear()
        self._seen.append((now, done))
        while len(self._seen) > 2 and now - self._seen[0][0] > WINDOW_SECONDS:
            self._seen.popleft()
        news = (phase, file, note) != self._last
        if not news and now - self._said < EVERY_SECONDS and done < self._total:
            return
        self._said, self._last = now, (phase, file, note)
        began, first = self._seen[0]
        speed = (done - first) / (now - began) if now > began and phase != "waiting" else 0.0
        self._say(
            Progress(
                phase=phase,
                done=done,
                total=self._total,
                bytes_per_second=speed,
                seconds_left=(self._total - done) / speed if speed > 0 else None,
                file=file,
                note=note,
            )
        )
