"""A small host: the page and two fields, in an app that speaks to a terminal as the editor does."""

from pathlib import Path

import pytest
from textual.app import ComposeResult

import storytui.app
from storytui.app.terminal import TerminalApp
from storytui.app.themes import THEMES
from storytui.app.widgets.manuscript import ManuscriptArea
from storytui.app.widgets.manuscript_page import ManuscriptPage
from storytui.app.widgets.plain_input import PlainInput


class Host(TerminalApp):
    CSS_PATH = Path(storytui.app.__file__).with_name("editor.tcss")
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, text: str = "") -> None:
        super().__init__()
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = "storytui-dark"
        self._text = text

    def compose(self) -> ComposeResult:
        yield ManuscriptPage(measure=40)
        yield PlainInput(self._text)

    def on_mount(self) -> None:
        self.area.cursor_blink = False
        self.area.load_story(self._text)
        self.area.move_to(0)
        self.area.focus()

    @property
    def area(self) -> ManuscriptArea:
        return self.query_one(ManuscriptArea)

    @property
    def field(self) -> PlainInput:
        return self.query_one(PlainInput)


@pytest.fixture
def host() -> type[Host]:
    return Host
