"""The real program in a real terminal with the real model: type, go on, accept, save, quit."""

import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tmux import Tmux, needs_tmux, status_line, words

OPENING = "The lamp had been out for eleven minutes before anyone in the village noticed."


@pytest.fixture
def story(tmp_path: Path) -> Path:
    return tmp_path / "story.md"


@pytest.fixture
def terminal(story: Path) -> Iterator[Tmux]:
    command = [sys.executable, "-m", "storytui.cli", story, "--model", "built-in"]
    started = Tmux([*command, "--words", "20", "--reasoning-tokens", "24", "--seed", "7"])
    yield started
    started.close()


@needs_tmux
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
