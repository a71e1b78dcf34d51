"""The real program in a real terminal with the real model: type, go on, accept, save, quit."""

import re
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

OPENING = "The lamp had been out for eleven minutes before anyone in the village noticed."


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

    def close(self) -> None:
        """End the server and everything in it."""
        self._run("kill-server", check=False)

    def _run(self, *arguments: str | Path, check: bool = True) -> str:
        command = ["tmux", "-L", self._socket, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=check).stdout


@pytest.fixture
def story(tmp_path: Path) -> Path:
    return tmp_path / "story.md"


@pytest.fixture
def terminal(story: Path) -> Iterator[Tmux]:
    if shutil.which("tmux") is None:
        pytest.skip("needs tmux: apt install tmux, or brew install tmux")
    command = [sys.executable, "-m", "storytui.cli", story]
    started = Tmux([*command, "--words", "20", "--reasoning-tokens", "24", "--seed", "7"])
    yield started
    started.close()


def status_line(screen: str) -> str:
    """The last line of the screen that is not empty."""
    lines = screen.strip("\n").splitlines()
    return lines[-1] if lines else ""


def words(screen: str) -> int:
    """The word count in the status line; -1 while there is none."""
    found = re.search(r"([\d,]+) words?", status_line(screen))
    return int(found[1].replace(",", "")) if found else -1


def test_a_writer_types_goes_on_accepts_saves_and_quits(terminal: Tmux, story: Path) -> None:
    typed = len(OPENING.split())
    terminal.wait_until(lambda screen: words(screen) == 0, "the empty page")
    terminal.type(OPENING)
    terminal.wait_until(lambda screen: words(screen) == typed, "what was typed")

    terminal.keys("C-g")
    terminal.wait_until(lambda screen: "stops" in status_line(screen), "the model at work")
    terminal.wait_until(lambda screen: "ready" in status_line(screen), "the end of the take")
    terminal.keys("Tab")
    terminal.wait_until(lambda screen: words(screen) > typed, "the accepted sentence")
    terminal.keys("C-s")
    terminal.wait_until(
        lambda screen: "saved" in status_line(screen) and story.exists(), "the saved story"
    )
    terminal.keys("C-q")
    deadline = time.monotonic() + 30
    while terminal.alive():
        assert time.monotonic() < deadline, "the editor did not quit"
        time.sleep(0.05)

    text = story.read_text(encoding="utf-8")
    assert text.startswith(OPENING)
    accepted = text.removeprefix(OPENING)
    assert re.match(r"\s+\S", accepted)
    assert len(accepted.split()) >= 2
