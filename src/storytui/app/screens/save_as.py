"""Ask for a file's name."""

from pathlib import Path

from textual.screen import ModalScreen


class SaveAsScreen(ModalScreen[Path | None]):
    """Dismissed with the path to write to (`~` expanded), or None."""

    def __init__(self, suggestion: Path | None = None) -> None: ...
