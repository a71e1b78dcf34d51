"""What the app says to its terminal, and what it lets in: text, and nothing that commands."""

import sys
import traceback
from collections.abc import Callable
from functools import partial

from rich.segment import Segment, Segments
from textual import events
from textual.app import App
from textual.driver import Driver
from textual.drivers._writer_thread import WriterThread
from textual.notifications import SeverityLevel

from storytui.app.ending import GONE, TerminalInput, end_anyway, ending_with_its_terminal
from storytui.app.widgets.prose_area import ProseArea
from storytui.story.plain import plain
from storytui.story.visible import visible


class TerminalWriter(WriterThread):
    """Writes to the terminal; once that is gone, what is written goes nowhere.

    Textual's ends then, and its queue fills: the editor would wait on it instead of ending, and
    hear no signal while it does.
    """

    def run(self) -> None:
        """Write what comes, to the end."""
        try:
            super().run()
        except OSError:
            while self._queue.get() is not None:
                pass


class TerminalApp(App[None], inherit_bindings=False):
    """An app whose clipboard, pastes, notifications and last words are plain text."""

    def get_driver_class(self) -> type[Driver]:
        """Textual's driver, with another decoder, another way to write, and an end.

        It decodes strictly, and a paste with half a character in it would end the editor; and what
        writes waits for ever for a terminal that is gone. It offers no other way to say so.
        """
        driver = super().get_driver_class()
        names = vars(sys.modules[driver.__module__])
        for name, ours in (("getincrementaldecoder", _decoder), ("WriterThread", TerminalWriter)):
            if name in names:
                names[name] = ours
        return ending_with_its_terminal(driver)

    def on_terminal_gone(self) -> None:
        """Every key has been heard: end."""
        self.keep_typed()
        end_anyway(GONE)
        self.exit(return_code=GONE)

    def keep_typed(self) -> None:
        """Bring everything typed to the disk now; here there is nothing."""

    async def on_event(self, event: events.Event) -> None:
        """Let a paste in as plain text, whoever gets it; the manuscript's keys, in their order."""
        if isinstance(event, events.Paste) and not event.is_forwarded:
            event.text = plain(event.text)
        if (
            isinstance(event, events.Key | events.Paste)
            and not event.is_forwarded
            and isinstance(self.focused, ProseArea)
        ):
            await self._hand_over(event, self.focused)
        else:
            await super().on_event(event)

    async def _hand_over(self, event: events.Key | events.Paste, area: ProseArea) -> None:
        """Do at once what a key means, or let the manuscript have it.

        Textual puts what is typed into the widget's queue, runs the app's own keys ahead of that,
        and the widget's bindings when the key has come back through the screen's queue. Where
        several keys come in one go, as over a slow line or after a save that took long, a
        backspace would then delete a character that was typed after it.
        """
        if not self.app_focus:
            self.app_focus = True
        if isinstance(event, events.Key):
            if await self._check_bindings(event.key, priority=True):
                return
            typed = area.check_consume_key(event.key, event.character)
            if not typed and await self._check_bindings(event.key):
                return
        event._set_forwarded()
        with area._context():
            await area._dispatch_message(event)

    def copy_to_clipboard(self, text: str) -> None:
        """Give the terminal's clipboard plain text; pasting here brings back exactly `text`."""
        super().copy_to_clipboard(plain(text))
        self._clipboard = text

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Notify; nothing is read as markup, whatever `markup` says."""
        super().notify(
            visible(message),
            title=visible(title, newlines=False),
            severity=severity,
            timeout=timeout,
            markup=False,
        )

    def _fatal_error(self) -> None:
        """End after a fault of the program itself, and say where it was: without the story.

        Textual would print the values of variables too, the manuscript among them.
        """
        self.panic(Segments([Segment(traceback.format_exc())]))

    def _print_error_renderables(self) -> None:
        """Print what ended the editor, made visible."""
        self._exit_renderables[:] = [
            Segments([Segment(visible(each.text)) for each in rendered.segments])
            for rendered in self._exit_renderables
            if isinstance(rendered, Segments)
        ]
        super()._print_error_renderables()


def _decoder(encoding: str) -> Callable[[], TerminalInput]:
    """What makes a decoder, as `codecs.getincrementaldecoder` would."""
    return partial(TerminalInput, encoding)
