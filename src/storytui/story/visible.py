"""Make control characters visible, so that no text can speak to the terminal.

A manuscript, a reply, a file's name or an error may hold escape sequences (OSC 52 sets the
clipboard), overrides of the writing direction that make a text look like another, and characters
that take no room and say something nobody sees. What is shown goes through here first.

Hidden are: control characters (C0, DEL, C1), line and paragraph separators, marks, embeddings,
overrides and isolates of the writing direction, characters of no width, fillers, soft hyphens,
variation selectors, tags, annotations, noncharacters, and halves of characters. The last have no
bytes that a terminal could be sent; U+DC80 to U+DCFF stand for bytes of a file that are no text.

Some of these belong to writing, and stay exactly there: joiners (ZWNJ, ZWJ) inside the words of
the scripts that join letters, ZWJ between two emoji, a colour of skin behind one, one variation
selector behind an emoji, a keycap, an ideograph or a Mongolian letter. The flags of England,
Scotland and Wales are made of tags and are spelt out: tags can carry any text unseen. Of the marks
that stand over one letter the first eight stay; more would be drawn over the lines around it.
"""

import re
import unicodedata
from functools import cache

MOST_MARKS = 8
"""How many combining marks in a row are shown as they are; no orthography needs as many."""

_MARKS = ("Mn", "Me")
"""The categories of marks that take no room of their own."""
_JOINERS = "\u200c\u200d"
_FILLERS = "\u115f\u1160\u3164\uffa0"
"""Letters that cannot be seen."""
_SKIN = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
"""Colours of skin, which have a width where there is no emoji before them."""
_HIDDEN = (
    "\x0b-\x1f\x7f-\x9f\xad"  # C0 after \n, DEL, C1, the soft hyphen
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"  # directions
    "\u180e\u200b\u2060-\u2065\ufeff"  # zero width
    "\u2028\u2029"  # line breaks of their own
    "\ufff0-\ufffb\U000e0000-\U000e0fff"  # annotations, tags, variation selectors
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"  # layout of rare scripts
    "\ud800-\udfff"  # halves of characters
    "\ufdd0-\ufdef"
    + "".join(chr(plane + 0xFFFE) + chr(plane + 0xFFFF) for plane in range(0, 0x110000, 0x10000))
    + "\u034f\u17b4\u17b5\u180b-\u180d\u180f\ufe00-\ufe0f"  # marks that cannot be seen
    + _FILLERS
)

_EMOJI = (  # and symbols that may be drawn as one
    f"(?![{_SKIN}])"
    "[\xa9\xae\u203c\u2049\u2122\u2139\u2190-\u27e7\u27ea-\u2bff\u3030\u303d\u3297\u3299"
    "\U0001f000-\U0001faff]"
)
_EMOJI_SELECTORS = "[\ufe00\ufe0e\ufe0f]"
_PERSON = f"(?![{_SKIN}])[\u261d\u26f9\u270a-\u270d\U0001f300-\U0001faff]"
_IDEOGRAPH = "[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fffd]"
_MONGOLIAN = "[\u1820-\u1878\u1880-\u18aa]"
_JOINING = (  # letters and marks of the scripts that joiners belong to
    f"(?![{_HIDDEN}])"
    "[\u0620-\u10ff\u1780-\u1cff\ua840-\uabff\ufb50-\ufdff\ufe70-\ufefc"
    "\U00010a00-\U00011fff\U0001e900-\U0001e95f]"
)
_BELONGING = (
    f"(?<={_EMOJI}){_EMOJI_SELECTORS}"
    f"|(?<={_PERSON})[{_SKIN}]"
    "|(?<=[#*0-9])\ufe0f(?=\u20e3)"
    f"|(?<={_IDEOGRAPH})[\ufe00-\ufe0f\U000e0100-\U000e01ef]"
    f"|(?<={_MONGOLIAN})[\u180b-\u180f]"
    f"|(?:(?<={_EMOJI})|(?<={_EMOJI}{_EMOJI_SELECTORS})|(?<={_PERSON}[{_SKIN}]))"
    f"\u200d(?={_EMOJI})"
    # A joiner at a word's end would make what follows it look as if it had no width.
    f"|(?<={_JOINING})(?:\u200c|\u200d(?={_JOINING}))"
)

