"""Jump to a chapter."""

from collections.abc import Sequence

from textual.screen import ModalScreen

from storytui.story.outline import Chapter


class OutlineScreen(ModalScreen[int | None]):
    """The chapters; dismissed with the line to jump to, or None."""

    def __init__(self, chapters: Sequence[Chapter], current_line: int = 0) -> None: ...
