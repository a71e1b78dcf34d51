"""The disk, the folders and the databases fail; the text stays, and it is said."""

import errno
import os

import pytest

from storytui.app.screens.compare import CompareScreen
from storytui.app.screens.confirm import ConfirmScreen
from storytui.manuscript import journal as journal_module
from storytui.manuscript.history import History
from storytui.manuscript.saving_names import COPY, TEMPORARY, name_for
from storytui.storage.database import StorageError


def full_disk(*_arguments, **_named):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


async def saved(editor):
    await editor.until(lambda: not editor.screen.area.changed)


async def test_without_a_place_for_the_journal_the_story_is_edited_and_saved(
    session, root, story_path
):
    root.write_text("in the way", encoding="utf-8")
    async with session() as editor:
        await editor.until(lambda: "cannot be kept" in editor.said)
        await editor.press("!", "ctrl+s")
        await saved(editor)
        await editor.press("f11")
        assert "no place" in editor.said
        await editor.go_on()
        await editor.press("tab")
        text = editor.text
        await editor.press("ctrl+s")
        await saved(editor)
    assert story_path.read_text(encoding="utf-8") == text


async def test_a_claim_that_cannot_be_written_hides_nothing_that_can_be_recovered(
    session, answer, monkeypatch
):
    async with session() as editor:
        await editor.press(*"Rain.")
        text = editor.text
        assert editor.screen.safekeeping.flush()
    with monkeypatch.context() as fault:
        fault.setattr("storytui.manuscript.lock.Lock.take", full_disk)
        async with session() as editor:
            assert "No space left" in editor.said
            await answer(editor, CompareScreen, "keep")
            assert editor.text == text
    async with session() as editor:
        await answer(editor, CompareScreen, "keep")
        assert editor.text == text


async def test_a_journal_that_cannot_be_begun_is_said_and_written_once_it_can(
    session, journalled, monkeypatch
):
    async with session() as editor:
        with monkeypatch.context() as fault:
            fault.setattr(journal_module, "_write_all", full_disk)
            await editor.press(*"Rain.")
            assert not editor.screen.safekeeping.flush()
            await editor.until(lambda: "journal" in editor.said)
            await editor.press(*"Wind.")
            assert not editor.screen.safekeeping.flush()
        assert journalled(editor) == editor.text
        await editor.until(lambda: "written again" in editor.said)


async def test_a_journal_that_fails_in_between_loses_nothing(
    session, answer, journalled, monkeypatch
):
    async with session() as editor:
        await editor.press(*"Rain.")
        assert editor.screen.safekeeping.flush()
        with monkeypatch.context() as fault:
            fault.setattr(journal_module.os, "fsync", full_disk)
            await editor.press(*"Wind.")
            assert not editor.screen.safekeeping.flush()
        await editor.press(*"Snow.")
        text = editor.text
        assert journalled(editor) == text
    async with session() as editor:
        await answer(editor, CompareScreen, "keep")
        assert editor.text == text


async def test_a_recovered_text_is_kept_where_the_new_journal_cannot_be_written(
    session, answer, monkeypatch
):
    async with session() as editor:
        await editor.press(*"Rain.")
        text = editor.text
        assert editor.screen.safekeeping.flush()
    with monkeypatch.context() as fault:
        fault.setattr(journal_module, "_write_all", full_disk)
        async with session() as editor:
            await answer(editor, CompareScreen, "keep")
            assert editor.text == text
    async with session() as editor:
        await answer(editor, CompareScreen, "keep")
        assert editor.text == text


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
async def test_a_save_that_fails_says_what_to_do_and_keeps_the_text(
    session, story_path, monkeypatch, fault
):
    before = story_path.read_bytes()
    async with session() as editor:
        await editor.press("!")

        def fail(*_arguments):
            raise OSError(fault, os.strerror(fault))

        with monkeypatch.context() as broken:
            broken.setattr("storytui.manuscript.saving._write", fail)
            await editor.press("ctrl+s")
            await editor.until(lambda: "was not saved" in editor.said)
        assert editor.screen.area.changed
        assert story_path.read_bytes() == before
        assert {each.name for each in story_path.parent.iterdir()} == {
            story_path.name,
            "manuscripts",
        }
        await editor.press("ctrl+s")
        await saved(editor)
    assert story_path.read_text(encoding="utf-8").endswith("!")


