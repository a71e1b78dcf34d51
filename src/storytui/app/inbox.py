"""What threads have to say to the loop, collected and handed over at most every 50 ms.

A message for every token is what makes a screen slow.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

FLUSH_SECONDS = 0.05
"""How often text on its way to the screen is let through."""

_Item = TypeVar("_Item")
_News = TypeVar("_News")


class Inbox(Generic[_Item, _News]):
    """Items of which each counts, and news of which only the last does."""

    def __init__(self, deliver: Callable[[list[_Item], _News | None], None]) -> None:
        """Hold nothing yet.

        Args:
            deliver: called on the loop with what came since the last time.
        """
        self.loop: asyncio.AbstractEventLoop | None = None
        """Where it is delivered; nothing is before it is known."""
        self._deliver = deliver
        self._items: list[_Item] = []
        self._news: _News | None = None
        self._lock = threading.Lock()
        self._flush_asked = False
        self._flushed_at = 0.0

    def put(self, item: _Item) -> None:
        """In a thread: one more item."""
        with self._lock:
            self._items.append(item)
        self._ask_flush()

    def tell(self, news: _News) -> None:
        """In a thread: news that replaces what was told before."""
        with self._lock:
            self._news = news
        self._ask_flush()

    def _ask_flush(self) -> None:
        with self._lock:
            if self._flush_asked or self.loop is None:
                return
            self._flush_asked = True
        # The loop may already be gone when the editor is closing.
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self._plan_flush)

    def _plan_flush(self) -> None:
        wait = self._flushed_at + FLUSH_SECONDS - time.monotonic()
        if wait > 0 and self.loop is not None:
            self.loop.call_later(wait, self._flush)
        else:
            self._flush()

    def _flush(self) -> None:
        with self._lock:
            items, self._items = self._items, []
            news, self._news = self._news, None
            self._flush_asked = False
        self._flushed_at = time.monotonic()
        self._deliver(items, news)
