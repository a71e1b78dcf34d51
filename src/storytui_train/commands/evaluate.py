"""`storytui-train evaluate ROWS --model …`: measures models on authors they never saw."""

import argparse
import sys
from pathlib import Path

FAILURE = 1


def add_options(parser: argparse.ArgumentParser) -> None:
    """What can be said behind the command."""
    parser.add_argument(
        "rows_path", metavar="ROWS", help="a data set's folder, or a file of rows; its test split"
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
    parser.add_argument("--format", default="auto", metavar="FORMAT", help="of all prompts")
    parser.add_argument("--split", default="test", choices=("train", "validation", "test"))
    parser.add_argument(
        "--rows", type=_number, default=120, metavar="N", help="rows that are scored; 0: all"
    )
    parser.add_argument(
        "--takes", type=_number, default=24, metavar="N", help="rows that takes are written for"
    )
    parser.add_argument(
        "--words", type=_number, default=180, metavar="N", help="asked for in takes"
    )
    parser.add_argument(
        "--context-words", type=_number, default=0, metavar="N", help="of contexts; 0: all"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--threads", type=_number, default=0, metavar="N", help="on a CPU; 0: one for each core"
    )
    parser.add_argument(
        "--out", metavar="DIR", help="where the report goes (default: evaluation beside the rows)"
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def run(options: argparse.Namespace) -> int:
    """Measure models; returns 1 where one is worse than the base, 0 otherwise."""
    from storytui_train.errors import RecipeError
    from storytui_train.recipe_training import EvaluateOptions

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
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
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


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 0 on")
    return int(text)
