"""The real command line as a process of its own, and a scripted engine behind it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from storytui.cli import main

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def storytui() -> Run:
    """Run `storytui` with arguments; standard input is `input`."""

    def run(*arguments: str | Path, input: str | bytes = "") -> subprocess.CompletedProcess[str]:
        data = input.encode() if isinstance(input, str) else input
        done = subprocess.run(
            [sys.executable, "-m", "storytui.cli", *map(str, arguments)],
            input=data,
            capture_output=True,
            check=False,
            timeout=120,
        )
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    return run


@pytest.fixture
def here(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run `storytui` in this process, where its imports are made already."""

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        capfd.readouterr()
        status = main(list(map(str, arguments)))
        said = capfd.readouterr()
        return subprocess.CompletedProcess(arguments, status, said.out, said.err)

    return run


@pytest.fixture
def story(tmp_path: Path) -> Path:
    """A short story of two paragraphs."""
    path = tmp_path / "story.md"
    path.write_text("The lamp was out.\n\n“You knew,” he said.", encoding="utf-8")
    return path
