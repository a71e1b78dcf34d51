"""A chain that was done once; each test has a copy of it, and a home of its own."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny_chain

from storytui_train import cli

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="session")
def done_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all stages done, and the data folder that the editor's list is in."""
    folder = tmp_path_factory.mktemp("chain")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(folder / "home"))
        for kind in ("CONFIG", "DATA", "STATE", "CACHE"):
            patch.setenv(f"XDG_{kind}_HOME", str(folder / "home" / kind.lower()))
        recipe = tiny_chain.make(folder / "made")
        assert cli.main(["run", str(recipe)]) in (0, 1)
    assert (folder / "made" / "work" / "add.json").is_file()
    return folder


@pytest.fixture
def done(done_once: Path, tmp_path: Path, home: Path) -> Path:
    """The recipe of a chain that is done, in folders of this test."""
    shutil.copytree(done_once / "made", tmp_path / "made")
    shutil.copytree(done_once / "home", home, dirs_exist_ok=True)
    return tmp_path / "made" / "recipe.toml"


@pytest.fixture
def train(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command: status, output and what was told."""

    def run(*argv: object) -> tuple[int, str, str]:
        status = cli.main([str(each) for each in argv])
        told = capsys.readouterr()
        return status, told.out, told.err

    return run
