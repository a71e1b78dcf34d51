"""Typing while the model works: key to paint while it reads or writes, against an idle one."""

import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from storytui.bench.memory import children_of, resident_bytes
from storytui.bench.screen import LAST_NAME, PYTHON, desk, story_text
from storytui.bench.terminal import Terminal, TerminalError

WORDS = 20_000
"""Words of the story: many times the window."""
KEYS = 40
"""Letters typed in each state of each opening."""
OPENINGS = 4
APART = 0.15
"""Seconds between letters: the model takes up its work again in each pause."""
PAUSE_MS = 50
_GO_ON = b"\x07"
"""Ctrl+G."""
_LETTERS = (0x100, 0x180)
"""Where the letters begin that are typed into one editor: each frame is known by its letter."""
_STATES = ("idle", "reading", "writing")


def measure_busy_typing(model: str, say: Callable[[str], None]) -> dict[str, Any]:
    """Milliseconds from a key to the frame that shows it, by what the model does; and memory.

    Raises:
        TerminalError: the editor did not show what was waited for.
    """
    times: dict[str, list[float]] = {state: [] for state in _STATES}
    memory: dict[str, int | None] = {}
    for number in range(OPENINGS):
        say(f"typing: {number + 1} of {OPENINGS}")
        with desk() as (folder, environment):
            _set(environment, "off")
            with _opened(folder / "idle.md", model, environment) as terminal:
                terminal.settle(quiet=2.0, seconds=30)
                times["idle"] += _typed(terminal, _LETTERS[0])
        with desk() as (folder, environment):
            _set(environment, "read")
            with _opened(folder / "busy.md", model, environment) as terminal:
                terminal.wait_for(b"reading")
                times["reading"] += _typed(terminal, _LETTERS[0])
                terminal.send(_GO_ON)
                with suppress(TerminalError):
                    terminal.wait_for(b"writing", seconds=60)
                times["writing"] += _typed(terminal, _LETTERS[1])
                memory = _memory(terminal.pid)
    return {**{state: _figures(times[state]) for state in _STATES}, "memory": memory}


def _set(environment: Mapping[str, str], how_far: str) -> None:
    """Write a settings file in which the model works ahead so far."""
    path = Path(environment["XDG_CONFIG_HOME"]) / "storytui" / "settings.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f'[ahead]\nhow_far = "{how_far}"\npause_ms = {PAUSE_MS}\nstate_mb = 0\n'
        "[continue]\nwords = 300\n",
        encoding="utf-8",
    )


def _opened(story: Path, model: str, environment: Mapping[str, str]) -> Terminal:
    story.write_text(story_text(WORDS), encoding="utf-8")
    command = [*PYTHON, "storytui.cli", str(story), "--model", model, "--context", "4096"]
    terminal = Terminal(command, environment)
    terminal.wait_for(LAST_NAME.encode())
    return terminal


def _typed(terminal: Terminal, first: int) -> list[float]:
    """Type letters, with pauses; milliseconds until each is on the screen."""
    found = []
    for number in range(KEYS):
        letter = chr(first + number).encode("utf-8")
        time.sleep(APART)
        began = time.perf_counter()
        terminal.send(letter)
        found.append((terminal.wait_for(letter) - began) * 1000)
        if number % 8 == 7:
            terminal.send(b" ")
    return found


def _figures(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {
        "median_ms": round(statistics.median(ordered), 1),
        "p99_ms": round(ordered[int(len(ordered) * 0.99)], 1),
        "keys": len(ordered),
    }


def _memory(editor: int) -> dict[str, int | None]:
    sizes = [size for child in children_of(editor) if (size := resident_bytes(child))]
    return {
        "editor_bytes": resident_bytes(editor),
        "model_process_bytes": max(sizes) if sizes else None,
    }
