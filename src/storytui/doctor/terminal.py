"""What the terminal can do, by what it says of itself."""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from storytui.doctor.finding import Finding, ok, problem, warning

LEAST_SIZE = (80, 24)
_BARE = {"", "dumb", "unknown", "emacs"}
_OLD = ("vt", "ansi", "sun", "cons25", "wy", "linux-m")
"""Terminals, or what takes itself for them, that have no colours or no function keys."""
_DIRECT = ("truecolor", "24bit")


@dataclass(frozen=True, slots=True)
class Terminal:
    """What is known of a terminal."""

    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    attached: bool = True
    """Whether input and output are a terminal."""
    encoding: str = "utf-8"
    size: tuple[int, int] = LEAST_SIZE
    """Columns and lines."""
    platform: str = sys.platform


def this_terminal() -> Terminal:
    """The terminal that the program runs in."""
    size = shutil.get_terminal_size()
    return Terminal(
        attached=sys.stdin.isatty() and sys.stdout.isatty(),
        encoding=sys.stdout.encoding or "",
        size=(size.columns, size.lines),
    )


def check_terminal(terminal: Terminal) -> Iterator[Finding]:
    """See what the editor can be in this terminal."""
    if not terminal.attached:
        yield ok("Terminal", "this output goes to no terminal, so there is none to look at")
        return
    environment = terminal.environment
    name = environment.get("TERM", "")
    unix = terminal.platform != "win32"
    if unix and name in _BARE:
        yield problem(
            "Terminal",
            f"TERM is {name or 'not set'}: a terminal that cannot place the cursor",
            "Start storytui in a terminal program, or set TERM=xterm-256color where it is one.",
        )
        return
    if unix and name.startswith(_OLD):
        yield warning(
            "Terminal",
            f"TERM is {name}: an old terminal, of which colours and function keys may be missing",
            "Set TERM=xterm-256color where the terminal program is a newer one.",
        )
    else:
        yield ok("Terminal", f"{_program(terminal)}, {_colours(terminal)}")
    yield from _size(terminal)
    yield from _encoding(terminal)
    yield from _keys(terminal)


def _program(terminal: Terminal) -> str:
    environment = terminal.environment
    known = environment.get("TERM_PROGRAM", "")
    if environment.get("WT_SESSION"):
        known = "Windows Terminal"
    shown = known or environment.get("TERM", "") or "the Windows console"
    inside = [each for each in ("tmux", "screen") if _is_in(each, environment)]
    return f"{shown} inside {inside[0]}" if inside and known.lower() != inside[0] else shown


def _is_in(program: str, environment: Mapping[str, str]) -> bool:
    return bool(environment.get({"tmux": "TMUX", "screen": "STY"}[program]))


def _colours(terminal: Terminal) -> str:
    environment = terminal.environment
    if environment.get("NO_COLOR"):
        return "no colours, since NO_COLOR is set"
    if environment.get("COLORTERM", "").lower() in _DIRECT or environment.get("WT_SESSION"):
        return "all colours"
    if "256" in environment.get("TERM", ""):
        return "256 colours"
    return "16 colours"


def _size(terminal: Terminal) -> Iterator[Finding]:
    columns, lines = terminal.size
    if columns < LEAST_SIZE[0] or lines < LEAST_SIZE[1]:
        yield warning(
            "Window",
            f"{columns} × {lines} characters",
            f"Make the window at least {LEAST_SIZE[0]} × {LEAST_SIZE[1]}, or the letters smaller.",
        )
    else:
        beside = "beside" if columns >= 100 else "below"
        yield ok("Window", f"{columns} × {lines} characters; the pane stands {beside} the page")


def _encoding(terminal: Terminal) -> Iterator[Finding]:
    plain = terminal.encoding.lower().replace("-", "").replace("_", "")
    if plain != "utf8":
        what = "chcp 65001" if terminal.platform == "win32" else "export LANG=C.UTF-8"
        yield problem(
            "Characters",
            f"the terminal is used in {terminal.encoding or 'an unknown encoding'}, not in UTF-8, "
            "so quotation marks and accents come out wrong",
            f"Run: {what}",
        )
    else:
        yield ok("Characters", "UTF-8")


def _keys(terminal: Terminal) -> Iterator[Finding]:
    environment = terminal.environment
    program = environment.get("TERM_PROGRAM", "")
    if program == "vscode":
        yield warning(
            "Keys",
            "this editor's terminal keeps keys such as ctrl+g, ctrl+p and ctrl+f to itself",
            'Set "terminal.integrated.sendKeybindingsToShell": true in its settings; f5 goes on '
            "with the story where ctrl+g does not.",
        )
    elif terminal.platform == "win32" and not environment.get("WT_SESSION") and not program:
        yield warning(
            "Keys",
            "the old Windows console sends few keys and shows few characters",
            "Use Windows Terminal.",
        )
    else:
        yield ok("Keys", "every action has a key that terminals send as itself; f1 lists them")
