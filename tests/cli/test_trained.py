"""A model that was trained here, from the command line: listed, told of, used, removed."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from make_adapters import make_adapter, matrices, write_adapter
from trained_files import MEASURED

from storytui import folders
from storytui.models.starter import starter_model
from storytui.models.trained import TrainedModel, keep_trained, trained_models
from storytui.settings import load_settings

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def small() -> Path:
    path = starter_model()
    assert path is not None
    return path


@pytest.fixture
def mine(small: Path, tmp_path: Path) -> TrainedModel:
    """A model over the built-in one, trained on storytui-1."""
    made = make_adapter(tmp_path / "made.gguf", small, 1, prompt_format="storytui-1")
    about = TrainedModel(
        name="mine",
        base=str(small),
        base_name="SmolLM2 135M\x1b[2J",
        prompt_format="storytui-1",
        recipe="abc123",
        sources=("The Lighthouse", "The Stair"),
        made="2026-01-31",
        licence="all rights reserved",
        private=True,
        measured=MEASURED,
    )
    return keep_trained(about, made)


def continued(here: Run, story: Path, *options: str | Path) -> dict[str, object]:
    wanted = ("--json", "--temperature", "0", "--words", "10", "--reasoning-tokens", "0")
    done = here("continue", story, *wanted, "--seed", "1", "--context", "512", *options)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_it_goes_on_with_a_story_by_its_name_as_its_base_does_under_its_adapter(
    here: Run, story: Path, small: Path, mine: TrainedModel, tmp_path: Path
) -> None:
    found = continued(here, story, "--model", "mine")
    assert (found["model"], found["adapter"]) == ("SmolLM2-135M-Instruct", "mine")
    assert found["format"] == "storytui-1"
    by_hand = continued(here, story, "--model", small, "--adapter", mine.adapter)
    assert (by_hand["answer"], by_hand["format"]) == (found["answer"], "storytui-1")
    assert continued(here, story, "--model", small)["format"] == "cra-v1"

    other = make_adapter(tmp_path / "voice.gguf", small, 2, prompt_format="cra-v1")
    asked = ("continue", story, "--model", "mine", "--adapter", other, "--json", "--words", "5")
    done = here(*asked, "--reasoning-tokens", "0", "--context", "512")
    assert done.returncode == 0, done.stderr
    both = json.loads(done.stdout)
    assert (both["adapter"], both["format"]) == ("mine + voice", "storytui-1")
    assert "The adapters were trained on different prompt formats: mine names" in done.stderr


def test_it_is_listed_with_its_base_its_day_and_how_it_did(here: Run, mine: TrainedModel) -> None:
    done = here("models", "list", "--vram", "8GiB")
    assert done.returncode == 0, done.stderr
    assert "over SmolLM2 135M␛[2J, 2026-01-31, 0.94 bits a byte, 5.0 % below its base" in (
        done.stdout
    )
    assert "\x1b" not in done.stdout
    assert mine.adapter in done.stdout
    listing = json.loads(here("models", "list", "--json", "--vram", "8GiB").stdout)
    built_in, its = listing["here"]
    assert (built_in["in_use"], built_in["trained"]) == (True, None)
    assert (its["name"], its["source"], its["in_use"]) == ("mine", "trained", False)
    assert its["bytes"] == os.path.getsize(mine.adapter)
    assert its["trained"]["in_short"] == "0.94 bits a byte, 5.0 % below its base"
    assert its["trained"]["measured"]["verdict"] == "It is better than its base."


def test_info_tells_where_it_came_from(here: Run, mine: TrainedModel) -> None:
    done = here("models", "info", "mine")
    assert done.returncode == 0, done.stderr
    lines = [(line[:18].strip(), line[19:]) for line in done.stdout.splitlines()]
    rows = {name: text for name, text in lines if name}
    assert rows["made from"] == f"SmolLM2 135M␛[2J {mine.base}"
    assert rows["adapter"] == mine.adapter
    assert rows["trained on"] == "The Lighthouse, The Stair"
    assert rows["made on"] == "2026-01-31"
    assert rows["recipe"] == "abc123"
    assert rows["its licence"] == "all rights reserved"
    assert rows["private"].startswith("yes")
    assert rows["measured"] == "0.94 bits a byte, 5.0 % below its base"
    assert rows["report"] == "/nowhere/report.md, which is not there any more"
    assert rows["prompt format"] == "storytui-1. The adapter mine names storytui-1."
    assert "0.940 bits a byte, its base 0.990: -5.0 % (-6.1 to -4.0), on 3 books" in done.stdout
    assert "It is better than its base." in done.stdout
    found = json.loads(here("models", "info", "mine", "--json").stdout)
    assert found["prompt_format"] == "storytui-1"
    assert found["trained"]["recipe"] == "abc123"


def test_it_is_chosen_for_good_and_removed_without_its_base(
    here: Run, story: Path, small: Path, mine: TrainedModel
) -> None:
    done = here("models", "use", "Mine")
    assert done.returncode == 0, done.stderr
    assert f"It is an adapter over that file: {mine.adapter}" in done.stdout
    assert load_settings(folders.settings_file()).model.path == "mine"
    listing = json.loads(here("models", "list", "--json", "--vram", "8GiB").stdout)
    assert [each["name"] for each in listing["here"] if each["in_use"]] == ["mine"]
    assert listing["laid_over_it"] == [mine.adapter]
    adapters = json.loads(here("models", "adapter", "list", "--json").stdout)
    assert [(e["name"], e["in_use"], e["prompt_format"]) for e in adapters["adapters"]] == [
        ("mine", True, "storytui-1")
    ]
    assert "but that of mine itself" in here("models", "adapter", "off").stdout

    unasked = here("models", "remove", "mine")
    assert unasked.returncode == 2
    assert "--yes" in unasked.stderr
    assert trained_models() == (mine,)
    done = here("models", "remove", "mine", "--yes")
    assert done.returncode == 0, done.stderr
    assert "its base stays" in done.stdout
    assert "The built-in one is used from now on." in done.stdout
    assert load_settings(folders.settings_file()).model.path == ""
    assert trained_models() == ()
    assert not Path(mine.adapter).exists()
    assert small.exists()
    assert "There is no model mine" in here("models", "info", "mine").stderr


def test_a_damaged_record_is_said_by_list_and_removed_by_remove(
    here: Run, mine: TrainedModel
) -> None:
    (folders.trained_models() / "mine.json").write_text("{")
    done = here("models", "list", "--vram", "8GiB")
    assert done.returncode == 0
    assert "storytui models remove mine" in done.stderr
    assert here("models", "remove", "mine", "--yes").returncode == 0
    assert list(folders.trained_models().iterdir()) == []


@pytest.mark.parametrize("verb", [("use",), ("info",), ("fit",), ("verify",)])
def test_what_is_missing_is_said_in_one_sentence(
    here: Run, mine: TrainedModel, verb: tuple[str, ...]
) -> None:
    os.remove(mine.adapter)
    done = here("models", *verb, "mine")
    assert done.returncode == 1
    assert "The adapter of the trained model mine is not there any more" in done.stderr
    assert "storytui models remove mine" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_base_that_is_gone_is_said_where_the_story_is_to_go_on(
    here: Run, story: Path, mine: TrainedModel
) -> None:
    record = folders.trained_models() / "mine.json"
    gone = mine.base.replace("SmolLM2", "Gone")
    record.write_text(record.read_text().replace(mine.base, gone))
    done = here("continue", story, "--model", "mine")
    assert done.returncode == 1
    assert "is an adapter for SmolLM2 135M␛[2J, whose file is not there any more" in done.stderr
    assert "Gone-135M-Instruct" in done.stderr


def test_an_adapter_of_another_architecture_is_refused_before_it_is_chosen(
    here: Run, small: Path, mine: TrainedModel
) -> None:
    os.remove(mine.adapter)
    write_adapter(Path(mine.adapter), matrices(small, 2), architecture="qwen2")
    done = here("models", "use", "mine")
    assert done.returncode == 1
    assert "architecture qwen2" in done.stderr
    assert not folders.settings_file().exists()


def test_it_fits_with_what_its_adapter_takes(here: Run, small: Path, mine: TrainedModel) -> None:
    asked = ("--vram", "8GiB", "--json")
    alone = json.loads(here("models", "fit", small, *asked).stdout)
    its = json.loads(here("models", "fit", "mine", *asked).stdout)
    difference = its["bytes"]["weights_gpu"] - alone["bytes"]["weights_gpu"]
    assert difference == os.path.getsize(mine.adapter)


def test_its_files_can_be_verified(here: Run, mine: TrainedModel) -> None:
    first = here("models", "verify", "mine")
    assert first.returncode == 0, first.stderr
    assert mine.base in first.stdout
    os.remove(mine.adapter)
    make_adapter(Path(mine.adapter), Path(mine.base), 2)
    found = json.loads(here("models", "verify", "mine", "--json").stdout)
    assert [each["ok"] for each in found["files"]] == [True, False]
    assert found["files"][1]["path"] == mine.adapter


def test_the_doctor_tells_of_its_adapter(here: Run, mine: TrainedModel) -> None:
    here("models", "use", "mine")
    done = here("doctor", "--json", "--no-continuation")
    findings = json.loads(done.stdout)["findings"]
    says = {each["subject"]: each["says"] for each in findings}
    assert says["Adapter"] == "mine goes with the model"


def test_one_that_was_not_measured_says_so(here: Run, mine: TrainedModel) -> None:
    plain = msgspec.structs.replace(mine, measured=None, made="", sources=())
    keep_trained(plain, Path(mine.adapter))
    assert "not measured" in here("models", "list", "--vram", "8GiB").stdout
