"""`storytui models adapter`, and adapters among the options of what continues a story."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from make_adapters import make_adapter, matrices, write_adapter

from storytui import folders
from storytui.models.starter import starter_model
from storytui.settings import load_settings

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def small() -> Path:
    path = starter_model()
    assert path is not None
    return path


@pytest.fixture
def voices(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an adapter for the model, and one for another."""
    folder = tmp_path / "adapters"
    folder.mkdir()
    make_adapter(folder / "voice-1.gguf", small, 1)
    write_adapter(folder / "voice-2.gguf", matrices(small, 2), architecture="qwen2")
    monkeypatch.setenv("LLAMA_CACHE", str(folder))
    return folder


def test_adapters_are_listed_with_whether_they_go_with_the_model(
    storytui: Run, small: Path, voices: Path
) -> None:
    done = storytui("models", "adapter", "list", "--json")
    listing = json.loads(done.stdout)
    assert listing["model"] == str(small)
    first, second = listing["adapters"]
    assert (first["name"], first["agrees"], first["in_use"]) == ("voice-1", True, False)
    assert (first["rank"], first["bases"]) == (4, ["SmolLM2 135M"])
    assert first["bytes"] == (voices / "voice-1.gguf").stat().st_size
    assert (second["name"], second["agrees"]) == ("voice-2", False)
    assert "architecture qwen2" in second["reason"]
    said = storytui("models", "adapter", "list").stdout
    assert "voice-1" in said
    assert "goes with it: rank 4" in said
    assert "architecture qwen2" in said


def test_one_is_used_by_its_name_and_laid_aside(storytui: Run, voices: Path) -> None:
    done = storytui("models", "adapter", "use", "VOICE-1", "--scale", "0.5")
    assert done.returncode == 0, done.stderr
    assert "is laid over SmolLM2-135M-Instruct.Q4_1 from now on, at scale 0.5" in done.stdout
    model = load_settings(folders.settings_file()).model
    assert (model.adapter, model.adapter_scale) == (str(voices / "voice-1.gguf"), 0.5)
    assert json.loads(storytui("models", "adapter", "list", "--json").stdout)["adapters"][0][
        "in_use"
    ]
    assert "* is in use, at scale 0.5" in storytui("models", "adapter", "list").stdout
    assert "No adapter is used from now on." in storytui("models", "adapter", "off").stdout
    assert load_settings(folders.settings_file()).model.adapter == ""
    assert "No adapter was in use." in storytui("models", "adapter", "off").stdout


def test_info_says_what_it_is_and_whether_it_fits(storytui: Run, voices: Path) -> None:
    said = storytui("models", "adapter", "info", voices / "voice-1.gguf").stdout
    assert "90 weights, rank 4, alpha 8" in said
    assert said.endswith("The adapter voice-1 goes with SmolLM2-135M-Instruct.Q4_1.\n")
    found = json.loads(storytui("models", "adapter", "info", "voice-2", "--json").stdout)
    assert (found["pairs"], found["agrees"]) == (90, False)


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        ((), 2, "list|info|use|off"),
        (("use",), 2, "ADAPTER"),
        (("use", "voice-1", "--scale", "11"), 2, "must be from -10 to 10"),
        (("use", "voice-1", "--scale", "much"), 2, "is not a number"),
        (("use", "voice-2"), 1, "is for models of the architecture qwen2"),
        (("use", "voice-3"), 1, "There is no adapter voice-3. storytui models adapter list shows"),
        (("use", "gone.gguf"), 1, "There is no adapter gone.gguf. Check the path"),
        (("use", "{small}"), 1, "is no adapter by what it says"),
        (("info", "{small}"), 1, "is no adapter by what it says"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence_and_changes_nothing(
    storytui: Run,
    small: Path,
    voices: Path,
    arguments: tuple[str, ...],
    status: int,
    says: str,
) -> None:
    done = storytui("models", "adapter", *(each.format(small=small) for each in arguments))
    assert done.returncode == status
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert not folders.settings_file().exists()


def test_a_continuation_is_the_adapters_and_says_whose(
    storytui: Run, story: Path, small: Path, voices: Path
) -> None:
    def continued(*options: str | Path) -> dict[str, object]:
        wanted = ("--json", "--temperature", "0", "--words", "10", "--reasoning-tokens", "0")
        done = storytui("continue", story, *wanted, "--seed", "1", "--context", "512", *options)
        assert done.returncode == 0, done.stderr
        found: dict[str, object] = json.loads(done.stdout)
        return found

    plain = continued()
    adapted = continued("--adapter", voices / "voice-1.gguf")
    assert (plain["adapter"], adapted["adapter"]) == (None, "voice-1")
    assert plain["answer"] != adapted["answer"]
    at_nought = continued("--adapter", "voice-1", "--adapter-scale", "0")
    assert at_nought["answer"] == plain["answer"]

    storytui("models", "adapter", "use", "voice-1")
    assert continued()["answer"] == adapted["answer"]
    # Another model than the one that it was chosen for, as far as anybody knows.
    assert continued("--model", small)["adapter"] is None
    assert continued("--adapter", "none")["adapter"] is None


def test_an_adapter_that_is_gone_is_said_with_what_to_do(
    storytui: Run, story: Path, voices: Path
) -> None:
    storytui("models", "adapter", "use", "voice-1")
    (voices / "voice-1.gguf").unlink()
    done = storytui("continue", story)
    assert done.returncode == 1
    assert "There is no adapter" in done.stderr
    assert "storytui models adapter off" in done.stderr
    assert "Traceback" not in done.stderr
