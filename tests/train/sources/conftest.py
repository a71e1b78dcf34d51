"""One manuscript, and how it is written in each form by libraries that others made."""

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import docx
import pytest
from docx.enum.text import WD_BREAK
from ebooklib import epub

from storytui_train.data.sources.place import Place

Piece = tuple[str, str]
"""Text and how it is set: "", "i", "b", "bi"."""
BREAK: tuple[Piece, ...] = ()
"""A scene break."""


def plain(text: str) -> tuple[Piece, ...]:
    return ((text, ""),)


CHAPTERS: tuple[tuple[str, tuple[tuple[Piece, ...], ...]], ...] = (
    (
        "Chapter One: The Lamp",
        (
            plain("The lamp had been out for eleven minutes before anyone noticed."),
            (
                ("“You ", ""),
                ("knew", "i"),
                (",” he said. “All of them ", ""),
                ("knew", "b"),
                (".”", ""),
            ),
            plain("She did not answer.\u00a0 It was 5\u00a0o’clock, and the tide was turning."),
            BREAK,
            plain("In the morning the boat was gone."),
            (("Dear Tom,\nthe boat is gone.\nYours, ", ""), ("Ada", "i")),
        ),
    ),
    (
        "Chapter Two: The Rope",
        (
            (("Never again", "bi"), (", he thought, and then he thought it again.", "")),
            plain("O rope, thou rope,\nthou endless rope,\nI hold thee still."),
            plain("“Who’s there?” - “Nobody.”"),
            BREAK,
            plain("Nobody came. Café, naïve, Œuvre — and so on…"),
        ),
    ),
    ("10", (plain("The tenth is short."), plain("It ends here."))),
)

EXPECTED = """Chapter One: The Lamp

The lamp had been out for eleven minutes before anyone noticed.

“You *knew*,” he said. “All of them **knew**.”

She did not answer. It was 5 o’clock, and the tide was turning.

* * *

In the morning the boat was gone.

Dear Tom,
the boat is gone.
Yours, *Ada*

Chapter Two: The Rope

***Never again***, he thought, and then he thought it again.

O rope, thou rope,
thou endless rope,
I hold thee still.

“Who’s there?” - “Nobody.”

* * *

Nobody came. Café, naïve, Œuvre — and so on…

10

The tenth is short.

It ends here.
"""


@dataclass
class Manuscript:
    """A story, and the ways to write it down."""

    title: str = "The Long Rope"
    author: str = "Ada Keeper"
    chapters: Sequence[tuple[str, tuple[tuple[Piece, ...], ...]]] = field(
        default_factory=lambda: CHAPTERS
    )

    def as_docx(self, path: Path) -> Path:
        document = docx.Document()
        document.core_properties.title = self.title
        document.core_properties.author = self.author
        document.add_paragraph(self.title, style="Title")
        for number, (title, paragraphs) in enumerate(self.chapters):
            if number:
                document.add_paragraph().add_run().add_break(WD_BREAK.PAGE)
            document.add_heading(title, level=1)
            for paragraph in paragraphs:
                written = document.add_paragraph()
                if not paragraph:
                    written.add_run("* * *")
                for text, style in paragraph:
                    run = written.add_run(text)
                    run.italic = "i" in style or None
                    run.bold = "b" in style or None
        document.save(str(path))
        return path

    def as_epub(self, path: Path) -> Path:
        book = epub.EpubBook()
        book.set_identifier("rope")
        book.set_title(self.title)
        book.set_language("en-GB")
        book.add_author(self.author)
        front = epub.EpubHtml(title="Copyright", file_name="copyright.xhtml")
        front.content = "<h1>Copyright</h1><p>© 2020 by Ada Keeper. All rights reserved.</p>"
        book.add_item(front)
        pages = []
        for number, (title, paragraphs) in enumerate(self.chapters, start=1):
            page = epub.EpubHtml(title=title, file_name=f"text/part{number}.xhtml")
            page.content = f"<h2>{html.escape(title)}</h2>" + self._html(paragraphs, "<hr/>", "br/")
            book.add_item(page)
            pages.append(page)
        book.toc = pages
        book.add_item(epub.EpubNcx())
        book.add_item(epub.EpubNav())
        book.spine = ["nav", front, *pages]
        epub.write_epub(str(path), book)
        return path

    def as_html(self, path: Path) -> Path:
        chapters = "\n".join(
            f"<h2>{html.escape(title)}</h2>\n"
            + self._html(paragraphs, '<p class="scene-break">⁂</p>', "br")
            for title, paragraphs in self.chapters
        )
        path.write_text(
            f"<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8><title>{self.title}</title>"
            f'<meta name="author" content="{self.author}"><style>p {{ margin: 0 }}</style></head>\n'
            f"<body>\n<!-- a note to myself -->\n<h1>{self.title}</h1>\n{chapters}\n"
            "<script>alert('no story')</script></body></html>",
            encoding="utf-8",
        )
        return path

    def as_markdown(self, folder: Path) -> Path:
        folder.mkdir()
        for number, (title, paragraphs) in enumerate(self.chapters, start=1):
            # A chapter that has a number for its title has it from its file's name alone.
            parts = [] if title.isdecimal() else [f"# {title}"]
            for paragraph in paragraphs:
                text = "".join(f"{_MARKS[style]}{text}{_MARKS[style]}" for text, style in paragraph)
                parts.append(text.replace("\n", "\\\n") or "***")
            name = f"{title}.md" if title.isdecimal() else f"{number} - Chapter.md"
            (folder / name).write_text("\n\n".join(parts) + "\n", encoding="utf-8")
        (folder / "notes.md").write_text("Do not forget the rope.\n", encoding="utf-8")
        return folder

    def _html(self, paragraphs: Sequence[tuple[Piece, ...]], scene: str, line: str) -> str:
        return "\n".join(
            "<p>"
            + "".join(
                _TAGS[style].format(html.escape(text).replace("\n", f"<{line}>"))
                for text, style in paragraph
            )
            + "</p>"
            if paragraph
            else scene
            for paragraph in paragraphs
        )


_MARKS = {"": "", "i": "_", "b": "**", "bi": "***"}
_TAGS = {"": "{}", "i": "<i>{}</i>", "b": "<strong>{}</strong>", "bi": "<em><b>{}</b></em>"}


@pytest.fixture
def manuscript() -> Manuscript:
    return Manuscript()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A recipe's folder and a working folder in it; what is told is thrown away."""
    folder = tmp_path / "work"
    folder.mkdir()
    return Place(recipe_folder=tmp_path, folder=folder, told=lambda line: None)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    """Writes a file below the recipe's folder."""

    def written(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return path

    return written
