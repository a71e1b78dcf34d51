"""Taking as much of a take as she wants, and giving it back."""

import pytest

from storytui.engine.api import Reading, SegmentStarted, Text
from storytui.engine.scripted import Wait


async def test_tab_takes_the_next_sentence(start):
    async with start() as editor:
        before = editor.text
        await editor.go_on()
        await editor.press("tab")
        assert editor.text == before + '\n\n"I knew," she said.'
        await editor.press("tab")
        assert editor.text.endswith("where the key had hung for thirty years.")
        assert editor.desk.here


async def test_each_acceptance_is_one_undo_step_and_the_take_follows(start):
    async with start() as editor:
        states = [editor.text]
        await editor.go_on()
        for key in ("tab", "tab", "f7"):
            await editor.press(key)
            states.append(editor.text)
        assert len(set(states)) == 4
        for text, accepted in zip(reversed(states[:-1]), (2, 1, 0), strict=True):
            await editor.press("ctrl+z")
            assert editor.text == text
            assert len(editor.desk.take.accepted) == accepted
        await editor.press("ctrl+y")
        assert editor.text == states[1]
        assert len(editor.desk.take.accepted) == 1
        await editor.press("tab")
        assert editor.text == states[2]


async def test_an_undone_sentence_can_be_taken_again_once(start):
    async with start() as editor:
        await editor.go_on()
        await editor.press("tab")
        once = editor.text
        await editor.press("ctrl+z", "tab")
        assert editor.text == once


@pytest.mark.parametrize(("key", "end"), [("f6", "had taken it."), ("f7", "on the door.")])
async def test_a_paragraph_or_all_of_the_rest_can_be_taken(start, key, end):
    async with start() as editor:
        await editor.go_on()
        await editor.press("tab", key)
        assert editor.text.endswith(end)


async def test_shift_tab_gives_the_last_piece_back(start):
    async with start() as editor:
        await editor.go_on()
        await editor.press("tab")
        once = editor.text
        await editor.press("tab", "shift+tab")
        assert editor.text == once
        assert len(editor.desk.take.accepted) == 1
        await editor.press("tab", "shift+tab", "shift+tab")
        assert not editor.desk.take.accepted


async def test_a_piece_that_she_changed_is_hers(start):
    async with start() as editor:
        await editor.go_on()
        await editor.press("tab")
        editor.cursor_to(editor.text.index('knew," she'))
        await editor.press("X")
        changed = editor.text
        await editor.press("shift+tab")
        assert editor.text == changed
        assert editor.desk.take.accepted
        assert "was changed since" in editor.said


async def test_tab_is_tab_without_a_take(start):
    async with start() as editor:
        await editor.press("tab")
        assert editor.text.endswith("he said.\t")


async def test_tab_is_tab_away_from_the_take(start):
    async with start() as editor:
        await editor.go_on()
        editor.cursor_to(0)
        await editor.press("tab")
        assert editor.text.startswith("\t# Chapter Three")
        assert not editor.desk.take.accepted


async def test_tab_is_tab_when_all_was_taken(start):
    async with start() as editor:
        await editor.go_on()
        await editor.press("f7", "tab")
        assert editor.text.endswith("on the door.\t")


async def test_tab_does_nothing_while_no_sentence_is_finished(start):
    script = (Reading(1, 1), SegmentStarted("answer"), Text("answer", "\n\nShe shook "), Wait())
    async with start([script]) as editor:
        before = editor.text
        await editor.press("ctrl+g")
        await editor.until(lambda: "She" in editor.answer)
        await editor.press("tab")
        assert editor.text == before


async def test_from_elsewhere_the_key_first_leads_back_to_the_place(start):
    async with start() as editor:
        before = editor.text
        await editor.go_on()
        editor.cursor_to(0)
        await editor.pilot.pause()
        hints = str(editor.screen.query_one("#hints").content)
        assert hints == "f6 back to where this belongs"
        await editor.press("f6")
        assert editor.text == before
        assert editor.desk.here
        await editor.press("f6")
        assert editor.text == before + '\n\n"I knew," she said.'


async def test_what_she_types_at_the_place_comes_before_what_she_takes_next(start):
    async with start() as editor:
        await editor.go_on()
        await editor.press("tab")
        await editor.press(*" Aye.")
        await editor.press("tab")
        assert editor.text.index("Aye.") < editor.text.index("He looked past her")


async def test_a_take_stays_where_it_belongs_when_the_text_before_it_changes(start):
    async with start() as editor:
        await editor.go_on()
        editor.cursor_to(0)
        await editor.press(*"Note. ")
        await editor.press("f6", "tab")
        assert editor.text.startswith("Note. # Chapter")
        assert editor.text.endswith('he said.\n\n"I knew," she said.')


async def test_accepting_in_the_middle_of_a_page_keeps_what_follows(start):
    async with start() as editor:
        at = editor.text.index('\n\n"You knew')
        editor.cursor_to(at)
        await editor.go_on()
        await editor.press("tab")
        assert 'said so.\n\n"I knew," she said.' in editor.text
        assert editor.text.endswith('\n\n"You knew," he said.')
