"""Make control characters visible, so that no text can speak to the terminal.

A manuscript, a reply, a file's name or an error may hold escape sequences (OSC 52 sets the
clipboard), or overrides of the writing direction that make a text look like another. What is
shown goes through here first.
"""

import re
from functools import cache

# ZWNJ and ZWJ belong inside words of Persian, the Indic scripts and emoji; elsewhere they only
# hide. General punctuation (U+2000–U+206F) is left out of the letters that they may follow.
_JOINERS = "(?<![\u0590-\u1fff\u2190-\ud7ff\uf900-\ufe0f\U00010000-\U000dffff])[\u200c\u200d]"
_HIDDEN = (
    "\x0b-\x1f\x7f-\x9f"  # C0 after \n, DEL, C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"  # directions
    "\u200b\u2060-\u2065\ufeff"  # zero width
    "\u2028\u2029"  # line breaks of their own
    "\ufff9-\ufffb\U000e0000-\U000e007f"  # annotations and tags, which show nothing
    "\ud800-\udfff"  # halves of characters, which no terminal can be sent
)


@cache
def _hidden(newlines: bool) -> re.Pattern[str]:
    """What must not be shown as it is. Hardly any text has it, so it is compiled when one does."""
    first = "[\x00-\x08" if newlines else "[\x00-\x0a"
    return re.compile(f"{first}{_HIDDEN}]|{_JOINERS}")


def visible(text: str, *, newlines: bool = True) -> str:
    """`text` with every control character replaced by something that shows it.

    ESC becomes `␛`, and so on for the others that Unicode has a picture of; the rest become
    `⟨U+202E⟩`. A carriage return shows as `␍` even in front of a line feed: line breaks are
    expected to be `\\n` by the time a text is shown.

    Args:
        text: anything: a manuscript, a reply, a file's name, an error.
        newlines: leave line feeds and tabs as they are; False makes them visible too, for
            places that have one line.
    """
    # Everything hidden is unprintable to Python, which finds that out far faster than a pattern.
    if (text.replace("\n", "").replace("\t", "") if newlines else text).isprintable():
        return text
    return _hidden(newlines).sub(_picture, text)


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    return f"⟨U+{code:04X}⟩"
