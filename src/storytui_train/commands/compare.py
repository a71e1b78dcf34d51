"""`storytui-train compare ROWS --model A --model B`: two models' takes, judged blind by people."""

import argparse
import json
from pathlib import Path

from storytui_train.commands.argument_types import from_one


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
        help="names or paths of GGUF files; two of them",
    )
    parser.add_argument("--format", default="auto", metavar="FORMAT", help="of all prompts")
    parser.add_argument("--split", default="test", choices=("train", "validation", "test"))
    parser.add_argument("--rows", type=from_one, default=20, metavar="N", help="contexts")
    parser.add_argument("--words", type=from_one, default=180, metavar="N", help="asked for")
    parser.add_argument(
        "--context-words", type=from_one, default=0, metavar="N", help="of contexts (default: all)"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--threads", type=from_one, default=0, metavar="N", help="on a CPU (default: one a core)"
    )
    parser.add_argument(
        "--out", metavar="DIR", help="where takes and judgements go (default: beside the rows)"
    )
    parser.add_argument("--results", action="store_true", help="tell what was said so far")
    parser.add_argument("--json", action="store_true", help="tell results as JSON")


def run(options: argparse.Namespace) -> int:
    """Compare two models; returns the exit status."""
    from storytui_train.errors import RecipeError

    if not options.results and len(options.model) != 2:
        raise RecipeError("Two models are compared; name both with --model.")

    import msgspec

    from storytui_train.evaluate.blind import compare, folder_beside, lines, results_in
    from storytui_train.evaluate.contestants import opening

    path = Path(options.rows_path)
    folder = Path(options.out) if options.out else folder_beside(path)
    if options.results:
        found = results_in(folder, seed=options.seed)
    else:
        found = compare(
            path,
            options.model,
            folder,
            rows=options.rows,
            words=options.words,
            context_words=options.context_words,
            seed=options.seed,
            format=options.format,
            split=options.split,
            open_engine=opening(options.threads),
        )
    if options.json:
        # Titles and names may have marks in them that a terminal obeys: ASCII has none.
        print(json.dumps(msgspec.to_builtins(found)))
    elif found:
        print("\n".join(lines(found)))
    else:
        print("What was said is kept. The same command goes on; --results tells what it is so far.")
    return 0