# Marks are neither letters nor blanks to Python; punctuation and symbols are left out by block.
_MARK = "[^\\w\\s\x00-\u02ff\u2010-\u2027\u2030-\u205e\u2190-\u2bff\u3000-\u3029\u3030-\u303f]"


# Compiled on demand: hardly any text needs them.
@cache
def _candidates(newlines: bool) -> re.Pattern[str]:
    """What must not be shown as it is, unless it belongs where it stands."""
    first = "\x00-\x08" if newlines else "\x00-\x0a"
    return re.compile(f"[{first}{_HIDDEN}{_JOINERS}{_SKIN}]")


@cache
def _belonging() -> re.Pattern[str]:
    """What belongs to writing where it stands."""
    return re.compile(_BELONGING)


@cache
def _run_of_marks() -> re.Pattern[str]:
    """As many in a row as may be too many."""
    return re.compile(f"{_MARK}{{{MOST_MARKS + 1},}}")


def visible(text: str, *, newlines: bool = True) -> str:
    """`text` with every character that must not be shown replaced by something that shows it.

    ESC becomes `␛`, and so on for the others that Unicode has a picture of; a byte that is no
    text becomes `⟨80⟩`; the rest become `⟨U+202E⟩`. A carriage return shows as `␍` even in front
    of a line feed: line breaks are expected to be `\\n` by the time a text is shown. What is
    visible stays as it is.

    Args:
        text: anything: a manuscript, a reply, a file's name, an error.
        newlines: leave line feeds and tabs as they are; False makes them visible too, for
            places that have one line.
    """
    places = hidden_places(text, newlines=newlines)
    if not places:
        return text
    pieces: list[str] = []
    shown_to = 0
    for place in places:
        pieces += (text[shown_to:place], _picture(ord(text[place])))
        shown_to = place + 1
    pieces.append(text[shown_to:])
    return "".join(pieces)


def hidden_places(text: str, *, newlines: bool = True) -> list[int]:
    """Where the characters are that must not be shown as they are, in their order.

    Args:
        text: anything.
        newlines: line feeds and tabs are not among them.
    """
    # Nearly every text is settled here, far faster than by a pattern.
    bare = text.replace("\n", "").replace("\t", "") if newlines else text
    if bare.isprintable() and (bare.isascii() or not any(map(_is_odd, set(bare)))):
        return []
    belongs = _belonging().match
    places = [
        match.start()
        for match in _candidates(newlines).finditer(text)
        if not belongs(text, match.start())
    ]
    flooded = [place for run in _run_of_marks().finditer(text) for place in _too_many(run)]
    return sorted({*places, *flooded}) if flooded else places


@cache
def _is_odd(character: str) -> bool:
    """Whether a printable character may yet have to be hidden."""
    return character in _FILLERS + _SKIN or unicodedata.category(character) in _MARKS


def _too_many(run: re.Match[str]) -> list[int]:
    """The places of the marks that follow as many as are shown."""
    places: list[int] = []
    marks = 0
    for place in range(*run.span()):
        character = run.string[place]
        is_mark = character in _JOINERS or unicodedata.category(character) in _MARKS
        marks = marks + 1 if is_mark else 0
        if marks > MOST_MARKS:
            places.append(place)
    return places


def _picture(code: int) -> str:
    """What stands for a character that must not be shown."""
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if 0xDC80 <= code <= 0xDCFF:
        return f"⟨{code - 0xDC00:02X}⟩"
    return f"⟨U+{code:04X}⟩"
