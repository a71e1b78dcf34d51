"""What a reply from a server costs, as the server says or as it is counted here. Pure."""

from collections.abc import Callable, Iterator

from storytui.engine.api import Event, Reading, Statistics, Writing
from storytui.engine.remote.stream import Delta, Usage

SPEED_SECONDS = 0.5
"""How often the speed is told."""


class Meter:
    """Counts one reply, which may take several requests."""

    def __init__(self, prompt: int, clock: Callable[[], float], arrived: float) -> None:
        """The reply was asked for.

        Args:
            prompt: tokens of the prompt, as far as they are known here.
            clock: seconds.
            arrived: when it was asked for, by the clock.
        """
        self.prompt = prompt
        self._clock = clock
        self._arrived = arrived
        self._first = self._last = self._said = 0.0
        self._came = 0
        """Pieces of text that came, of this request and those before it."""
        self._counted = 0
        """Tokens of the requests before, by the server where it says so."""
        self._at_request = 0
        self._usage: Usage | None = None
        self._cost: Usage | None = None
        """What the first request cost, as the server says: the later ones repeat its prompt."""

    def take(self, delta: Delta, *, reading: bool) -> Iterator[Event]:
        """Something came.

        Args:
            delta: what it was.
            reading: whether none of the reply was given out yet.
        """
        if delta.usage is not None:
            self._usage = delta.usage
        if delta.read is not None and reading:
            yield Reading(*delta.read)
        if not (delta.text or delta.thought):
            return
        self._last = self._clock()
        self._came += 1
        if self._came == 1:
            self._first = self._said = self._last
            yield Writing(self._generated, 0.0)
        elif self._last - self._said >= SPEED_SECONDS:
            self._said = self._last
            yield Writing(self._generated, self._speed())

    def next_request(self) -> None:
        """The request is over; another may follow."""
        if self._cost is None:
            self._cost = self._usage
        self._counted = self._generated
        self._at_request = self._came
        self._usage = None

    def statistics(self) -> Statistics:
        """What the reply cost."""
        cost = self._cost or self._usage
        prompt = cost.prompt if cost is not None and cost.prompt else self.prompt
        cached = min(cost.cached, prompt) if cost is not None else 0
        return Statistics(
            prompt_tokens=prompt,
            reused_tokens=cached,
            evaluated_tokens=prompt - cached,
            generated_tokens=self._generated,
            first_token_ms=max(0.0, self._first - self._arrived) * 1000 if self._came else 0.0,
            tokens_per_second=self._speed(),
        )

    @property
    def _generated(self) -> int:
        """Tokens so far: a piece counts one until the server says more."""
        said = self._usage.generated if self._usage is not None else 0
        return self._counted + (said or self._came - self._at_request)

    def _speed(self) -> float:
        seconds = self._last - self._first
        return max(0, self._generated - 1) / seconds if seconds > 0 else 0.0
