"""Finding and replacing, by keyboard."""

import pytest
from textual.widgets import Button

STORY = "The lamp. A Lamp, the lamp.\nNo lantern.\nLAMP"


async def find(pilot, app, text="lamp", *, replace=False):
    app.page.open_find(replace=replace)
    await pilot.pause()
    await pilot.press(*text)
    await pilot.pause()


def result(app):
    return app.page.query_one("#find-bar").result


async def test_it_finds_while_typing_and_counts(host):
    app = host(STORY)
    async with app.run_test() as pilot:
        await find(pilot, app)
        assert app.area.selected_text == "lamp"
        assert app.area.offset == 8
        assert result(app) == "1 of 4"


async def test_enter_and_arrows_go_round_through_the_matches(host):
    app = host(STORY)
    async with app.run_test() as pilot:
        await find(pilot, app)
        places = []
        for key in ("enter", "down", "enter", "enter", "up", "shift+enter"):
            await pilot.press(key)
            places.append(result(app))
        assert places == ["2 of 4", "3 of 4", "4 of 4", "1 of 4", "4 of 4", "3 of 4"]


async def test_it_starts_from_the_cursor(host):
    app = host(STORY)
    async with app.run_test() as pilot:
        app.area.move_to(12)
        await find(pilot, app)
        assert result(app) == "2 of 4"


async def test_capitals_matter_when_asked(host):
    app = host(STORY)
    async with app.run_test() as pilot:
        await find(pilot, app)
        await pilot.press("alt+c")
        await pilot.pause()
        assert result(app) == "1 of 2"
        await pilot.press("tab", "enter")
        await pilot.pause()
        assert result(app) == "1 of 4"


async def test_what_is_sought_is_taken_literally(host):
    app = host("a.b axb (")
    async with app.run_test() as pilot:
        await find(pilot, app, "a.b")
        assert result(app) == "1 of 1"
        await find(pilot, app, "(")
        assert result(app) == "1 of 1"


async def test_no_match_says_so_and_stays(host):
    app = host(STORY)
    async with app.run_test() as pilot:
        app.area.move_to(12)
        await find(pilot, app, "lampx")
        assert result(app) == "no match"
        assert app.area.offset == 12


async def test_escape_brings_the_cursor_back_after_typing_only(host):
    app = host(STORY)
    async with app.run_test() as pilot:
        app.area.move_to(3)
        await find(pilot, app)
        await pilot.press("escape")
        await pilot.pause()
        assert app.area.offset == 3
        assert app.focused is app.area
        assert not app.page.finding
        assert app.area.sought is None
        assert app.escapes == 0


async def test_escape_leaves_the_cursor_at_a_match_that_was_gone_to(host):
    app = host(STORY)
    async with app.run_test() as pilot:
        await find(pilot, app)
        await pilot.press("enter", "escape")
        await pilot.pause()
        assert app.area.selected_text == "Lamp"


async def test_the_next_match_can_be_had_without_the_bar(host):
    app = host(STORY)
    async with app.run_test() as pilot:
        await find(pilot, app)
        await pilot.press("enter", "escape")
        await pilot.pause()
        app.page.find_next()
        assert app.area.offset == 26
        app.page.find_previous()
        assert app.area.offset == 16


async def test_the_first_find_next_asks_what_to_find(host):
    app = host(STORY)
    async with app.run_test() as pilot:
        app.page.find_next()
        await pilot.pause()
        assert app.page.finding
        assert app.focused.id == "find-text"


async def test_the_selection_is_what_to_find(host):
    app = host(STORY)
    async with app.run_test() as pilot:
        app.area.select(12, 16)
        await find(pilot, app, "")
        assert result(app) == "2 of 4"
        await pilot.press(*"the")
        await pilot.pause()
        assert result(app) == "2 of 2"


async def test_one_match_after_the_other_is_replaced(host):
    app = host(STORY)
    async with app.run_test() as pilot:
        await find(pilot, app, replace=True)
        app.page.query_one("#replace-text").focus()
        await pilot.press(*"torch", "enter")
        await pilot.pause()
        assert app.area.text == STORY.replace("lamp", "torch", 1)
        assert result(app) == "1 of 3"
        await pilot.press("enter")
        await pilot.pause()
        assert app.area.text.startswith("The torch. A torch, the lamp.")
        app.page.close_find()
        await pilot.press("ctrl+z")
        assert app.area.text == STORY.replace("lamp", "torch", 1)


async def test_all_matches_are_replaced_in_one_step(host):
    app = host(STORY)
    async with app.run_test() as pilot:
        await find(pilot, app, replace=True)
        app.page.query_one("#replace-text").focus()
        await pilot.press("x", "tab", "tab", "enter")
        await pilot.pause()
        assert app.area.text == "The x. A x, the x.\nNo lantern.\nx"
        assert result(app) == "4 replaced"
        await pilot.press("escape", "ctrl+z")
        assert app.area.text == STORY


@pytest.mark.parametrize("replacement", ["lamp lamp", ""])
async def test_replacing_by_something_that_matches_comes_to_an_end(host, replacement):
    app = host("lamp lamp")
    async with app.run_test() as pilot:
        await find(pilot, app, replace=True)
        app.page.query_one("#replace-text").value = replacement
        app.page.query_one("#replace-all", Button).press()
        await pilot.pause()
        assert app.area.text == f"{replacement} {replacement}"


async def test_replacing_goes_on_behind_what_was_put_in(host):
    app = host("lamp lamp")
    async with app.run_test() as pilot:
        await find(pilot, app, replace=True)
        field = app.page.query_one("#replace-text")
        field.value = "lamplight"
        field.focus()
        await pilot.press("enter")
        await pilot.press("enter")
        await pilot.pause()
        assert app.area.text == "lamplight lamplight"


async def test_matches_are_marked_in_the_text(host):
    app = host(STORY)
    async with app.run_test() as pilot:
        page = app.area.rich_style.bgcolor

        def marked():
            return [s.text for s in app.area.render_line(0) if s.style.bgcolor != page]

        await find(pilot, app)
        await pilot.press("end")
        assert [text.lower() for text in marked()] == ["lamp"] * 3
        await pilot.press("escape")
        await pilot.pause()
        assert marked() in ([], ["T"])  # the cursor
