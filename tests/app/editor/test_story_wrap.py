"""Wrapping after any edit is what wrapping the whole text anew would give."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from storytui.app.widgets.story_document import StoryDocument
from storytui.app.widgets.story_wrap import StoryWrap, wrap_line
from storytui.story.words import count_words

LINE = st.text(alphabet="ab  —é日\t\x1b", max_size=40)
TEXT = st.lists(LINE, max_size=6).map("\n".join)


@given(LINE, st.integers(4, 12))
def test_rows_hold_no_more_than_their_width_and_one_blank(line, width):
    plain = line.replace("\t", "").replace("日", "z").replace("\x1b", "x")
    bounds = [0, *wrap_line(plain, width, 4), len(plain)]
    for start, end in pairwise(bounds):
        row = plain[start:end]
        assert len(row) <= width or (len(row) == width + 1 and row.endswith(" "))


@settings(max_examples=200)
@given(TEXT, st.data())
def test_an_edit_wraps_what_it_touched(text, data):
    document = StoryDocument(text, count_words)
    wrapped = StoryWrap(document, 4)
    wrapped.wrap(10)
    for _ in range(3):
        places = sorted(data.draw(st.integers(0, len(document.text))) for _ in range(2))
        wrapped.row(data.draw(st.integers(0, wrapped.height)))
        top, bottom = map(document.location_of, places)
        end = document.replace_range(top, bottom, data.draw(TEXT)).end_location
        wrapped.wrap_range(top, bottom, end)
        anew = StoryWrap(document, 4)
        anew.wrap(10)
        assert wrapped.height == anew.height
        rows = [wrapped.row(y) for y in range(wrapped.height)]
        assert rows == [anew.row(y) for y in range(anew.height)]
        assert rows == [
            (line, section)
            for line in range(document.line_count)
            for section in range(len(wrapped.get_offsets(line)) + 1)
        ]
        assert [wrapped.top(line) for line in range(document.line_count)] == [
            rows.index((line, 0)) for line in range(document.line_count)
        ]


@given(TEXT)
def test_every_place_has_a_row_and_lies_in_it(text):
    document = StoryDocument(text, count_words)
    wrapped = StoryWrap(document, 4)
    wrapped.wrap(10)
    for offset in range(len(text) + 1):
        line, column = document.location_of(offset)
        x, y = wrapped.location_to_offset((line, column))
        assert wrapped.row(y)[0] == line
        start, end = wrapped.section(*wrapped.row(y))
        assert start <= column <= end
        assert wrapped.offset_to_location((x, y)) == (line, column)
