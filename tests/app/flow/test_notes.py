"""The standing notes: edited in the app, saved with every pause, and none of it lost."""

import pytest

from storytui.app.screens.confirm import ConfirmScreen
from storytui.app.screens.notes import NotesScreen
from storytui.manuscript.file import ManuscriptError, StoryFile
from storytui.manuscript.notes import notes_path
from storytui.manuscript.opening import open_manuscript
from storytui.settings import ContinueSettings, Settings


@pytest.fixture
def notes_file(story_path):
    return notes_path(story_path)


async def open_notes(editor):
    await editor.press("f9")
    await editor.until(lambda: isinstance(editor.app.screen, NotesScreen))
    screen = editor.app.screen
    await editor.until(lambda: screen.area.has_focus)
    return screen


async def back(editor):
    await editor.until(lambda: editor.app.screen is editor.screen)


async def question(editor):
    await editor.until(lambda: isinstance(editor.app.screen, ConfirmScreen))


@pytest.mark.parametrize("key", ["escape", "ctrl+s", "f9"])
async def test_what_is_written_is_saved_on_the_way_back(start, notes_file, key):
    async with start() as editor:
        await open_notes(editor)
        await editor.press(*"Short words.", key)
        await back(editor)
        assert notes_file.read_text(encoding="utf-8") == "Short words."
        assert editor.flow._options(0, 1).notes == "Short words."


async def test_a_look_at_notes_that_are_not_there_makes_no_file(start, notes_file):
    async with start() as editor:
        await open_notes(editor)
        await editor.press("escape")
        await back(editor)
        assert not notes_file.exists()


async def test_what_is_written_is_saved_in_a_pause(start, notes_file):
    async with start() as editor:
        screen = await open_notes(editor)
        await editor.press(*"Rain.")
        await editor.until(lambda: not screen.area.changed)
        assert notes_file.read_text(encoding="utf-8") == "Rain."


async def test_notes_come_as_they_are_and_keep_their_line_breaks(start, notes_file):
    notes_file.write_bytes(b"Mara keeps the lamp.\r\nShort words.\r\n")
    async with start() as editor:
        await editor.until(lambda: editor.screen.notes)
        assert editor.flow._options(0, 1).notes == "Mara keeps the lamp.\nShort words.\n"
        screen = await open_notes(editor)
        assert screen.area.text == "Mara keeps the lamp.\nShort words.\n"
        await editor.press(*"Rain.", "escape")
        await back(editor)
        assert notes_file.read_bytes() == b"Mara keeps the lamp.\r\nShort words.\r\nRain."


async def test_other_notes_are_asked_for_ahead(start):
    async with start() as editor:
        editor.flow.ahead._pause = 0.001
        await open_notes(editor)
        await editor.press(*"Rain.", "escape")
        await back(editor)
        await editor.until(lambda: editor.engine.asked_ahead)
        assert editor.engine.asked_ahead[-1].edited


async def test_a_story_without_a_file_is_told_where_notes_stand(start, tmp_path):
    async with start(story_file=StoryFile(None, "It rained.")) as editor:
        await editor.press("f9")
        await editor.until(lambda: "notes stand beside" in editor.said)
        assert editor.app.screen is editor.screen


async def test_what_another_program_wrote_is_asked_about(start, notes_file):
    async with start() as editor:
        screen = await open_notes(editor)
        notes_file.write_text("From elsewhere.", encoding="utf-8")
        await editor.press(*"Mine.", "escape")
        await question(editor)
        assert notes_file.read_text(encoding="utf-8") == "From elsewhere."
        await editor.press("r")
        await editor.until(lambda: screen.area.text == "From elsewhere.")
        await editor.press(*" Mine.", "escape")
        await back(editor)
        assert notes_file.read_text(encoding="utf-8") == "From elsewhere. Mine."


