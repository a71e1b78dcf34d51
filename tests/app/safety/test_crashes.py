"""The editor is gone from one moment to the next; the next start brings everything back."""

import pytest

from storytui.app.screens.compare import CompareScreen
from storytui.app.screens.confirm import ConfirmScreen
from storytui.app.screens.save_as import SaveAsScreen

CHANGED = "Somebody else wrote this.\n"


async def crash_with(session, typed, **arguments):
    """A session in which something is typed, and which does not end well; returns its text."""
    async with session(**arguments) as editor:
        await editor.press(*typed)
        assert editor.screen.safekeeping.flush()
        return editor.text


async def test_what_was_typed_is_there_again_and_the_file_is_as_it_was(session, answer, story_path):
    before = story_path.read_bytes()
    text = await crash_with(session, "Rain.")
    async with session() as editor:
        await answer(editor, CompareScreen, "keep")
        assert editor.text == text
        assert editor.screen.area.changed
        assert editor.screen.area.offset == len(text)
    assert story_path.read_bytes() == before


async def test_a_crash_while_the_recovered_text_is_shown_costs_nothing(session, answer):
    text = await crash_with(session, "Rain.")
    for _ in range(3):
        async with session() as editor:
            await editor.until(lambda: isinstance(editor.app.screen, CompareScreen))
    async with session() as editor:
        await answer(editor, CompareScreen, "keep")
        assert editor.text == text


async def test_a_crash_right_after_recovery_costs_nothing_and_leaves_one_journal(
    session, answer, root
):
    text = await crash_with(session, "Rain.")
    for more in ("Wind.", "Snow."):
        async with session() as editor:
            await answer(editor, CompareScreen, "keep")
            assert editor.text == text
            await editor.press(*more)
            text += more
            assert editor.screen.safekeeping.flush()
    assert len(list(root.glob("*/journal-*"))) == 1
    async with session() as editor:
        await answer(editor, CompareScreen, None)
        assert editor.text == text


async def test_what_was_typed_before_the_crash_can_be_undone_after_it(session, answer, monkeypatch):
    # What the journal writes at once is one step; here all of it.
    monkeypatch.setattr("storytui.manuscript.journal_writer.REST_SECONDS", 60.0)
    async with session() as editor:
        before = editor.text
        await editor.press(*"Rain.")
        assert editor.screen.safekeeping.flush()
    async with session() as editor:
        await answer(editor, CompareScreen, "keep")
        await editor.press("ctrl+z")
        assert editor.text == before
        assert not editor.screen.area.changed


async def test_going_back_to_the_file_keeps_what_was_recovered_in_undo_and_history(
    session, answer, story_path, versions
):
    text = await crash_with(session, "Rain.")
    async with session() as editor:
        await answer(editor, CompareScreen, "file")
        assert editor.text == story_path.read_text(encoding="utf-8")
        await editor.press("ctrl+z")
        assert editor.text == text
        await editor.press("ctrl+y")
        assert not editor.screen.area.changed
        await editor.press("ctrl+q")
        await editor.until(lambda: editor.app._exit)
    assert text in versions(story_path)


async def test_a_crash_after_a_save_asks_nothing(session):
    async with session() as editor:
        await editor.press(*"Rain.", "ctrl+s")
        await editor.until(lambda: not editor.screen.area.changed)
        assert editor.screen.safekeeping.flush()
    async with session() as editor:
        assert editor.app.screen is editor.screen
        assert editor.text.endswith("Rain.")
        assert not editor.screen.area.changed


async def test_what_was_saved_before_the_crash_does_not_stand_against_a_newer_file(
    session, story_path, versions
):
    async with session() as editor:
        await editor.press(*"Rain.", "ctrl+s")
        await editor.until(lambda: not editor.screen.area.changed)
        text = editor.text
        assert editor.screen.safekeeping.flush()
    story_path.write_text(CHANGED, encoding="utf-8")
    async with session() as editor:
        assert editor.app.screen is editor.screen
        assert editor.text == CHANGED
    assert text in versions(story_path)


async def test_a_saved_story_whose_file_vanished_after_the_crash_is_there_again(
    session, answer, story_path
):
    async with session() as editor:
        await editor.press(*"Rain.", "ctrl+s")
        await editor.until(lambda: not editor.screen.area.changed)
        text = editor.text
        assert editor.screen.safekeeping.flush()
    story_path.unlink()
    async with session() as editor:
        await answer(editor, CompareScreen, "keep")
        assert editor.text == text
        assert editor.screen.area.changed


async def test_a_file_renamed_after_the_crash_still_finds_what_was_typed(
    session, answer, story_path, tmp_path
):
    text = await crash_with(session, "Rain.")
    story_path.rename(tmp_path / "renamed.md")
    async with session(tmp_path / "renamed.md") as editor:
        await answer(editor, CompareScreen, "keep")
        assert editor.text == text


