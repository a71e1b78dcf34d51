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
from collections.abc import Callable
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


def start(folder: Path, stand_in: StandIn, **changes: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, teacher_run.__file__, str(folder), stand_in.url, str(COUNT)]
    return subprocess.Popen(
        [*command, json.dumps({"concurrency": AT_ONCE, **changes})],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def kill_after(child: subprocess.Popen[bytes], stand_in: StandIn, requests: int) -> None:
    """Kill a child when the stand-in has had so many requests more, or let it end."""
    goal = sum(stand_in.received.values()) + requests
    while child.poll() is None and sum(stand_in.received.values()) < goal:
        stand_in.stopping.wait(0.002)
    if child.poll() is None:
        os.kill(child.pid, signal.SIGKILL)
    child.communicate()


def finish(folder: Path, stand_in: StandIn, **changes: object) -> None:
    """Run until it ends by itself; a teacher that fails too often may stop it meanwhile."""
    for _ in range(5):
        with start(folder, stand_in, **changes) as child:
            _, said = child.communicate()
        if child.returncode == 0:
            return
        assert b"TeacherError" in said, said.decode()
    pytest.fail("it did not come to an end")


def test_a_kill_costs_the_requests_in_flight_and_nothing_else(
    standing_in: Standing, tmp_path: Path
) -> None:
    calm = standing_in(faults=IN_REPLIES)
    teacher_run.run(tmp_path / "calm", options(calm.url), rows(COUNT))
    stand_in = standing_in(faults={**IN_REPLIES, **ON_ITS_WAY}, latency=0.01)
    folder, drawn = tmp_path / "killed", random.Random(5)
    counted: Counter[str] = Counter()

    for number in range(ROUNDS):
        # Now and then from the beginning, so that a long torture has something left to do.
        if number and number % 10 == 0:
            finish(folder, stand_in)
            assert files(folder / "plans") == files(tmp_path / "calm" / "plans")
            folder = tmp_path / f"killed-{number}"
            counted.clear()
            stand_in.received.clear()
            stand_in.answered.clear()
        with start(folder, stand_in) as child:
            kill_after(child, stand_in, drawn.randint(0, 12))
        kept = {each.key for each in kept_replies(folder / "replies")}
        for key in kept:
            assert counted[key] in (0, stand_in.received[key]), "a committed reply was asked again"
            counted[key] = stand_in.received[key]
        assert sum((stand_in.answered - Counter(dict.fromkeys(kept, 1))).values()) <= (
            AT_ONCE * (number % 10 + 1)
        )

    finish(folder, stand_in)
    assert files(folder / "plans") == files(tmp_path / "calm" / "plans")
    assert {each.key for each in kept_replies(folder / "replies")} == set(calm.answered)
    assert all(stand_in.received[key] == count for key, count in counted.items())


def test_batches_survive_kills(standing_in: Standing, tmp_path: Path) -> None:
    calm = standing_in(faults=IN_REPLIES)
    teacher_run.run(tmp_path / "calm", options(calm.url), rows(COUNT))
    stand_in = standing_in(faults={**IN_REPLIES, "500": 0.1}, expires=1)
    folder, drawn = tmp_path / "killed", random.Random(6)

    for _ in range(min(ROUNDS, 20)):
        with start(folder, stand_in, kind="batch") as child:
            goal = len(stand_in.headers) + drawn.randint(0, 9)
            while child.poll() is None and len(stand_in.headers) < goal:
                stand_in.stopping.wait(0.002)
            child.kill()
            child.communicate()

    finish(folder, stand_in, kind="batch")
    assert files(folder / "plans") == files(tmp_path / "calm" / "plans")
    # A batch is found again by its name, whenever the kill came.
    assert set(stand_in.answered.values()) == {1}
    assert list(files(folder / "batches")) == []
