"""The command line as a whole: help, versions, names, and how fast it answers."""

import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

from storytui import __version__
from storytui.cli import COMMANDS
from storytui.samples import SAMPLE, writable_sample

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_help_names_every_command(storytui: Run) -> None:
    done = storytui("--help")

    assert done.returncode == 0
    assert all(f"\n  {name} " in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(storytui: Run, command: str) -> None:
    done = storytui(command, "--help")

    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: storytui {command}")


def test_the_version_is_the_packages(storytui: Run) -> None:
    assert storytui("--version").stdout == f"storytui {__version__}\n"


def test_a_file_with_a_commands_name_is_a_story_with_its_path(
    storytui: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "continue").mkdir()

    assert "is a folder" in storytui("./continue").stderr


def test_the_trainer_without_a_command_lists_its_commands() -> None:
    command = [sys.executable, "-m", "storytui_train.cli"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    helped = subprocess.run([*command, "--help"], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert helped.returncode == 0
    assert done.stdout == helped.stdout
    for name in ("init", "run", "prepare", "show"):
        assert f"    {name} " in helped.stdout


def test_the_sample_is_copied_once_and_an_edited_copy_is_kept(tmp_path: Path) -> None:
    path = writable_sample(tmp_path)
    original = files("storytui.samples").joinpath(SAMPLE).read_bytes()
    assert path.read_bytes() == original

    path.write_text("Mine now.")
    writable_sample(tmp_path)

    assert path.read_text() == "Mine now."
