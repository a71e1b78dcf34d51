"""How far a measurement is: what is done, how fast, and how long the rest will take."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TextIO

from storytui_train.data.pipeline.progress import in_words

SECONDS_BETWEEN = 0.5
SECONDS_BETWEEN_LINES = 60.0
"""Where nobody looks at a terminal."""


class Progress:
    """Counts steps of several kinds, each with a pace of its own."""

    def __init__(
        self,
        total: Mapping[str, int],
        *,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is done yet.

        Args:
            total: how many steps of each kind there are, by the kind's name in the plural.
            stream: where it is shown; None: standard error.
            clock: seconds.
        """
        self._left = Counter(total)
        self._total = sum(total.values())
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self._fresh: Counter[str] = Counter()
        self._seconds: Counter[str] = Counter()
        self._began = self._shown = clock()
        self._title = ""
        self._live = self._stream.isatty()

    def begin(self, title: str) -> None:
        """What follows belongs to something else: a model, fit to be shown."""
        self._title = title
        self._began = self._clock()
        self._show(force=True)

    def step(self, kind: str, *, kept: bool = False, count: int = 1) -> None:
        """One more is done.

        Args:
            kind: which.
            kept: whether it was done before, and cost no time.
            count: how many at once.
        """
        now = self._clock()
        self._left[kind] -= count
        if not kept:
            self._fresh[kind] += count
            # Counters take fractions; only their type does not say so.
            self._seconds[kind] += now - self._began  # type: ignore[assignment]
        self._began = now
        self._show()

    def line(self) -> str:
        """What is shown."""
        done = self._total - self._left.total()
        parts = [f"{done:,} of {self._total:,}"]
        fresh, seconds = self._fresh.total(), float(sum(self._seconds.values()))
        if fresh and seconds > 0:
            parts.append(f"{60 * fresh / seconds:.1f} a minute")
            parts.append(f"{in_words(self._seconds_left(seconds / fresh))} left")
        return f"{self._title}: {' · '.join(parts)}" if self._title else " · ".join(parts)

    def close(self) -> None:
        """Leave the line as it is."""
        if self._live:
            self._stream.write("\r\x1b[2K")
            self._stream.flush()

    def _seconds_left(self, usual: float) -> float:
        """By each kind's own pace, where it has one yet."""
        return sum(
            left * (self._seconds[kind] / self._fresh[kind] if self._fresh[kind] else usual)
            for kind, left in self._left.items()
        )

    def _show(self, *, force: bool = False) -> None:
        now = self._clock()
        between = SECONDS_BETWEEN if self._live else SECONDS_BETWEEN_LINES
        if not force and now - self._shown < between and self._left.total():
            return
        self._shown = now
        self._stream.write(f"\r\x1b[2K{self.line()}" if self._live else f"{self.line()}\n")
        self._stream.flush()
