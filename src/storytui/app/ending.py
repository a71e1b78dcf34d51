"""The editor ends with its terminal, whether or not a signal says so, and soon when it is told to.

Whoever closes a terminal leaves it to the system to tell the programs in it, and that tells only
the first of them. `make` is told, for one, and waits for the editor, which hears nothing.
"""

import os
import threading
import time
from typing import Any

from textual.driver import Driver
from textual.message import Message

from storytui.app.pasting import TerminalDecoder

GONE = 129
"""The status of an editor whose terminal is gone: as a shell gives it for a hangup, 128 + 1."""
PATIENCE_SECONDS = 2.0
"""An editor told to end that has not by then is ended; what was typed is on the disk."""
STUCK_SECONDS = 10.0
"""One that does not even hear of it. It may have keys before it, and a slow machine."""


class TerminalGone(Message):
    """No key will come any more; behind the keys that did come."""


class TerminalInput(TerminalDecoder):
    """Decodes what a terminal sends, to its end."""

    def decode(self, data: bytes, final: bool = False) -> str:  # type: ignore[override]
        """The text of the next bytes.

        Raises:
            EOFError: there are none where there would be some: the terminal is gone.
        """
        if not (data or final):
            raise EOFError("The terminal is gone.")
        return super().decode(data, final)


def ending_with_its_terminal(driver: type[Driver]) -> type[Driver]:
    """A driver that posts `TerminalGone` to the app once nothing more can be read.

    Textual reads on and on then, as fast as it can.

    Args:
        driver: decodes with a `TerminalInput`, where it reads bytes in a thread.
    """
    if not hasattr(driver, "run_input_thread"):
        return driver  # Windows closes the program with its window; and a test has no terminal.
    base: Any = driver

    class EndingDriver(base):  # type: ignore[misc]
        """Textual's driver, up to the terminal's end."""

        def run_input_thread(self) -> None:
            """Read until the app ends or the terminal does."""
            try:
                super().run_input_thread()
            except (EOFError, OSError):
                end_anyway(GONE, STUCK_SECONDS)
                # As the keys are sent, so it cannot overtake them.
                self.send_message(TerminalGone())

    # Where Textual's own names are looked for.
    EndingDriver.__module__ = driver.__module__
    return EndingDriver


def end_anyway(status: int, seconds: float = PATIENCE_SECONDS) -> None:
    """End the editor with `status` in so many seconds, whatever it waits for; from any thread."""

    def give_up() -> None:
        time.sleep(seconds)
        os._exit(status)

    threading.Thread(target=give_up, name="end", daemon=True).start()
