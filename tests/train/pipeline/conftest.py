"""A small shelf, and recipes over it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from training_shelf import RECIPE, make_shelf

from storytui_train import cli

Train = Callable[..., tuple[int, str, str]]


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """Four short novels in Markdown, by no author that is named."""
    return make_shelf(tmp_path / "shelf")


@pytest.fixture
def recipe(tmp_path: Path, shelf: Path) -> Path:
    """A recipe over the shelf, whose working folder is `recipe` beside it."""
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


@pytest.fixture
def train(capsys: pytest.CaptureFixture[str]) -> Train:
    """Runs a command: status, output and what was told."""

    def run(*argv: object) -> tuple[int, str, str]:
        status = cli.main([str(each) for each in argv])
        told = capsys.readouterr()
        return status, told.out, told.err

    return run
