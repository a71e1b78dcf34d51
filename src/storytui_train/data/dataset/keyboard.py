"""Single keys from a terminal, and the terminal as it was afterwards, whatever happens."""

import os
import re
import select
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

RESIZED = "resized"
"""Comes in place of a key where the screen has to be drawn anew."""
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
"""The other screen, without a cursor; and back."""
_NAMES = {
    **{"\x1b[A": "up", "\x1b[B": "down", "\x1b[C": "right", "\x1b[D": "left"},
    **{"\x1bOA": "up", "\x1bOB": "down", "\x1bOC": "right", "\x1bOD": "left"},
    **{"\x1b[5~": "page up", "\x1b[6~": "page down", "\x1b[H": "home", "\x1b[F": "end"},
    **{"\x1bOH": "home", "\x1bOF": "end", "\x1b[1~": "home", "\x1b[4~": "end"},
    **{"\r": "enter", "\n": "enter", "\x7f": "backspace", "\x08": "backspace"},
    **{"\x1b": "escape", "\x03": "interrupt", "\x04": "interrupt"},
}
_SEQUENCE = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|O.|\[\[.)|(?s:.)")
_WINDOWS_KEYS = {
    **{"H": "up", "P": "down", "M": "right", "K": "left", "I": "page up", "Q": "page down"},
    **{"G": "home", "O": "end"},
}


def key_names(text: str) -> list[str]:
    """The keys in what a terminal sent: characters, names, or nothing for an unknown sequence."""
    found = [each[0] for each in _SEQUENCE.finditer(text)]
    return [
        _NAMES.get(each, each if len(each) == 1 and each.isprintable() else "") for each in found
    ]


class Terminal:
    """A terminal that is drawn on; made by `terminal`."""

    def __init__(self) -> None:
        self._waiting: list[str] = []

    def size(self) -> tuple[int, int]:
        """Columns and lines."""
        found = shutil.get_terminal_size()
        return found.columns, found.lines

    def draw(self, lines: Sequence[str]) -> None:
        """Show lines from the top, nothing behind them."""
        # Emptied first: behind a line as wide as the screen its last character would go with it.
        body = "\r\n".join(f"\x1b[2K{line}" for line in lines)
        sys.stdout.write(f"\x1b[H{body}\x1b[J")
        sys.stdout.flush()

    def key(self) -> str:
        """The next key; waits for it."""
        while not self._waiting:
            self._waiting = self._read()
        return self._waiting.pop(0)

    def _read(self) -> list[str]:
        raise NotImplementedError


class _Posix(Terminal):
    """Keys by termios: as they are pressed, not shown, over a line of SSH too."""

    def __init__(self, woken: int) -> None:
        super().__init__()
        self._keyboard = sys.stdin.fileno()
        self._woken = woken
        self._bytes = b""

    def _read(self) -> list[str]:
        ready, _, _ = select.select([self._keyboard, self._woken], [], [])
        if self._woken in ready:
            os.read(self._woken, 64)
            return [RESIZED]
        data = os.read(self._keyboard, 1024)
        if not data:
            return ["interrupt"]
        self._bytes += data
        # Over a slow line an arrow may come in two pieces; a lone Escape is one piece only.
        if self._bytes in (b"\x1b", b"\x1b[", b"\x1bO") and self._more():
            return []
        try:
            text = self._bytes.decode("utf-8")
        except UnicodeDecodeError as error:
            if error.end == len(self._bytes) and error.end - error.start < 4 and self._more():
                return []
            text = self._bytes.decode("utf-8", "replace")
        self._bytes = b""
        return key_names(text)

    def _more(self) -> bool:
        """Whether something follows at once."""
        return bool(select.select([self._keyboard], [], [], 0.05)[0])


class _Windows(Terminal):
    """Keys by msvcrt."""

    def _read(self) -> list[str]:
        import msvcrt

        key: str = msvcrt.getwch()  # type: ignore[attr-defined,unused-ignore]
        if key in ("\x00", "\xe0"):
            return [_WINDOWS_KEYS.get(msvcrt.getwch(), "")]  # type: ignore[attr-defined,unused-ignore]
        return key_names(key)


@contextmanager
def terminal() -> Iterator[Terminal]:
    """The terminal for keys and drawing; as it was behind it, also after a signal.

    A stop (Ctrl-Z) gives the terminal back meanwhile.
    """
    if os.name == "nt":
        sys.stdout.write(_ENTER)
        try:
            yield _Windows()
        finally:
            sys.stdout.write(_LEAVE)
            sys.stdout.flush()
        return
    with _raw() as woken:
        yield _Posix(woken)


@contextmanager
def _raw() -> Iterator[int]:
    import termios
    import tty

    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def enter() -> None:
        tty.setcbreak(keyboard)
        _write(_ENTER)

    def leave() -> None:
        _write(_LEAVE)
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)

    def stop(number: int, frame: FrameType | None) -> None:
        leave()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        # Goes on behind this line when it is continued, or at once where nobody could do that.
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, stop)
        enter()

    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    handlers = {
        **{signal.SIGTSTP: stop, signal.SIGTERM: end, signal.SIGHUP: end},
        # The wake-up descriptor is written to only where there is a handler.
        signal.SIGWINCH: lambda number, frame: None,
    }
    old_handlers = {each: signal.signal(each, handler) for each, handler in handlers.items()}
    old_woken = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        enter()
        yield reading
    finally:
        leave()
        signal.set_wakeup_fd(old_woken)
        for each, handler in old_handlers.items():
            signal.signal(each, handler)
        os.close(reading)
        os.close(writing)


def _write(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError:
        # The terminal is gone; there is nothing to put right.
        return
