"""A small stage for the screens that compare texts, without the rest of the program."""

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Static

import storytui.app
from storytui.app.themes import THEMES
from storytui.app.widgets.compare_view import CompareView

DEADLINE = 10.0
"""Seconds after which what was waited for will not come."""


class Stage(App[None]):
    """Nothing but the theme, and a screen on top."""

    CSS_PATH = Path(storytui.app.__file__).with_name("editor.tcss")
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, screen: Screen[Any], theme: str = "storytui-dark") -> None:
        super().__init__()
        for each in THEMES:
            self.register_theme(each)
        self.theme = theme
        self.answers: list[Any] = []
        self.opened: list[str] = []
        self._first = screen

    def compose(self) -> ComposeResult:
        yield Static("the page below")

    def on_mount(self) -> None:
        self.push_screen(self._first, self.answers.append)

    def open_url(self, url: str, *, new_tab: bool = True) -> None:
        self.opened.append(url)


class Shown:
    """A screen on the stage, and what it shows."""

    def __init__(self, app: Stage, pilot: Pilot[None], screen: Screen[Any]) -> None:
        self.app = app
        self.pilot = pilot
        self.screen = screen

    @property
    def view(self) -> CompareView:
        return self.screen.query_one(CompareView)

    @property
    def differences(self) -> str:
        return str(self.screen.query_one("#compare-text", Static).content)

    @property
    def counts(self) -> str:
        return str(self.screen.query_one(".compare-counts", Static).content)

    @property
    def answers(self) -> list[Any]:
        return self.app.answers

    async def until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not true():
                await self.pilot.pause()
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    def rows(self) -> list[str]:
        """The rows of the terminal as they are painted, control sequences and all."""
        return [
            "".join(segment.text for segment in strip)
            for strip in self.screen._compositor.render_strips()
        ]

    def current_is_in_sight(self) -> bool:
        """Whether the row in which the current change begins is painted."""
        look = self.view.get_component_styles("compare--current").background.rich_color
        return any(
            segment.style is not None and segment.style.bgcolor == look
            for strip in self.screen._compositor.render_strips()
            for segment in strip
        )


@pytest.fixture
def on_stage():
    """Show a screen; it is dismissed with what comes into `answers`."""

    @asynccontextmanager
    async def showing(screen: Screen[Any], *, size: tuple[int, int] = (80, 24)):
        app = Stage(screen)
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            yield Shown(app, pilot, screen)

    return showing


@pytest.fixture
def stage() -> type[Stage]:
    return Stage
