"""`storytui-train run RECIPE`, and each stage by its own name: does what is not yet done."""

import argparse
import sys
from pathlib import Path

import msgspec

from storytui.story.visible import visible
from storytui_train.data.pipeline.workplace import Workplace
from storytui_train.recipe import Recipe, load

WORSE = 1
"""The exit status where a model that was made is worse than its base."""


def run(options: argparse.Namespace) -> int:
    """Run a recipe up to a stage; returns the exit status: 1 where a model became worse."""
    path = Path(options.recipe)
    recipe = load(path)
    if options.workers:
        recipe = msgspec.structs.replace(
            recipe, run=msgspec.structs.replace(recipe.run, workers=options.workers)
        )
    from storytui_train.stages.chain import run_chain

    until = (options.until if options.command == "run" else options.command) or ""
    place = workplace(path, recipe)
    with place.alone():
        done = run_chain(
            recipe, place, tell, recipe_path=path, until=until, again=options.again or ""
        )
    if options.json:
        print(msgspec.json.encode(done.records).decode())
    return WORSE if done.worse else 0


def workplace(path: Path, recipe: Recipe) -> Workplace:
    """The working folder of a recipe in a file."""
    folder = path.parent / (recipe.folder or path.stem)
    return Workplace(folder, path.parent)


def tell(line: str) -> None:
    """A line for the user, on standard error."""
    print(visible(line), file=sys.stderr, flush=True)
