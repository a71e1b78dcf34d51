"""`storytui continue` on llama.cpp's own server, beside the same command with the model here."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from llama_server import llama_server

from storytui.models.starter import chosen_model

pytest.importorskip("xllamacpp", reason="the package xllamacpp (extra bench) is missing")

Run = Callable[..., subprocess.CompletedProcess[str]]

STORY = (
    "The lamp had been out for eleven minutes before anyone noticed. Mara stood at the window "
    "and counted the ships.\n\n“You knew,” he said. “All of you knew.”\n\nShe did not turn round."
)
LIKELIEST = "[sampling]\ntemperature = 0\nmin_p = 0\nrepeat_penalty = 1\ndry_multiplier = 0\n"
"""Nothing but the likeliest token: what the two programs draw alike."""
ASKED = ("--json", "--words", "30", "--reasoning-tokens", "48", "--seed", "7")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Its address."""
    with llama_server(chosen_model(""), 2048) as address:
        yield address


@pytest.fixture
def settings(home: Path) -> Path:
    path = home / "config" / "storytui" / "settings.toml"
    path.parent.mkdir(parents=True)
    path.write_text(LIKELIEST, encoding="utf-8")
    return path


@pytest.fixture
def go_on(storytui: Run, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Continues the story, and reads what is printed."""
    story = tmp_path / "story.md"
    story.write_text(STORY, encoding="utf-8")

    def run(*options: str) -> dict[str, Any]:
        done = storytui("continue", story, *ASKED, *options)
        assert (done.returncode, done.stderr) == (0, "")
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    return run


def assert_separated(found: dict[str, Any]) -> None:
    assert found["complete"]
    assert found["stop"] in ("closed", "length", "cut")
    for segment in ("reasoning", "answer"):
        assert found[segment].strip()
        assert "<" not in found[segment]
    assert len(found["answer"].split()) <= 72


def test_chat_separates_as_the_model_here_which_reads_the_same_prompt(
    server: str, settings: Path, go_on: Callable[..., dict[str, Any]]
) -> None:
    here = go_on("--context", "2048", "--threads", "1")
    there = go_on("--remote", server)

    assert_separated(here)
    assert_separated(there)
    assert there["prompt_tokens"] == here["prompt_tokens"]
    # Two builds of llama.cpp: where they round otherwise, they part after a while.
    assert there["reasoning"].split()[:6] == here["reasoning"].split()[:6]


def test_raw_completion_separates_as_the_model_here(
    server: str, settings: Path, go_on: Callable[..., dict[str, Any]]
) -> None:
    settings.write_text(f"{LIKELIEST}[remote]\naddress = '{server}'\napi = 'completion'\n")

    assert_separated(go_on())


def test_without_reasoning_there_is_only_an_answer(
    server: str, settings: Path, go_on: Callable[..., dict[str, Any]]
) -> None:
    found = go_on("--remote", server, "--reasoning-tokens", "0")

    assert found["reasoning"] == ""
    assert found["answer"].strip()
