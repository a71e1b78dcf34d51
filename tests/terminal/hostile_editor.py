"""The editor with hostile strings everywhere, in the terminal it is started in.

    python hostile_editor.py STRINGS FOLDER

STRINGS is a JSON list. Every string goes through the manuscript, the reply, the file's name, the
model's metadata, errors, the direction and the dialogs. FOLDER/paste appears when pastes may come,
and the text PASTED ends them; FOLDER/actions, that a text ran an action. The last thing done
is to copy the whole manuscript.
"""

import asyncio
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
from hostile import as_bytes, as_name, in_one_line
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input, Static

from storytui.app.app import StorytuiApp, build_app
from storytui.app.engine_room import EngineRoom
from storytui.app.screens.compare import CompareScreen
from storytui.app.screens.confirm import ConfirmScreen
from storytui.app.screens.help import HelpScreen
from storytui.app.screens.history import HistoryScreen
from storytui.app.screens.outline import OutlineScreen
from storytui.app.screens.prompt_view import PromptScreen
from storytui.app.screens.save_as import SaveAsScreen
from storytui.engine.api import EngineError, Prompt, PromptPart
from storytui.engine.scripted import SCRIPTED_MODEL, Fail, Script, ScriptedEngine, reply
from storytui.manuscript.file import StoryFile
from storytui.manuscript.history import Version
from storytui.manuscript.opening import Opened
from storytui.settings import SamplingSettings, Settings
from storytui.story.outline import chapters

DEADLINE = 30.0
"""Seconds after which what was waited for will not come."""
MARKER = "#"
"""Stands in every string."""
AT_ONCE = 25
"""Strings in one reply, one dialog, one name's folder."""


