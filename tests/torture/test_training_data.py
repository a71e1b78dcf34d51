"""The building of training data is killed at random moments in each stage, again and again.

What comes out in the end is, byte for byte, what an undisturbed run makes; no reply of the teacher
that was committed is asked for again; and of what a killed run had started nothing lives on.

`STORYTUI_TORTURE_ROUNDS` says how often each stage is killed (4 without it).
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
from teacher_stand_in import KEY, StandIn
from training_shelf import RECIPE, make_shelf

from storytui.manuscript.lock import read_holder
from storytui_train.data.pipeline.record import Record
from storytui_train.data.pipeline.workplace import BEGUN, LOCK
from storytui_train.data.teacher.replies import kept_replies

STAGES = ("gather", "clean", "choose", "chunk", "split", "reason", "dataset")
ROUNDS = int(os.environ.get("STORYTUI_TORTURE_ROUNDS", "4"))
MOST = 3
"""So many runs are begun for each kill; some are done before it comes."""
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""One after the other; every second one comes to a run with two processes."""
STARTING = 0.15
"""Share of the kills that come while the program starts."""
AT_ONCE = 4
IN_REPLIES = {"empty": 0.08, "length": 0.08, "refusal": 0.08, "leak": 0.15, "list": 0.05}
ON_ITS_WAY = {"429": 0.1, "drop": 0.03, "500": 0.03, "cut": 0.03, "error-in-200": 0.03}
GONE_AFTER = 20.0
"""Seconds in which the processes of a killed run have to be gone; here they need one, or where a
process that is just starting has to import much first, four."""
MARK = "STORYTUI_TORTURE_RUN"
TEACHER = """\
[teacher]
kind = "endpoint"
url = "URL"
model = "stand-in/teacher"
key_variable = "STAND_IN_KEY"
plans = 2
plan_words = [10, 220]
concurrency = 4
timeout = 20
rows = 14
"""


@dataclass(slots=True)
class Figures:
    """What the kills of a stage came to."""

    killed: Counter[str] = field(default_factory=Counter)
    """By signal."""
    over: int = 0
    """Runs that were done before they were killed."""
    gone: list[float] = field(default_factory=list)
    """Seconds until no process of the run was left."""

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {name}" for name, count in sorted(self.killed.items()))
        return f"{kinds or 'none'}; {self.over} done before; gone within {max(self.gone):.1f} s"


