"""Documents for choosing, without the real cleaning: made by hand, or crudely of real books."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from storytui_train.data.documents import Chapter, Cleaned, Document, Source

BOOKS = Path(
    os.environ.get("STORYTUI_BOOKS") or Path(__file__).parents[4].joinpath("shared", "books")
)
_START = re.compile(
    r"^ *\*\*\* ?START OF (?:THE|THIS) PROJECT[^\n]*(?:\n[^\n]+)?|^\*END[ *]THE SMALL PRINT[^\n]*",
    re.MULTILINE,
)
_END = re.compile(r"^\s*(?:\*\*\* ?END OF|End of (?:the |this )?Project Gutenberg)", re.M | re.I)

Make = Callable[..., Document]


@pytest.fixture(scope="session")
def document() -> Make:
    """A document of a text, or of several chapters; `are` is their kind, other
    arguments are its source's."""

    def make(*chapters: str, id: str = "a-book", are: str = "prose", **source: object) -> Document:
        found: list[Chapter] = []
        text = ""
        for chapter in chapters:
            text += "\n\n" if text else ""
            found.append(
                Chapter(title="", start=len(text), end=len(text) + len(chapter), kind=are)  # type: ignore[arg-type]
            )
            text += chapter
        return Document(
            source=Source(**{"id": id, "kind": "gutenberg", "title": id, **source}),  # type: ignore[arg-type]
            cleaned=Cleaned(text=text, edits=(), chapters=tuple(found)),
        )

    return make


@pytest.fixture(scope="session")
def story(document: Make) -> Callable[[str], str]:
    """The text of one of the books beside the repository, by its number, crudely cleaned."""

    def read(number: str) -> str:
        for path in BOOKS.glob(f"{number}-*.txt"):
            return crudely(path.read_text(encoding="utf-8-sig"))
        pytest.skip("the books are not beside the repository")

    return read


def crudely(text: str) -> str:
    """What stands between the licences, its lines joined but where they are short."""
    starts = list(_START.finditer(text[:60_000]))
    start = starts[-1].end() if starts else 0
    end = _END.search(text, start + 1_000)
    paragraphs = []
    for block in re.split(r"\n[ \t]*\n\s*", text[start : end.start() if end else len(text)]):
        lines = [line.strip() for line in block.split("\n") if line.strip()]
        short = len(lines) > 1 and sum(map(len, lines[:-1])) < 50 * (len(lines) - 1)
        paragraphs.append(("\n" if short else " ").join(lines))
    return "\n\n".join(filter(None, paragraphs))
