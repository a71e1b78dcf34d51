"""A terminal that is closed ends the editor and its model soon, and what was typed is kept.

Who tells the editor of it depends on who started it: the system tells the first program in a
terminal, and no other as long as that one stays. `make` stays: it waits for the editor.
"""

import contextlib
import os
import pty
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tmux import Tmux, needs_tmux, status_line, words

from storytui import folders
from storytui.manuscript.opening import open_manuscript

TYPED = "The lamp had been out for eleven minutes before anyone in the village noticed."
SECONDS = 20.0
"""Where other work shares the machine; alone, the editor needs a fifth of one."""
START_SECONDS = 90.0
GONE = 129
MAKEFILE = "run:\n\t@$(EDITOR)\n"
WITHOUT_KEYS = """
import os, sys
from storytui import cli
os.dup2(os.open("/proc/self/mem", os.O_RDONLY), 0)
sys.exit(cli.main(sys.argv[1:]))
"""
"""The editor, told of an input/output error whenever it reads: no memory begins at nothing."""
STUCK = """
import sys, time
from pathlib import Path
from storytui.app import ending
from storytui.app.terminal import TerminalApp

class Stuck(TerminalApp):
    def on_mount(self):
        self.call_after_refresh(self.wait)

    def wait(self):
        Path(sys.argv[1]).touch()
        time.sleep(1000)

ending.STUCK_SECONDS = 0.5
Stuck().run()
"""


@pytest.fixture
def story(tmp_path: Path) -> Path:
    return tmp_path / "story.md"


def editor(story: Path) -> list[str]:
    asked = ["--model", "built-in", "--words", "400", "--reasoning-tokens", "300"]
    return [sys.executable, "-m", "storytui.cli", str(story), *asked]


def started(how: str, command: list[str], folder: Path) -> list[str | Path]:
    """What runs a command as a writer may: the command that is first in the terminal."""
    if how == "by make":
        makefile = folder / "Makefile"
        makefile.write_text(MAKEFILE)
        return ["make", "-f", makefile, "run", f"EDITOR={shlex.join(command)}"]
    if how == "by a shell that stays":
        return ["sh", "-c", f"trap '' HUP; {shlex.join(command)}; true"]
    return [*command]


def family(first: int) -> dict[int, str]:
    """A process and all below it that run, with their commands."""
    listed = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,ppid=,stat=,args="],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    rows = [line.split(None, 3) for line in listed.splitlines()]
    found = {int(pid): args[0] for pid, _, state, *args in rows if args and state[0] != "Z"}
    ours, before = {first}, 0
    while len(ours) > before:
        before = len(ours)
        ours |= {int(row[0]) for row in rows if int(row[1]) in ours}
    return {each: found[each] for each in ours if each in found}


@contextlib.contextmanager
def all_end(processes: dict[int, str]) -> Iterator[None]:
    """What is done inside ends all of these soon."""
    yield
    deadline = time.monotonic() + SECONDS
    living = dict(processes)
    while living and time.monotonic() < deadline:
        living = {each: living[each] for each in living if family(each)}
        time.sleep(0.05)
    for each in living:
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)
    assert not living, f"they live on: {living}"


def kept(story: Path) -> str:
    """What the next start brings back."""
    opened = open_manuscript(folders.manuscripts_folder(), story)
    assert opened.holder is None
    if opened.lock is not None:
        opened.lock.release()
    return "" if opened.recovered is None else opened.recovered.text


def with_model(first: int) -> dict[int, str]:
    """The same once the model's process is there."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        ours = family(first)
        if any("storytui.engine.worker" in each for each in ours.values()):
            return ours
        assert time.monotonic() < deadline, f"no process for the model: {ours}"
        time.sleep(0.05)


def reach(there: Tmux, state: str) -> None:
    """Type, and bring the editor into a state."""
    there.wait_until(lambda screen: words(screen) == 0, "the empty page")
    there.type(TYPED)
    there.wait_until(lambda screen: words(screen) == len(TYPED.split()), "what was typed")
    if state == "idle":
        there.wait_until(lambda screen: "ready" in status_line(screen), "the model")
    if state == "writing":
        there.keys("C-g")
        there.wait_until(lambda screen: "stops" in status_line(screen), "the model at work")
    if state == "asking":
        there.keys("C-q")
        there.wait_until(lambda screen: "not saved" in screen, "the question")


@needs_tmux
@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize(
    ("how", "state"),
    [
        ("by make", "idle"),
        ("by make", "writing"),
        ("by make", "asking"),
        ("by make", "loading"),
        ("by a shell that stays", "writing"),
        ("by itself", "writing"),
    ],
)
def test_a_closed_terminal_ends_the_editor_and_its_model_and_the_text_is_kept(
    how: str, state: str, story: Path, tmp_path: Path
) -> None:
    there = Tmux(started(how, editor(story), tmp_path))
    try:
        reach(there, state)
        processes = with_model(there.process())
        with all_end(processes):
            there.close()
    finally:
        there.close()

    assert kept(story) == TYPED


@needs_tmux
def test_what_came_before_the_end_of_the_input_is_kept(story: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    os.mkfifo(keys)
    there = Tmux(["sh", "-c", f"{shlex.join(editor(story))} < {shlex.quote(str(keys))}"])
    try:
        with keys.open("w") as typing:
            there.wait_until(lambda screen: words(screen) == 0, "the empty page")
            processes = family(there.process())
            typing.write(TYPED)
        with all_end(processes):
            pass
    finally:
        there.close()

    assert kept(story) == TYPED


@needs_tmux
@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's files of processes")
def test_an_input_that_fails_ends_the_editor_and_leaves_the_terminal_as_it_was(
    story: Path,
) -> None:
    command = shlex.join([sys.executable, "-c", WITHOUT_KEYS, *editor(story)[3:]])
    there = Tmux(["sh", "-c", f"echo before; {command}; echo status $?; read line"])
    try:
        screen = there.wait_until(lambda screen: "status" in screen, "the editor's end")
    finally:
        there.close()

    assert screen.split() == ["before", "status", str(GONE)]


def test_an_editor_that_hears_nothing_ends_with_its_terminal_all_the_same(tmp_path: Path) -> None:
    stuck = tmp_path / "stuck"
    ours, theirs = pty.openpty()
    # Not the terminal of its session: the system tells it nothing.
    process = subprocess.Popen(
        [sys.executable, "-c", STUCK, stuck],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not stuck.exists():
            assert time.monotonic() < deadline, "it did not start"
            time.sleep(0.05)
        os.close(ours)
        assert process.wait(SECONDS) == GONE
    finally:
        process.kill()
        process.wait()
