"""The built-in small model is trained for two steps, from its GGUF, as it is for a writer."""

from pathlib import Path

import pytest
import torch
from small_run import make_dataset

from storytui.models.starter import starter_model
from storytui_train.data.pipeline.workplace import Workplace
from storytui_train.recipe import Recipe
from storytui_train.recipe_training import TrainOptions
from storytui_train.training.peaks import _read, peaks_file
from storytui_train.training.qlora import train
from storytui_train.training.run_folder import RunFolder
from storytui_train.training.run_log import read_log


@pytest.mark.skipif(starter_model() is None, reason="the small model is not installed")
def test_two_steps_of_the_small_model(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    make_dataset(tmp_path / "work" / "dataset" / "parts", rows=6, validation=2)
    options = TrainOptions(base="built-in", sequence=256, batch=2, steps=2, learning_rate=1e-3)
    said: list[str] = []

    record = train(
        Recipe(name="small", train=options),
        Workplace(tmp_path / "work", tmp_path),
        said.append,
    )

    folder = RunFolder(tmp_path / "work" / "train")
    log = read_log(folder.log)
    assert record.architecture == "llama"
    assert record.base.endswith(".gguf")
    assert [each.step for each in log] == [0, 1, 2]
    assert record.before is not None
    assert record.best is not None
    assert record.best.loss < record.before
    # What it took stands beside the plan from now on.
    assert len(_read(peaks_file() or Path())) == 1
