"""What the writer sees: start-up to first paint, keystroke to paint, commands that answer at once.

Every program runs as it does for her, as a process of its own in a pseudo-terminal.
"""

import os
import random
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

from storytui.bench.terminal import Terminal, TerminalError
from storytui.models.names import BUILT_IN
from storytui.models.starter import INSTEAD as STARTER_ADAPTER_INSTEAD

LAST_NAME = "Zephyrine"
"""Stands near the end of every story that is opened here, where the cursor is, and nowhere else."""
BLANKS = b" " * 60
"""What an empty app paints."""
SIZES = (1_000, 20_000, 100_000)
"""Words in the stories that are typed into."""
KEYSTROKES = 400
"""Timed in each editor and story."""
TURNS = 10
"""Turns that each of two editors has; a turn is as long as a stride of the journal."""
_SAVE = b"\x13"
"""Ctrl+S."""


def measure_start(rounds: int) -> dict[str, float]:
    """Milliseconds from start to first paint: an empty Textual app, and the editor with a story."""
    empty, editor = [], []
    with desk() as (folder, environment):
        story = folder / "story.md"
        story.write_text(story_text(1_000), encoding="utf-8")
        for _ in range(rounds):
            empty.append(_first_paint([*PYTHON, "storytui.bench.empty"], BLANKS, environment))
            command = [*PYTHON, "storytui.cli", str(story), "--model", BUILT_IN]
            editor.append(_first_paint(command, LAST_NAME.encode(), environment))
    return _against(editor, empty, "storytui_ms", "empty_app_ms")


def measure_keystrokes() -> list[dict[str, float]]:
    """Milliseconds from a key to the frame that shows it, in stories of several sizes.

    Each story is typed into by turns in two editors that run side by side: one as the writer has
    it, one for which there is no place to keep journal, versions and takes.
    """
    found = []
    for words in SIZES:
        with desk() as (folder, environment):
            nowhere = folder / "a file, where a folder would have to be"
            nowhere.touch()
            unkept = {**environment, "XDG_DATA_HOME": str(nowhere)}
            with (
                _editor(folder / "kept.md", words, environment) as with_all,
                _editor(folder / "unkept.md", words, unkept) as with_nothing,
            ):
                letters = _letters(with_all), _letters(with_nothing)
                times: tuple[list[float], list[float]] = [], []
                for turn in range(TURNS):
                    # First the one, then the other: what warms up or slows down hits both.
                    for which in (0, 1) if turn % 2 == 0 else (1, 0):
                        times[which].extend(islice(letters[which], KEYSTROKES // TURNS))
            if not any(folder.glob("xdg_data_home/storytui/manuscripts/*/journal-*")):
                raise TerminalError("the editor kept no journal")
        kept, not_kept = (sorted(each) for each in times)
        found.append(
            {
                "words": words,
                "median_ms": _ms(statistics.median(kept)),
                "p99_ms": _ms(kept[int(len(kept) * 0.99)]),
                "not_kept_median_ms": _ms(statistics.median(not_kept)),
                "not_kept_p99_ms": _ms(not_kept[int(len(not_kept) * 0.99)]),
                # From the times themselves: those above are rounded.
                "kept_ratio": round(statistics.median(kept) / statistics.median(not_kept), 3),
            }
        )
    return found


@contextmanager
def _editor(story: Path, words: int, environment: Mapping[str, str]) -> Iterator[Terminal]:
    """An editor with a story of that many words, ready to be typed into."""
    story.write_text(story_text(words), encoding="utf-8")
    with Terminal(
        [*PYTHON, "storytui.cli", str(story), "--model", BUILT_IN], environment
    ) as terminal:
        terminal.wait_for(LAST_NAME.encode())
        # A save takes what the editor has to say out of the status line, so that it says when the
        # model is loaded; typing is measured after that.
        terminal.send(_SAVE)
        with suppress(TerminalError):
            terminal.wait_for(b"ready", seconds=30)
        terminal.settle(quiet=0.3, seconds=10)
        yield terminal


def measure_commands(rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds of whole processes that should answer at once, against `import argparse`."""
    script = str(Path(sysconfig.get_path("scripts")) / "storytui")
    commands = {
        "import argparse": [sys.executable, "-c", "import argparse"],
        "--help": [script, "--help"],
        "parse": [script, "parse"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            times[name].append(_whole_process(command))
    floor = times.pop("import argparse")
    return {
        name: _against(each, floor, "storytui_ms", "argparse_ms") for name, each in times.items()
    }


def story_text(words: int) -> str:
    """A story of that many words: paragraphs and chapters, the same every time."""
    random_words = random.Random(words)
    paragraphs: list[str] = []
    paragraph: list[str] = []
    for number in range(words - 3):
        if number % 2_500 == 2_499:
            paragraphs.append(f"## Chapter {number // 2_500}")
        paragraph.append(random_words.choice(_WORDS))
        if len(paragraph) >= 60:
            paragraphs.append(" ".join(paragraph) + ".")
            paragraph = []
    paragraphs.append(" ".join(["The", LAST_NAME, "came", *paragraph]) + ".")
    return "\n\n".join(paragraphs) + "\n"


_WORDS = (
    *("the", "lamp", "sea", "keeper", "stair", "door", "letter", "wind", "rope", "tide", "voice"),
    *("and", "but", "under", "over", "slowly", "never", "again", "before", "after", "between"),
    *("said", "looked", "waited", "carried", "opened", "remembered", "listened", "nothing"),
)

# -P: a file in the working folder must not be imported as a module.
PYTHON = [sys.executable, "-P", "-m"]


@contextmanager
def desk() -> Iterator[tuple[Path, dict[str, str]]]:
    """A folder for stories, and an environment with settings and memories of its own."""
    with tempfile.TemporaryDirectory(prefix="storytui-bench-") as name:
        folder = Path(name)
        environment = {
            key: value for key, value in os.environ.items() if not key.startswith("TEXTUAL")
        }
        environment.update(TERM="xterm-256color", COLORTERM="truecolor")
        for key in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
            environment[key] = str(folder / key.lower())
        environment[STARTER_ADAPTER_INSTEAD] = ""
        # The welcome of the first start would stand in front of the story.
        opened = folder / "xdg_state_home" / "storytui" / "opened-before"
        opened.parent.mkdir(parents=True)
        opened.touch()
        yield folder, environment


def _first_paint(command: Sequence[str], wanted: bytes, environment: Mapping[str, str]) -> float:
    with Terminal(command, environment) as terminal:
        return terminal.wait_for(wanted) - terminal.started


def _letters(terminal: Terminal) -> Iterator[float]:
    """Type letter after letter; seconds until each is on the screen."""
    # Letters that stand nowhere else on the screen, so that each frame is known by its letter.
    for number in range(KEYSTROKES):
        letter = chr(0x100 + number).encode("utf-8")
        began = time.perf_counter()
        terminal.send(letter)
        yield terminal.wait_for(letter) - began
        if number % 8 == 7:
            terminal.send(b" ")
            terminal.settle(quiet=0.05, seconds=1.0)


def _whole_process(command: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, input=b"", stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def _against(ours: list[float], floor: list[float], name: str, floor_name: str) -> dict[str, float]:
    a, b = statistics.median(ours), statistics.median(floor)
    return {name: _ms(a), floor_name: _ms(b), "ratio": round(a / b, 2)}


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
