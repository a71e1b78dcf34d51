"""The editor: themes, keys and the one screen put together."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, ClassVar

from textual.app import SystemCommand
from textual.binding import BindingType
from textual.screen import Screen

from storytui.app.keys import bind, help_groups, keymap
from storytui.app.screens.writing import WritingScreen
from storytui.app.terminal import TerminalApp
from storytui.app.themes import THEMES, fallback_variables
from storytui.app.wishes import Wishes
from storytui.engine.api import Engine
from storytui.manuscript.opening import Opened
from storytui.settings import Settings

if TYPE_CHECKING:  # not needed to paint a page
    from storytui.models.offers import Shelf


class StorytuiApp(TerminalApp, inherit_bindings=False):
    """Composition only: what the writer does is the business of the screens."""

    TITLE = "storytui"
    CSS_PATH = ["editor.tcss", "storytui.tcss"]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("quit", "quit"),
        bind("help", "help"),
        bind("palette", "command_palette"),
    ]

    def __init__(self, writing: WritingScreen, settings: Settings) -> None:
        """Put the editor together; use `build_app`.

        Args:
            writing: the screen.
            settings: for the theme and the keys.

        Raises:
            KeysError: the settings ask for keys that cannot be.
        """
        self._settings = settings
        self._styled = ""
        """The theme that the style sheets were read for."""
        super().__init__()
        self.writing = writing
        """The writing screen."""
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = settings.editor.theme
        # With the right colours from the beginning the style sheets are read once.
        self._styled = self.theme
        self.stylesheet.set_variables(self.get_css_variables())
        self.set_keymap(keymap(settings.keys))

    def refresh_css(self, animate: bool = True) -> None:
        """Read the style sheets again where the theme is another than they were read for."""
        if self._styled != self.theme:
            self._styled = self.theme
            super().refresh_css(animate=animate)

    def get_css_variables(self) -> dict[str, str]:
        """The theme's variables; none before the theme is known."""
        return super().get_css_variables() if self._styled else {}

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """This editor's own variables, for themes that do not know them."""
        return fallback_variables(self.current_theme)

    def get_default_screen(self) -> Screen[None]:
        """The writing screen is the only one that stays."""
        return self.writing

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Everything, by name."""
        from storytui.app.commands import palette_commands

        yield from palette_commands(self, self.writing)

    def on_app_focus(self) -> None:
        """The writer came back to the terminal; others may have been at the file."""
        self.writing.look_at_file()

    def keep_typed(self) -> None:
        """Bring everything typed to the disk now."""
        self.writing.keep_typed()

    async def action_quit(self) -> None:
        """Quit; unsaved changes are asked about."""
        self.writing.leave()

    def action_help(self) -> None:
        """List the keys as they are bound."""
        from storytui.app.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(help_groups(self._settings.keys)))


def build_app(
    *,
    settings: Settings,
    opened: Opened,
    engine_factory: Callable[[], Engine],
    make_shelf: "Callable[[], Shelf] | None" = None,
    choose_model: bool = False,
    first_start: bool = False,
    left_off: str = "",
    words_today: int = 0,
    direction: str = "",
) -> StorytuiApp:
    """Build the editor; the one way to make it, for the command line and for tests.

    Args:
        settings: the settings in force.
        opened: the story to open, already read, and where what belongs to it is kept.
        engine_factory: makes the engine; called in a thread after the first paint.
        make_shelf: makes what other models come from; None: there are none to choose.
        choose_model: have a model chosen first, since none was.
        first_start: greet the writer with the keys that matter.
        left_off: a model whose download did not come to its end before; empty: there is none.
        words_today: words written today before this session.
        direction: what is to come next, to begin with.

    Raises:
        KeysError: the settings ask for keys that cannot be.
    """
    wishes = Wishes(
        settings,
        engine_factory,
        make_shelf=make_shelf,
        choose_model=choose_model,
        first_start=first_start,
        left_off=left_off,
        direction=direction,
    )
    return StorytuiApp(WritingScreen(opened, wishes, words_today=words_today), settings)
