"""Killed at random moments, with a teacher that fails in every way: the same end, nothing twice.

`STORYTUI_TORTURE_ROUNDS` says how often each run is killed (10 without it).
"""

import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import teacher_run
from teacher_rows import files, options, rows
from teacher_stand_in import ON_THE_WAY, StandIn

from storytui_train.data.teacher.replies import kept_replies

Standing = Callable[..., StandIn]
ROUNDS = int(os.environ.get("STORYTUI_TORTURE_ROUNDS", "10"))
COUNT = 12
"""Rows; each takes three requests and some more."""
IN_REPLIES = {"empty": 0.08, "length": 0.08, "refusal": 0.08, "leak": 0.15, "list": 0.05}
ON_ITS_WAY = {**dict.fromkeys(ON_THE_WAY, 0.05), "timeout": 0.01}
AT_ONCE = 4
KILLS_A_RUN = 10


class Children:
    """Starts runs in processes of their own, one at a time."""

    def __init__(self, folder: Path) -> None:
        self.said = folder / "said"
        self.mother = subprocess.Popen(
            [sys.executable, teacher_run.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, folder: Path, stand_in: StandIn, **changes: object) -> int:
        """The process id of a run."""
        given = {
            "folder": str(folder),
            "url": stand_in.url,
            "count": COUNT,
            "changes": {"concurrency": AT_ONCE, **changes},
            "said": str(self.said),
        }
        assert self.mother.stdin is not None
        self.mother.stdin.write(json.dumps(given) + "\n")
        self.mother.stdin.flush()
        return int(self._line())

    def ended(self) -> int:
        """How the run ended."""
        return int(self._line())

    def finish(self, folder: Path, stand_in: StandIn, **changes: object) -> None:
        """Run until it ends by itself; a teacher that fails too often may stop it meanwhile."""
        for _ in range(5):
            self.start(folder, stand_in, **changes)
            if self.ended() == 0:
                return
            assert b"TeacherError" in self.said.read_bytes(), self.said.read_text()
        pytest.fail("it did not come to an end")

    def _line(self) -> str:
        assert self.mother.stdout is not None
        return self.mother.stdout.readline()


@pytest.fixture
def children(tmp_path: Path) -> Iterator[Children]:
    started = Children(tmp_path)
    yield started
    started.mother.communicate()


def test_a_kill_costs_the_requests_in_flight_and_nothing_else(
    standing_in: Standing, tmp_path: Path, children: Children
) -> None:
    calm = standing_in(faults=IN_REPLIES)
    teacher_run.run(tmp_path / "calm", options(calm.url), rows(COUNT))
    stand_in = standing_in(faults={**IN_REPLIES, **ON_ITS_WAY}, latency=0.005)
    drawn = random.Random(5)
    killed = 0

    for first in range(0, ROUNDS, KILLS_A_RUN):
        folder = tmp_path / f"killed-{first}"
        stand_in.received.clear()
        stand_in.answered.clear()
        counted: dict[str, int] = {}
        for kill in range(min(KILLS_A_RUN, ROUNDS - first)):
            child = children.start(folder, stand_in)
            goal = sum(stand_in.received.values()) + drawn.randint(1, 12)
            while sum(stand_in.received.values()) < goal and not files_of(folder / "plans"):
                stand_in.stopping.wait(0.001)
            os.kill(child, signal.SIGKILL)
            killed += children.ended() == -signal.SIGKILL
            kept = [each.key for each in kept_replies(folder / "replies")]
            for key in kept:
                asked = stand_in.received[key]
                assert counted.setdefault(key, asked) == asked, "a committed reply was asked again"
            lost = sum(stand_in.answered.values()) - len(kept)
            assert lost <= AT_ONCE * (kill + 1), "a kill cost more than the requests in flight"

        children.finish(folder, stand_in)
        assert files(folder / "plans") == files(tmp_path / "calm" / "plans")
        assert {each.key for each in kept_replies(folder / "replies")} == set(calm.answered)
        assert [stand_in.received[key] for key in counted] == list(counted.values())
    assert killed > ROUNDS / 2


def test_batches_survive_kills(standing_in: Standing, tmp_path: Path, children: Children) -> None:
    calm = standing_in(faults=IN_REPLIES)
    teacher_run.run(tmp_path / "calm", options(calm.url), rows(COUNT))
    stand_in = standing_in(faults={**IN_REPLIES, "500": 0.1}, expires=1)
    folder, drawn = tmp_path / "killed", random.Random(6)

    for _ in range(min(ROUNDS, 20)):
        child = children.start(folder, stand_in, kind="batch")
        goal = len(stand_in.headers) + drawn.randint(1, 9)
        while len(stand_in.headers) < goal and not files_of(folder / "plans"):
            stand_in.stopping.wait(0.001)
        os.kill(child, signal.SIGKILL)
        children.ended()

    children.finish(folder, stand_in, kind="batch")
    assert files(folder / "plans") == files(tmp_path / "calm" / "plans")
    # A batch is found again by its name, whenever the kill came.
    assert set(stand_in.answered.values()) == {1}
    assert list(files(folder / "batches")) == []


def files_of(folder: Path) -> Counter[str]:
    """The whole files in a folder; none where it is not there yet."""
    return Counter(path.name for path in folder.glob("*.jsonl"))
