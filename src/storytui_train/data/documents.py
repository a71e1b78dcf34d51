"""PURE. A text on its way from a source to examples: gathered, extracted, cleaned."""

from typing import Literal

import msgspec

from storytui_train.data.edits import Edit

SourceKind = Literal["gutenberg", "manuscript", "dataset", "published", "takes"]
Form = Literal["text", "markdown", "html", "epub", "docx", "folder", "jsonl", "parquet", "takes"]
TextKind = Literal["prose", "verse", "play"]
SCENE_BREAK = "* * *"
"""What stands for any scene break in a cleaned text, as a paragraph of its own."""


class Source(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a text comes from; goes into every row made from it."""

    id: str
    """Its own in the whole recipe: `gutenberg-1342`, `manuscript-the-lighthouse`."""
    kind: SourceKind
    file: str = ""
    """The file's name, or its path below what the recipe names; never a path of one machine."""
    url: str = ""
    sha256: str = ""
    """Of the file's bytes; of a folder's: of the hashes of its files, in order."""
    encoding: str = ""
    """Python's name of the encoding its bytes were decoded with."""
    gutenberg_id: int | None = None
    title: str = ""
    author: str = ""
    """As the catalogue has it, the first one where there are several; empty: not known."""
    authors: tuple[str, ...] = ()
    birth: int | None = None
    death: int | None = None
    language: str = ""
    """ISO 639-1."""
    licence: str = ""
    """`Public domain in the USA`, `private`, …"""
    private: bool = False
    """Whether it never leaves this machine."""
    subjects: tuple[str, ...] = ()
    """The catalogue's subjects and bookshelves."""
    published: int | None = None
    """The year, where it is known."""


class Gathered(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A text that was found and is on this machine: one line of `sources.jsonl`."""

    source: Source
    path: str
    """Where its file or folder is: below the working folder, or absolute."""
    form: Form
    rows: bool = False
    """Whether it holds finished rows (published prompts and replies, takes), not a text to cut."""


class Heading(msgspec.Struct, frozen=True):
    """A heading in an extracted text."""

    start: int
    end: int
    """Characters of the text that the heading takes."""
    level: int
    """1 for the highest."""


class Extracted(msgspec.Struct, frozen=True, kw_only=True):
    """A file's text: what spans count in.

    Of a plain text file it is `bytes.decode(encoding)` without a byte-order mark, its line breaks
    as they are. Of other forms it is what the extraction makes, always the same from the same
    bytes: paragraphs with blank lines between them, `* * *` for scene breaks.
    """

    text: str
    encoding: str = "utf-8"
    headings: tuple[Heading, ...] | None = None
    """None: not known; they have to be found."""
    finished: bool = False
    """Whether paragraphs, scene breaks and emphasis are as a cleaned text has them: nothing was
    wrapped by hand, and there is nothing to take away."""


class Chapter(msgspec.Struct, frozen=True, kw_only=True):
    """A chapter of a cleaned text; the stretch that rows are cut from."""

    title: str
    """As it is printed, on one line; of nested parts all of them, ` / ` between. May be empty."""
    start: int
    end: int
    """Characters of the cleaned text, its headings not among them; no white space at the ends."""
    kind: TextKind = "prose"


class Loss(msgspec.Struct, frozen=True):
    """Something that cleaning took away, for the report."""

    why: str
    """`licence`, `contents`, `illustration`, `page number`, `footnote`, `transcriber's note`, …"""
    start: int
    end: int
    """Characters of the source."""
    words: int


class Cleaned(msgspec.Struct, frozen=True, kw_only=True):
    """A text ready to be cut: paragraphs with one blank line between them, scene breaks `* * *`.

    Inside a paragraph a line break stands only where the print has one: in verse, letters'
    signatures, signs, plays.
    """

    text: str
    edits: tuple[Edit, ...]
    """Over the extracted text; applied to it they give `text`."""
    chapters: tuple[Chapter, ...]
    losses: tuple[Loss, ...] = ()


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A cleaned text with where it comes from: one line between the stages."""

    source: Source
    cleaned: Cleaned
    measures: dict[str, float | int | str] = {}
    """What was measured of it: language, kind, words, dialogue share, quality."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was left out, and why: one line of `refused.jsonl`."""

    stage: str
    id: str
    """The source's, or the row's."""
    title: str = ""
    reason: str
    """A short name of the reason: `language`, `play`, `duplicate`, `unreadable`, `short`, …"""
    detail: str = ""
    """A sentence for people: what was found, and what to do if it is wrong."""