class Shelf:
    """Books, and recipes over them beside each other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said = folder / "said"
        self._runs = 0
        make_shelf(folder / "shelf")

    def recipe(self, name: str, stand_in: StandIn) -> Path:
        """Write a recipe; its working folder is beside it."""
        path = self.folder / f"{name}.toml"
        path.write_text(RECIPE + TEACHER.replace("URL", stand_in.url), encoding="utf-8")
        return path

    def start(self, recipe: Path, stage: str, *more: object) -> tuple[subprocess.Popen[bytes], str]:
        """Start a stage in a process group of its own, with a mark in the environment."""
        self._runs += 1
        mark = f"{self.folder}-{self._runs}"
        with self.said.open("wb") as said:
            child = subprocess.Popen(
                [sys.executable, "-m", "storytui_train.cli", stage, str(recipe), *map(str, more)],
                stdout=said,
                stderr=said,
                env={**os.environ, MARK: mark, "STAND_IN_KEY": KEY},
                start_new_session=True,
                preexec_fn=_heed_interrupts,
            )
        return child, mark

    def finish(self, recipe: Path, stage: str) -> None:
        """Run a stage to its end."""
        for _ in range(5):
            child, _ = self.start(recipe, stage, "--workers", 2)
            if child.wait() == 0:
                return
            # A teacher that fails too often may stop it, and is asked on.
            assert b"The teacher did not answer" in self.said.read_bytes(), self.said.read_text()
        pytest.fail(f"{stage} did not come to an end")


def test_killed_in_each_stage_it_makes_the_same_and_asks_nothing_twice(
    tmp_path: Path, stand_ins: list[StandIn], capsys: pytest.CaptureFixture[str]
) -> None:
    calm_teacher, teacher = stand_ins
    shelf = Shelf(tmp_path)
    calm, killed = shelf.recipe("calm", calm_teacher), shelf.recipe("killed", teacher)
    shelf.finish(calm, "dataset")
    expected = made_in(calm.with_suffix(""))
    assert set(expected) == set(STAGES)
    assert calm_teacher.answered
    replies = Replies(killed.with_suffix("") / "teacher" / "replies", teacher)
    chance = random.Random(ROUNDS)

    for stage in STAGES:
        figures = Figures()
        seconds = record_of(calm, stage).seconds
        for round in range(MOST * ROUNDS):
            if figures.killed.total() == ROUNDS:
                break
            number = SIGNALS[(round + STAGES.index(stage)) % len(SIGNALS)]
            one_kill(shelf, killed, stage, number, 1 + round % 2, seconds, chance, figures)
            replies.check()
        shelf.finish(killed, stage)
        replies.check()
        assert made_in(killed.with_suffix(""))[stage] == expected[stage]
        with capsys.disabled():
            print(f"\n  {stage}: {figures}", end="")
        assert figures.killed.total() == ROUNDS

    assert made_in(killed.with_suffix("")) == expected
    assert {each.key for each in kept_replies(replies.folder)} == set(calm_teacher.answered)


@pytest.fixture
def stand_ins() -> Iterator[list[StandIn]]:
    """A teacher that replies badly at times, and one that fails on the way as well."""
    faults = (IN_REPLIES, {**IN_REPLIES, **ON_ITS_WAY})
    started = [StandIn(faults=each, latency=0.02).start() for each in faults]
    yield started
    for each in started:
        each.stop()


class Replies:
    """The replies that are committed, and how often each was asked for."""

    def __init__(self, folder: Path, teacher: StandIn) -> None:
        self.folder, self.teacher = folder, teacher
        self._asked: dict[str, int] = {}
        self._runs = 0

    def check(self) -> None:
        """After each run: none that was committed was asked for again, few were lost."""
        self._runs += 1
        kept = [each.key for each in kept_replies(self.folder)] if self.folder.exists() else []
        for key in kept:
            asked = self.teacher.received[key]
            assert self._asked.setdefault(key, asked) == asked, "a committed reply was asked again"
        lost = sum(self.teacher.answered.values()) - len(kept)
        assert lost <= AT_ONCE * self._runs, "a kill cost more than the requests in flight"


def one_kill(
    shelf: Shelf,
    recipe: Path,
    stage: str,
    number: signal.Signals,
    workers: int,
    seconds: float,
    chance: random.Random,
    figures: Figures,
) -> None:
    """Start a stage and kill it, at its start or in the middle of its work."""
    work = recipe.with_suffix("")
    done = (work / f"{stage}.json").exists()
    again = ("--again", stage) if done else ()
    child, mark = shelf.start(recipe, stage, "--workers", workers, *again)
    interrupted = number == signal.SIGINT
    if interrupted or chance.random() >= STARTING:
        while child.poll() is None and not at_work(child.pid, work, stage):
            time.sleep(0.005)
        delay = chance.uniform(0, 1.1 * seconds)
    else:
        delay = chance.uniform(0, 0.6)
    try:
        child.wait(delay)
    except subprocess.TimeoutExpired:
        if interrupted:
            # As the terminal does it: to the run and all that it started.
            os.killpg(child.pid, number)
        else:
            child.send_signal(number)
    status = child.wait(60)
    began = time.monotonic()
    while living := processes_of(mark):
        assert time.monotonic() - began < GONE_AFTER, f"{number.name}: {living} live on"
        time.sleep(0.02)
    figures.gone.append(time.monotonic() - began)
    said = shelf.said.read_text("utf-8", "replace")
    assert "Traceback" not in said, said
    if status == 0 or (interrupted and status == -number and (work / f"{stage}.json").exists()):
        # Python itself may still be ending.
        figures.over += 1
        return
    if interrupted and "Stopped." in said:
        # The second is what the shell shows as 130; CPython ends so where the interrupt came into
        # source that `exec` was running, even though it was caught.
        assert status in (130, -number)
        assert said.splitlines()[-1].startswith("storytui-train: Stopped.")
        assert said.count("Stopped.") == 1
    elif interrupted or status != -number:
        # The teacher's own failure came first.
        assert status == 1
        assert "The teacher did not answer" in said, said
    figures.killed[number.name] += 1


def at_work(pid: int, work: Path, stage: str) -> bool:
    """Whether a run has got to its stage."""
    holder = read_holder(work / LOCK)
    begun = (work / stage / BEGUN).exists() and not (work / f"{stage}.json").exists()
    return begun and holder is not None and holder.pid == pid


def _heed_interrupts() -> None:
    """In the child: where the tests run in the background, they were told to ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def processes_of(mark: str) -> list[str]:
    """Command lines of the processes that have a mark in their environment."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue  # it ended meanwhile, or is somebody else's
    return found


def record_of(recipe: Path, stage: str) -> Record:
    """What made a stage's output."""
    data = (recipe.with_suffix("") / f"{stage}.json").read_bytes()
    return msgspec.json.decode(data, type=Record)


def made_in(work: Path) -> dict[str, dict[str, bytes]]:
    """Of each stage that is complete: its output and what it left out, by file."""
    found = {}
    for stage in STAGES:
        if (work / f"{stage}.json").exists():
            folder = work / stage
            files = [each for each in sorted((folder / "parts").rglob("*")) if each.is_file()]
            found[stage] = {
                each.relative_to(folder).as_posix(): each.read_bytes()
                for each in [*files, folder / "refused.jsonl"]
            }
    return found
