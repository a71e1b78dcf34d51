"""The place of the editor's one engine: made on first use, given back before another takes it."""

import threading
from collections.abc import Callable
from functools import partial

from storytui.engine.api import Engine, EngineError

CLOSE_SECONDS = 1.0
"""How long closing waits for an engine that is being made."""
CHANGE_SECONDS = 20.0
"""How long an engine may take to give its memory back before another one is made."""


class EnginePlace:
    """Has one engine at a time; any thread may ask for it."""

    def __init__(self, make: Callable[[], Engine], made: Callable[[Engine], None]) -> None:
        """Make nothing yet.

        Args:
            make: makes the engine; called once, in a thread, so it may import what is heavy.
            made: called with each engine before anybody else gets it.
        """
        self.closing = threading.Event()
        """Set once the editor closes."""
        self.engine: Engine | None = None
        """The one that is there; None: none was made yet."""
        self._made = made
        # What was wanted last, and what the one there is made by: only the loop changes the first,
        # only who holds the lock the second, so no wish is ever lost between the two.
        self._wanted = self._maker = partial(make)
        self._making = threading.Lock()

    @property
    def changing(self) -> bool:
        """Whether another engine is to take the place of the one there."""
        return self._wanted is not self._maker

    def change(self, make: Callable[[], Engine]) -> None:
        """Have another engine from the next `get` on.

        Args:
            make: makes it; called once, in a thread.
        """
        self._wanted = partial(make)

    def is_heard(self, engine: Engine | None) -> bool:
        """Whether what an engine says, or that there is none, is still of interest."""
        return engine is self.engine and not self.changing and not self.closing.is_set()

    def get(self) -> Engine:
        """The engine, made where there is none. Blocks, in a thread.

        Raises:
            EngineError: it cannot be made, or the editor is closing.
        """
        with self._making:
            self._see_to_closing()
            if self.changing:
                before, self.engine = self.engine, None
                self._maker = self._wanted
                if before is not None:
                    before.close(CHANGE_SECONDS)
                    self._see_to_closing()
            if self.engine is None:
                engine = self._maker()
                self._made(engine)
                if self.closing.is_set():
                    engine.close()
                    self._see_to_closing()
                self.engine = engine
            return self.engine

    def close(self) -> None:
        """Give the engine back; nothing waits for the model."""
        self.closing.set()
        # A model's file that is being checked may take its time; who made it closes it then.
        if self._making.acquire(timeout=CLOSE_SECONDS):
            self._making.release()
            if self.engine is not None:
                self.engine.stop()
                self.engine.close()

    def _see_to_closing(self) -> None:
        if self.closing.is_set():
            raise EngineError("The editor is closing.")
