"""A small host for the page and the status line, without the rest of the program."""

from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.message import Message

import storytui.app
from storytui.app.themes import THEMES
from storytui.app.widgets.manuscript import ManuscriptArea
from storytui.app.widgets.manuscript_page import ManuscriptPage
from storytui.app.widgets.status_line import StatusLine

EDITOR_CSS = Path(storytui.app.__file__).with_name("editor.tcss")


class Host(App[None]):
    """The left side of the editor."""

    CSS_PATH = EDITOR_CSS
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, text: str = "") -> None:
        super().__init__()
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = "storytui-dark"
        self.seen: list[Message] = []
        self.escapes = 0
        self._text = text

    def compose(self) -> ComposeResult:
        yield ManuscriptPage()
        yield StatusLine()

    def on_mount(self) -> None:
        self.area.cursor_blink = False
        self.area.load_story(self._text)
        self.area.focus()

    def key_escape(self) -> None:
        self.escapes += 1

    def on_manuscript_area_edited(self, event: ManuscriptArea.Edited) -> None:
        self.seen.append(event)

    @property
    def page(self) -> ManuscriptPage:
        return self.query_one(ManuscriptPage)

    @property
    def area(self) -> ManuscriptArea:
        return self.query_one(ManuscriptArea)

    @property
    def status(self) -> StatusLine:
        return self.query_one(StatusLine)

    def rows(self) -> list[str]:
        """What the manuscript shows, row by row."""
        return [self.area.render_line(y).text.rstrip() for y in range(self.area.size.height)]


@pytest.fixture
def host() -> type[Host]:
    return Host
