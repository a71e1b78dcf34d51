"""The one line at the bottom: file, words, model, and now and then a message."""

from textual.reactive import reactive
from textual.widget import Widget


class StatusLine(Widget):
    """One quiet line."""

    file: reactive[str] = reactive("")
    changed: reactive[bool] = reactive(False)
    words: reactive[int] = reactive(0)
    words_today: reactive[int] = reactive(0)
    selected_words: reactive[int] = reactive(0)
    model: reactive[str] = reactive("")
    engine: reactive[str] = reactive("")
    warning: reactive[bool] = reactive(False)
    speed: reactive[float] = reactive(0.0)

    def say(self, text: str, *, severity: str = "information", seconds: float = 6.0) -> None:
        raise NotImplementedError
