"""Saving, and what may be in its way: other names, other encodings, other programs."""

import asyncio

import pytest

from storytui.app.screens.compare import CompareScreen
from storytui.app.screens.confirm import ConfirmScreen
from storytui.app.screens.help import HelpScreen
from storytui.app.screens.save_as import SaveAsScreen
from storytui.manuscript.file import DiskState, StoryFile

THEIRS = "Somebody else wrote this.\n"
LATER = "And then this.\n"


def theirs(path, text=THEIRS):
    path.write_text(text, encoding="utf-8")


async def saved(editor):
    await editor.until(lambda: not editor.screen.area.changed)


# --- the file changed on disk -----------------------------------------------------------------


async def test_keeping_hers_keeps_theirs_in_the_history(session, answer, story_path, versions):
    async with session() as editor:
        await editor.press("!")
        text = editor.text
        theirs(story_path)
        await editor.press("ctrl+s")
        await answer(editor, ConfirmScreen, "keep")
        await saved(editor)
    assert story_path.read_text(encoding="utf-8") == text
    assert THEIRS in versions(story_path)


async def test_what_was_written_while_she_was_asked_is_asked_about_too(session, answer, story_path):
    async with session() as editor:
        await editor.press("!", "ctrl+s")
        await saved(editor)
        await editor.press("!")
        theirs(story_path)
        await editor.press("ctrl+s")
        await editor.until(lambda: isinstance(editor.app.screen, ConfirmScreen))
        theirs(story_path, LATER)
        await answer(editor, ConfirmScreen, "keep")
        await answer(editor, ConfirmScreen, None)
        assert story_path.read_text(encoding="utf-8") == LATER
        assert editor.screen.area.changed


async def test_reloading_keeps_hers_in_undo_and_history(session, answer, story_path, versions):
    async with session() as editor:
        await editor.press("!")
        text = editor.text
        theirs(story_path)
        await editor.press("ctrl+s")
        await answer(editor, ConfirmScreen, "reload")
        await editor.until(lambda: editor.text == THEIRS)
        assert not editor.screen.area.changed
        await editor.press("ctrl+z")
        assert editor.text == text
        assert editor.screen.area.changed
        await editor.press("ctrl+s")
        await saved(editor)
    assert story_path.read_text(encoding="utf-8") == text
    assert {text, THEIRS} <= set(versions(story_path))


async def test_comparing_leads_to_either(session, answer, story_path):
    async with session() as editor:
        await editor.press("!")
        theirs(story_path)
        await editor.press("ctrl+s")
        await answer(editor, ConfirmScreen, "compare")
        await answer(editor, CompareScreen, "reload")
        await editor.until(lambda: editor.text == THEIRS)


async def test_leaving_the_question_open_changes_neither(session, answer, story_path):
    async with session() as editor:
        await editor.press("!")
        text = editor.text
        theirs(story_path)
        for kind in (ConfirmScreen, ConfirmScreen):
            await editor.press("ctrl+s")
            await answer(editor, kind, None)
        assert editor.text == text
        assert editor.screen.area.changed
    assert story_path.read_text(encoding="utf-8") == THEIRS


async def test_reload_undo_and_redo_give_the_files_bytes_back(session, answer, story_path):
    story_path.write_bytes(b"one\r\ntwo\nthree\r\n")
    changed = b"one\ntwo\r\nthree\nfour\r\n"
    async with session() as editor:
        story_path.write_bytes(changed)
        editor.screen.look_at_file()
        await answer(editor, ConfirmScreen, "reload")
        await editor.until(lambda: "four" in editor.text)
        await editor.press("ctrl+z")
        await editor.press("ctrl+y")
        assert not editor.screen.area.changed
        await editor.press("ctrl+s")
        await editor.until(lambda: "Saved" in editor.said)
    assert story_path.read_bytes() == changed


# --- coming back to the editor ----------------------------------------------------------------


