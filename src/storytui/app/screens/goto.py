"""Go to a line."""

from textual.screen import ModalScreen


class GotoLineScreen(ModalScreen[int | None]):
    """Asks for a line; dismissed with it counted from 0, or None."""

    def __init__(self, line_count: int, current_line: int = 0) -> None: ...
