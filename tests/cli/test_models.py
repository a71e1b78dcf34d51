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
    assert f"* {small.stem.lower()}" in done.stdout
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
    [found] = listing["here"]
    assert found["bytes"] == small.stat().st_size
    assert "a-model-q4_1" in found["also_named"]
    planned = json.loads(storytui("models", "fit", "a-model-q4_1", "--json").stdout)
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


def test_the_list_says_what_each_model_is_on_a_card(storytui: Run) -> None:
    done = storytui("models", "list", "--vram", "8GiB")
    assert done.returncode == 0
    assert "fits fully: 16k context, 5.5 of 8.0 GiB" in done.stdout
    entries = json.loads(storytui("models", "list", "--vram", "8GiB", "--json").stdout)["catalogue"]
    verdicts = {each["id"]: each["verdict"] for each in entries}
    assert verdicts["cra-v1-7b"]["fits"]
    assert verdicts["cra-v1-7b"]["plan"]["gpu_layers"] == verdicts["cra-v1-7b"]["plan"]["layers"]
    assert not verdicts["mistral-nemo-12b"]["fits"]
    assert {each["origin"] for each in verdicts.values()} == {"published"}
    here = json.loads(storytui("models", "list", "--json").stdout)["catalogue"]
    assert all(each["verdict"]["sentence"] for each in here)


def test_the_table_of_the_documentation_is_what_the_command_prints(storytui: Run) -> None:
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    [_, table] = page.split("<!-- table -->\n")
    [table, _] = table.split("<!-- end of table -->")
    assert "storytui models table --markdown" in page
    assert storytui("models", "table", "--markdown").stdout == table


def test_the_table_has_a_column_for_each_card_and_marks_the_first_choice(storytui: Run) -> None:
    lines = storytui("models", "table", "--vram", "8GiB", "--vram", "24GiB").stdout.splitlines()
    assert lines[0].split() == ["Model", "File", "8", "GiB", "24", "GiB"]
    assert [each.partition("  ")[0] for each in lines if "* " in each] == [
        "CRA-v1 7B †",
        "CRA-v1 32B †",
    ]
    columns = json.loads(storytui("models", "table", "--vram", "8GiB", "--json").stdout)["cards"]
    assert [(each["bytes"], each["first"]) for each in columns] == [(8 << 30, "cra-v1-7b")]


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        ((), 2, "list|use|"),
        (("fit",), 2, "MODEL"),
        (("fit", "x.gguf", "--vram", "much"), 2, "write it like 8GiB"),
        (("fit", "x.gguf", "--vram", "0"), 2, "write it like 8GiB"),
        (("table", "--vram", "large"), 2, "write it like 8GiB"),
        (("list", "--vram", "large"), 2, "write it like 8GiB"),
        (("fit", "x.gguf"), 1, "x.gguf. Check the path"),
        (("fit", "nothing-of-that-name"), 1, "storytui models list shows"),
        (("fit", "nobody/Tales-GGUF"), 1, "HF_HUB_OFFLINE"),
        (("fit", "{small}", "--context", "99999"), 1, "Ask for at most that"),
        (("fit", "{small}", "--kv-type", "q8_0"), 1, "Use f16"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(
    storytui: Run,
    small: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    status: int,
    says: str,
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    done = storytui("models", *(each.format(small=small) for each in arguments))
    assert done.returncode == status
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_without_a_card_named_the_plan_is_for_this_machine_and_says_what_was_measured(
    storytui: Run, small: Path, tmp_path: Path
) -> None:
    arguments = ("models", "fit", small, "--context", "4096")
    before = json.loads(storytui(*arguments, "--json").stdout)
    assert before["device"]
    assert before["measured"] is None
    assert "measured" not in storytui(*arguments).stdout

    story = tmp_path / "story.md"
    story.write_text("The lamp was out.", encoding="utf-8")
    assert storytui("prompt", story, "--context", "4096").returncode == 0

    after = json.loads(storytui(*arguments, "--json").stdout)
    planned, measured = after["bytes"], after["measured"]
    assert after["device"] == before["device"]
    assert planned == before["bytes"]
    assert measured["kv"] == planned["kv"]
    assert abs(measured["compute"] - planned["compute"]) < 8 << 20
    said = storytui(*arguments).stdout
    assert said.startswith(f"{small.name} on {after['device']}: ")
    assert "planned  measured" in said
