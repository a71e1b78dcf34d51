"""The talks with the Hub that go on, so that they can all be ended at once."""

import threading
from typing import Protocol


class Talk(Protocol):
    """One of them."""

    def end(self) -> None:
        """End it at once, from any thread."""
        ...


class Talks:
    """Knows those that go on. A Hub that does not answer keeps a talk for half a minute, which
    nobody who closes the program should wait for."""

    def __init__(self) -> None:
        """None goes on."""
        self._lock = threading.Lock()
        self._going: list[Talk] = []
        self._ended = False

    def begins(self, talk: Talk) -> None:
        """One begins; it is ended at once where all were."""
        with self._lock:
            self._going.append(talk)
            ended = self._ended
        if ended:
            talk.end()

    def is_over(self, talk: Talk) -> None:
        """One came to its end."""
        with self._lock:
            self._going.remove(talk)

    def end(self) -> None:
        """End all that go on, and every one that would begin later; from any thread."""
        with self._lock:
            self._ended = True
            going = tuple(self._going)
        for each in going:
            each.end()
