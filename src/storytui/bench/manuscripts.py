"""The long manuscript that the bench writes in: a book from a file, or one made of the sample."""

import random
import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from storytui.samples import sample_text
from storytui.story.sentences import sentence_spans
from storytui.story.words import count_words

FRAME_TOKENS = 120
"""More than format and template take of a prompt."""
_MOST_CHARACTERS = 16
"""Characters of a token at the most, on average."""
WORDS = 65_000
"""Words of the manuscript that is made where no book is given."""
SENTENCES = (2, 7)
"""The fewest and the most sentences in one of its paragraphs."""
_MARKER = re.compile(r"^\W*(START|END) OF TH\w+ PROJECT GUTENBERG.*$", re.MULTILINE)


class BookError(Exception):
    """A book that cannot be used; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Manuscript:
    """A long text, and where it comes from."""

    text: str
    source: str
    """For the report: a file's name, or how the text was made."""

    def beginning(self, tokens: int, count: Callable[[Sequence[str]], Sequence[int]]) -> str:
        """As much of it as has about so many tokens, up to a word's end.

        Args:
            tokens: at the most; a text that has fewer is taken whole.
            count: tokens of each of several texts.
        """
        lengths = range(1, min(len(self.text), tokens * _MOST_CHARACTERS) + 1)
        length = bisect_right(lengths, tokens, key=lambda each: count([self.text[:each]])[0])
        if length < len(self.text):
            length = max(self.text.rfind(" ", 0, length), 0) or length
        return self.text[:length]


def manuscript(book: Path | None) -> Manuscript:
    """The book in a file, else a manuscript made of the sample story.

    Raises:
        BookError: the file cannot be read, or is no text.
    """
    if book is None:
        text = shuffled_sample(WORDS)
        return Manuscript(text, "the sample story's sentences, shuffled: natural, but repetitive")
    try:
        raw = book.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BookError(f"The book {book} cannot be read as UTF-8 text: {error}.") from error
    return Manuscript(unwrapped(raw), book.name)


def unwrapped(raw: str) -> str:
    """A plain-text book as a manuscript: a line a paragraph, without its publisher's notes."""
    raw = raw.replace("\r\n", "\n")
    marks = {found[1]: found for found in _MARKER.finditer(raw)}
    start = marks["START"].end() if "START" in marks else 0
    end = marks["END"].start() if "END" in marks else len(raw)
    paragraphs = re.split(r"\n[ \t]*\n", raw[start:end])
    return "\n\n".join(joined for each in paragraphs if (joined := " ".join(each.split()))) + "\n"


def shuffled_sample(words: int, seed: int = 1) -> str:
    """A manuscript of that many words: the sample's sentences, in an order drawn from the seed."""
    sample = sample_text()
    sentences = [
        sample[start:end].strip()
        for start, end in sentence_spans(sample)
        if not sample[start:end].lstrip().startswith("#")
    ]
    draw = random.Random(seed)
    paragraphs: list[str] = []
    written = 0
    while written < words:
        paragraph = " ".join(draw.choices(sentences, k=draw.randint(*SENTENCES)))
        paragraph = " ".join(paragraph.split())
        paragraphs.append(paragraph)
        written += count_words(paragraph)
    return "\n\n".join(paragraphs) + "\n"