async def test_a_folder_that_vanished_stops_no_quitting_and_loses_nothing(
    session, answer, tmp_path
):
    folder = tmp_path / "drive"
    folder.mkdir()
    async with session(folder / "story.md") as editor:
        await editor.press(*"Rain.", "ctrl+s")
        await saved(editor)
        await editor.press(*"Wind.")
        folder.rename(tmp_path / "away")
        editor.app.on_app_focus()
        await editor.pilot.pause()
        await editor.press("ctrl+s")
        await editor.until(lambda: "was not saved" in editor.said)
        await editor.press("ctrl+q")
        await answer(editor, ConfirmScreen, "save")
        await editor.until(lambda: "was not saved" in editor.said)
        assert not editor.app._exit
        (tmp_path / "away").rename(folder)
        await editor.press("ctrl+s")
        await saved(editor)
    assert (folder / "story.md").read_text(encoding="utf-8") == "Rain.Wind."


# --- what interrupted saves left --------------------------------------------------------------


@pytest.fixture
def leftover(story_path):
    """A save's temporary file, whole."""
    data = b"What the save was writing."
    path = story_path.with_name(name_for(story_path, data, TEMPORARY))
    path.write_bytes(data)
    return path


async def test_what_an_interrupted_save_left_is_used(session, answer, leftover):
    async with session() as editor:
        before = editor.text
        await answer(editor, CompareScreen, "use")
        await editor.until(lambda: editor.text == "What the save was writing.")
        await editor.until(lambda: not leftover.exists())
        await editor.press("ctrl+z")
        assert editor.text == before


async def test_what_an_interrupted_save_left_goes_into_the_history(
    session, answer, leftover, story_path, versions
):
    async with session() as editor:
        before = editor.text
        await answer(editor, CompareScreen, "history")
        await editor.until(lambda: not leftover.exists())
        assert editor.text == before
    assert "What the save was writing." in versions(story_path)


async def test_what_an_interrupted_save_left_stays_until_it_is_decided(session, answer, leftover):
    for _ in range(2):
        async with session() as editor:
            await answer(editor, CompareScreen, None)
    assert leftover.exists()


async def test_what_cannot_be_put_into_the_history_is_not_removed(
    session, answer, leftover, monkeypatch
):
    sentence = "The local history cannot be written."

    def fail(*_arguments, **_named):
        raise StorageError(sentence)

    async with session() as editor:
        monkeypatch.setattr(History, "add", fail)
        await answer(editor, CompareScreen, "history")
        await editor.until(lambda: sentence in editor.said)
    assert leftover.exists()


async def test_a_copy_of_a_save_in_place_is_offered_in_the_files_own_encoding(
    session, answer, story_path, root
):
    story_path.write_bytes("Café “closed”.".encode("windows-1252"))
    async with session() as editor:
        await editor.press("!")
        home = editor.screen.opened.home.folder
    data = "Café “open”.".encode("windows-1252")
    (home / name_for(story_path, data, COPY)).write_bytes(data)
    async with session() as editor:
        await answer(editor, CompareScreen, "file")
        await answer(editor, CompareScreen, "use")
        await editor.until(lambda: editor.text == "Café “open”.")


# --- the databases ----------------------------------------------------------------------------


async def test_what_is_still_to_be_kept_is_kept_before_the_editor_ends(
    session, answer, story_path, versions
):
    async with session() as editor:
        kept = editor.screen.safekeeping
        for number in range(100):
            kept.other_version(f"{editor.text}{number}", "working")
        await editor.press(*"Rain.", "ctrl+q")
        text = editor.text
        await answer(editor, ConfirmScreen, "discard")
        await editor.until(lambda: editor.app._exit)
    assert text in versions(story_path)


async def test_damaged_databases_are_told_of_and_begun_anew(session, story_path):
    async with session() as editor:
        await editor.press("!", "ctrl+s")
        await saved(editor)
        home = editor.screen.opened.home
    for path in (home.history_path, home.takes_path):
        for each in home.folder.glob(f"{path.name}-*"):
            each.unlink()
        path.write_bytes(b"no database " * 1000)
    async with session() as editor:
        await editor.until(lambda: "earlier versions of this story were damaged" in editor.said)
        await editor.press("?", "ctrl+s")
        await saved(editor)
        await editor.go_on()
        await editor.until(lambda: "takes of this story were damaged" in editor.said)
        await editor.press("tab")
        assert editor.text.endswith('?\n\n"I knew," she said.')
