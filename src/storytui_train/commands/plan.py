"""`storytui-train plan`: the memory of training by part, before anything is downloaded."""

import argparse
import json
import sys
from pathlib import Path

from storytui_train.commands.argument_types import dimension

DOES_NOT_FIT = 1
USUAL_BASE = "Qwen/Qwen2.5-7B-Instruct"
"""Planned for where no base is named: what the defaults are made for."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument(
        "--base",
        default="",
        metavar="BASE",
        help=f"a repository of the Hub, a folder, or a GGUF (default: {USUAL_BASE})",
    )
    parser.add_argument("--recipe", default="", metavar="FILE", help="read its [train] section")
    parser.add_argument(
        "--vram", default="", metavar="SIZE", help="of the card (default: this one's, else 8GiB)"
    )
    parser.add_argument("--sequence", type=dimension, metavar="N", help="tokens of a row")
    parser.add_argument("--rank", type=dimension, metavar="N", help="of the adapters")
    parser.add_argument(
        "--device",
        choices=("cuda", "cpu"),
        default="cuda",
        help="plan for a GPU, or for this machine's processor and memory",
    )
    parser.add_argument("--json", action="store_true", help="print the plan as JSON")


def run(options: argparse.Namespace) -> int:
    """Plan; returns 0 where it fits and 1 where it does not."""
    import msgspec

    from storytui_train.recipe import load
    from storytui_train.recipe_training import TrainOptions

    train, folder = TrainOptions(), Path()
    if options.recipe:
        path = Path(options.recipe)
        train, folder = load(path).train, path.parent
    given = {"base": options.base, "sequence": options.sequence, "rank": options.rank}
    train = msgspec.structs.replace(train, **{key: each for key, each in given.items() if each})
    if options.base:
        # Of another base than the recipe's.
        train, folder = msgspec.structs.replace(train, revision=""), Path()
    if not train.base:
        train = msgspec.structs.replace(train, base=USUAL_BASE, revision="")
    from storytui_train.training.plan import as_json, as_text, make_plan, settings_of
    from storytui_train.training.shape_finding import find_shape
    from storytui_train.training.this_machine import bfloat16_here, limit_here

    named = options.vram or train.vram
    limit = limit_here(named, options.device)
    settings = settings_of(train, options.device, bfloat16=bool(named) or bfloat16_here())
    found = find_shape(train.base, revision=train.revision, folder=folder)
    plan, known = make_plan(found, settings, limit)
    if options.json:
        print(json.dumps(as_json(found, plan, known), ensure_ascii=False, indent=1))
    else:
        sys.stdout.write(as_text(found, plan, known))
    return 0 if plan.fits else DOES_NOT_FIT
