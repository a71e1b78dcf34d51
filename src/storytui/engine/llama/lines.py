"""Tokens only once: a text's lines are tokenised one by one, and kept.

A text may be cut where no token reaches over the cut, and where the parts are split into words as
the whole is. Both holds between a line break and what is no white space, unless the vocabulary has
a token with just that in it: merging tokenizers make a token only if the vocabulary has it, and
those that split a text into words first look no further than at whether a character is white space.
"""

import re
import threading
from array import array
from collections.abc import Callable, Iterable

STAND_IN = "a"
"""Stands for what follows a line: white space at a text's end is split otherwise."""
CAPACITY = 4_000_000
"""Characters of lines that are kept, at the most; as many tokens take 16 MB."""


def cuts_of(pieces: Iterable[bytes]) -> re.Pattern[str]:
    """What matches, empty, wherever a text may be cut.

    Args:
        pieces: the bytes of each token in the vocabulary.
    """
    barred: set[str] = set()
    beyond_ascii = False
    for piece in pieces:
        if b"\n" not in piece:
            continue
        for follower in re.findall(rb"\n(?=([^\n]))", piece, re.DOTALL):
            if follower[0] >= 0x80:
                beyond_ascii = True
            elif not follower.isspace():
                barred.add(follower.decode())
    excluded = "".join(map(re.escape, sorted(barred)))
    if beyond_ascii:
        excluded += "\x80-\U0010ffff"
    return re.compile(rf"(?<=\n)(?=[^\s{excluded}])")


class LineTokens:
    """Tokenises texts by line; safe to use from several threads."""

    def __init__(
        self,
        beginning: Callable[[str], list[int]],
        inside: Callable[[str], list[int]],
        cuts: re.Pattern[str] | None,
        capacity: int = CAPACITY,
    ) -> None:
        """Begin with nothing kept.

        Args:
            beginning: the tokenizer, for the beginning of a text.
            inside: the tokenizer, for text that continues one.
            cuts: matches wherever a text may be cut; None: nowhere.
            capacity: characters of lines that are kept.
        """
        self._beginning = beginning
        self._inside = inside
        self._cuts = cuts
        self._capacity = capacity
        self._stand_in = inside(STAND_IN)
        self._young: dict[str, array[int]] = {}
        self._old: dict[str, array[int]] = {}
        self._held = 0
        """Characters among the young lines."""
        self._changing = threading.Lock()

    def tokens(self, text: str) -> list[int]:
        """Tokens of a text."""
        return self._tokens(text, self._beginning)

    def tokens_inside(self, text: str) -> list[int]:
        """Tokens of text that continues another."""
        return self._tokens(text, self._inside)

    def _tokens(self, text: str, whole: Callable[[str], list[int]]) -> list[int]:
        lines = self._cuts.split(text) if self._cuts else [text]
        if len(lines) == 1:
            return whole(text)
        # The first and the last have ends of the text's own.
        last = self._inside(lines.pop())
        first = (
            self._line(lines[0])
            if whole == self._inside
            else _without(whole(lines[0] + STAND_IN), self._stand_in)
        )
        if first is None:
            return whole(text)
        tokens = list(first)
        for line in lines[1:]:
            known = self._line(line)
            if known is None:
                return whole(text)
            tokens.extend(known)
        tokens.extend(last)
        return tokens

    def _line(self, line: str) -> "array[int] | None":
        """Tokens of a line in the middle of a text; None: a stand-in cannot be told from it."""
        known = self._young.get(line)
        if known is not None:
            return known
        known = self._old.get(line)
        if known is None:
            tokens = _without(self._inside(line + STAND_IN), self._stand_in)
            if tokens is None:
                return None
            known = array("i", tokens)
        with self._changing:
            self._young[line] = known
            self._held += len(line)
            if self._held > self._capacity // 2:
                self._old, self._young, self._held = self._young, {}, 0
        return known


def _without(tokens: list[int], ending: list[int]) -> list[int] | None:
    """Tokens but for those at their end; None where they end otherwise."""
    if not ending or tokens[-len(ending) :] != ending:
        return None
    return tokens[: -len(ending)]
