"""Tokens only once: a text's lines are tokenised one by one, and kept.

A text may be cut where no token reaches over the cut: merging tokenizers make a token only if the
vocabulary has it, so between a line break and what is no white space, unless some token has just
that in it. But many of them split a text into words first, and what becomes of the white space at a
line's end depends on what follows: whether it is a digit, say. So each line is tokenised with a
stand-in for what follows it, whose tokens are cut off.
"""

import re
import threading
from array import array
from collections.abc import Callable, Iterable

_LETTER = "a"
_FOLLOWS = re.compile(r"([A-Za-z])|[0-9]{1,3}|.", re.DOTALL)
"""What of the next line decides how the white space before it is split: letters are all alike,
some split off digits, some of them by threes."""
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
        self._young: dict[tuple[str, str], array[int]] = {}
        self._old: dict[tuple[str, str], array[int]] = {}
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
        following = [_stand_in(each) for each in lines[1:]]
        # The first and the last have ends of the text's own.
        if whole == self._inside:
            tokens: list[int] = []
        else:
            first = _without(whole(lines[0] + following[0]), self._inside(following[0]))
            if first is None:
                return whole(text)
            tokens = first
            del lines[0], following[0]
        last = lines.pop()
        for line in zip(lines, following, strict=True):
            known = self._young.get(line) or self._line(*line)
            if known is None:
                return whole(text)
            tokens.extend(known)
        tokens.extend(self._inside(last))
        return tokens

    def _line(self, line: str, follows: str) -> "array[int] | None":
        """Tokens of a line in the middle of a text; None: the stand-in cannot be told from it."""
        known = self._old.get((line, follows))
        if known is None:
            tokens = _without(self._inside(line + follows), self._inside(follows))
            if tokens is None:
                return None
            known = array("i", tokens)
        with self._changing:
            self._young[line, follows] = known
            self._held += len(line)
            if self._held > self._capacity // 2:
                self._old, self._young, self._held = self._young, {}, 0
        return known


def _stand_in(line: str) -> str:
    """What stands for a line when the one before it is tokenised."""
    found = _FOLLOWS.match(line)
    assert found is not None
    return _LETTER if found[1] else found[0]


def _without(tokens: list[int], ending: list[int]) -> list[int] | None:
    """Tokens but for those at their end; None where they end otherwise."""
    if not ending or tokens[-len(ending) :] != ending:
        return None
    return tokens[: -len(ending)]
