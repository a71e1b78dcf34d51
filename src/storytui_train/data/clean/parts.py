"""PURE. What the parts of a book are made of, as they are found."""

from dataclasses import dataclass, field

from storytui_train.data.clean.layout import Block
from storytui_train.data.clean.titles import Heading


@dataclass
class Section:
    """A heading with what stands under it."""

    heading: Heading | None
    start: int
    """Its first block behind the heading."""
    end: int
    title: str = ""


@dataclass
class Parts:
    """What each block of a book is."""

    blocks: list[Block]
    role: list[str] = field(default_factory=list)
    """For each block: `heading`, `text`, `row`, or why it is taken away."""
    sections: list[Section] = field(default_factory=list)
    """Those with a text."""
