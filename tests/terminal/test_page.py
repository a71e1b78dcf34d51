"""Odd characters in the page: each has its place, and the cursor, the mouse and the rows agree."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from storytui.app.widgets.markdown_look import shown, spans
from storytui.app.widgets.story_document import StoryDocument
from storytui.app.widgets.story_wrap import StoryWrap, cells, wrap_line
from storytui.story.visible import MOST_MARKS, visible
from storytui.story.words import count_words

ODD = (
    "\x00\x01\x0b\x0c\r\x1b\x7f\x85\x9b\xad\u034f\u061c\u115f\u200b\u200c\u200d\u200e\u2028\u2029"
    "\u202e\u2066\u2069\u3164\ufe0f\ufeff\ufff9\ufffe\udc80\udcff\ud800\U000e0041\U000e0100"
)
LINE = st.text(
    st.sampled_from("ab c.é日本🏽👩❤1कम\t") | st.sampled_from(ODD + "\u0301\u094d\u20e3"),
    max_size=60,
)
FAMILY = "👩\u200d👩\u200d👧"
HEART = "❤\ufe0f"


@pytest.mark.parametrize("character", ODD, ids=ascii)
def test_an_odd_character_has_one_column_of_its_own(character: str) -> None:
    line = f"a{character}b"
    assert list(cells(shown(line), 4)) == [1, 1, 1]
    assert shown(line)[1] not in ("", " ", character)


@pytest.mark.parametrize("character", ODD, ids=ascii)
def test_an_odd_character_is_drawn_as_one_that_stands_for_another(character: str) -> None:
    assert (1, 2, "control") in spans(f"a{character}b")


@given(LINE)
def test_columns_are_what_the_terminal_is_sent(line: str) -> None:
    drawn = shown(line)
    for stretch in drawn.split("\t"):
        assert sum(cells(stretch, 4)) == cell_len(stretch)


@given(LINE)
def test_what_is_drawn_is_as_long_and_fully_visible(line: str) -> None:
    assert len(shown(line)) == len(line)
    assert visible(shown(line)) == shown(line)


@given(LINE, st.integers(4, 30))
def test_no_row_is_wider_than_the_page_and_no_group_is_torn(line: str, width: int) -> None:
    drawn = shown(line)
    columns = cells(drawn, 4)
    breaks = wrap_line(drawn, width, 4)
    assert all(columns[place] for place in breaks)
    for start, end in pairwise([0, *breaks, len(drawn)]):
        taken = sum(columns[start:end])
        assert taken <= width or (taken == width + 1 and " " in drawn[start:end][-MOST_MARKS - 2 :])


@given(LINE)
def test_every_place_that_can_be_seen_is_found_again_by_the_mouse(line: str) -> None:
    document = StoryDocument(line, count_words)
    wrapped = StoryWrap(document, 4)
    wrapped.wrap(12)
    columns = cells(shown(line), 4)
    for column in range(len(line) + 1):
        place = wrapped.location_to_offset((0, column))
        seen = column if column == len(line) or columns[column] else wrapped.group(0, column)[0]
        assert wrapped.offset_to_location(place) == (0, seen)


def test_a_mark_without_a_letter_stands_alone() -> None:
    assert shown("\u0301a") == "\N{REPLACEMENT CHARACTER}a"


def test_a_flood_of_marks_takes_room_instead_of_covering_other_lines() -> None:
    line = shown("a" + "\u0301" * 500)
    assert sum(cells(line, 4)) == 1 + 500 - MOST_MARKS


@pytest.mark.parametrize(
    ("text", "stops"), [(FAMILY, [0, 5]), (HEART, [0, 2]), ("e\u0301", [0, 2])]
)
async def test_the_cursor_passes_over_what_is_one_on_the_screen(host, text, stops) -> None:
    app = host(f"{text}x")
    async with app.run_test() as pilot:
        seen = [app.area.cursor_location[1]]
        await pilot.press("right")
        seen.append(app.area.cursor_location[1])
        assert seen == stops
        await pilot.press("left")
        assert app.area.cursor_location == (0, 0)


async def test_the_cursor_passes_over_every_odd_character_one_by_one(host) -> None:
    app = host(f"a{ODD}b")
    async with app.run_test() as pilot:
        seen = []
        for _ in range(len(ODD) + 2):
            seen.append(app.area.cursor_location[1])
            await pilot.press("right")
        assert seen == list(range(len(ODD) + 2))


async def test_a_row_is_drawn_with_the_columns_it_was_wrapped_for(host) -> None:
    app = host(f"one {ODD} {FAMILY} {HEART} two\t{'e' + chr(0x301) * 40}\n" * 3)
    async with app.run_test():
        area = app.area
        for y in range(area.size.height):
            strip = area.render_line(y)
            assert strip.cell_length == sum(cell_len(segment.text) for segment in strip)
            assert visible(strip.text, newlines=False) == strip.text


@pytest.mark.parametrize("at", range(6))
async def test_the_cursor_is_seen_wherever_it_stands(host, at: int) -> None:
    app = host(f"{FAMILY}x")
    async with app.run_test():
        app.area.move_cursor((0, at))
        family, x = list(app.area.render_line(0))[:2]
        assert (family.text, x.text[0]) == (FAMILY, "x")
        assert family.style.bgcolor != x.style.bgcolor


async def test_a_click_lands_on_the_odd_character_under_it(host) -> None:
    app = host("ab\x1b\u202ecd")
    async with app.run_test() as pilot:
        left = app.area.content_region.x
        for column in range(6):
            await pilot.click("#manuscript", offset=(column + left - app.area.region.x, 0))
            assert app.area.cursor_location == (0, column)


async def test_odd_characters_survive_being_edited_around(host) -> None:
    app = host(f"a{ODD}b")
    async with app.run_test() as pilot:
        await pilot.press("x", "ctrl+end", "y", "left", "left", "z")
        assert app.area.text == f"xa{ODD}zby"


async def test_a_field_draws_what_it_holds_and_keeps_it(host) -> None:
    text = f"a\n\t{ODD}[@click=app.bell]b"
    app = host(text)
    async with app.run_test():
        strip = app.field.render_line(0)
        assert visible(strip.text, newlines=False) == strip.text
        assert "[@click=app.bell]b" in strip.text
        assert app.field.value == text
