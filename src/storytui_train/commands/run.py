"""`storytui-train run RECIPE`, and each stage by its own name: does what is not yet done."""

import argparse
import sys
from pathlib import Path

import msgspec

from storytui.story.visible import visible
from storytui_train.data.pipeline.running import run_stages
from storytui_train.data.pipeline.workplace import Workplace
from storytui_train.errors import RecipeError
from storytui_train.recipe import Recipe, load


def run(options: argparse.Namespace) -> int:
    """Run a recipe up to a stage; returns the exit status."""
    path = Path(options.recipe)
    recipe = load(path)
    if options.workers:
        recipe = msgspec.structs.replace(
            recipe, run=msgspec.structs.replace(recipe.run, workers=options.workers)
        )
    from storytui_train.data.pipeline.stages import STAGES

    until = (options.until if options.command == "run" else options.command) or STAGES[-1].name
    again = options.again or ""
    names = [stage.name for stage in STAGES]
    if again and names.index(again) > names.index(until):
        raise RecipeError(f"--again {again} comes after {until}, the last stage that is asked for.")
    place = workplace(path, recipe)
    with place.alone():
        done = run_stages(STAGES, recipe, place, tell, until=until, again=again, explain=True)
    if options.json:
        print(msgspec.json.encode(done).decode())
    return 0


def workplace(path: Path, recipe: Recipe) -> Workplace:
    """The working folder of a recipe in a file."""
    folder = path.parent / (recipe.folder or path.stem)
    return Workplace(folder, path.parent)


def tell(line: str) -> None:
    """A line for the user, on standard error."""
    print(visible(line), file=sys.stderr, flush=True)