async def test_coming_back_twice_asks_once(session, answer, story_path):
    async with session() as editor:
        theirs(story_path)
        for _ in range(3):
            editor.app.on_app_focus()
        await editor.until(lambda: isinstance(editor.app.screen, ConfirmScreen))
        editor.app.on_app_focus()
        await editor.pilot.pause()
        await answer(editor, ConfirmScreen, "reload")
        assert editor.app.screen is editor.screen
        assert editor.text == THEIRS


async def test_coming_back_while_something_else_is_on_the_screen_asks_nothing(session, story_path):
    async with session() as editor:
        theirs(story_path)
        await editor.press("f1")
        assert isinstance(editor.app.screen, HelpScreen)
        editor.app.on_app_focus()
        await editor.pilot.pause()
        assert isinstance(editor.app.screen, HelpScreen)


async def test_coming_back_and_saving_at_once_asks_once(session, answer, story_path):
    async with session() as editor:
        await editor.press("!")
        theirs(story_path)
        editor.app.on_app_focus()
        editor.screen.action_save()
        await answer(editor, ConfirmScreen, "reload")
        assert editor.app.screen is editor.screen
        assert editor.text == THEIRS


async def test_a_save_while_the_file_is_looked_at_is_not_taken_for_somebody_elses(
    session, monkeypatch
):
    async with session() as editor:
        looks, goes_on = asyncio.Event(), asyncio.Event()

        async def slowly(job):
            looks.set()
            await goes_on.wait()
            return job()

        await editor.press("!")
        monkeypatch.setattr(asyncio, "to_thread", slowly)
        editor.app.on_app_focus()
        await looks.wait()
        await editor.press("!", "ctrl+s")
        await saved(editor)
        monkeypatch.setattr(StoryFile, "look", lambda _file: DiskState("changed"))
        goes_on.set()
        await editor.pilot.pause()
        assert editor.app.screen is editor.screen


# --- the file is gone, or something else ------------------------------------------------------


async def test_a_file_that_went_is_told_of_once_and_asked_about_on_quitting(
    session, answer, story_path
):
    async with session() as editor:
        text = editor.text
        story_path.unlink()
        editor.app.on_app_focus()
        await editor.until(lambda: "is not there any more" in editor.said)
        assert editor.screen.area.changed
        await editor.press("ctrl+q")
        await answer(editor, ConfirmScreen, "save")
        await editor.until(lambda: editor.app._exit)
    assert story_path.read_text(encoding="utf-8") == text


async def test_the_text_of_a_file_that_went_survives_a_crash(session, answer, story_path):
    async with session() as editor:
        text = editor.text
        story_path.unlink()
        editor.app.on_app_focus()
        await editor.until(lambda: "is not there any more" in editor.said)
        assert editor.screen.safekeeping.flush()
    async with session() as editor:
        await answer(editor, CompareScreen, "keep")
        assert editor.text == text


async def test_a_folder_in_the_files_place_is_said_and_the_text_goes_elsewhere(
    session, answer, story_path, tmp_path
):
    async with session() as editor:
        await editor.press("!")
        text = editor.text
        story_path.unlink()
        story_path.mkdir()
        editor.app.on_app_focus()
        await editor.until(lambda: "is a folder" in editor.said)
        assert "was not saved" not in editor.said
        await editor.press("ctrl+s")
        await editor.until(lambda: "was not saved" in editor.said)
        await editor.press("f10")
        await answer(editor, SaveAsScreen, tmp_path / "elsewhere.md")
        await saved(editor)
    assert (tmp_path / "elsewhere.md").read_text(encoding="utf-8") == text


async def test_a_file_that_becomes_a_folder_while_she_is_asked_stays_one(
    session, answer, story_path
):
    async with session() as editor:
        await editor.press("!")
        theirs(story_path)
        await editor.press("ctrl+s")
        await editor.until(lambda: isinstance(editor.app.screen, ConfirmScreen))
        story_path.unlink()
        story_path.mkdir()
        await answer(editor, ConfirmScreen, "keep")
        await editor.until(lambda: "was not saved" in editor.said)
        assert editor.screen.area.changed
        assert editor.text.endswith("!")


