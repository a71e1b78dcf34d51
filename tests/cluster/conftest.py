"""A shelf and a recipe over it, as the tests of the stages have them."""

from pathlib import Path

import pytest
from training_shelf import RECIPE, make_shelf


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe over four short novels, whose working folder is `recipe` beside it."""
    make_shelf(tmp_path / "shelf")
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE, encoding="utf-8")
    return path
