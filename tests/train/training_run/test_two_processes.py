"""Two processes of `accelerate launch` learn what one does."""

import json
import os
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


def launch(bench: Bench, settings: dict[str, Any], *how: str) -> str:
    """What the processes said."""
    command = [sys.executable, "-m", "accelerate.commands.launch", *how]
    command += ["--num_processes", "2", "--num_machines", "1"]
    command += ["--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
    command += [trained_again.__file__, str(bench.folder), str(bench.base), json.dumps(settings)]
    beside = [str(Path(trained_again.__file__).parent), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(beside), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


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
