"""What a command prints: exact into a file or a pipe, made visible on a terminal."""

import re
from typing import TextIO

from storytui.story.visible import visible

_NO_BYTES = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""Halves of characters that stand for no byte of a file."""


def write(file: TextIO, text: str) -> None:
    """Write text as UTF-8 at once.

    On a terminal nothing in it commands. Elsewhere it is exact: bytes of a file that were no text
    are the same bytes again; half a character, which has no bytes, becomes U+FFFD.

    Args:
        file: standard output or standard error.
        text: anything.
    """
    shown = visible(text) if file.isatty() else _NO_BYTES.sub("\ufffd", text)
    file.flush()
    file.buffer.write(shown.encode("utf-8", "surrogateescape"))
    file.buffer.flush()
