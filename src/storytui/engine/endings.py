"""How a process ended, in words."""

import contextlib
import signal


def how_it_ended(status: int | None) -> str:
    """The end of a sentence about a process.

    Args:
        status: as `subprocess` has it, below zero for a signal; None: not known yet.
    """
    if status is None or status >= 0:
        return "ended"
    with contextlib.suppress(ValueError):
        return f"was ended by {signal.Signals(-status).name}"
    return f"was ended by signal {-status}"
