"""A run that is killed at random moments ends as one that nobody disturbed.

`STORYTUI_TORTURE_ROUNDS`, where it is set, has it killed 20 times and not 3.
"""

import multiprocessing
import os
import random
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import trained_again
from small_run import Bench

from storytui_train.training.states import STATE

KILLS = 20 if os.environ.get("STORYTUI_TORTURE_ROUNDS") else 3
STEPS = 8 if KILLS == 3 else 30
SETTINGS: dict[str, Any] = {
    "steps": STEPS,
    "validate_every": 2,
    "save_every": 1,
    "dropout": 0.1,
    "sequence": 640,
}
LOADED = ["torch.utils.tensorboard", "peft", "bitsandbytes", "storytui_train.training.qlora"]
SECONDS = 120

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")


def lines_of(bench: Bench) -> int:
    with suppress(FileNotFoundError):
        return bench.run.log.read_bytes().count(b"\n")
    return 0


def test_a_run_that_is_killed_again_and_again_ends_the_same(
    benches: Callable[[str], Bench],
) -> None:
    calm, bench = benches("calm"), benches("killed")
    calm.train(**SETTINGS)
    dice = random.Random(41)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    killed: list[int] = []

    def start() -> Any:
        arguments = (str(bench.folder), str(bench.base), SETTINGS)
        child = context.Process(target=trained_again.main, args=arguments)
        child.start()
        return child

    for round_ in range(KILLS):
        child = start()
        latest = bench.run.states.latest()
        done = latest[0].step if latest else 0
        # So that there is something left to kill in each round.
        upto = min(done + 1 + dice.randrange(2), STEPS * (round_ + 1) // (KILLS + 1) + 1)
        until = time.monotonic() + SECONDS
        # Its lines begin with the one before training.
        while child.is_alive() and lines_of(bench) <= upto and time.monotonic() < until:
            child.join(0.002)
        child.join(dice.random() * 0.2)
        assert child.is_alive(), "it ended before it was killed"
        child.kill()
        child.join()
        killed.append(lines_of(bench) - 1)
        # Whatever was being written, what counts as a state is one.
        found = bench.run.states.latest()
        assert found is None or (found[1] / STATE).is_file()
    last = start()
    last.join(SECONDS)

    assert last.exitcode == 0
    assert len(killed) == KILLS
    assert bench.losses == calm.losses
    assert bench.adapter == calm.adapter
    record, expected = bench.run.record(), calm.run.record()
    assert record is not None
    assert expected is not None
    assert (record.loss, record.best, record.outputs) == (
        expected.loss,
        expected.best,
        expected.outputs,
    )
