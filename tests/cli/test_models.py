"""`storytui models`: what is here, what suits fiction, and what fits."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from storytui.models.starter import starter_model

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def small() -> Path:
    path = starter_model()
    assert path is not None
    return path


def test_the_built_in_model_and_the_catalogue_are_listed(storytui: Run, small: Path) -> None:
    done = storytui("models", "list")
    assert done.returncode == 0
    assert small.stem in done.stdout
    assert "CRA-v1 7B" in done.stdout
    listing = json.loads(storytui("models", "list", "--json").stdout)
    assert listing["here"][0]["path"] == str(small)
    assert listing["here"][0]["bytes"] == small.stat().st_size
    assert len(listing["catalogue"]) >= 11


def test_a_model_of_another_program_is_listed_and_planned_for_by_its_name(
    storytui: Run, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "studio"
    (store / "maker" / "A-Model").mkdir(parents=True)
    (store / "maker" / "A-Model" / "a-model-Q4_1.gguf").symlink_to(small)
    monkeypatch.setenv("LLAMA_CACHE", str(store))
    listing = json.loads(storytui("models", "list", "--json").stdout)
    [found] = [each for each in listing["here"] if each["source"] != "built in"]
    assert found["bytes"] == small.stat().st_size
    planned = json.loads(storytui("models", "fit", found["name"], "--json").stdout)
    assert planned["fits"]


def test_a_plan_has_its_parts_and_its_reason(storytui: Run, small: Path) -> None:
    done = storytui("models", "fit", small, "--vram", "8GiB", "--context", "2048", "--json")
    plan = json.loads(done.stdout)
    assert done.returncode == 0
    assert plan["fits"]
    assert (plan["context"], plan["kv_type"]) == (2048, "f16")
    assert plan["gpu_layers"] == plan["layers"] == 31
    # 30 layers of 3 heads of 64 numbers of two bytes, keys and values.
    assert plan["bytes"]["kv"] == 2048 * 30 * 3 * 64 * 2 * 2
    parts = plan["bytes"]
    assert parts["total_gpu"] == sum(
        parts[name] for name in ("weights_gpu", "kv", "compute", "overhead")
    )
    assert plan["reason"].startswith("fits fully")


def test_what_does_not_fit_is_said_with_status_1_and_the_same_object(
    storytui: Run, small: Path
) -> None:
    done = storytui("models", "fit", small, "--vram", "512MiB", "--json")
    assert done.returncode == 1
    assert not json.loads(done.stdout)["fits"]
    said = storytui("models", "fit", small, "--vram", "512MiB")
    assert said.returncode == 1
    assert "too big by" in said.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        ((), 2, "list|fit"),
        (("fit",), 2, "MODEL"),
        (("fit", "x.gguf", "--vram", "much"), 2, "write it like 8GiB"),
        (("fit", "x.gguf", "--vram", "0"), 2, "write it like 8GiB"),
        (("fit", "x.gguf"), 1, "There is no model x.gguf"),
        (("fit", "nothing-of-that-name"), 1, "storytui models list shows"),
        (("fit", "cra-v1-7b"), 1, "is not on this machine"),
        (("fit", "{small}", "--context", "99999"), 1, "Ask for at most that"),
        (("fit", "{small}", "--kv-type", "q8_0"), 1, "Use f16"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(
    storytui: Run, small: Path, arguments: tuple[str, ...], status: int, says: str
) -> None:
    done = storytui("models", *(each.format(small=small) for each in arguments))
    assert done.returncode == status
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
