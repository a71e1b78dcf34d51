"""The manuscript on the screen: the editing area and the page it stands on."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from textual.app import ComposeResult
from textual.containers import Container
from textual.document._document import Location
from textual.message import Message
from textual.widgets import TextArea

from storytui.story.joining import Joined


class Mark:
    """A place in the text that stays true through every edit."""

    @property
    def offset(self) -> int: raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Insertion:
    """Text put into the manuscript in one step."""

    start: int
    removed: str
    inserted: str
    mark: Mark


class ManuscriptArea(TextArea):
    """The writer's text."""

    @dataclass
    class Edited(Message):
        """The text changed."""

        area: "ManuscriptArea"

        @property
        def control(self) -> "ManuscriptArea":
            return self.area

    def __init__(self, text: str = "", *, id: str | None = None) -> None:
        super().__init__(text, id=id, tab_behavior="indent")

    offset: int
    changed: bool
    words: int
    selected_words: int
    def move_to(self, offset: int, *, center: bool = False) -> None: raise NotImplementedError
    def location_of(self, offset: int) -> Location: raise NotImplementedError
    def offset_of(self, location: Location) -> int: raise NotImplementedError
    def mark(self, offset: int, gravity: Literal["left", "right"] = "left") -> Mark: raise NotImplementedError
    def unmark(self, mark: Mark) -> None: raise NotImplementedError
    def insert_joined(self, joined: Joined, at: int) -> Insertion: raise NotImplementedError
    def take_back(self, insertion: Insertion) -> bool: raise NotImplementedError
    def load_story(self, text: str) -> None: raise NotImplementedError
    def mark_saved(self) -> None: raise NotImplementedError


class ManuscriptPage(Container):
    """Places the area (and the find bar below it); `area` is the ManuscriptArea."""

    area: ManuscriptArea
    def __init__(self, *, measure: int = 72, id: str | None = None) -> None: raise NotImplementedError
    def open_find(self, *, replace: bool = False) -> None: raise NotImplementedError
    def close_find(self) -> None: raise NotImplementedError
    def find_next(self) -> None: raise NotImplementedError
    def find_previous(self) -> None: raise NotImplementedError
