"""What the model's process has counted, remembered on the parent's side.

While she types, one paragraph changes: only that one is asked about, in one call.
"""

import threading
from collections.abc import Callable, Sequence

from storytui.engine.api import Prompt

CHARACTERS = 16_000_000
"""Of the texts that are remembered, a dozen books or so; beyond it the older half is forgotten."""
_PROMPTS = 16
_OVERHEAD = 64
"""Characters that a remembered text counts for besides its own, so that short ones are bounded."""


class RememberedCounts:
    """Token counts by text; may be used from any thread."""

    def __init__(
        self, ask: Callable[[Sequence[str]], Sequence[int]], characters: int = CHARACTERS
    ) -> None:
        """Know nothing.

        Args:
            ask: tokens of each of several texts, which is always the same for a text.
            characters: how much text is remembered.
        """
        self._ask = ask
        self._most = characters
        self._counts: dict[str, int] = {}
        self._characters = 0
        self._lock = threading.Lock()

    def __call__(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text; asks for those that are not known, each once and all in one call.

        Raises: what `ask` raises; nothing is remembered then.
        """
        known = self._counts
        # A lock would not be needed to look: a dictionary is only ever changed whole entries.
        found = {text: tokens for text in texts if (tokens := known.get(text)) is not None}
        unknown = [text for text in dict.fromkeys(texts) if text not in found]
        if unknown:
            found |= zip(unknown, self._ask(unknown), strict=True)
            self._remember(unknown, found)
        return [found[text] for text in texts]

    def _remember(self, texts: Sequence[str], found: dict[str, int]) -> None:
        with self._lock:
            for text in texts:
                if text not in self._counts:
                    self._counts[text] = found[text]
                    self._characters += len(text) + _OVERHEAD
            if self._characters > self._most:
                kept = list(self._counts.items())[len(self._counts) // 2 :]
                self._counts = dict(kept)
                self._characters = sum(len(text) + _OVERHEAD for text, _ in kept)


class RememberedPrompts:
    """The last few prompts by message and opening; may be used from any thread."""

    def __init__(self, ask: Callable[[str, str], Prompt], most: int = _PROMPTS) -> None:
        """Know nothing.

        Args:
            ask: the prompt of a message and an opening, which is always the same for them.
            most: how many are remembered.
        """
        self._ask = ask
        self._most = most
        self._prompts: dict[tuple[str, str], Prompt] = {}
        self._lock = threading.Lock()

    def __call__(self, message: str, opening: str = "") -> Prompt:
        """The prompt; asks where it is not known. Raises what `ask` raises."""
        key = message, opening
        with self._lock:
            found = self._prompts.pop(key, None)
            if found is not None:
                self._prompts[key] = found
                return found
        found = self._ask(message, opening)
        with self._lock:
            self._prompts[key] = found
            while len(self._prompts) > self._most:
                del self._prompts[next(iter(self._prompts))]
        return found
