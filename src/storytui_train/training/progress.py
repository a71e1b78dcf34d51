"""What is seen of a training: a line that is written over on a terminal, plain lines elsewhere."""

import shutil
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

from storytui.story.visible import visible
from storytui_train.data.pipeline.progress import in_words
from storytui_train.training.plan import size

BLOCKS = "▁▂▃▄▅▆▇█"
PLOT = 16
"""Losses in the plot, each the mean of as many steps as there have to be."""
LINES = 40
"""About so many lines a run, where they are not written over."""
SECONDS = 0.2
"""Between two lines that are written over."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a training is after a step."""

    step: int
    """Steps that are done."""
    steps: int
    loss: float
    """Smoothed, in nats a trained token."""
    rate: float
    """The learning rate."""
    speed: float
    """Tokens a second."""
    memory: int
    """Bytes; 0: not known."""
    memory_of: str
    """What of, in short."""
    left: float
    """Seconds."""

    def line(self, plot: str = "") -> str:
        """It on one line."""
        parts = [f"step {self.step:,}/{self.steps:,}", f"loss {self.loss:.3f}"]
        if plot:
            parts.append(plot)
        parts += [f"rate {self.rate:.2g}", f"{self.speed:,.0f} tokens/s"]
        if self.memory:
            parts.append(f"{self.memory_of} {size(self.memory)}")
        parts.append(f"{in_words(self.left)} left")
        return "  ".join(parts)


class Progress:
    """Tells how far a training is."""

    def __init__(
        self,
        told: Callable[[str], None],
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Write a line over where `stream` (None: standard error) is a terminal, else tell some.

        Args:
            told: gets whole lines.
            stream: where a line is written over.
            clock: in seconds.
        """
        self._told = told
        self._stream = sys.stderr if stream is None else stream
        self._live = self._stream.isatty()
        self._clock = clock
        self._last = float("-inf")
        self._shown = 0
        self._losses: deque[float] = deque(maxlen=PLOT * 64)

    def tell(self, line: str) -> None:
        """A line for the user, that stays."""
        self._wipe()
        self._told(line)

    def step(self, moment: Moment, loss: float) -> None:
        """A step is done.

        Args:
            moment: where the training is.
            loss: of this step alone, for the plot.
        """
        self._losses.append(loss)
        last = moment.step == moment.steps
        if not self._live:
            if last or moment.step == 1 or moment.step % max(1, moment.steps // LINES) == 0:
                self._told(moment.line())
            return
        if last or self._clock() - self._last >= SECONDS:
            self._last = self._clock()
            line = moment.line(plot(self._losses))
            line = line[: shutil.get_terminal_size().columns - 1]
            self._stream.write("\r" + line + " " * (self._shown - len(line)))
            self._stream.flush()
            self._shown = len(line)

    def close(self) -> None:
        """No more will come; the last line stays."""
        if self._shown:
            self._stream.write("\n")
            self._stream.flush()
            self._shown = 0

    def _wipe(self) -> None:
        if self._shown:
            self._stream.write("\r" + " " * self._shown + "\r")
            self._stream.flush()
            self._shown = 0


def plot(losses: "deque[float] | list[float]") -> str:
    """Losses as a row of blocks, the latest on the right, the highest of them the tallest."""
    values = list(losses)
    if len(values) < 2:
        return ""
    count = min(PLOT, len(values))
    means = []
    for place in range(count):
        part = values[place * len(values) // count : (place + 1) * len(values) // count]
        means.append(sum(part) / len(part))
    least, most = min(means), max(means)
    span = most - least or 1.0
    return "".join(BLOCKS[round((each - least) / span * (len(BLOCKS) - 1))] for each in means)


def counted(progress: Progress, what: str) -> Callable[[int, int], None]:
    """Tells now and then how many of some things are done."""
    last = [time.monotonic()]

    def told(done: int, total: int) -> None:
        if time.monotonic() - last[0] >= 10:
            last[0] = time.monotonic()
            progress.tell(visible(f"{what}: {done:,} of {total:,}"))

    return told
