"""What the model's process does with itself: its pipes, how nice its threads are, its end."""

import contextlib
import os
import sys
import threading
import traceback
from types import TracebackType
from typing import NoReturn

from storytui.engine.messages import Channel


def take_over_pipes() -> Channel:
    """Move the pipes away from descriptors 0 and 1, which native code may use."""
    reader = os.fdopen(os.dup(0), "rb")
    writer = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    os.dup2(2, 1)
    return Channel(reader, writer)


def be_nice(niceness: int) -> None:
    """Let what is less nice go before this thread, where the system can tell threads apart.

    Only Linux gives each thread a niceness of its own; threads that it starts have the same.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)


def end_now(line: str = "", status: int = 0) -> NoReturn:
    """End the process now, from any thread: native code may be busy and cannot be waited for."""
    if line:
        sys.stderr.write(line + "\n")
    sys.stderr.flush()
    os._exit(status)


def note_fault(
    kind: type[BaseException], _error: BaseException | None, trace: TracebackType | None
) -> NoReturn:
    """Write down where a fault happened, and end.

    What the error says is left out: it may hold what she wrote.
    """
    where = "".join(traceback.format_tb(trace))
    end_now(f"{where}{kind.__name__}; its message is left out, it may hold text of the story", 1)
