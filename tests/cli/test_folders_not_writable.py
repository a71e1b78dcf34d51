"""Where nothing can be kept, the model writes all the same, and no command ends in a traceback."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

NOWHERE = "/proc/nothing"
"""Even the superuser makes no folder there."""


def test_a_story_goes_on_where_nothing_can_be_remembered(
    storytui: Run, story: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", NOWHERE)
    done = storytui("continue", story, "--words", "5", "--reasoning-tokens", "0", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["answer"]


def test_models_are_listed_where_nothing_can_be_added(
    storytui: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", NOWHERE)
    monkeypatch.setenv("XDG_STATE_HOME", NOWHERE)
    done = storytui("models", "list", "--json")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_folder_that_a_command_needs_is_named_in_a_sentence(
    storytui: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", NOWHERE)
    done = storytui("remote", "allow", "example.org")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr

    monkeypatch.setenv("XDG_DATA_HOME", NOWHERE)
    adding = storytui("models", "add", Path(__file__).parent)
    assert adding.returncode == 1
    assert "Traceback" not in adding.stderr