async def test_a_file_that_goes_while_she_is_asked_is_written_again(session, answer, story_path):
    async with session() as editor:
        await editor.press("!")
        text = editor.text
        theirs(story_path)
        await editor.press("ctrl+s")
        await editor.until(lambda: isinstance(editor.app.screen, ConfirmScreen))
        story_path.unlink()
        await answer(editor, ConfirmScreen, "keep")
        await saved(editor)
    assert story_path.read_text(encoding="utf-8") == text


# --- other names ------------------------------------------------------------------------------


async def test_saving_under_the_same_name_still_asks_about_a_changed_file(
    session, answer, story_path
):
    async with session() as editor:
        await editor.press("!")
        theirs(story_path)
        await editor.press("f10")
        await editor.press("enter")
        await answer(editor, ConfirmScreen, None)
        assert editor.screen.area.changed
    assert story_path.read_text(encoding="utf-8") == THEIRS


async def test_a_file_that_is_only_read_is_not_written_under_its_own_name(session, story_path):
    async with session() as editor:
        before = story_path.read_bytes()
        editor.screen.story_file.read_only = "lighthouse.md is open for reading."
        await editor.press("!", "f10")
        await editor.press("enter")
        await editor.until(lambda: "open for reading" in editor.said)
        assert editor.screen.area.changed
    assert story_path.read_bytes() == before


async def test_saving_over_another_known_manuscript_keeps_what_it_was(
    session, answer, story_path, tmp_path, versions
):
    other = tmp_path / "other.md"
    other.write_text("Other.", encoding="utf-8")
    async with session(other) as editor:
        await editor.press("!", "ctrl+s")
        await saved(editor)
        await editor.press("ctrl+q")
        await editor.until(lambda: editor.app._exit)
    async with session() as editor:
        await editor.press("!")
        text = editor.text
        await editor.press("f10")
        await answer(editor, SaveAsScreen, other)
        await saved(editor)
        await editor.press("?")
        more = editor.text
        assert editor.screen.safekeeping.flush()
    assert other.read_text(encoding="utf-8") == text
    assert {"Other.", "Other.!", text} <= set(versions(other))
    async with session(other) as editor:
        await answer(editor, CompareScreen, "keep")
        assert editor.text == more


async def test_a_draft_saved_over_a_known_manuscript_leaves_its_history_to_be_found(
    session, answer, tmp_path, versions, root
):
    other = tmp_path / "other.md"
    other.write_text("Other.", encoding="utf-8")
    async with session(other) as editor:
        await editor.press("!", "ctrl+s")
        await saved(editor)
        await editor.press("ctrl+q")
        await editor.until(lambda: editor.app._exit)
    for _ in range(3):
        async with session(None) as editor:
            await editor.press("x")
            await editor.press("ctrl+s")
            await answer(editor, SaveAsScreen, other)
            await saved(editor)
            await editor.press("ctrl+q")
            await editor.until(lambda: editor.app._exit)
        assert {"Other.", "Other.!", "x"} <= set(versions(other))


async def test_a_manuscript_that_is_open_elsewhere_is_not_saved_over(
    session, answer, story_path, tmp_path
):
    other = tmp_path / "other.md"
    other.write_text("Other.", encoding="utf-8")
    async with session(other), session() as editor:
        await editor.press("!", "f10")
        await answer(editor, SaveAsScreen, other)
        await editor.until(lambda: "open in another storytui" in editor.said)
        assert editor.screen.area.changed
    assert other.read_text(encoding="utf-8") == "Other."


async def test_after_a_save_under_another_name_a_place_that_cannot_be_kept_stops_no_save(
    session, answer, tmp_path, root, monkeypatch
):
    async with session() as editor:
        await editor.press("!", "f10")
        editor.screen.opened.home.folder.parent.rename(tmp_path / "away")
        root.write_text("in the way", encoding="utf-8")
        await answer(editor, SaveAsScreen, tmp_path / "new.md")
        await editor.until(lambda: "cannot be kept" in editor.said)
        await editor.press("?")
        text = editor.text
        await editor.press("ctrl+s")
        await saved(editor)
    assert (tmp_path / "new.md").read_text(encoding="utf-8") == text


