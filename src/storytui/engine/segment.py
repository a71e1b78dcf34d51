"""The text of one segment as it is sampled: characters, tags, words, and where it may end.

Pure: tokens' bytes in, text and decisions out. The tags are plain text; a tag may hide inside
longer tokens (`.</` can be one), so what may become a tag is held back.
"""

import codecs
import re
from bisect import bisect_right
from collections.abc import Iterable

from storytui.engine.api import SegmentPlan
from storytui.story.sentences import ends_sentence, last_sentence_end
from storytui.story.words import count_words

NEAR = 0.9
"""From this share of the words asked for on, the segment ends at a sentence's end."""
GRACE = 1.25
"""At this share of the words asked for, the segment is cut back to a sentence's end."""
GRACE_WORDS = 12
"""Words of grace that even the shortest segment has."""
LAST_GRACE = 2.0
"""At this share, a segment without a sentence's end is cut all the same."""


def tags_of(segments: Iterable[SegmentPlan]) -> tuple[str, ...]:
    """Every tag of a reply: any of them, sampled, ends the segment it is sampled in."""
    found: dict[str, None] = {}
    for segment in segments:
        found[segment.opening] = None
        found[segment.closing] = None
    return tuple(tag for tag in found if tag)


def may_begin_tag(piece: bytes, tags: tuple[str, ...]) -> bool:
    """Whether a tag lies in a token's bytes, or begins in them."""
    start = piece.find(b"<")
    while start >= 0:
        rest = piece[start:]
        if any(rest.startswith(tag.encode()) or tag.encode().startswith(rest) for tag in tags):
            return True
        start = piece.find(b"<", start + 1)
    return False


def _held(text: str, tags: tuple[str, ...]) -> int:
    """Length of `text` without an end that may become a tag, and without trailing white space."""
    start = text.rfind("<", max(0, len(text) - max(map(len, tags), default=0)))
    if start >= 0 and any(tag.startswith(text[start:]) for tag in tags):
        text = text[:start]
    return len(text.rstrip())


class SegmentText:
    """One segment while it is sampled."""

    def __init__(self, plan: SegmentPlan, tags: tuple[str, ...]) -> None:
        self.plan = plan
        self._tags = tags
        self._tag = re.compile("|".join(map(re.escape, tags))) if tags else re.compile(r"(?!)")
        self._longest = max(map(len, tags), default=0)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.tokens: list[int] = []
        """The tokens drawn so far."""
        self._ends: list[int] = []
        """Characters drawn up to the end of each token."""
        self._split: list[bool] = []
        """Whether a token ends within a character."""
        self.text = plan.prefix
        """All characters so far, the prefix included."""
        self.shown = 0
        """Characters already given out."""
        self._words = 0
        self._counted = 0

    @property
    def words(self) -> int:
        """Words so far; a word that is still growing counts."""
        end = len(self.text)
        while end > self._counted and not self.text[end - 1].isspace():
            end -= 1
        if end > self._counted:
            self._words += count_words(self.text[self._counted : end])
            self._counted = end
        return self._words + count_words(self.text[self._counted :])

    def add(self, token: int, piece: bytes) -> bool:
        """Take one more token and its bytes; True when they complete a tag.

        A tag and what follows it are cut off. The prefix is the writer's: a tag in it is her text.
        """
        before = len(self.text)
        self.text += self._decoder.decode(piece)
        self.tokens.append(token)
        self._ends.append(len(self.text) - len(self.plan.prefix))
        self._split.append(bool(self._decoder.getstate()[0]))
        match = self._tag.search(self.text, max(len(self.plan.prefix), before - self._longest))
        if match:
            self.text = self.text[: match.start()].rstrip()
            return True
        return False

    def news(self) -> str:
        """Text that may be given out since the last call."""
        end = max(self.shown, _held(self.text, self._tags))
        fresh = self.text[self.shown : end]
        self.shown = end
        return fresh

    def cut(self, length: int) -> None:
        """Keep the first `length` characters."""
        self.text = self.text[:length].rstrip()

    @property
    def unripe(self) -> bool:
        """Whether it is too short to be closed yet."""
        return self.words < self.plan.minimum_words

    def end_by_model(self) -> int:
        """Where a segment ends that the model closed.

        Small models close in the middle of a sentence: what is asked for in words is cut back to
        the last whole one. A dash or a quotation mark at the end is the story's own.
        """
        last = self.text.rstrip()[-1:]
        if self.plan.words is None or not (last.isalnum() or last in ",;:"):
            return len(self.text)
        return last_sentence_end(self.text, len(self.text) // 2) or len(self.text)

    def end_by_budget(self) -> tuple[int, str] | None:
        """Where the budget ends the segment, and how; None while it goes on.

        `length`: at a sentence's end; `cut`: none was near, it ends after a whole word.
        """
        wanted, count = self._budget()
        if count < wanted * NEAR:
            return None
        if ends_sentence(self.text):
            return len(self.text), "length"
        spent = len(self.tokens) >= self.plan.tokens
        if count < wanted * GRACE + GRACE_WORDS and not spent:
            return None
        end = last_sentence_end(self.text, len(self.text) // 2)
        if end is not None:
            return end, "length"
        if count < wanted * LAST_GRACE + GRACE_WORDS and not spent:
            return None
        end = last_sentence_end(self.text, 1)
        if end is not None:
            return end, "length"
        return _last_word_end(self.text), "cut"

    def _budget(self) -> tuple[float, float]:
        """What is wanted and what is there, in words or, where none are asked for, in tokens."""
        if self.plan.words is not None and len(self.tokens) < self.plan.tokens:
            return self.plan.words, self.words
        # The grace must lie within the tokens.
        room = self.plan.tokens / GRACE
        return max(1.0, room - GRACE_WORDS), len(self.tokens)

    def whole_tokens(self, spare: int = 0) -> int:
        """How many tokens at the beginning stand in the text as it is, less `spare` of them.

        The last of them ends between two characters.
        """
        count = bisect_right(self._ends, len(self.text) - len(self.plan.prefix))
        count = max(0, count - spare)
        while count and self._split[count - 1]:
            count -= 1
        return count

    def tail_from(self, tokens: int) -> str:
        """The text behind its first `tokens` tokens, which end between two characters."""
        drawn = self._ends[tokens - 1] if tokens else 0
        return self.text[len(self.plan.prefix) + drawn :]


def _last_word_end(text: str) -> int:
    """End of the last word that is certainly whole."""
    space = max(text.rfind(" "), text.rfind("\n"))
    return len(text[:space].rstrip()) if space > 0 else len(text)
