"""Trains in a process of its own, which may be killed; also what `accelerate launch` starts.

trained_again.py FOLDER BASE SETTINGS    settings of [train] as JSON
"""

import json
import sys
from pathlib import Path
from typing import Any


def main(folder: str, base: str, settings: dict[str, Any]) -> None:
    import torch

    torch.set_num_threads(1)
    from small_run import options

    from storytui_train.data.pipeline.workplace import Workplace
    from storytui_train.recipe import Recipe
    from storytui_train.training.qlora import train

    place = Workplace(Path(folder), Path(folder).parent)
    recipe = Recipe(name="r", seed=7, train=options(Path(base), **settings))
    train(recipe, place, lambda line: print(line, flush=True))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
