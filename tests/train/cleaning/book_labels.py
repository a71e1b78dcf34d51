"""What the books of the folder are made of: labels made by reading, and the source behind them."""

import os
import re
import tomllib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from storytui_train.data.documents import Extracted

BOOKS = Path(
    os.environ.get("STORYTUI_BOOKS") or Path(__file__).parents[4].joinpath("shared", "books")
)


@dataclass(frozen=True, eq=False)
class Label:
    """One book. Ranges are first and last line, counted from 1."""

    file: str
    body: tuple[int, int]
    first: str
    last: str
    chapters: list[tuple[int, int, str]]
    """Range of the heading, and the title with the titles of the parts it is in."""
    never: list[str]
    """What stands in no chapter."""
    front: list[str] = field(default_factory=list)
    """Chapters that may stand before the story: another's preface, a dedication."""
    play: bool = False
    keep: list[list[int]] = field(default_factory=list)
    """Verse and the like: the block's lines stay lines."""
    free: list[list[int]] = field(default_factory=list)
    """Blocks of which either is right."""
    either: list[list[int]] = field(default_factory=list)
    signs: list[list[int]] = field(default_factory=list)
    """Words on a sign or a tomb, or a song's heading, that look like headings and are none."""
    drop: list[tuple[int, int, str]] = field(default_factory=list)
    """Inside the story and not of it."""
    spaces: list[int] = field(default_factory=list)
    """Paragraphs before which the print leaves a space: a scene break without a sign."""
    kept: list[str] = field(default_factory=list)
    """Text with line breaks that must stay."""
    exact: list[str] = field(default_factory=list)
    """Text of a cleaned paragraph, with emphasis as Markdown."""

    @cached_property
    def source(self) -> str:
        """The file as it is extracted: decoded, without a byte-order mark, breaks as they are."""
        return (BOOKS / self.file).read_bytes().decode("utf-8").removeprefix("\ufeff")

    @cached_property
    def lines(self) -> list[str]:
        """The lines from 1 on, without their breaks."""
        return ["", *re.split(r"\r\n|\r|\n", self.source)]

    @cached_property
    def offsets(self) -> list[int]:
        """Where each line starts in the source, from 1 on; one more for the end."""
        starts = [0, 0, *(found.end() for found in re.finditer(r"\r\n|\r|\n", self.source))]
        return [*starts, len(self.source)]

    @property
    def extracted(self) -> Extracted:
        return Extracted(text=self.source)


def labels() -> list[Label]:
    found = tomllib.loads(Path(__file__).with_name("books.toml").read_text(encoding="utf-8"))
    return [Label(**each) for each in found["book"]]


LABELS = labels()
ANYWHERE = [
    *("Gutenberg", "gutenberg.", "GUTENBERG", "eBook #", "Etext #", "E-text prepared"),
    *("Produced by", "Proofread", "pgdp", "Character set encoding", "Release Date:"),
    *("Transcriber", "transcriber", "[Illustration", "[Picture", "[Frontispiece"),
    *("END OF TH", "START OF TH", "SMALL PRINT", "FULL LICENSE", "trademark", "tax deductible"),
    *("Most recently updated", "Last Updated", "Michael S. Hart", "public domain"),
]
"""What stands in no chapter of any of these books; that it does not is checked on the labels."""
