"""The real program in a real terminal: keys go in, the screen comes out."""

import re
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

needs_tmux = pytest.mark.skipif(
    shutil.which("tmux") is None, reason="needs tmux: apt install tmux, or brew install tmux"
)


class Tmux:
    """One terminal of 120 × 40 on a tmux server of its own."""

    def __init__(self, command: list[str | Path]) -> None:
        self._socket = f"storytui-test-{uuid.uuid4().hex[:8]}"
        self._last = ""
        self._run("-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "40", *command)

    def keys(self, *names: str) -> None:
        """Press keys, by tmux's names."""
        self._run("send-keys", *names)

    def type(self, text: str) -> None:
        """Type text as it is."""
        self._run("send-keys", "-l", text)

    def screen(self) -> str:
        """What the terminal shows; nothing once the program has ended."""
        return self._run("capture-pane", "-p", check=False)

    def wait_until(self, there: Callable[[str], object], what: str, seconds: float = 90) -> str:
        """Look at the screen until it is `there`; returns what it then shows."""
        deadline = time.monotonic() + seconds
        while not there(screen := self.screen()):
            assert self.alive(), f"the program ended before {what}; it last showed:\n{self._last}"
            assert time.monotonic() < deadline, f"{what} did not come:\n{screen}"
            self._last = screen or self._last
            time.sleep(0.05)
        return screen

    def alive(self) -> bool:
        """Whether the program still runs."""
        return bool(self._run("list-panes", check=False))

    def process(self) -> int:
        """The program's process id."""
        return int(self._run("list-panes", "-F", "#{pane_pid}"))

    def close(self) -> None:
        """End the server and everything in it, as a window that is closed does."""
        self._run("kill-server", check=False)

    def _run(self, *arguments: str | Path, check: bool = True) -> str:
        command = ["tmux", "-L", self._socket, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=check).stdout


def status_line(screen: str) -> str:
    """The last line of the screen that is not empty."""
    lines = screen.strip("\n").splitlines()
    return lines[-1] if lines else ""


def words(screen: str) -> int:
    """The word count in the status line; -1 while there is none."""
    found = re.search(r"([\d,]+) words?", status_line(screen))
    return int(found[1].replace(",", "")) if found else -1
