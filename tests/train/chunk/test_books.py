"""Rows of real books."""

import re
from collections import Counter
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from storytui.story.sentences import sentence_spans
from storytui_train.data.accounting import BookFigures, figures_of, summed
from storytui_train.data.chunk import chunk, cut_book
from storytui_train.data.documents import Document
from storytui_train.data.edits import apply
from storytui_train.data.examples import Row
from storytui_train.recipe import ChunkOptions

Book = Callable[[int], tuple[str, Document]]
BOOKS = (11, 35, 120, 215, 289, 345)
"""Alice and the willows speak in ‘…’, the time machine in `…', the island in “…”, the others in
straight marks."""


@pytest.fixture(scope="module")
def rows(book: Book) -> dict[int, list[Row]]:
    return {number: list(chunk(first_part(book(number)[1]), ChunkOptions(), 1)) for number in BOOKS}


def first_part(document: Document) -> Document:
    """A book's first chapters."""
    cleaned = document.cleaned
    return replace(document, cleaned=replace(cleaned, chapters=cleaned.chapters[:7]))


def test_a_row_is_found_again_in_the_source(book: Book, rows: dict[int, list[Row]]):
    for number in BOOKS:
        source = book(number)[0]
        for row in rows[number]:
            assert apply(source, row.edits, *row.span) == row.context + row.continuation


def test_a_row_has_eighty_and_twenty_sentences_or_a_reason(rows: dict[int, list[Row]]):
    every = [row for number in BOOKS for row in rows[number]]
    assert len(every) > 150
    assert all(row.sentences == (80, 20) or row.why for row in every)
    assert sum(row.sentences == (80, 20) for row in every) > len(every) / 3


def test_sentences_are_counted_as_the_texts_show_them(rows: dict[int, list[Row]]):
    for row in rows[215][:12]:
        shown = [
            sum(text[a:b].strip("* ") != "" for a, b in sentence_spans(text))
            for text in (row.context, row.continuation)
        ]
        assert abs(shown[0] - row.sentences[0]) <= 1, "a sentence that was cut has two shapes"
        assert abs(shown[1] - row.sentences[1]) <= 1


def _paragraph(row: Row) -> str:
    return row.context.rpartition("\n\n")[2]


def test_no_cut_is_inside_quoted_speech_unless_on_purpose(rows: dict[int, list[Row]]):
    plain = {number: [row for row in rows[number] if not row.cut] for number in BOOKS}
    for row in plain[120]:
        assert _paragraph(row).rfind("”") >= _paragraph(row).rfind("“"), row.id
    for row in plain[11] + plain[289]:
        last = _paragraph(row).rfind("‘")
        assert last < 0 or "’" in _paragraph(row)[last:], row.id
    for row in plain[215] + plain[345]:
        assert _paragraph(row).count('"') % 2 == 0, row.id
    for row in plain[35]:
        last = _paragraph(row).rfind("`")
        assert last < 0 or re.search(r"'(?!\w)", _paragraph(row)[last:]), row.id


def test_no_cut_is_between_speech_and_who_said_it(rows: dict[int, list[Row]]):
    said = re.compile(r" (?:I|he|she|they) (?:said|asked|cried|answered|began)\b")
    for number in BOOKS:
        for row in rows[number]:
            if not row.cut:
                assert not said.match(row.continuation), row.id


def test_rows_say_how_their_continuations_begin(rows: dict[int, list[Row]]):
    found = Counter(row.starts for number in BOOKS for row in rows[number])
    assert min(found[name] for name in ("sentence", "paragraph", "mid-sentence")) > 0
    for number in BOOKS:
        for row in rows[number]:
            assert row.continuation.startswith("\n\n") == (row.starts in ("paragraph", "scene"))


def test_figures_count_the_rows(book: Book, rows: dict[int, list[Row]]):
    figures = [
        figures_of(cut_book(first_part(book(number)[1]), ChunkOptions(), 1)) for number in (11, 215)
    ]
    for each, number in zip(figures, (11, 215), strict=True):
        found = rows[number]
        assert each.id == f"gutenberg-{number}"
        assert each.rows == len(found) == sum(each.cuts.values()) == sum(each.starts.values())
        assert each.explained == sum(bool(row.why) for row in found)
        assert each.why == Counter(why for row in found for why in row.why.split("; ") if why)
        assert each.continuation_words == sum(row.words for row in found)
        assert each.context_sentences == sum(row.sentences[0] for row in found)
        assert each.sentences_in_continuations == sum(row.sentences[1] for row in found)
        assert 0 < each.coverage[0] < each.coverage[1] <= 1
    both = summed(figures)
    assert both.rows == figures[0].rows + figures[1].rows
    assert both.cuts == Counter(figures[0].cuts) + Counter(figures[1].cuts)
    assert summed([]) == BookFigures(id="all")
