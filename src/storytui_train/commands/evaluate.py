"""`storytui-train evaluate ROWS --model …`: measures models on authors they never saw.

`storytui-train evaluate RECIPE` measures what a recipe made, as its section [evaluate] says.
"""

import argparse
import json
from pathlib import Path

from storytui_train.commands.argument_types import from_zero

FAILURE = 1


def add_options(parser: argparse.ArgumentParser) -> None:
    """What can be said behind the command."""
    parser.add_argument(
        "rows_path",
        metavar="ROWS|RECIPE",
        help="a data set's folder, or a file of rows: its test split; or a recipe (.toml), of "
        "which all is done up to here",
    )
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="MODEL[+ADAPTER]",
        help="names or paths of GGUF files; may be given several times",
    )
    parser.add_argument(
        "--base",
        default="",
        metavar="MODEL",
        help="what the others are held against (default: the model under an adapter)",
    )
    parser.add_argument("--format", default=None, metavar="FORMAT", help="of all prompts")
    parser.add_argument(
        "--split", choices=("train", "validation", "test"), help="of the rows (default: test)"
    )
    parser.add_argument(
        "--rows", type=from_zero, metavar="N", help="rows that are scored; 0: all (default: 120)"
    )
    parser.add_argument(
        "--takes", type=from_zero, metavar="N", help="rows that takes are written for (default: 24)"
    )
    parser.add_argument(
        "--words", type=from_zero, metavar="N", help="asked for in takes (default: 180)"
    )
    parser.add_argument(
        "--context-words", type=from_zero, metavar="N", help="of contexts; 0: all (default: 0)"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="of what is drawn (default: 1)")
    parser.add_argument(
        "--threads", type=from_zero, metavar="N", help="on a CPU; 0: one for each core (default: 0)"
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        help="where the report goes (default: beside the rows, as evaluation; in a "
        "recipe's folder as evaluation-of-others)",
    )
    parser.add_argument("--again", action="store_true", help="of a recipe: though nothing changed")
    parser.add_argument("--workers", type=from_zero, metavar="N", help="of a recipe: processes")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def run(options: argparse.Namespace) -> int:
    """Measure models; returns 1 where one is worse than the base, 0 otherwise."""
    path = Path(options.rows_path)
    if path.suffix.casefold() == ".toml":
        return _run_recipe(options)
    _complete(options)
    return _run_rows(options)


_OF_ROWS: dict[str, object] = {
    **{"format": "auto", "split": "test", "rows": 120, "takes": 24, "words": 180},
    **{"context_words": 0, "seed": 1, "threads": 0},
}
"""What holds where nothing is said, of rows."""


def _run_recipe(options: argparse.Namespace) -> int:
    """Do a recipe up to its evaluation."""
    from storytui_train.errors import RecipeError

    given = [name for name in _OF_ROWS if getattr(options, name) is not None]
    given += [name for name in ("model", "base", "out") if getattr(options, name)]
    if given:
        said = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise RecipeError(
            f"{said} cannot go with a recipe. Say it under [evaluate] in the recipe, or name the "
            "folder of rows instead."
        )
    from storytui_train.commands import run

    options.recipe, options.until = options.rows_path, ""
    options.again = "evaluate" if options.again else ""
    return run.run(options)


def _complete(options: argparse.Namespace) -> None:
    for name, value in _OF_ROWS.items():
        if getattr(options, name) is None:
            setattr(options, name, value)


def _run_rows(options: argparse.Namespace) -> int:
    """Measure models that are named."""
    from storytui_train.errors import RecipeError
    from storytui_train.recipe_training import EvaluateOptions

    if options.again or options.workers:
        raise RecipeError(
            "--again and --workers go with a recipe. What was measured of rows is kept beside the "
            "report; --threads says how many threads a model has."
        )
    if not options.words:
        raise RecipeError("Takes need words; name a number from 1 on with --words.")
    if not options.model:
        raise RecipeError("No model is named; name one with --model.")

    import msgspec

    from storytui_train.evaluate.contestants import opening
    from storytui_train.evaluate.evaluating import REPORT, evaluate, folder_beside

    path = Path(options.rows_path)
    folder = Path(options.out) if options.out else folder_beside(path)
    report = evaluate(
        path,
        options.model,
        folder,
        EvaluateOptions(
            rows=options.rows,
            takes=options.takes,
            words=options.words,
            context_words=options.context_words,
            seed=options.seed,
        ),
        base=options.base,
        format=options.format,
        split=options.split,
        open_engine=opening(options.threads),
    )
    if options.json:
        # Titles and names may have marks in them that a terminal obeys: ASCII has none.
        print(json.dumps(msgspec.to_builtins(report)))
    else:
        from storytui.story.visible import visible
        from storytui_train.evaluate.writing import shown

        for each in report.models:
            bits = each.figures["bits_prompt"], each.figures["bits_plain"]
            said = ", ".join(
                f"{shown(one, 4)} {how}"
                for one, how in zip(bits, ("after the prompt", "as plain text"), strict=True)
            )
            print(f"{each.name}: bits per byte {said}")
        for each in report.models:
            if each.verdict is not None:
                print(each.verdict.sentence)
        print(f"The report is {visible(str(folder / REPORT), newlines=False)}.")
    return FAILURE if report.worse else 0
