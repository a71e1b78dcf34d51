"""PURE. An example: one row of training data, with everything that says where it comes from."""

from typing import Literal

import msgspec

from storytui_train.data.documents import Source
from storytui_train.data.edits import Edit

Split = Literal["", "train", "validation", "test"]
Starts = Literal["mid-sentence", "sentence", "paragraph", "scene"]
Cut = Literal["", "mid-sentence", "quotation", "paragraph", "scene"]


WRITTEN = "written"
"""The name of a teacher that is no model: people wrote the plans themselves."""


class Teacher(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who wrote a row's reasoning and guidance, and at what cost."""

    model: str
    """`written` where people wrote them."""
    prompt: str
    """SHA-256 of the prompt templates used, 16 hexadecimal digits; empty: nothing was asked."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    """US dollars; 0 for a model on this machine."""
    requests: int = 0
    """How many replies this row took, refused ones included."""


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """One example. `context + continuation` is contiguous text of the book, paragraphs included.

    The context ends, and the continuation begins, so that no character is lost between them: the
    continuation begins with the white space that separates it, if any.
    """

    id: str
    """`{source id}:{start}-{end}` by its span, and `~{n}` behind it where several rows have it."""
    source: Source
    chapter: str = ""
    """The chapter's title."""
    chapter_number: int = 0
    """From 1, over the book."""
    span: tuple[int, int]
    """Start and end in the decoded source, in characters."""
    edits: tuple[Edit, ...] = ()
    """`edits.apply(source, edits, *span)` is `context + continuation`."""
    context: str
    continuation: str
    after: str = ""
    """The next few sentences behind the continuation, up to the chapter's end."""
    sentences: tuple[int, int] = (0, 0)
    """Of the context and of the continuation."""
    starts: Starts = "sentence"
    """Where the continuation begins."""
    cut: Cut = ""
    """Empty, or where the cursor was put on purpose: inside a sentence, after an opened
    quotation, at a paragraph's or a scene's end."""
    why: str = ""
    """Why it has fewer or more sentences than asked; empty where it has not."""
    split: Split = ""
    reasoning: str = ""
    guidance: str = ""
    """One sentence saying where the story goes."""
    words: int = 0
    """Words of the continuation."""
    teacher: Teacher | None = None
    scores: dict[str, float] = {}
    """`gain` (percent of perplexity), `leak`, …"""
