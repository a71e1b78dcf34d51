"""The process that talks to the Hub: takes one order, answers it, ends.

Run as `python -m storytui.models.hub.child`. It ends at once when its standard input closes, so it
never outlives who asked. Nothing that it holds has to be put in order first: every byte that came
is on the disk already.
"""

import os
import sys
import threading
import traceback
from types import TracebackType
from typing import BinaryIO

import msgspec

from storytui.models.hub.messages import (
    Answer,
    Fault,
    Fetch,
    Look,
    Measure,
    Order,
    Remove,
    Search,
    Upload,
    Verify,
)


class Speaker:
    """Says answers, a line each; libraries that print are not heard among them."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "wb", buffering=0)
        os.dup2(2, 1)
        self._lock = threading.Lock()

    def say(self, answer: Answer) -> None:
        """Say one answer; ends the process where nobody listens any more."""
        try:
            with self._lock:
                self._out.write(msgspec.json.encode(answer) + b"\n")
        except OSError:
            os._exit(1)


def main() -> None:
    """Carry out the order that comes on standard input."""
    speaker = Speaker()
    asked = sys.stdin.buffer.readline()
    if not asked:
        return
    threading.Thread(target=_end_with, args=(sys.stdin.buffer,), daemon=True).start()

    def note(
        kind: type[BaseException], _error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What the error says is left out: it may hold addresses that are signed.
        where = "".join(traceback.format_tb(trace))
        sys.stderr.write(f"{where}{kind.__name__}\n")
        speaker.say(
            Fault(
                f"The talk with the Hub ended over a fault of its own ({kind.__name__}). "
                "Try again; what was fetched before is not lost.",
                "failed",
            )
        )
        os._exit(1)

    sys.excepthook = note
    speaker.say(answer(msgspec.json.decode(asked, type=Order), speaker))
    sys.stderr.flush()
    # Threads of libraries that wait for a network are not waited for.
    os._exit(0)


def answer(order: Order, speaker: Speaker) -> Answer:
    """The last answer to an order; others are said on the way."""
    # Only what an order needs is imported: the library alone takes a quarter of a second.
    from storytui.models.hub.faults import FaultError, explained, troubles

    try:
        match order:
            case Search():
                from storytui.models.hub.session import search

                return search(order)
            case Look():
                from storytui.models.hub.session import look

                return look(order)
            case Measure():
                from storytui.models.hub.far_header import measure

                return measure(order)
            case Fetch():
                from storytui.models.hub.fetching import fetch

                return fetch(order, speaker.say)
            case Verify():
                from storytui.models.hub.verifying import verify

                return verify(order, speaker.say)
            case Remove():
                from storytui.models.hub.removing import remove

                return remove(order)
            case Upload():
                from storytui.models.hub.uploading import upload

                return upload(order, speaker.say)
    except FaultError as error:
        return error.fault
    except troubles() as error:
        return explained(error, getattr(order, "repository", ""))


def _end_with(standard_input: BinaryIO) -> None:
    standard_input.read()
    os._exit(1)


if __name__ == "__main__":
    main()
