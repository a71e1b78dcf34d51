"""A model's download in the background: one at a time, told to the writing screen."""

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from textual.message import Message
from textual.screen import Screen

from storytui.engine.api import EngineError
from storytui.models.offers import Fetch, FetchCancelledError, Fetched, Offer
from storytui.story.visible import visible

TELL_SECONDS = 0.25
"""How often its progress is told."""


class Fetching:
    """Owns the download that goes on."""

    @dataclass
    class Told(Message):
        """How far it is."""

        offer: Offer
        fetched: Fetched

    @dataclass
    class Ended(Message):
        """It is over."""

        offer: Offer
        path: Path | None
        """The model's file; None where it did not come."""
        problem: str
        """Why it did not, as a sentence; empty where it did, or she ended it."""

    def __init__(self, screen: Screen[None]) -> None:
        """Fetch nothing yet.

        Args:
            screen: gets the messages.
        """
        self.offer: Offer | None = None
        """What is being fetched; None: nothing is."""
        self.fetched: Fetched | None = None
        """How far that is; None while nothing is known of it."""
        self._screen = screen
        self._fetch: Fetch | None = None
        self._closed = False

    def begin(self, offer: Offer, fetch: Fetch) -> None:
        """Fetch an offer; one that goes on is left off, and can be gone on with later."""
        self.cancel()
        self.offer, self.fetched, self._fetch = offer, None, fetch
        self._screen.run_worker(
            partial(self._run, offer, fetch),
            name="fetch a model",
            thread=True,
            exit_on_error=False,
        )

    def cancel(self) -> None:
        """Leave off; what is here stays, and the next time goes on from there."""
        if self._fetch is not None:
            self._fetch.cancel()
            self.offer = self.fetched = self._fetch = None

    def close(self) -> None:
        """The editor closes."""
        self._closed = True
        self.cancel()

    def told(self, event: "Fetching.Told") -> bool:
        """Its screen has heard how far it is; returns whether that is still of interest."""
        if event.offer is not self.offer:
            return False
        self.fetched = event.fetched
        return True

    def ended(self, event: "Fetching.Ended") -> bool:
        """Its screen has heard that it is over; returns whether that is still of interest."""
        if event.offer is not self.offer:
            return False
        self.offer = self.fetched = self._fetch = None
        return True

    # --- in a thread ------------------------------------------------------------------------------

    def _run(self, offer: Offer, fetch: Fetch) -> None:
        due = 0.0

        def told(fetched: Fetched) -> None:
            nonlocal due
            now = time.monotonic()
            if now >= due or fetched.done == fetched.total:
                due = now + TELL_SECONDS
                self._post(self.Told(offer, fetched))

        path, problem = None, "The download ended early. Choose the model again to go on with it."
        try:
            path, problem = fetch.run(told), ""
        except FetchCancelledError:
            problem = ""
        except EngineError as error:
            problem = str(error)
        finally:
            self._post(self.Ended(offer, path, problem))

    def _post(self, message: Message) -> None:
        if not self._closed:
            self._screen.post_message(message)


def how_far(fetched: Fetched | None) -> str:
    """How far a download is, in a few words.

    >>> how_far(Fetched(done=430 << 20, total=1000 << 20, bytes_per_second=12 << 20))
    '43 % of 1000.0 MiB · 12.0 MiB/s'
    """
    if fetched is None or not fetched.total:
        return "asking for it"
    if fetched.note:
        return visible(fetched.note, newlines=False)
    percent = 100 * fetched.done // fetched.total
    if fetched.checking:
        return f"checking it {percent} %"
    parts = [f"{percent} % of {size(fetched.total)}"]
    if fetched.bytes_per_second > 0:
        parts.append(f"{size(round(fetched.bytes_per_second))}/s")
    if fetched.seconds_left is not None:
        parts.append(f"{_time(fetched.seconds_left)} left")
    return " · ".join(parts)


def size(count: int) -> str:
    """Bytes as a writer reads them, in the units of what a card holds: 4.4 GiB.

    >>> size(4_680_000_000)
    '4.4 GiB'
    """
    if count >= 1 << 30:
        return f"{count / (1 << 30):.1f} GiB"
    return f"{count / (1 << 20):.1f} MiB" if count >= 1 << 17 else f"{count / (1 << 10):.0f} KiB"


def _time(seconds: float) -> str:
    whole = max(1, round(seconds))
    if whole < 100:
        return f"{whole} s"
    if whole < 6000:
        return f"{round(whole / 60)} min"
    return f"{whole / 3600:.1f} h"
