"""The manuscript area: text, places, accepted text, undo, saved or not, what is drawn."""

import re

import pytest

from storytui.app.widgets.manuscript import ManuscriptArea
from storytui.story.joining import Joined

STORY = "One two.\n\nThree *four* five.\n\n# Six"


async def test_what_is_typed_stands_in_the_text_and_is_told(host):
    app = host("ab")
    async with app.run_test() as pilot:
        await pilot.pause()
        app.seen.clear()
        await pilot.press("right", "x", "enter", "y")
        assert app.area.text == "ax\nyb"
        assert app.area.offset == 4
        assert len(app.seen) == 3
        assert all(isinstance(each, ManuscriptArea.Edited) for each in app.seen)


async def test_a_story_comes_out_as_it_went_in(host):
    text = "a\u2028b\x85c\x0cd\re\n\n\tf\ufeff\n"
    app = host(text)
    async with app.run_test():
        assert app.area.text == text


async def test_pasted_line_breaks_become_the_story_s_own(host):
    app = host("")
    async with app.run_test() as pilot:
        app.copy_to_clipboard("a\r\nb\rc")
        await pilot.press("ctrl+v")
        assert app.area.text == "a\nb\nc"


async def test_the_cursor_is_counted_in_characters(host):
    app = host(STORY)
    async with app.run_test():
        for offset in range(len(STORY) + 1):
            app.area.move_to(offset)
            assert app.area.offset == offset


async def test_saved_after_undoing_back_to_what_was_saved(host):
    app = host("ab")
    async with app.run_test() as pilot:
        assert not app.area.changed
        await pilot.press("x")
        assert app.area.changed
        app.area.mark_saved()
        assert not app.area.changed
        await pilot.press("y")
        assert app.area.changed
        await pilot.press("ctrl+z")
        assert app.area.text == "xab"
        assert not app.area.changed
        await pilot.press("ctrl+z")
        assert app.area.changed
        await pilot.press("ctrl+y")
        assert not app.area.changed


async def test_typing_something_else_after_undo_is_another_text(host):
    app = host("")
    async with app.run_test() as pilot:
        await pilot.press("a")
        app.area.mark_saved()
        await pilot.press("ctrl+z", "b")
        assert app.area.changed


async def test_an_accepted_piece_is_one_undo_step(host):
    app = host("Hello  world")
    async with app.run_test() as pilot:
        app.area.move_to(7)
        await pilot.press("x", "backspace")
        insertion = app.area.insert_joined(Joined(drop=2, text=", my dear\n", caret=9), 7)
        assert app.area.text == "Hello, my dear\nworld"
        assert app.area.offset == 14
        assert (insertion.start, insertion.removed, insertion.inserted) == (5, "  ", ", my dear\n")
        await pilot.press("y")
        await pilot.press("ctrl+z")
        assert app.area.text == "Hello, my dear\nworld"
        await pilot.press("ctrl+z")
        assert app.area.text == "Hello  world"
        await pilot.press("ctrl+y")
        assert app.area.text == "Hello, my dear\nworld"


async def test_an_insertion_is_taken_back_wherever_it_stands_by_then(host):
    app = host("Hello world")
    async with app.run_test() as pilot:
        insertion = app.area.insert_joined(Joined(drop=1, text=" dear ", caret=6), 6)
        app.area.move_to(0)
        await pilot.press("enter", "A")
        app.area.move_to(7)
        await pilot.press("!")
        assert app.area.text == "\nAHello! dear world"
        assert app.area.take_back(insertion)
        assert app.area.text == "\nAHello! world"
        await pilot.press("ctrl+z")
        assert app.area.text == "\nAHello! dear world"


async def test_an_insertion_that_was_rewritten_is_not_taken_back(host):
    app = host("Hello world")
    async with app.run_test() as pilot:
        insertion = app.area.insert_joined(Joined(drop=0, text="dear ", caret=5), 6)
        app.area.move_to(8)
        await pilot.press("x")
        assert not app.area.take_back(insertion)
        assert app.area.text == "Hello dexar world"


async def test_an_insertion_can_be_taken_back_after_undo_and_redo(host):
    app = host("Hello world")
    async with app.run_test() as pilot:
        insertion = app.area.insert_joined(Joined(drop=0, text="dear ", caret=5), 6)
        await pilot.press("ctrl+z")
        assert not app.area.take_back(insertion)
        await pilot.press("ctrl+y")
        assert app.area.take_back(insertion)
        assert app.area.text == "Hello world"


