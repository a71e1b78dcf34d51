"""What can go wrong between here and the Hub."""

from typing import Literal

from storytui.engine.api import ModelError

Trouble = Literal[
    "offline",
    "unreachable",
    "not-the-hub",
    "missing",
    "gated",
    "refused",
    "busy",
    "broken-off",
    "no-room",
    "wrong-bytes",
    "unusable",
    "cancelled",
    "failed",
]
"""What happened, for who wants to do more than show the sentence."""


class HubError(ModelError):
    """Nothing came of it; the message says why and what to do."""

    def __init__(self, sentence: str, trouble: Trouble = "failed", address: str = "") -> None:
        super().__init__(sentence)
        self.trouble: Trouble = trouble
        self.address = address
        """A page to open in a browser, where that is what to do; else empty."""
