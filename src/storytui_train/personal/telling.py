"""What is said while a model of her own is made: each step in plain words, and how long it took."""

import time
from collections.abc import Callable

SKIPPED = "nothing changed, skipped"
TITLES = {
    "read": "Reading your manuscripts",
    "examples": "Making examples of them",
    "train": "Training",
    "export": "Making a GGUF file of what was trained",
    "evaluate": "Measuring it on the parts that were held out, beside its base",
    "add": "Putting it into the editor's list of models",
}
"""The steps, in order."""


class Steps:
    """Tells the steps of a run."""

    def __init__(
        self, told: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin with nothing.

        Args:
            told: gets lines for the user.
            clock: in seconds.
        """
        self._told, self._clock = told, clock
        self._now, self._since = "", clock()
        self._seen: set[str] = set()
        self.minutes: dict[str, float] = {}
        """Of each step that is over, by its name."""

    def begin(self, name: str) -> None:
        """A step begins; the one before it is over."""
        if name == self._now:
            return
        self.end()
        self._now, self._since = name, self._clock()
        number = list(TITLES).index(name) + 1
        self._told(f"{number}/{len(TITLES)} {TITLES[name]}")

    def detail(self, line: str) -> None:
        """What a stage says; that it has nothing to do is not worth a line."""
        if SKIPPED in line or line in self._seen:
            return
        self._seen.add(line)
        self._told(f"    {line}")

    def end(self) -> None:
        """The last step that began is over."""
        if self._now:
            taken = (self._clock() - self._since) / 60
            self.minutes[self._now] = round(taken, 2)
            self._told(f"    {minutes(taken)}")
        self._now = ""


def minutes(count: float) -> str:
    """A length of time in minutes, as people say it."""
    if count < 0.95:
        seconds = max(1, round(count * 60))
        return f"{seconds} second{'' if seconds == 1 else 's'}"
    if count < 90:
        return f"{count:.0f} minute{'' if round(count) == 1 else 's'}"
    return f"{count / 60:.1f} hours"