async def test_a_mark_in_deleted_text_is_back_after_undo(host):
    app = host("One two three")
    async with app.run_test() as pilot:
        inside, behind = app.area.mark(5), app.area.mark(7)
        app.area.select(3, 7)
        await pilot.press("delete")
        assert (inside.offset, behind.offset) == (3, 3)
        await pilot.press("ctrl+z")
        assert (inside.offset, behind.offset) == (5, 7)
        await pilot.press("ctrl+y")
        assert (inside.offset, behind.offset) == (3, 3)


async def test_typing_at_a_mark_leaves_it_or_takes_it_along(host):
    app = host("ab")
    async with app.run_test() as pilot:
        left, right = app.area.mark(1), app.area.mark(1, "right")
        app.area.move_to(1)
        await pilot.press("x", "y")
        assert (left.offset, right.offset) == (1, 3)
        await pilot.press("ctrl+z")
        assert (left.offset, right.offset) == (1, 1)


async def test_replacing_all_is_one_step_and_keeps_cursor_and_marks(host):
    app = host("a cat, a Cat\nand a cat.")
    async with app.run_test() as pilot:
        mark = app.area.mark(6)
        app.area.move_to(17)
        assert app.area.replace_all(re.compile("cat", re.IGNORECASE), "lion") == 3
        assert app.area.text == "a lion, a lion\nand a lion."
        assert mark.offset == 7
        assert app.area.offset == 19
        await pilot.press("ctrl+z")
        assert app.area.text == "a cat, a Cat\nand a cat."
        assert mark.offset == 6


async def test_a_replacement_is_taken_literally(host):
    app = host("a.b")
    async with app.run_test():
        app.area.replace_all(re.compile(r"\."), r"\1\n")
        assert app.area.text == r"a\1\nb"


async def test_words_follow_every_edit(host):
    app = host("One two")
    async with app.run_test() as pilot:
        assert app.area.words == 2
        app.area.move_to(7)
        await pilot.press("space", "x", "enter", "y")
        assert app.area.words == 4
        await pilot.press("ctrl+a")
        assert app.area.selected_words == 4
        await pilot.press("delete")
        assert app.area.words == 0
        await pilot.press("ctrl+z")
        assert app.area.words == 4


async def test_cut_copy_and_paste_use_the_clipboard(host):
    app = host("One two")
    async with app.run_test() as pilot:
        app.area.select(0, 4)
        await pilot.press("ctrl+x")
        assert (app.area.text, app.clipboard) == ("two", "One ")
        await pilot.press("end", "ctrl+v")
        assert app.area.text == "twoOne "


@pytest.mark.parametrize("key", ["ctrl+x", "ctrl+c"])
async def test_without_a_selection_nothing_is_cut_or_copied(host, key):
    app = host("One two")
    async with app.run_test() as pilot:
        await pilot.press(key)
        assert app.area.text == "One two"
        assert app.clipboard == ""


async def test_tab_is_a_tab_and_escape_is_left_to_others(host):
    app = host("a")
    async with app.run_test() as pilot:
        await pilot.press("tab", "escape")
        assert app.area.text == "\ta"
        assert app.escapes == 1
        assert app.focused is app.area


async def test_the_ends_of_the_story_have_keys(host):
    app = host(STORY)
    async with app.run_test() as pilot:
        await pilot.press("ctrl+end")
        assert app.area.offset == len(STORY)
        await pilot.press("ctrl+shift+home")
        assert app.area.selected_text == STORY


async def test_long_lines_are_wrapped_at_the_measure(host):
    app = host("word " * 100)
    async with app.run_test(size=(120, 30)) as pilot:
        app.page.measure = 40
        await pilot.pause()
        rows = app.rows()
        assert rows[0] == " ".join(["word"] * 8)
        assert max(map(len, rows)) <= 40


async def test_a_row_may_be_exactly_as_wide_as_the_measure(host):
    exactly = "x" * 35 + " yyyy"
    app = host(exactly + " z")
    async with app.run_test() as pilot:
        app.page.measure = 40
        await pilot.pause()
        assert app.rows()[:2] == [exactly, "z"]


