"""HTML: hers, and Project Gutenberg's."""

import pytest

from storytui_train.data.sources.blocks import compose
from storytui_train.data.sources.html import read_html
from storytui_train.data.sources.reading import RefusedError


def text_of(body: str) -> str:
    return compose(read_html(f"<html><body>{body}</body></html>".encode(), "page.html").blocks).text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<p>One\ntwo.</p><p>Three.</p>", "One two.\n\nThree.\n"),
        ("One.<p>Two.<div>Three.</div>Four.", "One.\n\nTwo.\n\nThree.\n\nFour.\n"),
        ("<p>One.<br>Two.</p>", "One.\nTwo.\n"),
        ("<p>One.<br><br>Two.</p>", "One.\n\nTwo.\n"),
        ("<p>One.</p><hr><p>Two.</p>", "One.\n\n* * *\n\nTwo.\n"),
        (
            "<p>One.</p><p class='center'>* &nbsp; * &nbsp; *</p><p>Two.</p>",
            "One.\n\n* * *\n\nTwo.\n",
        ),
        ("<p>One.</p><div class='tb'></div><p>Two.</p>", "One.\n\n* * *\n\nTwo.\n"),
        ("<p>One.</p><p class='space-break'>Two.</p>", "One.\n\n* * *\n\nTwo.\n"),
        ("<p>A <i>b</i> <b>c</b> <em><strong>d</strong></em></p>", "A *b* **c** ***d***\n"),
        ("<p>A <span style='font-style: italic'>b</span></p>", "A *b*\n"),
        ("<p><span class='smcap'>The Rope</span> held.</p>", "The Rope held.\n"),
        ("<p>Caf&eacute; &mdash; &ldquo;a&rdquo; &amp; b &#8230;</p>", "Café — “a” & b …\n"),
        ("<blockquote><p>Dear Tom,</p><p>Come.</p></blockquote>", "Dear Tom,\n\nCome.\n"),
        ("<pre>A sign:\n  NO ROPES</pre>", "A sign:\nNO ROPES\n"),
        ("<script>x</script><style>y</style><nav>z</nav><p>One.</p>", "One.\n"),
        ("<p>One<!-- hidden -->.</p><p hidden>Two.</p>", "One.\n"),
        ("<p>One<span class='pagenum'>[12]</span> two.</p>", "One two.\n"),
        (
            "<p>One<a href='#f1' class='fnanchor'>[1]</a>.</p><div class='footnote'>No.</div>",
            "One.\n",
        ),
        ("<p>One<sup><a href='#fn1'>1</a></sup>.</p>", "One.\n"),
        ("<p>The 2<sup>nd</sup> rope.</p>", "The 2nd rope.\n"),
        ("<p>One <del>bad </del><ins>good </ins>word.</p>", "One good word.\n"),
        ("<div class='figcenter'><p class='caption'>A rope</p></div><p>One.</p>", "One.\n"),
        (
            "<table><tr><td>Rope</td><td>1</td></tr><tr><td>Lamp</td><td>2</td></tr></table>",
            "Rope 1\nLamp 2\n",
        ),
        ("<ol><li>rope</li><li>lamp</li></ol>", "1. rope\n2. lamp\n"),
        ("<ul><li><p>rope</p></li><li><p>lamp</p></li></ul>", "- rope\n\n- lamp\n"),
        ("<p><img class='dropcap' alt='T'>he rope.</p>", "The rope.\n"),
        ("<h2>I<br>The Rope</h2><p>One.</p>", "I The Rope\n\nOne.\n"),
        ("<p>caf\u0065\u0301</p>", "cafe\u0301\n"),
    ],
)
def test_what_becomes_of_markup(body: str, text: str) -> None:
    assert text_of(body) == text


@pytest.mark.parametrize(
    "body",
    [
        "<div class='poem'><div class='stanza'><span class='i0'>O rope,<br></span>"
        "<span class='i2'>thou rope,<br></span></div><div class='stanza'>"
        "<span class='i0'>I hold.<br></span></div></div>",
        "<div class='poetry-container'><div class='poetry'><div class='stanza'>"
        "<div class='verse indent0'>O rope,</div><div class='verse indent2'>thou rope,</div></div>"
        "<div class='stanza'><div class='verse indent0'>I hold.</div></div></div></div>",
        "<p class='poem'>O rope,<br/>thou rope,</p><p class='poem'>I hold.</p>",
        "<div class='poem'><p class='line'>O rope,</p><p class='line'>thou rope,</p></div>"
        "<div class='poem'><p class='line'>I hold.</p></div>",
    ],
)
def test_verse_keeps_its_lines(body: str) -> None:
    assert text_of(f"<p>Then:</p>{body}") == "Then:\n\nO rope,\nthou rope,\n\nI hold.\n"


def test_a_table_of_contents_goes_with_its_heading() -> None:
    links = "".join(f"<li><a href='#c{n}'>Chapter {n}</a></li>" for n in range(1, 5))

    assert text_of(f"<h2>Contents</h2><ul>{links}</ul><h2>Chapter 1</h2><p>One.</p>") == (
        "Chapter 1\n\nOne.\n"
    )


def test_of_project_gutenbergs_pages_the_book_stays() -> None:
    text = text_of(
        "<pre>The Project Gutenberg EBook of The Rope\n\n"
        "*** START OF THIS PROJECT GUTENBERG EBOOK THE ROPE ***</pre>"
        "<h2>I</h2><p>One.</p><h2>II</h2><p>Two.</p>"
        "<pre>*** END OF THIS PROJECT GUTENBERG EBOOK THE ROPE ***\n\nLicense.</pre><p>More.</p>"
    )

    assert text == "I\n\nOne.\n\nII\n\nTwo.\n"


def test_nor_is_its_newer_header_read() -> None:
    text = text_of(
        "<section id='pg-header' class='pg-boilerplate pgheader'><p>The Project Gutenberg eBook</p>"
        "</section><h2>I</h2><p>One.</p><section id='pg-footer'><p>License</p></section>"
    )

    assert text == "I\n\nOne.\n"


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("<meta charset='windows-1251'><p>Верёвка.</p>".encode("cp1251"), "cp1251"),
        ("<meta charset='iso-8859-1'><p>“Верёвка.”</p>".encode(), "utf-8"),
        ("\ufeff<p>Верёвка.</p>".encode("utf-16-le"), "utf-16-le"),
        (
            "<?xml version='1.0' encoding='koi8-r'?><html xmlns='http://www.w3.org/1999/xhtml'>"
            "<body><p>Верёвка.</p></body></html>".encode("koi8-r"),
            "koi8-r",
        ),
    ],
)
def test_the_encoding_is_found(data: bytes, encoding: str) -> None:
    read = read_html(data, "page.html")

    assert "Верёвка." in compose(read.blocks).text
    assert read.encoding == encoding


def test_markup_may_be_nested_deep() -> None:
    assert text_of("<div>" * 1000 + "One." + "</div>" * 1000 + "Two.") == "One.\n\nTwo.\n"


def test_but_not_so_deep_that_some_of_it_would_be_lost() -> None:
    with pytest.raises(RefusedError, match="nested too deep"):
        text_of("<div>" * 5000 + "One." + "</div>" * 5000)


def test_xhtml_with_empty_elements_is_read_as_xml() -> None:
    page = (
        "<html xmlns='http://www.w3.org/1999/xhtml'><head><title/><script src='x'/></head>"
        "<body><p><a id='p1'/>One.</p></body></html>"
    )

    assert compose(read_html(page.encode(), "page.xhtml").blocks).text == "One.\n"
