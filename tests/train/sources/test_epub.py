"""E-books: the pages that are story, in reading order."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from ebooklib import epub

from storytui_train.data.sources.blocks import compose
from storytui_train.data.sources.epub import read_epub
from storytui_train.data.sources.reading import RefusedError

from .test_docx import edited


def text_of(data: bytes) -> str:
    return compose(read_epub(data, "book.epub").blocks).text


def book(
    tmp_path: Path,
    pages: list[tuple[str, str, str]],
    change: Callable[[epub.EpubBook], None] | None = None,
) -> bytes:
    """An e-book.

    Args:
        pages: file name, entry in the table of contents (empty: none), content.
    """
    made = epub.EpubBook()
    made.set_identifier("id")
    made.set_title("The Rope")
    made.set_language("en")
    made.add_author("Ada Keeper")
    items, contents = [], []
    for name, label, content in pages:
        item = epub.EpubHtml(uid=f"x-{name}", title=label or name, file_name=f"{name}.xhtml")
        item.content = content
        made.add_item(item)
        items.append(item)
        if label:
            contents.append(item)
    made.toc = contents
    made.add_item(epub.EpubNcx())
    made.add_item(epub.EpubNav())
    made.spine = ["nav", *items]
    if change:
        change(made)
    path = tmp_path / "book.epub"
    epub.write_epub(str(path), made)
    return path.read_bytes()


def test_pages_come_in_the_order_of_the_spine(tmp_path: Path) -> None:
    def turned(made: epub.EpubBook) -> None:
        made.spine = list(reversed(made.spine))

    pages = [("a", "B", "<h1>B</h1><p>Second.</p>"), ("b", "A", "<h1>A</h1><p>First.</p>")]

    assert text_of(book(tmp_path, pages, turned)) == "A\n\nFirst.\n\nB\n\nSecond.\n"


@pytest.mark.parametrize(
    ("name", "label", "content"),
    [
        ("cover", "", "<p>The Rope</p>"),
        ("titlepage", "", "<h1>The Rope</h1>"),
        ("x1", "Copyright", "<p>© 2020. All rights reserved.</p>"),
        ("x1", "", "<h2>Acknowledgements</h2><p>Thanks to all.</p>"),
        ("x1", "About the Author", "<p>She lives by the sea.</p>"),
        ("x1", "", '<section epub:type="dedication"><p>For Tom.</p></section>'),
        ("x1", "", '<section epub:type="endnotes"><p>1. A note.</p></section>'),
        ("toc", "", "<p><a href='a.xhtml'>One</a></p>"),
    ],
)
def test_what_stands_round_a_story_is_left_out(
    tmp_path: Path, name: str, label: str, content: str
) -> None:
    pages = [(name, label, content), ("a", "One", "<h1>One</h1><p>It began.</p>")]

    assert text_of(book(tmp_path, pages)) == "One\n\nIt began.\n"


def test_a_page_that_the_guide_calls_a_cover_is_left_out(tmp_path: Path) -> None:
    def guided(made: epub.EpubBook) -> None:
        made.guide = [{"href": "x1.xhtml", "title": "Cover", "type": "cover"}]

    pages = [("x1", "", "<p>Look at me.</p>"), ("a", "One", "<h1>One</h1><p>It began.</p>")]

    assert text_of(book(tmp_path, pages, guided)) == "One\n\nIt began.\n"


def test_a_chapter_that_is_called_like_a_part_of_a_book_stays_if_it_is_long(tmp_path: Path) -> None:
    story = "<p>" + "The notes were long. " * 300 + "</p>"

    assert "Notes" in text_of(book(tmp_path, [("a", "Notes", f"<h1>Notes</h1>{story}")]))


def test_a_book_of_one_page_with_an_unlucky_name_is_read(tmp_path: Path) -> None:
    assert text_of(book(tmp_path, [("index", "", "<p>It began.</p>")])) == "It began.\n"


def test_a_chapter_without_a_heading_is_called_as_in_the_contents(tmp_path: Path) -> None:
    pages = [
        ("a", "One", "<p>It began.</p>"),
        ("b", "", "<p>It went on.</p>"),
        ("c", "Two", "<p>It ended.</p>"),
    ]

    assert text_of(book(tmp_path, pages)) == (
        "One\n\nIt began.\n\nIt went on.\n\nTwo\n\nIt ended.\n"
    )


def test_a_style_sheet_says_what_is_italic(tmp_path: Path) -> None:
    def styled(made: epub.EpubBook) -> None:
        sheet = epub.EpubItem(
            uid="css",
            file_name="s.css",
            media_type="text/css",
            content=".c7 { font-style: italic }",
        )
        made.add_item(sheet)

    pages = [("a", "One", "<h1>One</h1><p>It <span class='c7'>began</span>.</p>")]

    assert text_of(book(tmp_path, pages, styled)) == "One\n\nIt *began*.\n"


def test_a_missing_picture_or_contents_keep_no_book_from_being_read(tmp_path: Path) -> None:
    data = book(tmp_path, [("a", "One", "<h1>One</h1><p>It began.</p>")])
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            if "nav" not in name and "ncx" not in name:
                new.writestr(
                    name,
                    old.read(name).replace(
                        b"</manifest>",
                        b'<item id="p" href="p.jpg" media-type="image/jpeg"/></manifest>',
                    ),
                )

    assert text_of(out.getvalue()) == "One\n\nIt began.\n"


def encryption(method: str) -> bytes:
    return (
        '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
        '<EncryptedData xmlns="http://www.w3.org/2001/04/xmlenc#">'
        f'<EncryptionMethod Algorithm="{method}"/></EncryptedData></encryption>'
    ).encode()


def test_a_locked_book_is_refused(tmp_path: Path) -> None:
    data = book(tmp_path, [("a", "One", "<p>It began.</p>")])
    locked = edited(
        data,
        {
            "META-INF/encryption.xml": lambda old: encryption(
                "http://www.w3.org/2001/04/xmlenc#aes128-cbc"
            )
        },
    )

    with pytest.raises(RefusedError, match="DRM") as caught:
        read_epub(locked, "book.epub")
    assert caught.value.reason == "password"


def test_garbled_fonts_are_no_lock(tmp_path: Path) -> None:
    data = book(tmp_path, [("a", "", "<p>It began.</p>")])
    fonts = encryption("http://www.idpf.org/2008/embedding")

    assert text_of(edited(data, {"META-INF/encryption.xml": lambda old: fonts})) == "It began.\n"


def test_entities_are_not_expanded(tmp_path: Path) -> None:
    page = (
        '<?xml version="1.0"?><!DOCTYPE html [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
        '<html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head>'
        "<body><p>It&nbsp;began &b;</p></body></html>"
    )
    data = book(tmp_path, [("a", "", "<p>x</p>")])

    text = text_of(edited(data, {"EPUB/a.xhtml": lambda old: page.encode()}))

    assert text == "It began &b;\n"


def test_an_archive_that_lists_no_pages_is_no_book() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")

    with pytest.raises(RefusedError, match="lists no pages"):
        read_epub(out.getvalue(), "book.epub")
