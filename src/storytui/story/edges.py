"""The text of one segment of a reply, without the line breaks and fences at its edges."""

import re

_TOKEN = re.compile(r"\s+|`+|[^\s`](?:[^\r\n]*\S)?")
_FENCE_LINE = re.compile(r"^[ \t]*`{3,}[ \t]*\w*[ \t]*\r?$", re.MULTILINE)
_OPENING_FENCE = re.compile(r"\s*`{3,}[ \t]*\w*[ \t]*\r?\n")


def holds_text(text: str) -> bool:
    """Whether there is more in `text` than white space and lines of a Markdown fence."""
    return bool(_FENCE_LINE.sub("", text).strip())


def without_opening_fence(text: str) -> str:
    """`text` without the line of a Markdown fence that it begins with, if it does."""
    return _OPENING_FENCE.sub("", text, count=1) if _OPENING_FENCE.match(text) else text


class SegmentText:
    """The text of a segment as it arrives.

    At its beginning and at its end it loses white space with a line break in it, and at its end
    the line of a Markdown fence that was not opened inside it. So white space and what may be
    such a line are held back until more text follows.
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._white: list[str] = []
        """White space held back."""
        self._ticks: list[str] = []
        """Backticks held back, at the start of a line."""
        self._after_ticks: list[str] = []
        """White space after them."""
        self._line = "start"
        """What the line has so far: `start` (blanks), `ticks`, `blanks` (after ticks), `text`."""
        self._fenced = False
        """Whether a fence is open inside the text."""
        self._paragraph = False

    def __str__(self) -> str:
        return "".join(self._parts)

    @property
    def empty(self) -> bool:
        """Whether nothing stands in the segment yet."""
        return not self._parts

    def write(self, text: str) -> str:
        """Take more text; returns what is certain by now."""
        out: list[str] = []
        for token in _TOKEN.findall(text):
            if token.isspace():
                (self._after_ticks if self._ticks else self._white).append(token)
                if "\n" in token or "\r" in token:
                    self._line = "start"
                elif self._line == "ticks":
                    self._line = "blanks"
            elif token[0] == "`" and self._line == "ticks":
                self._ticks.append(token)
            elif token[0] == "`" and self._line == "start":
                if self._ticks:
                    self._release(out)
                self._ticks.append(token)
                self._line = "ticks"
            else:
                self._release(out)
                out.append(token)
                self._line = "text"
        return self._put(out)

    def finish(self) -> str:
        """The segment is over; returns what was held back and belongs to it."""
        out: list[str] = []
        ticks = "".join(self._ticks)
        fence = len(ticks) >= 3 and not self._fenced
        if ticks and not fence:
            after = self._after_ticks
            self._after_ticks = []
            self._release(out)
            self._white = after
        white = "".join(self._white)
        if not fence and not self.empty and "\n" not in white and "\r" not in white:
            out.append(white)
        self._white, self._ticks, self._after_ticks = [], [], []
        self._line = "text"
        return self._put(out)

    def begin_paragraph(self) -> None:
        """What is written next stands in a new paragraph."""
        self._paragraph = True

    def _release(self, out: list[str]) -> None:
        """Move what was held back to `out`: more text follows it."""
        white = "".join(self._white)
        if self._paragraph or (self.empty and not out):
            white = white[max(white.rfind("\n"), white.rfind("\r")) + 1 :]
        if self._paragraph and not self.empty:
            white = "\n\n" + white
        self._paragraph = False
        ticks = "".join(self._ticks)
        if len(ticks) >= 3:
            self._fenced = not self._fenced
        out += [white, ticks, *self._after_ticks]
        self._white, self._ticks, self._after_ticks = [], [], []

    def _put(self, out: list[str]) -> str:
        text = "".join(out)
        if text:
            self._parts.append(text)
        return text