class Session:
    """One run of the editor, driven from inside."""

    def __init__(self, strings: Sequence[str], folder: Path) -> None:
        self._strings = strings
        self._folder = folder
        manuscript = folder / "story.md"
        manuscript.write_bytes(as_bytes("\n\n".join(f"# {each}\n\n{each}" for each in strings)))
        self._groups = [strings[at : at + AT_ONCE] for at in range(0, len(strings), AT_ONCE)]
        scripts: list[Script] = list(
            chain.from_iterable(
                (
                    reply(" ".join(group), "\n\n".join(group), step=400),
                    [Fail(EngineError(" ".join(group)))],
                )
                for group in self._groups
            )
        )
        self.app: StorytuiApp = build_app(
            settings=Settings(sampling=SamplingSettings(seed=7)),
            opened=Opened(StoryFile.read(manuscript, encoding="utf-8")),
            engine_factory=lambda: ScriptedEngine(scripts),
            direction=in_one_line(strings[0]),
        )
        for owner in (type(self.app), type(self.app.writing)):
            owner.action_trace = self._trace  # type: ignore[attr-defined]

    def _trace(self, *_: object) -> None:
        (self._folder / "actions").touch()

    async def drive(self, pilot: Pilot[None]) -> None:
        """Do everything, and leave."""
        screen = self.app.writing
        await self._until(lambda: screen.flow and screen.status.engine in ("loaded", "ready"))
        screen.area.cursor_blink = False
        await self._page_through()
        await self._let_pastes_in()
        await self._go_on()
        await self._click_everywhere(pilot)
        screen.action_dismiss_take()
        await self._name_things()
        await self._open_dialogs()
        screen.area.select_all()
        screen.area.action_copy()
        await self._shown()
        self.app.exit()

    async def _page_through(self) -> None:
        """Show all of the manuscript."""
        area = self.app.writing.area
        area.move_to(0)
        before = None
        while before != area.cursor_location:
            await self._shown()
            before = area.cursor_location
            area.action_cursor_page_down()

    async def _let_pastes_in(self) -> None:
        """Wait for what the terminal pastes."""
        area = self.app.writing.area
        area.move_to(len(area.text))
        (self._folder / "paste").touch()
        await self._until(lambda: area.text.endswith("PASTED"))

    async def _go_on(self) -> None:
        """Show every reply and every failure, and take a little of each reply."""
        screen = self.app.writing
        flow = screen.flow
        assert flow is not None
        for _ in self._groups:
            for takes in (True, False):
                screen.action_go_on()
                await self._until(lambda: not flow.room.busy)
                flow.pane.take_view.scroll_end(animate=False)
                await self._shown()
                if takes:
                    screen.action_accept_sentence()
                    screen.action_accept_paragraph()
                    await self._shown()

    async def _name_things(self) -> None:
        """Names, metadata, messages, what is looked for and what is to come next."""
        screen = self.app.writing
        assert screen.flow is not None
        story_file = screen.story_file
        field = screen.flow.pane.direction.query_one("#direction", Input)
        for each in self._strings:
            # The line has room for so much only; what is in the middle is in the message.
            screen.story_file = story_file.named(Path(as_name(each[:30])))
            screen.show_file()
            screen.status.model = each[-30:]
            screen.status.say("")
            field.value = each
            await self._shown()
            screen.complain(each)
            await self._shown()
        for group in self._groups:
            info = msgspec.structs.replace(
                SCRIPTED_MODEL, name=group[0][:30], backend=group[1][:30]
            )
            screen.post_message(EngineRoom.Ready(info))
            await self._shown()
            screen.post_message(EngineRoom.NotReady(group[-1]))
            await self._shown()
        for group in self._groups:
            self.app.notify("\n".join(group), title=group[0], timeout=0.1)
            screen.page.open_find(replace=True)
            await self._until(lambda: screen.page.finding)
            screen.page.query_one("#find-text", Input).value = group[0]
            await self._shown()
            screen.page.close_find()
        screen.story_file = story_file

    async def _open_dialogs(self) -> None:
        """Every dialog that shows what is not its own."""
        app = self.app
        keys = [(in_one_line(each), each) for each in self._strings]
        await self._open(HelpScreen([(self._strings[0], keys)]))
        await self._open(OutlineScreen(chapters(app.writing.area.text)))
        for group in self._groups:
            await self._open(ConfirmScreen("\n".join(group), (), stay=group[-1]))
            await self._open(SaveAsScreen(Path(as_name(group[0]))))
            texts = "\n".join(group[:-1]), "\n".join(group[1:])
            names = {"before_name": group[1][:30], "after_name": group[2][:30]}
            await self._open(CompareScreen(group[0], *texts, **names, choices=()))
        version = Version(1, datetime.now(UTC), "save", 3, 4)
        old, new = "\n".join(self._strings), "\n".join(reversed(self._strings))
        await self._open(HistoryScreen([version], lambda _: old, new))
        prompt = (PromptPart(each, control) for each in self._strings for control in (True, False))
        await self._open(PromptScreen(Prompt(tuple(prompt), 7)))

    async def _open(self, screen: Screen[Any]) -> None:
        """Show a dialog, and all of it."""
        await self.app.push_screen(screen)
        if screen.query("#compare-text"):
            text = screen.query_one("#compare-text", Static)
            await self._until(lambda: MARKER in str(text.content))
        await self._shown()
        for each in screen.query("VerticalScroll, OptionList"):
            while each.scroll_y < each.max_scroll_y:
                each.scroll_page_down(animate=False, force=True)
                await self._shown()
        screen.dismiss(None)
        await self._until(lambda: self.app.screen is self.app.writing)

    async def _click_everywhere(self, pilot: Pilot[None]) -> None:
        """Click on the page and on the take, where the texts stand."""
        for selector in ("#manuscript", "#take"):
            region = self.app.writing.query_one(selector).region
            for y in range(4, region.height, 12):
                await pilot.click(selector, offset=(min(12, region.width - 1), y))

    async def _shown(self) -> None:
        """Wait until what was changed is on the screen."""
        drawn = asyncio.Event()
        self.app.screen.call_after_refresh(drawn.set)
        await drawn.wait()

    async def _until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not true():
                await self._shown()
            await self._shown()


def _strings(path: str) -> Iterator[str]:
    yield from json.loads(Path(path).read_text(encoding="ascii"))


if __name__ == "__main__":
    session = Session(list(_strings(sys.argv[1])), Path(sys.argv[2]))
    session.app.run(auto_pilot=session.drive)
    sys.exit(session.app.return_code or 0)
