"""The built-in small model is trained for two steps, from its GGUF, as it is for a writer."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from small_run import make_dataset

from storytui.models.starter import starter_model
from storytui_train.training.peaks import _read, peaks_file
from storytui_train.training.run_folder import RunFolder
from storytui_train.training.run_log import read_log

TRAIN = """
import sys, torch
from pathlib import Path
import msgspec
from storytui_train.data.pipeline.workplace import Workplace
from storytui_train.recipe import Recipe
from storytui_train.recipe_training import TrainOptions
from storytui_train.training.qlora import train

torch.set_num_threads(1)
options = TrainOptions(base="built-in", sequence=256, batch=2, steps=2, learning_rate=1e-3)
folder = Path(sys.argv[1])
record = train(Recipe(name="small", train=options), Workplace(folder / "work", folder), print)
print(msgspec.json.encode(record).decode())
"""


@pytest.mark.skipif(starter_model() is None, reason="the small model is not installed")
def test_two_steps_of_the_small_model(tmp_path: Path) -> None:
    make_dataset(tmp_path / "work" / "dataset" / "parts", rows=6, validation=2)

    # In a process of its own: what this one's memory grows by depends on the tests before.
    done = subprocess.run(
        [sys.executable, "-c", TRAIN, tmp_path], capture_output=True, text=True, check=True
    )

    record = json.loads(done.stdout.splitlines()[-1])
    log = read_log(RunFolder(tmp_path / "work" / "train").log)
    assert record["architecture"] == "llama"
    assert record["base"].endswith(".gguf")
    assert [each.step for each in log] == [0, 1, 2]
    assert record["best"]["loss"] < record["before"]
    # What it took stands beside the plan from now on.
    assert len(_read(peaks_file() or Path())) == 1
