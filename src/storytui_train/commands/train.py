"""`storytui-train train RECIPE`: trains an adapter on a recipe's data set, or goes on with it.

Of several processes that `accelerate launch` starts each runs it; the data set is there by then.
"""

import argparse
import os
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from storytui_train.commands.argument_types import from_one

if TYPE_CHECKING:
    from storytui_train.data.pipeline.workplace import Workplace
    from storytui_train.recipe import Recipe
    from storytui_train.training.run_folder import TrainRecord

STAGE = "train"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument("recipe", metavar="RECIPE", help="a TOML file; see storytui-train init")
    parser.add_argument(
        "--base", default="", metavar="BASE", help="another base than the recipe's [train] names"
    )
    parser.add_argument("--steps", type=from_one, metavar="N", help="whatever the recipe says")
    parser.add_argument(
        "--again", action="store_true", help="train anew, though nothing changed or a state is kept"
    )
    parser.add_argument("--json", action="store_true", help="print the training's record as JSON")


def run(options: argparse.Namespace) -> int:
    """Train; returns the exit status."""
    import msgspec

    from storytui.folders import as_typed
    from storytui_train.commands.run import workplace
    from storytui_train.recipe import load

    path = Path(options.recipe)
    recipe = load(path)
    base = options.base
    if base and as_typed(base).exists():
        # Seen from here, while the recipe's own are seen from the recipe.
        base = str(as_typed(base).absolute())
    given = {"base": base, "steps": options.steps}
    changed = {name: value for name, value in given.items() if value}
    if options.base:
        # Of another base than the recipe's.
        changed |= {"revision": "", "gguf": ""}
    recipe = msgspec.structs.replace(recipe, train=msgspec.structs.replace(recipe.train, **changed))
    place = workplace(path, recipe)
    record = _together if int(os.environ.get("WORLD_SIZE", "1")) > 1 else _alone
    told = record(recipe, place, path, again=options.again)
    if options.json and told is not None:
        print(msgspec.json.encode(told).decode())
    return 0


def _alone(recipe: "Recipe", place: "Workplace", path: Path, *, again: bool) -> "TrainRecord":
    """Train in this process, after what comes before training."""
    from storytui_train.commands.run import tell
    from storytui_train.stages.chain import run_chain
    from storytui_train.training.run_folder import RunFolder

    with place.alone():
        run_chain(recipe, place, tell, recipe_path=path, until=STAGE, again=STAGE if again else "")
        record = RunFolder(place.stage(STAGE)).record()
    assert record is not None
    return record


def _together(
    recipe: "Recipe", place: "Workplace", _path: Path, *, again: bool
) -> "TrainRecord | None":
    """Train in several processes, of which this is one; the first one's record alone is told."""
    from storytui_train.commands.run import tell
    from storytui_train.training.qlora import train
    from storytui_train.training.spreading import is_first

    # Of several processes the first one keeps others out for all of them.
    with place.alone() if is_first() else nullcontext():
        record = train(recipe, place, tell if is_first() else _silent, again=again)
    return record if is_first() else None


def _silent(_line: str) -> None:
    """Nothing is said: the first process does."""
