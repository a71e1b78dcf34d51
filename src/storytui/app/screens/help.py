"""The keys as they are bound."""

from collections.abc import Sequence

from textual.screen import ModalScreen

Groups = Sequence[tuple[str, Sequence[tuple[str, str]]]]


class HelpScreen(ModalScreen[None]):
    """Lists the groups that `keys.help_groups` gives."""

    def __init__(self, groups: Groups) -> None: ...
