"""The tags of a reply, found in text that arrives in pieces."""

import re
from dataclasses import dataclass

# The blanks are limited so that what may still become a tag is never longer than a line.
_BLANKS = r"\s{0,8}"
_TAG = re.compile(
    rf"<{_BLANKS}(/?){_BLANKS}(reasoning|answer){_BLANKS}(/?){_BLANKS}>", re.IGNORECASE
)

_MAY_END = ".!?…:;\"'”’»)]*_—-"
_MAY_OPEN = "\"'“‘«`(["
_RECENT = 32
"""Characters that are looked at; more white space than that ends a line."""


def _beginning_of_tag() -> re.Pattern[str]:
    names = []
    for name in ("reasoning", "answer"):
        pattern = rf"{_BLANKS}(?:/{_BLANKS})?"
        for letter in reversed(name):
            pattern = f"(?:{letter}{pattern})?"
        names.append(pattern)
    return re.compile(rf"<{_BLANKS}(?:/{_BLANKS})?(?:{'|'.join(names)})", re.IGNORECASE)


_BEGINNING = _beginning_of_tag()
_CUT_OFF = re.compile(r"<\s*(?:/|re|an)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Tag:
    """An opening or closing tag."""

    name: str
    """`reasoning` or `answer`."""
    closing: bool
    raw: str
    """As it was written."""

    @property
    def exact(self) -> bool:
        """Whether it is written without other case and blanks."""
        return self.raw == f"<{'/' * self.closing}{self.name}>"


class TagReader:
    """Cuts text that arrives in pieces into tags and what stands between them."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> list[str | Tag]:
        """Tags and stretches of text, in order; what may become a tag is held back."""
        text = self._held + text
        self._held = ""
        found: list[str | Tag] = []
        start = 0
        at = text.find("<")
        while at >= 0:
            tag = _TAG.match(text, at)
            if tag is not None:
                if start < at:
                    found.append(text[start:at])
                closing = bool(tag[1] or tag[3])
                found.append(Tag(name=tag[2].lower(), closing=closing, raw=tag[0]))
                start = tag.end()
            elif _BEGINNING.fullmatch(text, at):
                self._held = text[at:]
                break
            at = text.find("<", max(start, at + 1))
        rest = text[start : len(text) - len(self._held)]
        return [*found, rest] if rest else found

    def close(self) -> str:
        """What was held back at the end of the text."""
        held, self._held = self._held, ""
        return held


class TextBeforeTag:
    """The last text since the last tag: it tells whether a tag is one or is only mentioned."""

    def __init__(self) -> None:
        self._recent = ""

    def add(self, text: str) -> None:
        """Text without tags arrived."""
        self._recent = (self._recent + text)[-_RECENT:]

    def clear(self) -> None:
        """A tag arrived."""
        self._recent = ""

    @property
    def ends_line(self) -> bool:
        """Whether only blanks stand behind the last line break or tag."""
        seen = self._recent.rstrip()
        blanks = self._recent[len(seen) :]
        return not seen or "\n" in blanks or "\r" in blanks

    @property
    def ends_sentence(self) -> bool:
        """Whether a segment may end here: at a line's or a sentence's end, not after a word."""
        if self.ends_line:
            return True
        seen = self._recent.rstrip()
        quoted = seen == self._recent and seen[-1] in _MAY_OPEN and not seen[-2:-1].strip()
        return not quoted and seen[-1] in _MAY_END


def is_cut_off(text: str) -> bool:
    """Whether `text`, held back to the end, was more likely a tag than a sign of its own."""
    return _CUT_OFF.match(text) is not None