async def test_a_story_that_never_had_a_name_is_there_again(session, answer, tmp_path):
    text = await crash_with(session, "Rain.", path=None)
    async with session(None) as editor:
        await answer(editor, CompareScreen, "keep")
        assert editor.text == text == "Rain."
        await editor.press("ctrl+s")
        await answer(editor, SaveAsScreen, tmp_path / "rain.md")
        await editor.until(lambda: not editor.screen.area.changed)
    assert (tmp_path / "rain.md").read_text(encoding="utf-8") == text


async def test_a_fault_of_the_program_itself_costs_nothing(session, answer, monkeypatch):
    texts = []

    async def until_it_fails():
        async with session() as editor:
            await editor.press(*"Rain.")
            texts.append(editor.text)
            monkeypatch.setattr(editor.screen, "action_goto_line", lambda: 1 / 0)
            await editor.press("alt+g")
            await editor.pilot.pause()

    with pytest.raises(ZeroDivisionError):
        await until_it_fails()
    async with session() as editor:
        await answer(editor, CompareScreen, "keep")
        assert texts == [editor.text]


async def test_an_open_take_can_be_given_back_and_gone_on_with_after_a_crash(session, answer):
    async with session() as editor:
        before = editor.text
        await editor.go_on()
        await editor.press("tab")
        await editor.press("tab")
        after_two, whole = editor.text, editor.desk.take.answer
        assert editor.screen.safekeeping.flush()
    async with session() as editor:
        await answer(editor, CompareScreen, "keep")
        await editor.until(lambda: editor.desk.take)
        assert editor.text == after_two
        assert editor.desk.take.answer == whole
        assert editor.desk.here
        editor.flow.give_back()
        editor.flow.give_back()
        assert editor.text == before
        editor.flow.accept_rest()
        await editor.pilot.pause()
        assert editor.text == before + whole


async def test_the_rest_of_a_take_is_taken_after_a_crash_and_a_second_one(session, answer):
    async with session() as editor:
        before = editor.text
        await editor.go_on()
        await editor.press("tab")
        whole = editor.desk.take.answer
        assert editor.screen.safekeeping.flush()
    for _ in range(2):
        async with session() as editor:
            await answer(editor, CompareScreen, "keep")
            await editor.until(lambda: editor.desk.take)
            assert editor.screen.safekeeping.flush()
    async with session() as editor:
        await answer(editor, CompareScreen, "keep")
        await editor.until(lambda: editor.desk.take)
        editor.flow.accept_rest()
        await editor.pilot.pause()
        assert editor.text == before + whole


async def test_mixed_line_breaks_come_back_after_a_crash(session, answer, story_path):
    story_path.write_bytes(b"one\r\ntwo\nthree\rfour\r\n")
    async with session() as editor:
        editor.cursor_to(5)
        await editor.press("enter", "x")
        assert editor.screen.safekeeping.flush()
    async with session() as editor:
        await answer(editor, CompareScreen, "keep")
        await editor.press("ctrl+s")
        await editor.until(lambda: not editor.screen.area.changed)
    assert story_path.read_bytes() == b"one\r\nt\nxwo\nthree\rfour\r\n"


async def test_undo_after_a_crash_leads_back_to_the_files_own_bytes(session, answer, story_path):
    story_path.write_bytes(b"one\r\ntwo\nthree\rfour\r\n")
    before = story_path.read_bytes()
    async with session() as editor:
        editor.screen.area.select(2, 12)
        await editor.press("delete")
        assert editor.screen.safekeeping.flush()
    async with session() as editor:
        await answer(editor, CompareScreen, "keep")
        await editor.press("ctrl+z", "ctrl+s")
        await editor.until(lambda: not editor.screen.area.changed)
    assert story_path.read_bytes() == before


async def test_discarding_on_quit_leaves_nothing_to_recover_and_all_in_the_history(
    session, answer, story_path, versions
):
    before = story_path.read_bytes()
    async with session() as editor:
        await editor.press(*"Rain.", "ctrl+q")
        text = editor.text
        await answer(editor, ConfirmScreen, "discard")
        await editor.until(lambda: editor.app._exit)
    assert story_path.read_bytes() == before
    assert text in versions(story_path)
    async with session() as editor:
        assert editor.app.screen is editor.screen
        assert not editor.screen.area.changed


async def test_a_key_struck_after_quitting_is_not_lost(session, answer, story_path):
    before = story_path.read_text(encoding="utf-8")
    async with session() as editor:
        await editor.press("ctrl+q")
        await editor.until(lambda: editor.app._exit)
        editor.screen.area.insert("Rain.")
        text = editor.text
    assert text == before + "Rain."
    async with session() as editor:
        await answer(editor, CompareScreen, "keep")
        assert editor.text == text
