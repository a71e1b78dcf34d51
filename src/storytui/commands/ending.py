"""How a command ends: exit statuses, and the one line that says what went wrong."""

import sys

FAILURE = 1
USAGE_ERROR = 2
INTERRUPTED = 130
"""As shells have it: 128 and the number of SIGINT."""


class WrongUseError(ValueError):
    """Options of a command line do not go together; the sentence says which."""


def fail(message: object, status: int = FAILURE) -> int:
    """Say what went wrong on standard error, in one line that cannot speak to the terminal."""
    # Not at the top: this module is imported for its numbers by commands that answer at once.
    from storytui.story.visible import visible

    print(f"storytui: {visible(str(message), newlines=False)}", file=sys.stderr)
    return status
