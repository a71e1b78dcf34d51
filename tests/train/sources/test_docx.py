"""Word documents: what belongs to the story, and what Word keeps beside it."""

import io
import zipfile
from collections.abc import Callable

import docx
import pytest
from docx.enum.style import WD_STYLE_TYPE

from storytui_train.data.sources.blocks import compose
from storytui_train.data.sources.docx import read_docx
from storytui_train.data.sources.reading import RefusedError

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def text_of(data: bytes) -> str:
    return compose(read_docx(data, "story.docx").blocks).text


def headings_of(data: bytes) -> list[tuple[int, str]]:
    found = compose(read_docx(data, "story.docx").blocks)
    return [(each.level, found.text[each.start : each.end]) for each in found.headings or ()]


def saved(document: object) -> bytes:
    out = io.BytesIO()
    document.save(out)  # type: ignore[attr-defined]
    return out.getvalue()


def with_body(*paragraphs: str) -> bytes:
    """A document whose paragraphs are written in Word's own XML."""
    data = saved(docx.Document())
    body = "".join(paragraphs)
    xml = f"<w:document {W}><w:body>{body}</w:body></w:document>"
    return edited(data, {"word/document.xml": lambda old: xml.encode()})


def edited(data: bytes, changes: dict[str, Callable[[bytes], bytes]]) -> bytes:
    """A document with some of its parts changed, or added."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            change = changes.pop(name, None)
            new.writestr(name, change(old.read(name)) if change else old.read(name))
        for name, change in changes.items():
            new.writestr(name, change(b""))
    return out.getvalue()


def p(*runs: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr>{''.join(runs)}</w:p>"


def r(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def test_what_was_deleted_goes_and_what_was_inserted_stays() -> None:
    deleted = '<w:del w:id="1" w:author="A"><w:r><w:delText>old </w:delText></w:r></w:del>'
    inserted = f'<w:ins w:id="2" w:author="A">{r("new ")}</w:ins>'

    assert text_of(with_body(p(r("The "), deleted, inserted, r("rope.")))) == "The new rope.\n"


def test_a_paragraph_mark_that_was_deleted_parts_nothing() -> None:
    mark = '<w:rPr><w:del w:id="1" w:author="A"/></w:rPr>'

    assert text_of(with_body(p(r("The "), properties=mark), p(r("rope.")))) == "The rope.\n"


def test_what_was_moved_stands_where_it_went() -> None:
    gone = f'<w:moveFrom w:id="1" w:author="A">{r("Here it was. ")}</w:moveFrom>'
    here = f'<w:moveTo w:id="2" w:author="A">{r("Here it is.")}</w:moveTo>'

    assert text_of(with_body(p(gone, r("Then.")), p(here))) == "Then.\n\nHere it is.\n"


def test_comments_and_notes_are_left_out() -> None:
    document = docx.Document()
    paragraph = document.add_paragraph()
    run = paragraph.add_run("The rope was wet.")
    document.add_comment([run], text="Is it a rope?", author="Editor", initials="E")
    document.add_paragraph("She let go.")
    notes = (
        f'<w:footnotes {W}><w:footnote w:id="2"><w:p><w:r><w:t>A note of mine.</w:t></w:r></w:p>'
        "</w:footnote></w:footnotes>"
    )
    mark = b'<w:r><w:footnoteReference w:id="2"/></w:r></w:p>'
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes"
    data = edited(
        saved(document),
        {
            "word/document.xml": lambda old: old.replace(b"</w:p>", mark, 1),
            "word/footnotes.xml": lambda old: notes.encode(),
            "word/_rels/document.xml.rels": lambda old: (
                old.replace(
                    b"</Relationships>",
                    f'<Relationship Id="rIdN" Type="{kind}" Target="footnotes.xml"/>'
                    "</Relationships>".encode(),
                )
                if isinstance(old, bytes)
                else old
            ),
        },
    )

    assert text_of(data) == "The rope was wet.\n\nShe let go.\n"


def test_headers_footers_and_hidden_text_are_left_out() -> None:
    document = docx.Document()
    document.sections[0].header.paragraphs[0].text = "Keeper / ROPE / 1"
    document.sections[0].footer.paragraphs[0].text = "Page 1"
    paragraph = document.add_paragraph("The rope")
    paragraph.add_run(" (check this)").font.hidden = True
    paragraph.add_run(" held.")

    assert text_of(saved(document)) == "The rope held.\n"


def test_headings_are_known_by_their_style_in_any_language_and_by_their_level() -> None:
    document = docx.Document()
    own = document.styles.add_style("Kapitelüberschrift", WD_STYLE_TYPE.PARAGRAPH)
    own.base_style = document.styles["Heading 2"]
    document.add_paragraph("Erster Teil", style="Heading 1")
    document.add_paragraph("Das Seil", style="Kapitelüberschrift")
    document.add_paragraph("Es hielt.")
    by_level = document.add_paragraph("Die Lampe")
    level = by_level._p.get_or_add_pPr().makeelement(
        "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}outlineLvl",
        {"{http://schemas.openxmlformats.org/wordprocessingml/2006/main}val": "1"},
    )
    by_level._p.get_or_add_pPr().append(level)
    document.add_paragraph("Sie brannte.")

    # The first heading is over all others, but something else would have to follow for it to be
    # a part: it is the title, and left out.
    assert headings_of(saved(document)) == [(1, "Das Seil"), (1, "Die Lampe")]


def test_emphasis_of_a_character_style_counts() -> None:
    document = docx.Document()
    own = document.styles.add_style("Thought", WD_STYLE_TYPE.CHARACTER)
    own.font.italic = True
    paragraph = document.add_paragraph("He thought, ")
    paragraph.add_run("never again", style="Thought")
    paragraph.add_run(".")

    assert text_of(saved(document)) == "He thought, *never again*.\n"


@pytest.mark.parametrize("sign", ["***", "* * *", "#", "⁂"])
def test_scene_breaks_come_by_signs(sign: str) -> None:
    document = docx.Document()
    for text in ("One.", sign, "Two."):
        document.add_paragraph(text)

    assert text_of(saved(document)) == "One.\n\n* * *\n\nTwo.\n"


def test_an_empty_paragraph_among_many_is_a_scene_break() -> None:
    document = docx.Document()
    for text in ("One.", "Two.", "Three.", "Four.", "", "Five.", "Six."):
        document.add_paragraph(text)

    assert text_of(saved(document)).count("* * *") == 1


def test_a_page_break_in_the_middle_of_a_chapter_is_a_scene_break() -> None:
    document = docx.Document()
    document.add_paragraph("One.")
    document.add_page_break()
    document.add_paragraph("Two.")

    assert text_of(saved(document)) == "One.\n\n* * *\n\nTwo.\n"


def test_soft_line_breaks_are_lines() -> None:
    document = docx.Document()
    document.add_paragraph("O rope,\nthou rope.")

    assert text_of(saved(document)) == "O rope,\nthou rope.\n"


def test_a_table_of_contents_is_left_out() -> None:
    contents = (
        '<w:sdt><w:sdtPr><w:docPartObj><w:docPartGallery w:val="Table of Contents"/></w:docPartObj>'
        f"</w:sdtPr><w:sdtContent>{p(r('Chapter 1 .... 3'))}</w:sdtContent></w:sdt>"
    )

    assert text_of(with_body(contents, p(r("It began.")))) == "It began.\n"


def test_lists_keep_their_signs() -> None:
    document = docx.Document()
    document.add_paragraph("She had:")
    document.add_paragraph("a rope", style="List Bullet")
    document.add_paragraph("a lamp", style="List Bullet")

    assert text_of(saved(document)) == "She had:\n\n- a rope\n- a lamp\n"


def test_entities_are_not_expanded() -> None:
    evil = (
        '<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
        f"<w:document {W}><w:body><w:p><w:r><w:t>&b;</w:t></w:r></w:p></w:body></w:document>"
    )
    data = edited(saved(docx.Document()), {"word/document.xml": lambda old: evil.encode()})

    with pytest.raises(RefusedError, match="damaged"):
        read_docx(data, "story.docx")


@pytest.mark.parametrize("part", ["word/styles.xml", "word/numbering.xml"])
def test_nor_in_any_other_part(part: str) -> None:
    evil = '<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a SYSTEM "file:///etc/passwd">]><w>&a;</w>'
    data = edited(saved(docx.Document()), {part: lambda old: evil.encode()})

    with pytest.raises(RefusedError, match="damaged"):
        read_docx(data, "story.docx")


def test_a_document_without_its_text_is_damaged() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("word/styles.xml", "<w/>")

    with pytest.raises(RefusedError, match="damaged, or no Word document"):
        read_docx(out.getvalue(), "story.docx")


def test_pictures_and_links_are_no_hindrance() -> None:
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(b"\0\0"))
    picture = b"\x89PNG\r\n\x1a\n" + header + data + chunk(b"IEND", b"")
    document = docx.Document()
    document.add_paragraph("It began.")
    document.add_picture(io.BytesIO(picture))
    document.add_paragraph("It ended.")

    assert "It began." in text_of(saved(document))
    assert "It ended." in text_of(saved(document))
