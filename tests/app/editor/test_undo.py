"""Undo and redo: steps of a word or two, however they are kept."""

import random

from storytui.app.widgets.manuscript import ManuscriptArea

KEYS = ("a", "b", "space", "enter", "backspace", "delete", "left", "right", "ctrl+z", "ctrl+y")


def edits(area: ManuscriptArea) -> int:
    """How many edits are kept to be undone."""
    return sum(map(len, area.history.undo_stack))


async def test_typing_within_a_step_is_one_edit(host):
    app = host("")
    async with app.run_test() as pilot:
        await pilot.press(*"the lamp had been out for eleven minutes".replace(" ", "_"))

        assert edits(app.area) == 1

        await pilot.press("ctrl+z")
        assert app.area.text == ""
        assert not app.area.changed
        await pilot.press("ctrl+y")
        assert app.area.text == "the_lamp_had_been_out_for_eleven_minutes"
        assert app.area.offset == 40


async def test_what_was_saved_in_the_middle_of_typing_is_come_past(host):
    app = host("")
    async with app.run_test() as pilot:
        await pilot.press("a", "b")
        app.area.mark_saved()
        await pilot.press("c", "d", "ctrl+z")

        assert app.area.text == "ab"
        assert not app.area.changed


async def test_marks_are_where_they_were_after_undo_and_redo_of_typing(host):
    app = host("one two")
    async with app.run_test() as pilot:
        app.area.move_to(4)
        await pilot.press("a")
        before, behind = app.area.mark(5, "left"), app.area.mark(5, "right")
        await pilot.press("b", "c")
        assert (before.offset, behind.offset) == (5, 7)

        await pilot.press("ctrl+z")
        assert (before.offset, behind.offset) == (4, 4)
        await pilot.press("ctrl+y")
        assert (before.offset, behind.offset) == (5, 7)


async def test_any_keys_can_be_undone_to_the_beginning_and_made_again(host):
    chance = random.Random(9)
    for _ in range(10):
        app = host("The lamp.\n\nOut.")
        async with app.run_test() as pilot:
            app.area.move_to(9)
            await pilot.press(*chance.choices(KEYS, k=60))
            while app.area.history.redo_stack:
                app.area.redo()
            text, steps = app.area.text, len(app.area.history.undo_stack)

            for _ in range(steps):
                app.area.undo()
            assert app.area.text == "The lamp.\n\nOut."
            assert not app.area.changed
            for _ in range(steps):
                app.area.redo()
            assert app.area.text == text
