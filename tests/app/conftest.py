"""The editor with a scripted engine, and ways to wait for what comes of a key press."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from textual.message import Message
from textual.pilot import Pilot
from textual.widgets import Static

from storytui.app.app import StorytuiApp, build_app
from storytui.app.desk import Desk
from storytui.app.flow import Flow
from storytui.app.screens.writing import WritingScreen
from storytui.engine.api import Engine, EngineError
from storytui.engine.model_info import ModelInfo
from storytui.engine.scripted import SCRIPTED_MODEL, Script, ScriptedEngine, reply
from storytui.manuscript.file import StoryFile
from storytui.manuscript.opening import Opened
from storytui.settings import SamplingSettings, Settings

STORY = (
    "# Chapter Three\n\n"
    "The lamp had been out for eleven minutes before anyone in the village noticed, "
    "and for twelve before anyone said so.\n\n"
    '"You knew," he said.'
)

REASONING = (
    "She has not told him about the letter. He will see the empty hook before she can speak; "
    "let the silence do it, then her first true answer, short."
)
ANSWER = (
    '\n\n"I knew," she said.\n\nHe looked past her, to the hook where the key had hung for '
    "thirty years. He did not ask who had taken it.\n\nThe wind *leaned* on the door."
)
OTHER_ANSWER = "\n\nShe shook her head. The stairs were wet, and the wet was not rain."

SCRIPTS: tuple[Script, ...] = (reply(REASONING, ANSWER), reply("Let her lie.", OTHER_ANSWER))

DEADLINE = 10.0
"""Seconds after which what was waited for will not come."""


@dataclass
class Editor:
    """A running editor, its engine, and every message that was posted."""

    app: StorytuiApp
    pilot: Pilot[None]
    engine: ScriptedEngine
    messages: list[Message] = field(default_factory=list)

    @property
    def screen(self) -> WritingScreen:
        return self.app.writing

    @property
    def flow(self) -> Flow:
        assert self.screen.flow is not None
        return self.screen.flow

    @property
    def desk(self) -> Desk:
        return self.flow.desk

    @property
    def answer(self) -> str:
        """What the pane shows of the answer."""
        return str(self.screen.query_one("#answer", Static).content)

    @property
    def said(self) -> str:
        """What the status line shows, as one line."""
        return self.screen.status.render().plain.replace("\n", " ")

    @property
    def loaded(self) -> bool:
        """Whether the model is there and has nothing to do; it may have read the story or not."""
        return self.screen.status.engine in ("loaded", "ready")

    @property
    def text(self) -> str:
        return self.screen.area.text

    async def begin(self, *, ready: bool = True) -> None:
        """Wait for the model, or only for the pane; the cursor goes to the story's end."""
        await self.until(lambda: self.screen.flow)
        self.screen.area.cursor_blink = False
        self.cursor_to(len(self.text))
        if ready:
            await self.until(lambda: self.loaded)

    def cursor_to(self, offset: int) -> None:
        self.screen.area.move_to(offset)

    def seen(self, kind: type[Message]) -> list[Message]:
        """The messages of a kind, in the order they came, once each though they bubble."""
        found = {id(each): each for each in self.messages if isinstance(each, kind)}
        return list(found.values())

    async def until(self, true: Callable[[], object]) -> None:
        """Wait until something holds."""
        async with asyncio.timeout(DEADLINE):
            while not true():
                await self.pilot.pause()
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def go_on(self) -> None:
        """Press the key, and wait for the whole reply."""
        await self.press("ctrl+g")
        await self.until(lambda: not self.flow.room.busy)


@pytest.fixture
def story_path(tmp_path: Path) -> Path:
    path = tmp_path / "lighthouse.md"
    path.write_text(STORY, encoding="utf-8")
    return path


def prepare(
    story: StoryFile | Opened,
    scripts: Sequence[Script] = SCRIPTS,
    *,
    settings: Settings | None = None,
    first_start: bool = False,
    load: Script = (),
    info: ModelInfo = SCRIPTED_MODEL,
    engine_error: EngineError | None = None,
    shelf: Any = None,
    choose_model: bool = False,
    left_off: str = "",
    factory: Callable[[], Engine] | None = None,
) -> tuple[StorytuiApp, ScriptedEngine]:
    """The editor and its engine, not running yet; `factory` makes another engine instead."""
    engine = ScriptedEngine(scripts, info=info, load=load)

    def make() -> Engine:
        if engine_error is not None:
            raise engine_error
        return engine

    app = build_app(
        settings=settings or Settings(sampling=SamplingSettings(seed=7)),
        opened=story if isinstance(story, Opened) else Opened(story),
        engine_factory=factory or make,
        make_shelf=None if shelf is None else lambda: shelf,
        choose_model=choose_model,
        left_off=left_off,
        first_start=first_start,
    )
    return app, engine


@pytest.fixture
def start(story_path: Path):
    """Start the editor; the cursor stands at the story's end."""

    @asynccontextmanager
    async def running(
        scripts: Sequence[Script] = SCRIPTS,
        *,
        size: tuple[int, int] = (120, 40),
        story_file: StoryFile | Opened | None = None,
        ready: bool = True,
        **prepared: Any,
    ) -> AsyncIterator[Editor]:
        app, engine = prepare(story_file or StoryFile.read(story_path), scripts, **prepared)
        messages: list[Message] = []
        async with app.run_test(size=size, message_hook=messages.append) as pilot:
            editor = Editor(app, pilot, engine, messages)
            await editor.begin(ready=ready and "engine_error" not in prepared)
            yield editor

    return running


@pytest.fixture
def looks_as_before(snap_compare: Any) -> Callable[..., bool]:
    """Whether a moment of the editor looks as in its picture."""

    def compare(
        moment: Callable[[Editor], Awaitable[None]],
        scripts: Sequence[Script] = SCRIPTS,
        *,
        size: tuple[int, int],
        **prepared: Any,
    ) -> bool:
        story = StoryFile(Path("lighthouse.md"), STORY, exists=True)
        app, engine = prepare(story, scripts, **prepared)

        async def before(pilot: Pilot[None]) -> None:
            editor = Editor(app, pilot, engine)
            await editor.begin()
            await moment(editor)
            # The model reads on when she pauses; pictures are drawn when it is done.
            await editor.until(
                lambda: editor.flow.writing or editor.screen.status.engine == "ready"
            )

        return snap_compare(app, terminal_size=size, run_before=before)

    return compare
