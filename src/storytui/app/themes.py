"""The editor's own themes; the only place for literal colours.

Quiet: the manuscript is the loudest thing on the screen. Text stands at 7:1 or better against
its background, dim text at 4.5:1, and every colour falls to a different one of the 16 that
simple terminals have.
"""

from textual.theme import BUILTIN_THEMES, Theme

DARK = Theme(
    name="storytui-dark",
    dark=True,
    primary="#8fb3d9",
    secondary="#7d93ab",
    accent="#e0b36a",
    foreground="#d9d6cf",
    background="#16181c",
    surface="#1b1e23",
    panel="#24282f",
    success="#93c08a",
    warning="#e0a84e",
    error="#e57373",
    variables={
        "dim": "#918f89",
        "rule": "#3a3f48",
        "heading": "#e0b36a",
        "match-background": "#4a4226",
        "input-selection-background": "#34495f",
        "input-cursor-background": "#e6e2d8",
        "input-cursor-foreground": "#16181c",
        "block-cursor-background": "#34495f",
        "block-cursor-foreground": "#f0ede6",
        "block-cursor-text-style": "none",
        "border": "#7d93ab",
        "border-blurred": "#3a3f48",
        "footer-key-foreground": "#e0b36a",
        "scrollbar": "#3a3f48",
        "scrollbar-hover": "#5a606b",
        "scrollbar-active": "#7d93ab",
        "scrollbar-background": "#16181c",
        "scrollbar-background-hover": "#16181c",
        "scrollbar-background-active": "#16181c",
        "scrollbar-corner-color": "#16181c",
    },
)
"""Warm grey on near black, with an amber accent."""

LIGHT = Theme(
    name="storytui-light",
    dark=False,
    primary="#2f5d8c",
    secondary="#5b6f85",
    accent="#8a4b08",
    foreground="#24241f",
    background="#faf8f3",
    surface="#f3f0e8",
    panel="#e8e4d9",
    success="#2f6b2f",
    warning="#8a5a00",
    error="#a32222",
    variables={
        "dim": "#6b6962",
        "rule": "#cfcabd",
        "heading": "#8a4b08",
        "match-background": "#f2e2a8",
        "input-selection-background": "#c3d7ec",
        "input-cursor-background": "#24241f",
        "input-cursor-foreground": "#faf8f3",
        "block-cursor-background": "#c3d7ec",
        "block-cursor-foreground": "#1a1a16",
        "block-cursor-text-style": "none",
        "border": "#5b6f85",
        "border-blurred": "#cfcabd",
        "footer-key-foreground": "#8a4b08",
        "scrollbar": "#cfcabd",
        "scrollbar-hover": "#b3ada0",
        "scrollbar-active": "#5b6f85",
        "scrollbar-background": "#faf8f3",
        "scrollbar-background-hover": "#faf8f3",
        "scrollbar-background-active": "#faf8f3",
        "scrollbar-corner-color": "#faf8f3",
    },
)
"""Dark brown on paper."""

THEMES: tuple[Theme, ...] = (DARK, LIGHT)
"""For `App.register_theme`. Themes of others lack `$dim`, `$rule`, `$heading` and
`$match-background`; `fallback_variables` fills them in."""


class UnknownThemeError(ValueError):
    """No theme has this name."""


def check_theme(name: str) -> None:
    """See that there is a theme of this name.

    Raises:
        UnknownThemeError: there is none; the message lists those there are.
    """
    names = [each.name for each in THEMES] + sorted(BUILTIN_THEMES)
    if name not in names:
        raise UnknownThemeError(f"no theme is called {name!r}; there are: {', '.join(names)}")


def fallback_variables(theme: Theme) -> dict[str, str]:
    """Values of this editor's own variables for themes that do not know them.

    For `App.get_theme_variable_defaults`, so that every theme of Textual's can be chosen.
    """
    foreground = theme.foreground or ("#e0e0e0" if theme.dark else "#1f1f1f")
    return {
        "dim": "#8c8c8c" if theme.dark else "#6a6a6a",
        "rule": "#444444" if theme.dark else "#c8c8c8",
        "heading": theme.accent or theme.primary or foreground,
        "match-background": "#4a4226" if theme.dark else "#f2e2a8",
    }
