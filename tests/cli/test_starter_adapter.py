"""The adapter that comes with the built-in model: used by itself, and only over that one."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from make_adapters import make_adapter, matrices, write_adapter

from storytui import folders
from storytui.models.starter import INSTEAD, starter_model
from storytui.models.trained import TrainedModel, keep_trained
from storytui.settings import load_settings
from storytui_train.data.teacher.engines import model_to_run

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def small() -> Path:
    path = starter_model()
    assert path is not None
    return path


@pytest.fixture
def starter(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One that was trained on storytui-1."""
    path = make_adapter(tmp_path / "starter-lora.gguf", small, 1, prompt_format="storytui-1")
    monkeypatch.setenv(INSTEAD, str(path))
    return path


def laid(here: Run, story: Path, *options: str | Path) -> tuple[object, object]:
    """The adapter and the prompt format of a continuation."""
    wanted = ("--json", "--temperature", "0", "--words", "4", "--reasoning-tokens", "0")
    done = here("continue", story, *wanted, "--context", "512", *options)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    return found["adapter"], found["format"]


def test_the_built_in_model_is_used_with_it_and_no_other_model_is(
    here: Run, story: Path, small: Path, starter: Path, tmp_path: Path
) -> None:
    with_it = ("starter-lora", "storytui-1")
    assert laid(here, story) == with_it
    assert laid(here, story, "--model", "built-in") == with_it
    assert laid(here, story, "--adapter", "none") == (None, "cra-v1")
    copy = tmp_path / "copy.gguf"
    shutil.copy(small, copy)
    assert laid(here, story, "--model", copy) == (None, "cra-v1")
    # What was trained over the bare model is not laid over another one.
    made = make_adapter(tmp_path / "made.gguf", small, 2)
    keep_trained(TrainedModel(name="mine", base=str(small), base_name="small"), made)
    assert laid(here, story, "--model", "mine") == ("mine", "cra-v1")
    assert laid(here, story, "--adapter", made) == ("made", "cra-v1")


def test_it_is_seen_and_switched_off_and_on_as_any_adapter(
    here: Run, story: Path, starter: Path
) -> None:
    listing = json.loads(here("models", "list", "--json", "--vram", "8GiB").stdout)
    assert listing["laid_over_it"] == [str(starter)]
    assert "starter-lora.gguf" in here("models", "list", "--vram", "8GiB").stdout
    assert "* is in use, at scale 1." in here("models", "adapter", "list").stdout
    findings = json.loads(here("doctor", "--json", "--no-continuation").stdout)["findings"]
    assert "starter-lora goes with the model" in {each["says"] for each in findings}

    assert "No adapter is used from now on." in here("models", "adapter", "off").stdout
    assert load_settings(folders.settings_file()).model.adapter == "none"
    assert laid(here, story) == (None, "cra-v1")
    assert "No adapter was in use." in here("models", "adapter", "off").stdout
    here("models", "adapter", "use", "starter-lora", "--scale", "0.5")
    assert laid(here, story) == ("starter-lora", "storytui-1")


def test_one_that_does_not_go_with_the_model_leaves_it_bare(
    here: Run, story: Path, small: Path, starter: Path
) -> None:
    starter.unlink()
    write_adapter(starter, matrices(small, 1), architecture="qwen2")
    assert laid(here, story) == (None, "cra-v1")
    starter.write_bytes(b"GGUF")
    assert laid(here, story) == (None, "cra-v1")
    starter.unlink()
    assert laid(here, story) == (None, "cra-v1")


def test_the_trainer_has_the_model_bare(small: Path, starter: Path) -> None:
    for name in ("", "built-in", str(small)):
        assert (model_to_run(name).path, model_to_run(name).adapters) == (small, ())