# --- encodings and line breaks ----------------------------------------------------------------


async def test_a_character_the_encoding_lacks_is_asked_about_and_nothing_is_written_before(
    session, answer, story_path
):
    story_path.write_bytes("Café “closed”.".encode("windows-1252"))
    before = story_path.read_bytes()
    async with session() as editor:
        await editor.press("я", "ctrl+s")
        await answer(editor, ConfirmScreen, None)
        assert story_path.read_bytes() == before
        assert editor.screen.area.changed
        await editor.press("ctrl+s")
        await answer(editor, ConfirmScreen, "utf-8")
        await saved(editor)
    assert story_path.read_text(encoding="utf-8") == "Café “closed”.я"


async def test_quitting_with_a_character_the_encoding_lacks_stays_where_she_says_no(
    session, answer, story_path
):
    story_path.write_bytes("Café “closed”.".encode("windows-1252"))
    async with session() as editor:
        await editor.press("я", "ctrl+q")
        await answer(editor, ConfirmScreen, "save")
        await answer(editor, ConfirmScreen, None)
        await editor.pilot.pause()
        assert not editor.app._exit
        assert editor.text.endswith("я")


async def test_mixed_line_breaks_survive_edits_undo_and_saving(session, story_path):
    before = b"one\r\ntwo\nthree\rfour\r\nfive"
    story_path.write_bytes(before)
    async with session() as editor:
        editor.screen.area.select(2, 11)
        await editor.press("x", "enter")
        await editor.press("ctrl+s")
        await saved(editor)
        assert story_path.read_bytes() == b"onx\ree\rfour\r\nfive"
        while editor.text != "one\ntwo\nthree\nfour\nfive":
            await editor.press("ctrl+z")
        await editor.press("ctrl+s")
        await saved(editor)
    assert story_path.read_bytes() == before


# --- questions on top of each other -----------------------------------------------------------


@pytest.mark.parametrize("key", ["ctrl+q", "ctrl+s", "ctrl+p", "f1", "f10", "ctrl+g"])
async def test_no_key_breaks_a_question_that_is_open(session, answer, story_path, key):
    async with session() as editor:
        await editor.press("!")
        text = editor.text
        theirs(story_path)
        await editor.press("ctrl+s")
        await editor.until(lambda: isinstance(editor.app.screen, ConfirmScreen))
        await editor.press(key)
        while not isinstance(editor.app.screen, ConfirmScreen):
            await editor.press("escape")
        await answer(editor, ConfirmScreen, "keep")
        await saved(editor)
        assert editor.app.screen is editor.screen
    assert story_path.read_text(encoding="utf-8") == text


async def test_a_command_of_the_palette_breaks_no_question(session, answer, story_path):
    async with session() as editor:
        await editor.press("!")
        text = editor.text
        theirs(story_path)
        await editor.press("ctrl+s")
        await editor.until(lambda: isinstance(editor.app.screen, ConfirmScreen))
        for action in (
            editor.screen.action_save,
            editor.screen.action_save_as,
            editor.screen.leave,
            editor.screen.action_history,
            editor.screen.look_at_file,
        ):
            action()
            await editor.pilot.pause()
            assert isinstance(editor.app.screen, ConfirmScreen)
        await answer(editor, ConfirmScreen, "keep")
        await saved(editor)
        assert editor.app.screen is editor.screen
    assert story_path.read_text(encoding="utf-8") == text


async def test_letters_that_she_is_typing_choose_no_answer(session, story_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("storytui.app.screens.confirm.monotonic", lambda: now[0])
    async with session() as editor:
        await editor.press("!")
        theirs(story_path)
        editor.app.on_app_focus()
        await editor.until(lambda: isinstance(editor.app.screen, ConfirmScreen))
        await editor.press(*"dark", "enter", "space")
        assert isinstance(editor.app.screen, ConfirmScreen)
        now[0] += 1
        await editor.press("r")
        await editor.until(lambda: editor.app.screen is editor.screen)
        assert editor.text == THEIRS
