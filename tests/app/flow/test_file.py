"""Saving, other names, quitting."""

from storytui.app.screens.confirm import ConfirmScreen
from storytui.app.screens.save_as import SaveAsScreen
from storytui.manuscript.file import StoryFile


async def test_ctrl_s_saves(start, story_path):
    async with start() as editor:
        await editor.press("!", "ctrl+s")
        assert story_path.read_text(encoding="utf-8").endswith("he said.!")
        assert not editor.screen.area.changed
        assert not editor.screen.status.changed


async def test_a_story_that_cannot_be_saved_is_kept_and_the_reason_said(start, story_path):
    async with start() as editor:
        await editor.press("!")
        story_path.unlink()
        story_path.mkdir()
        await editor.press("ctrl+s")
        assert "was not saved" in editor.said
        assert editor.screen.area.changed
        assert editor.text.endswith("!")


async def test_a_story_without_a_name_is_asked_for_one(start, tmp_path):
    async with start(story_file=StoryFile()) as editor:
        await editor.press(*"Once.")
        await editor.press("ctrl+s")
        assert isinstance(editor.app.screen, SaveAsScreen)
        editor.app.screen.dismiss(tmp_path / "once.md")
        await editor.until(lambda: not editor.screen.area.changed)
        assert (tmp_path / "once.md").read_text(encoding="utf-8") == "Once."
        assert editor.screen.status.file == "once.md"


async def test_quitting_a_saved_story_asks_nothing(start):
    async with start() as editor:
        await editor.press("ctrl+q")
        await editor.until(lambda: editor.app._exit)


async def test_quitting_with_changes_asks_and_can_stay(start):
    async with start() as editor:
        await editor.press("!", "ctrl+q")
        assert isinstance(editor.app.screen, ConfirmScreen)
        await editor.press("escape")
        assert editor.app.screen is editor.screen
        assert editor.text.endswith("!")


async def test_quitting_with_changes_can_save(start, story_path):
    async with start() as editor:
        await editor.press("!", "ctrl+q")
        editor.app.screen.dismiss("save")
        await editor.until(lambda: editor.app._exit)
    assert story_path.read_text(encoding="utf-8").endswith("!")


async def test_quitting_with_changes_can_discard(start, story_path):
    before = story_path.read_text(encoding="utf-8")
    async with start() as editor:
        await editor.press("!", "ctrl+q")
        editor.app.screen.dismiss("discard")
        await editor.until(lambda: editor.app._exit)
    assert story_path.read_text(encoding="utf-8") == before


async def test_words_of_today_are_those_written_since_the_start(start):
    async with start() as editor:
        words = editor.screen.status.words
        await editor.press(*" She waited")
        assert editor.screen.status.words == words + 2
        assert editor.screen.status.words_today == 2
