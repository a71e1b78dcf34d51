"""Two processes of `accelerate launch` learn what one does."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trained_again
from safetensors.torch import load_file
from small_run import Bench

FSDP = Path(__file__).parents[3] / "recipes" / "fsdp.yaml"
SETTINGS: dict[str, Any] = {"steps": 4, "validate_every": 2}


def launched(bench: Bench, settings: dict[str, Any], *how: str) -> subprocess.Popen[str]:
    """Two processes at work, in a group of their own."""
    command = [sys.executable, "-m", "accelerate.commands.launch", *how]
    command += ["--num_processes", "2", "--num_machines", "1"]
    command += ["--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
    command += [trained_again.__file__, str(bench.folder), str(bench.base), json.dumps(settings)]
    beside = [str(Path(trained_again.__file__).parent), os.environ.get("PYTHONPATH", "")]
    return subprocess.Popen(
        command,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(beside),
            "OMP_NUM_THREADS": "1",
            "TORCH_ELASTIC_SHUTDOWN_TIMEOUT": "600",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def launch(bench: Bench, settings: dict[str, Any], *how: str) -> str:
    """What the processes said."""
    child = launched(bench, settings, *how)
    said, wrong = child.communicate(timeout=600)
    assert child.returncode == 0, wrong[-4000:]
    return said


@pytest.mark.skipif(sys.platform == "win32", reason="gloo is not everywhere there")
@pytest.mark.parametrize(
    ("how", "settings", "changed"),
    [
        (("--multi_gpu",), {}, {"rows_at_once": 2, "packing": False}),
        # Shared out by FSDP; with three sequences a step one process has less to do.
        (("--config_file", str(FSDP)), {"quantisation": "nf4", "batch": 3}, {"packing": False}),
    ],
    ids=["whole", "shared out"],
)
def test_two_processes_have_the_losses_of_one(
    benches: Callable[[str], Bench],
    how: tuple[str, ...],
    settings: dict[str, Any],
    changed: dict[str, Any],
) -> None:
    one, two = benches("one"), benches("two")
    one.train(**SETTINGS, **settings)

    said = launch(two, {**SETTINGS, **settings, **changed}, *how)

    record = two.run.record()
    assert record is not None
    assert record.processes == 2
    assert said.count("step 4/4") == 1
    assert len(one.losses) == len(two.losses) == 5
    for mine, theirs in zip(two.losses, one.losses, strict=True):
        assert mine[0] == theirs[0]
        for a, b in zip(mine[1:], theirs[1:], strict=True):
            assert (a is None) == (b is None)
            assert a is None or a == pytest.approx(b, abs=2e-5)
    a, b = (load_file(each.run.adapter / "adapter_model.safetensors") for each in (one, two))
    # Adam divides by the gradient's size: where that is nearly nothing, rounding is all there is.
    moved = sum(float((a[name] - b[name]).norm()) for name in a)
    assert moved <= 1e-3 * sum(float(each.norm()) for each in a.values())


@pytest.mark.skipif(sys.platform == "win32", reason="gloo is not everywhere there")
def test_two_processes_that_are_interrupted_go_on_together(
    benches: Callable[[str], Bench],
) -> None:
    one, two = benches("one"), benches("two")
    settings: dict[str, Any] = {"steps": 8, "validate_every": 4, "dropout": 0.1}
    launch(one, settings, "--multi_gpu")

    child = launched(two, settings, "--multi_gpu")
    assert child.stdout is not None
    for line in child.stdout:
        if "step 2/8" in line:
            break
    # As a terminal does it: to the launcher and to all that it started.
    os.killpg(child.pid, signal.SIGINT)
    _, wrong = child.communicate(timeout=600)
    latest = two.run.states.latest()
    assert latest is not None, wrong[-4000:]
    assert 2 <= latest[0].step < 8

    said = launch(two, settings, "--multi_gpu")

    assert f"goes on from step {latest[0].step} of 8" in said
    assert two.losses == one.losses
    a, b = (load_file(each.run.adapter / "adapter_model.safetensors") for each in (one, two))
    assert all((a[name] == b[name]).all() for name in a)
