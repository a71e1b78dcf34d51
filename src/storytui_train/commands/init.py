"""`storytui-train init`: writes a recipe in which everything is explained."""

import argparse
import sys
from pathlib import Path

from storytui_train.errors import RecipeError
from storytui_train.recipe_template import TEMPLATE


def run(options: argparse.Namespace) -> int:
    """Write the recipe; returns the exit status."""
    path = Path(options.path)
    if path.is_dir():
        path = path / "recipe.toml"
    if path.exists() and not options.force:
        raise RecipeError(f"{path} is there already; name another file, or say --force.")
    name = path.stem if path.stem != "recipe" else path.resolve().parent.name or "recipe"
    try:
        path.write_text(TEMPLATE.replace("NAME", name.replace('"', "")), encoding="utf-8")
    except OSError as error:
        raise RecipeError(f"{path} cannot be written: {error.strerror}.") from error
    print(
        f"{path} is written. Name your books in it, then: storytui-train run {path}",
        file=sys.stderr,
    )
    return 0
