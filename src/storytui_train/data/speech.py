"""PURE. Where quoted speech stands in the paragraphs of a text, whatever marks it is printed with.

Known are curly and straight double marks, single ones (‘…’, '…', `…'), guillemets either way
round, low marks („…“) and dialogue that opens with a dash. Speech over several paragraphs opens
again at each of them, or does not and closes in a later one: both are followed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

_MARKS = re.compile("[“”„«»\"‘’'`]")
_GUILLEMETS = re.compile("[«»]")
_EMPHASIS = "*_"
_DASH = re.compile(r"(?:[—–―]|--)[ \u00a0]?[^\W\d_]")
_OPENS_AFTER = "([{—–-―/" + _EMPHASIS
_ELISION = re.compile(
    r"(?:tis|twas|twere|twill|twould|tisn|twasn|em|ere|im|er|ud|ull|ad|as|alf|ouse|bout|cause|"
    r"cos|til|till|un|ll|ve|d|s|t|n|round|tween|neath|gainst|mongst|pon|way|most|ow|ave|ope|appy|"
    r"deed|scuse|spect|low|ard|ole|and|ello|ullo|orrible|ome|ang)\b",
    re.IGNORECASE,
)
"""What a word can be that has lost its beginning: the mark before it is an apostrophe."""
_STRONG = frozenset('.,!?…;:—–-)]”"*_»')
"""After one of these a single mark closes; after a letter it may be an apostrophe."""
_SINGLE_OPENERS = re.compile("[‘`]")
_REACH = 3
"""Paragraphs in which speech that does not open again is still expected to close."""
_MARK_AT_START = re.compile(r"(?:^|\n\n)[*_]*(['\"“‘`])(?=[^\W\d_]|[“\"'‘])")


@dataclass(frozen=True, slots=True)
class Quoting:
    """How a text marks speech, where the marks alone do not say."""

    guillemet: str = "«"
    """The one that opens."""
    singles: bool = False
    """Whether straight single marks open speech within a paragraph too."""


@dataclass(slots=True)
class Speech:
    """The speech of one paragraph."""

    spans: list[tuple[int, int]] = field(default_factory=list)
    """From each opening mark to behind its closing one, in characters of the paragraph."""
    openings: list[tuple[int, int]] = field(default_factory=list)
    """Behind an opening mark, and where what it opens ends (the closing mark, or the paragraph's
    end)."""
    goes_on: bool = False
    """Whether it goes on in the next paragraph."""


def quoting_of(text: str) -> Quoting:
    """See how a text marks its speech.

    Args:
        text: whole, or a good part of it, with blank lines between paragraphs.
    """
    # Both stand behind a space in French print: but a paragraph's first one opens.
    first = {"«": 0, "»": 0}
    if "«" in text or "»" in text:
        for paragraph in text.split("\n\n"):
            if found := _GUILLEMETS.search(paragraph):
                first[found[0]] += 1
    starts = [found[1] for found in _MARK_AT_START.finditer(text)]
    straight = starts.count("'")
    doubles = starts.count('"') + starts.count("“")
    return Quoting("»" if first["»"] > first["«"] else "«", straight > max(2, doubles))


def speech_of(paragraphs: Sequence[str], quoting: Quoting) -> list[Speech]:
    """Find the speech in paragraphs that follow each other.

    Args:
        paragraphs: of one stretch of text; none is spoken into from before it.
        quoting: how the whole text marks speech.
    """
    found: list[Speech] = []
    carried: list[str | None] = [None] * (len(paragraphs) + 1)
    for number, paragraph in enumerate(paragraphs):
        following = paragraphs[number + 1] if number + 1 < len(paragraphs) else ""
        reader = _Reader(paragraph, quoting, following)
        speech = reader.read(carried[number])
        if reader.open is not None:
            until = _closes_in(paragraphs, number + 1, reader.open, quoting)
            speech.goes_on = until is not None
            for later in range(number + 1, (until or 0) + 1):
                carried[later] = reader.open
        found.append(speech)
    return found


def _closes_in(paragraphs: Sequence[str], first: int, kind: str, quoting: Quoting) -> int | None:
    """How far speech that is open before paragraph `first` reaches without opening again.

    Returns:
        The paragraph that it closes in; `first - 1` where `first` opens it again; None where it
        was never closed, and so has ended already.
    """
    if first >= len(paragraphs):
        return None
    if _opens(paragraphs[first], kind):
        return first - 1
    if kind in "‘'`":
        return None  # an apostrophe looks the same as what would close it
    for number in range(first, min(first + _REACH, len(paragraphs))):
        reader = _Reader(paragraphs[number], quoting, "")
        for found in _MARKS.finditer(paragraphs[number]):
            if reader.opens(found.start()) is not None:
                return None
            if reader.closes(found.start(), kind):
                return number
    return None


def _opens(paragraph: str, kind: str) -> bool:
    return paragraph.lstrip(_EMPHASIS + " ").startswith("“" if kind == "„" else kind) or (
        kind == "„" and paragraph.lstrip(_EMPHASIS + " ").startswith("„")
    )


class _Reader:
    """Reads the marks of one paragraph from left to right."""

    def __init__(self, text: str, quoting: Quoting, following: str) -> None:
        self.text = text
        self.quoting = quoting
        self.following = following
        self.open: str | None = None
        """The mark that opened what is open now."""
        self.low = "„" in text

    def read(self, carried: str | None) -> Speech:
        """The paragraph's speech; `carried`: the mark of what is open before it."""
        text, speech = self.text, Speech()
        if carried is None and _DASH.match(text):
            speech.spans.append((0, len(text)))
            return speech
        self.open, begin, close, depth = carried, 0, -1, 0
        for found in _MARKS.finditer(text):
            at = found.start()
            if self.open is None:
                self.open = self.opens(at)
                if self.open is not None:
                    begin, depth = at, 0
                    close = self._single_end(at) if self.open in "‘'`" else -1
                elif not speech.spans and self.closes(at, '"' if text[at] == '"' else "“"):
                    speech.spans.append((0, at + 1))  # its opening mark was lost
            elif self.open in "‘'`":
                if at == close:
                    self._close(speech, begin, at)
            elif self.opens(at) == self.open:
                depth += 1  # a title in the same marks, or a closing one was lost before it
            elif self.closes(at, self.open):
                if depth == 0:
                    self._close(speech, begin, at)
                depth = max(0, depth - 1)
        if self.open is not None:
            speech.spans.append((begin, len(text)))
            opened = text[begin : begin + 1] == self.open
            speech.openings += [(begin + 1, len(text))] if opened else []
        return speech

    def _close(self, speech: Speech, begin: int, at: int) -> None:
        speech.spans.append((begin, at + 1))
        speech.openings += [(begin + 1, at)] if self.text[begin] == self.open else []
        self.open = None

    def _around(self, at: int) -> tuple[str, str]:
        """What stands before and behind a mark, emphasis left out; a space where nothing does."""
        text = self.text
        left, right = at - 1, at + 1
        while left >= 0 and text[left] in _EMPHASIS:
            left -= 1
        while right < len(text) and text[right] in _EMPHASIS:
            right += 1
        return text[left] if left >= 0 else " ", text[right] if right < len(text) else " "

    def opens(self, at: int) -> str | None:
        """The mark at `at` where nothing is open, if it opens speech."""
        mark = self.text[at]
        before, after = self._around(at)
        if mark in "„«»“":
            if mark == "“":
                return None if self.low else mark
            return mark if mark in ("„", self.quoting.guillemet) else None
        if mark == "‘":
            return mark if not after.isspace() else None
        free = before.isspace() or before in _OPENS_AFTER or before in '“"„«»'
        if mark == "`":
            return mark if free and not after.isspace() else None
        if mark == '"':
            return mark if free and not after.isspace() and after not in ".,;:!?" else None
        if mark == "'" and free and (after.isalnum() or after in '“"‘—'):
            if _ELISION.match(self.text, at + 1) or (at and not self.quoting.singles):
                return None
            return mark
        return None

    def closes(self, at: int, kind: str) -> bool:
        """Whether the mark at `at` closes speech that a mark of `kind` opened."""
        mark = self.text[at]
        if kind == "„":
            return mark in "“”"
        if kind in "«»":
            return mark in "«»" and mark != kind
        if mark == "”":
            return True
        before, after = self._around(at)
        return mark == '"' and not (before.isspace() and not after.isspace())

    def _single_end(self, begin: int) -> int:
        """Where the single mark at `begin` is closed; behind the text where it is not.

        A closing mark looks like an apostrophe. One after a sentence's mark closes; one after a
        letter (the boys’ hats, runnin’ off) only where none of the others comes before the next
        opening one.
        """
        text, mark = self.text, self.text[begin]
        closing = "’" if mark == "‘" else "'’"
        nexts = _SINGLE_OPENERS.search(text, begin + 1)
        limit = nexts.start() if nexts else len(text)
        weak = -1
        for at in range(begin + 1, len(text)):
            if text[at] not in closing:
                continue
            before, after = self._around(at)
            if after.isalnum() or before.isspace():
                continue
            if before in _STRONG and at > begin + 1:
                return weak if at > limit and weak >= 0 else at
            if at < limit and (after in ".,;:!?—–" or not self._opened_again(mark)):
                weak = at
        return weak if weak >= 0 else len(text)

    def _opened_again(self, mark: str) -> bool:
        return _opens(self.following, mark)
