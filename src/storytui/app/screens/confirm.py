"""A decision that cannot wait."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual.screen import ModalScreen


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer: what is returned, its one-letter key, what it says."""

    result: str
    key: str
    label: str


class ConfirmScreen(ModalScreen[str | None]):
    """A sentence and answers; dismissed with the chosen answer's result, None on escape."""

    def __init__(self, message: str, choices: Sequence[Choice]) -> None: ...

    @classmethod
    def leaving(cls, name: str) -> "ConfirmScreen":
        """Save, discard, stay (None)."""
        raise NotImplementedError