async def test_hers_can_be_kept_over_what_another_program_wrote(start, notes_file):
    async with start() as editor:
        await open_notes(editor)
        notes_file.write_text("From elsewhere.", encoding="utf-8")
        await editor.press(*"Mine.", "escape")
        await question(editor)
        await editor.press("k")
        await back(editor)
        assert notes_file.read_text(encoding="utf-8") == "Mine."


async def test_what_cannot_be_saved_is_said_and_is_there_the_next_time(
    start, story_path, notes_file, tmp_path, monkeypatch
):
    whole = StoryFile.save

    def full(self, *arguments, **options):
        if self.path == notes_file:
            raise ManuscriptError("The disk is full.")
        return whole(self, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(StoryFile, "save", full)
        async with start(story_file=open_manuscript(tmp_path / "kept", story_path)) as editor:
            screen = await open_notes(editor)
            await editor.press(*"Rain.")
            await editor.until(lambda: "The disk is full." in screen.status.render().plain)
            await editor.press("escape")
            await question(editor)
            await editor.press("l")
            await back(editor)
            assert editor.flow._options(0, 1).notes == "Rain."
    assert not notes_file.exists()
    async with start(story_file=open_manuscript(tmp_path / "kept", story_path)) as editor:
        screen = await open_notes(editor)
        assert screen.area.text == "Rain."
        assert "is here again" in screen.status.render().plain
        await editor.press("escape")
        await back(editor)
        assert notes_file.read_text(encoding="utf-8") == "Rain."
    assert not list((tmp_path / "kept").glob("*/notes-not-saved*"))


async def test_notes_that_cannot_be_saved_can_be_gone_on_with(start, notes_file, monkeypatch):
    async with start() as editor:
        screen = await open_notes(editor)
        monkeypatch.setattr(StoryFile, "save", _refuse)
        await editor.press(*"Rain.", "escape")
        await question(editor)
        await editor.press("escape")
        await editor.until(lambda: editor.app.screen is screen)
        assert screen.area.text == "Rain."
        monkeypatch.undo()
        await editor.press("escape")
        await back(editor)
        assert notes_file.read_text(encoding="utf-8") == "Rain."


def _refuse(self, *_arguments, **_options):
    raise ManuscriptError("The disk is full.")


async def test_quitting_from_the_notes_saves_them(start, notes_file):
    async with start() as editor:
        await open_notes(editor)
        await editor.press(*"Rain.", "ctrl+q")
        await editor.until(lambda: editor.screen.left)
    assert notes_file.read_text(encoding="utf-8") == "Rain."


async def test_an_editor_that_is_ended_saves_the_notes_first(start, notes_file):
    async with start() as editor:
        await open_notes(editor)
        await editor.press(*"Rain.")
        editor.app.exit()
    assert notes_file.read_text(encoding="utf-8") == "Rain."


async def test_notes_that_are_no_text_are_said_and_left_alone(start, notes_file):
    notes_file.mkdir()
    async with start() as editor:
        await editor.until(lambda: "The notes cannot be read." in editor.said)
        await editor.press("f9")
        await editor.pilot.pause()
        assert editor.app.screen is editor.screen


async def test_notes_that_the_model_is_not_given_are_said_to_be_left_out(start, notes_file):
    notes_file.write_text("Short words.", encoding="utf-8")
    async with start() as editor:
        screen = await open_notes(editor)
        title = screen.query_one("#notes-title")
        assert "its prompt format, cra-v1, has no place for them" in str(title.render())


async def test_notes_that_the_model_is_given_have_no_such_line(start, notes_file):
    notes_file.write_text("Short words.", encoding="utf-8")
    settings = Settings(continuing=ContinueSettings(format="storytui-1"))
    async with start(settings=settings) as editor:
        screen = await open_notes(editor)
        title = screen.query_one("#notes-title")
        assert "What the model should always know" in str(title.render())


async def test_the_line_comes_with_the_first_note(start):
    async with start() as editor:
        screen = await open_notes(editor)
        title = screen.query_one("#notes-title")
        assert "What the model should always know" in str(title.render())
        await editor.press("R")
        await editor.until(lambda: "has no place for them" in str(title.render()))
