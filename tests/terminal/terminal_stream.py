"""A strict reader of what a program sends to a terminal: known commands, and text."""

import re
from base64 import b64decode
from dataclasses import dataclass, field

from storytui.story.visible import visible

MODES = {7, 25, 1000, 1002, 1003, 1004, 1006, 1015, 1016, 1049, 2004, 2026, 2048}
"""What Textual turns on and off: line wrap, cursor, mouse, focus, alternate screen, bracketed
paste, synchronised output, resizing in band."""

_KNOWN = re.compile(
    r"(?P<text>[^\x00-\x1f\x7f]+)"
    r"|(?P<look>\x1b\[[0-9;]*m)"
    r"|(?P<place>\x1b\[[0-9]*;?[0-9]*H|\x1b\[[0-9]*[A-D])"
    r"|\x1b\[\?(?P<mode>[0-9]+)[hl]"
    r"|(?P<question>\x1b\[\?(?:2026|2048)\$p)"
    r"|(?P<keyboard>\x1b\[>[0-9]+u|\x1b\[<u)"
    r"|(?P<pointer>\x1b\]22;(?:default|text|pointer)\x07)"
    r"|\x1b\]52;c;(?P<copied>[A-Za-z0-9+/=]*)\x07"
    r"|(?P<bell>\x07)"
    r"|(?P<line_break>\r?\n)"
)


@dataclass
class Seen:
    """What a program sent."""

    text: list[str] = field(default_factory=list)
    """Text between two places, its looks left out."""
    copied: list[str] = field(default_factory=list)
    """What was put on the clipboard."""
    faults: list[str] = field(default_factory=list)
    """What no program of ours sends, with what stands around it."""


def read_stream(sent: bytes) -> Seen:
    """Take apart everything that was sent."""
    seen = Seen()
    try:
        stream = sent.decode("utf-8")
    except UnicodeDecodeError as error:
        seen.faults.append(f"no UTF-8: {sent[max(0, error.start - 20) : error.end + 20]!r}")
        stream = sent.decode("utf-8", "replace")
    at, run = 0, ""
    while at < len(stream):
        match = _KNOWN.match(stream, at)
        kind = "fault" if match is None else match.lastgroup
        if match is not None and kind == "text":
            run += match[0]
        elif kind != "look":
            _end(run, seen)
            run = ""
        if match is None:
            seen.faults.append(f"{stream[max(0, at - 30) : at + 30]!r}")
            at += 1
            continue
        if kind == "mode" and int(match["mode"]) not in MODES:
            seen.faults.append(match[0])
        if kind == "copied":
            seen.copied.append(b64decode(match["copied"]).decode("utf-8"))
        at = match.end()
    _end(run, seen)
    return seen


def _end(run: str, seen: Seen) -> None:
    """A stretch of text is complete."""
    if not run:
        return
    if visible(run, newlines=False) != run:
        seen.faults.append(f"hidden: {run!a}")
    seen.text.append(run)