async def test_control_characters_are_shown_and_stay_one_column_wide(host):
    text = "a\x1b[31mb\u202ec\u200bd\x9be\U000e0041f"
    app = host(text)
    async with app.run_test() as pilot:
        row = app.rows()[0]
        assert row == "a␛[31mb\ufffdc␣d\ufffde\ufffdf".replace("␣", "\N{OPEN BOX}")
        app.area.move_to(len(text))
        await pilot.pause()
        left = app.area.content_region.x
        assert app.area.cursor_screen_offset.x - left == len(text)
        assert app.area.text == text


async def test_wide_characters_and_tabs_keep_cursor_and_mouse_in_step(host):
    text = "\t日本 e\u0301x\tend " + "word 漢字 " * 30
    app = host(text)
    async with app.run_test(size=(60, 30)) as pilot:
        wrapped = app.area.wrapped_document
        for offset in range(len(text)):
            location = app.area.location_of(offset)
            back = wrapped.offset_to_location(wrapped.location_to_offset(location))
            # A combining mark has no column of its own.
            assert back == location or text[offset - 1] == "e" or text[offset] == "\u0301"
        await pilot.pause()


async def test_markdown_is_styled_in_its_own_line_only(host):
    app = host("# Head\n\nplain *soft* **loud**")
    async with app.run_test() as pilot:
        app.area.move_to(6)
        await pilot.pause()

        def styles(y):
            return {
                segment.text.strip(): (bool(segment.style.bold), bool(segment.style.italic))
                for segment in app.area.render_line(y)
                if segment.text.strip()
            }

        assert styles(0)["Head"] == (True, False)
        assert styles(2)["plain"] == (False, False)
        assert styles(2)["soft"] == (False, True)
        assert styles(2)["loud"] == (True, False)


async def test_a_selection_is_seen_on_empty_lines_too(host):
    app = host("ab\n\ncd")
    async with app.run_test() as pilot:
        app.area.select(1, 5)
        await pilot.pause()
        plain = app.area.rich_style.bgcolor
        marked = [
            sum(len(s.text) for s in app.area.render_line(y) if s.style.bgcolor != plain)
            for y in range(3)
        ]
        assert marked == [2, 1, 2]  # the last one is the selected character and the cursor


async def test_a_keystroke_draws_only_the_paragraph_it_falls_in(host, monkeypatch):
    app = host("\n\n".join(f"Paragraph {number}." for number in range(50)))
    async with app.run_test() as pilot:
        await pilot.pause()
        drawn = []
        draw = ManuscriptArea._draw

        def watched(self, line_index, *rest):
            drawn.append(line_index)
            return draw(self, line_index, *rest)

        monkeypatch.setattr(ManuscriptArea, "_draw", watched)
        await pilot.press("x")
        await pilot.pause()
        assert set(drawn) == {0}


async def test_the_page_stays_where_it_is_when_a_pane_opens(host):
    app = host(STORY)
    async with app.run_test(size=(140, 30)) as pilot:
        app.page.reserve = 46
        await pilot.pause()
        before = app.area.content_region.x
        app.page.styles.width = 140 - 46
        app.page.reserve = 0
        await pilot.pause()
        assert app.area.content_region.x == before


async def test_at_80_columns_the_page_fills_the_width(host):
    app = host("word " * 100)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert app.area.wrapped_document.width == 72
        assert app.area.content_region.x <= 4


async def test_a_line_begun_at_the_foot_of_the_page_is_in_sight(host):
    app = host("\n".join(f"line {number}" for number in range(60)))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press("ctrl+end", "enter")
        await pilot.pause()
        assert app.area.cursor_screen_offset in app.area.content_region


async def test_the_cursor_stays_in_sight_when_there_is_less_room(host):
    app = host("\n".join(f"line {number}" for number in range(60)))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press("ctrl+end")
        await pilot.resize_terminal(80, 12)
        await pilot.pause()
        assert app.area.cursor_screen_offset in app.area.content_region


async def test_redo_puts_the_cursor_before_the_space_a_piece_brought_with_it(host):
    app = host("Hello friend.")
    async with app.run_test() as pilot:
        app.area.insert_joined(Joined(drop=0, text="dear ", caret=4), 6)
        assert app.area.offset == 10
        await pilot.press("ctrl+z", "ctrl+y")
        assert app.area.text == "Hello dear friend."
        assert app.area.offset == 10
