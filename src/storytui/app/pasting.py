"""What a terminal sends, decoded; what is pasted comes as plain text and never as keys.

Textual looks for keys inside of a paste as well: behind an escape character in it, the next ones
count as pressed, ctrl+q like any other. So a paste is made plain before Textual sees it.
"""

from codecs import IncrementalDecoder, getincrementaldecoder

from storytui.story.plain import plain

START, END = "\x1b[200~", "\x1b[201~"
"""What a terminal that was asked for bracketed paste puts round one."""


class TerminalDecoder(IncrementalDecoder):
    """Decodes the bytes of a terminal; bytes that are no text become U+FFFD."""

    def __init__(self, encoding: str = "utf-8", errors: str = "replace") -> None:
        """Begin outside of a paste.

        Args:
            encoding: the terminal's.
            errors: what becomes of bytes that are no text; see `codecs`.
        """
        super().__init__(errors)
        self._decoder = getincrementaldecoder(encoding)(errors)
        self._pasting = False
        self._held = ""
        """The last of a paste, while it may be the beginning of its end."""
        self._passed = ""
        """The last that went by outside, which may be the beginning of a paste's start."""

    def decode(self, data: bytes, final: bool = False) -> str:  # type: ignore[override]
        """The text of the next bytes, as much of it as is certain."""
        text = self._held + self._decoder.decode(data, final)
        self._held = ""
        pieces: list[str] = []
        while text:
            piece, text = self._inside(text, final) if self._pasting else self._outside(text)
            pieces.append(piece)
        return "".join(pieces)

    def _outside(self, text: str) -> tuple[str, str]:
        """What is passed on as it is, and what is left: nothing, or what is in a paste.

        Nothing is held back: an escape character alone is a key.
        """
        seen = self._passed + text
        found = seen.find(START)
        if found < 0:
            self._passed = seen[1 - len(START) :]
            return text, ""
        self._pasting, self._passed = True, ""
        past = found + len(START) - (len(seen) - len(text))
        return text[:past], text[past:]

    def _inside(self, text: str, final: bool) -> tuple[str, str]:
        """A stretch of a paste made plain, and what is left: nothing, or what is behind it."""
        pasted, end, rest = text.partition(END)
        if end:
            self._pasting = False
            return plain(pasted) + END, rest
        if not final:
            certain = len(text) - _beginning_of_end(text)
            pasted, self._held = text[:certain], text[certain:]
        return plain(pasted), ""


def _beginning_of_end(text: str) -> int:
    """How many of the last characters only what comes next can tell the meaning of."""
    if text.endswith("\r"):  # of the two characters of one line break, perhaps
        return 1
    return next((size for size in range(len(END) - 1, 0, -1) if text.endswith(END[:size])), 0)
