"""The sheets that come over the page, the palette, and keys from the settings."""

from storytui.app.commands import palette_commands
from storytui.app.keys import ACTIONS
from storytui.app.screens.help import HelpScreen
from storytui.app.screens.prompt_view import PromptScreen
from storytui.settings import Settings


async def test_she_can_see_what_the_model_would_see(start):
    async with start() as editor:
        await editor.press("f12")
        await editor.until(lambda: isinstance(editor.app.screen, PromptScreen))
        shown = "".join(str(each.content) for each in editor.app.screen.query("Static"))
        assert "<|user|>" in shown
        assert '"You knew," he said.' in shown
        assert "<reasoning>" in shown
        await editor.press("escape")
        assert editor.app.screen is editor.screen


async def test_the_help_lists_the_keys_as_they_are_bound(start):
    async with start(settings=Settings(keys={"go-on": "ctrl+k"} | _FREE)) as editor:
        await editor.press("f1")
        assert isinstance(editor.app.screen, HelpScreen)
        assert "ctrl+k" in editor.app.export_screenshot()


async def test_a_key_from_the_settings_is_the_key(start):
    async with start(settings=Settings(keys={"go-on": "ctrl+k"} | _FREE)) as editor:
        hint = str(editor.screen.query_one("#empty").content)
        assert hint == "ctrl+k  go on from here"
        await editor.press("ctrl+g")
        assert not editor.engine.requests
        await editor.press("ctrl+k")
        await editor.until(lambda: editor.engine.requests and not editor.flow.room.busy)
        assert editor.answer.startswith('"I knew,"')


async def test_the_palette_offers_everything_that_has_a_key(start):
    async with start() as editor:
        offered = {each.title for each in palette_commands(editor.app, editor.screen)}
        hidden = {"palette", "pane-previous-take", "pane-next-take"}
        wanted = {each.description for each in ACTIONS if each.id not in hidden}
        # Deleting while typing is no command.
        wanted = {each for each in wanted if not each.startswith("Delete")}
        assert wanted <= offered


async def test_the_palette_runs_what_it_offers(start):
    async with start() as editor:
        run = {each.title: each.callback for each in palette_commands(editor.app, editor.screen)}
        run["Go on from the cursor, or stop"]()
        await editor.until(lambda: editor.engine.requests and not editor.flow.room.busy)
        assert editor.answer.startswith('"I knew,"')


async def test_the_welcome_says_the_five_keys_and_goes(start):
    async with start(first_start=True) as editor:
        shown = str(editor.screen.query_one("#empty").content)
        for key in ("ctrl+g", "tab", "ctrl+t", "ctrl+s", "f1"):
            assert key in shown
        await editor.press("escape")
        assert "f1" not in str(editor.screen.query_one("#empty").content)


async def test_the_page_does_not_move_when_a_take_comes(start):
    async with start() as editor:
        before = editor.screen.area.region
        await editor.go_on()
        assert editor.screen.area.region == before


async def test_on_a_small_screen_the_pane_comes_from_below_and_goes(start):
    async with start(size=(80, 24)) as editor:
        side = editor.screen.query_one("#side")
        assert not side.display
        before = editor.screen.area.size.height
        await editor.go_on()
        assert side.region.y > editor.screen.area.region.y
        assert side.region.height == 8
        assert editor.screen.area.size.height < before
        await editor.press("escape")
        assert not side.display
        assert editor.screen.area.size.height == before


async def test_a_click_on_a_hint_does_what_its_key_does(start):
    async with start() as editor:
        before = editor.text
        await editor.go_on()
        await editor.pilot.click("#hints", offset=(4, 0))
        await editor.pilot.pause()
        assert editor.text == before + '\n\n"I knew," she said.'


async def test_a_click_on_the_reasoning_folds_it(start):
    async with start() as editor:
        await editor.go_on()
        await editor.pilot.click("#reasoning")
        await editor.pilot.pause()
        assert editor.screen.query_one("#reasoning").has_class("folded")


_FREE = {"delete-to-line-end": "alt+k,insert"}
