"""`storytui models search|add` against a stand-in for the Hugging Face Hub."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import tiny_gguf as tiny
from hub_stand_in import HubStandIn, repository

Run = Callable[..., subprocess.CompletedProcess[str]]
DATA = bytes(tiny.llama().data)
CRA = "molbal/CRA-v1-7B"


@pytest.fixture
def hub(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubStandIn]:
    settings = home / "config" / "storytui" / "settings.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text("[models]\nxet = false\n")
    other = bytes(tiny.llama(name="Other").data)
    repositories = {
        CRA: repository(
            {"cra-v1-7b-Q8_0.gguf": other, "cra-v1-7b-Q4_K_M.gguf": DATA, "README.md": b"# CRA"},
            downloads=500,
        ),
        "other/Poem-GGUF": repository({"Poem-Q4_K_M.gguf": other}, licence="mit"),
        "gated/Terms-GGUF": repository({"Terms-Q4_K_M.gguf": DATA}, gated=True),
    }
    with HubStandIn(repositories) as standing:
        monkeypatch.setenv("HF_ENDPOINT", standing.endpoint)
        yield standing


def here(storytui: Run) -> dict[str, dict[str, object]]:
    listing = json.loads(storytui("models", "list", "--json").stdout)
    return {each["name"]: each for each in listing["here"]}


def test_what_is_searched_for_is_listed(storytui: Run, hub: HubStandIn) -> None:
    found = json.loads(storytui("models", "search", "poem", "--json").stdout)["models"]

    assert [each["repository"] for each in found] == ["other/Poem-GGUF"]
    assert found[0]["licence"] == "mit"
    text = storytui("models", "search", "gguf").stdout
    assert "other/Poem-GGUF" in text
    assert "terms are to be accepted first" in text
    assert "Try fewer words" in storytui("models", "search", "no such thing").stdout


def test_a_model_of_the_catalogue_is_fetched_once_checked_chosen_and_removed(
    storytui: Run, hub: HubStandIn
) -> None:
    assert "storytui models add cra-v1-7b" in storytui("models", "use", "cra-v1-7b").stderr

    done = storytui("models", "add", "CRA-v1-7b")

    assert done.returncode == 0, done.stderr
    assert "100 %" in done.stderr or "checking" in done.stderr
    assert "models use cra-v1-7b-q4_k_m" in done.stdout
    found = here(storytui)["cra-v1-7b-q4_k_m"]
    assert (found["source"], found["bytes"]) == ("Hugging Face", len(DATA))
    sent = sum(hub.sent.values())
    assert storytui("models", "add", CRA).stdout == done.stdout
    assert sum(hub.sent.values()) - sent < 10_000
    assert "its name in the Hugging Face cache" in storytui("models", "verify", "cra-v1-7b").stdout
    assert storytui("models", "use", "cra-v1-7b").returncode == 0
    removed = storytui("models", "remove", "cra-v1-7b", "--yes")
    assert "It was the chosen model" in removed.stdout, removed.stderr
    assert f"{len(DATA):,} bytes are free" in removed.stdout
    assert "cra-v1-7b-q4_k_m" not in here(storytui)


def test_a_file_of_a_repository_is_named_after_a_colon(storytui: Run, hub: HubStandIn) -> None:
    assert storytui("models", "add", f"{CRA}:*q8_0.gguf").returncode == 0
    assert "cra-v1-7b-q8_0" in here(storytui)


def test_what_lies_here_comes_before_what_lies_there(
    storytui: Run, hub: HubStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other" / "Poem-GGUF").mkdir(parents=True)
    (tmp_path / "other" / "Poem-GGUF" / "hers.gguf").write_bytes(DATA)
    monkeypatch.chdir(tmp_path)

    done = storytui("models", "add", "other/Poem-GGUF")

    assert "  hers\n" in done.stdout
    assert hub.seen == []


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("nobody/nothing", "nobody/nothing"),
        ("gated/Terms-GGUF", "gated/Terms-GGUF"),
        (f"{CRA}:f32.gguf", "cra-v1-7b-Q4_K_M.gguf"),
        ("a\x1b[2J/b", "not there"),
        ("no/thing.gguf", "is not there"),
    ],
)
def test_what_cannot_be_had_is_said(storytui: Run, hub: HubStandIn, what: str, says: str) -> None:
    done = storytui("models", "add", what)

    assert done.returncode == 1
    assert says in done.stderr
    assert "\x1b" not in done.stderr
    assert "Traceback" not in done.stderr
    assert list(here(storytui)) == ["smollm2-135m-instruct.q4_1"]


def test_offline_nothing_is_asked(
    storytui: Run, hub: HubStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    assert "HF_HUB_OFFLINE" in storytui("models", "add", CRA).stderr
    assert hub.seen == []


def test_a_model_is_planned_for_before_it_is_fetched(storytui: Run, hub: HubStandIn) -> None:
    done = storytui("models", "fit", "cra-v1-7b", "--vram", "8GiB", "--json")
    assert done.returncode == 0, done.stderr
    planned = json.loads(done.stdout)
    assert (planned["origin"], planned["fits"]) == ("hub", True)
    assert planned["model"] == f"{CRA}:cra-v1-7b-Q4_K_M.gguf"
    named = json.loads(
        storytui("models", "fit", "other/Poem-GGUF", "--vram", "8GiB", "--json").stdout
    )
    assert named["model"] == "other/Poem-GGUF:Poem-Q4_K_M.gguf"
    assert list(here(storytui)) == ["smollm2-135m-instruct.q4_1"]


def test_without_the_hub_a_model_of_the_catalogue_is_planned_for_as_published(
    storytui: Run, hub: HubStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    planned = json.loads(storytui("models", "fit", "cra-v1-7b", "--vram", "8GiB", "--json").stdout)
    assert (planned["origin"], planned["context"], planned["kv_type"]) == (
        "published",
        16384,
        "f16",
    )
    assert planned["gpu_layers"] == planned["layers"]
    said = storytui("models", "fit", "mistral-nemo-12b", "--vram", "8GiB")
    assert said.returncode == 1
    assert "too big by" in said.stdout
    assert "By what is published" in said.stdout
