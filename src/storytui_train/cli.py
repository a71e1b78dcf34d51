"""The trainer's commands: what can be asked for, and which module does it."""

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from storytui import __version__
from storytui.story.visible import visible
from storytui_train.commands.argument_types import from_one
from storytui_train.errors import RecipeError, TrainError

STAGES = {
    "gather": "find the books and manuscripts, and fetch what is not here",
    "clean": "take away what is no story, and mend what the print broke",
    "choose": "set aside what is not wanted: languages, plays, tracts, duplicates",
    "chunk": "cut texts into context and continuation",
    "split": "hold out authors, books or chapters for validation and test",
    "reason": "have the teacher write a reasoning for each row",
    "dataset": "write the rows in the forms that trainers read",
    "train": "train an adapter for the base that the recipe names",
    "export": "make GGUF files of it",
    "evaluate": "measure them beside the base, on what was held out",
    "add": "put the model into the editor's list",
}
"""The stages of a recipe, in order; the last four where it names a base."""

OWN_OPTIONS = {
    "personal": "make a model of your own of your manuscripts, all by one command",
    "plan": "say how much memory training takes, and whether it fits",
    "train": STAGES["train"],
    "merge": "merge a GGUF adapter into a model's file",
    "evaluate": "measure models on authors they never saw",
    "compare": "judge two models' takes blind",
    "publish": "bring a model to the Hugging Face Hub, or show what would be",
}
"""Commands whose modules know their options; they bring nothing along before they run."""

_RUN = {
    "init": "storytui_train.commands.init",
    "run": "storytui_train.commands.run",
    **dict.fromkeys(STAGES, "storytui_train.commands.run"),
    "prepare": "storytui_train.commands.prepare",
    "show": "storytui_train.commands.show",
    **{name: f"storytui_train.commands.{name}" for name in OWN_OPTIONS},
}
USAGE, FAILURE, INTERRUPTED = 2, 1, 130
STOPPED = "Stopped. What was done is kept; the same command goes on from there."


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit status."""
    try:
        parser = build_parser()
        options = parser.parse_args(argv)
        if not options.command:
            parser.print_help()
            return USAGE
        run: Callable[[argparse.Namespace], int] = import_module(_RUN[options.command]).run
        return run(options)
    except KeyboardInterrupt:
        return _failed(STOPPED, INTERRUPTED)
    except Exception as error:
        status = _told(error)
        if status is None:
            raise
        return status


def _told(error: Exception) -> int | None:
    """Tell what went wrong; the exit status, or None where it is a mistake of this program."""
    if _is_interrupt(error):
        return _failed(STOPPED, INTERRUPTED)
    match error:
        case RecipeError():
            return _failed(error, USAGE)
        case TrainError():
            return _failed(error, FAILURE)
        case ModuleNotFoundError(name=name):
            if (name or "").split(".")[0] in ("storytui", "storytui_train"):
                return None
            return _failed(
                f"{name} is not installed, and this needs it: pip install 'storytui[train]'.",
                FAILURE,
            )
        case BrokenPipeError():
            # Whoever read the output has enough of it.
            sys.stderr.close()
            return FAILURE
        case OSError():
            where = f" ({visible(str(error.filename))})" if error.filename else ""
            why = error.strerror or error
            return _failed(f"It could not go on: {why}{where}. Run it again to go on.", FAILURE)
    return None


def _is_interrupt(error: BaseException | None) -> bool:
    """Whether Ctrl-C was the first cause: what it breaks off may raise another error for it."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="storytui-train",
        description="Build training data from books and manuscripts, and train models for "
        "storytui.",
    )
    parser.add_argument("--version", action="version", version=f"storytui-train {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    init = commands.add_parser("init", help="write a recipe with everything explained")
    init.add_argument("path", nargs="?", default="recipe.toml", metavar="RECIPE")
    init.add_argument("--force", action="store_true", help="write over a file that is there")
    everything = commands.add_parser("run", help="do all of a recipe that is not yet done")
    _add_recipe(everything)
    everything.add_argument("--until", choices=STAGES, metavar="STAGE", help="the last stage to do")
    for name, does in STAGES.items():
        if name not in OWN_OPTIONS:
            _add_recipe(commands.add_parser(name, help=does, description=f"Up to here: {does}."))
    for name, does in OWN_OPTIONS.items():
        module = import_module(_RUN[name])
        module.add_options(commands.add_parser(name, help=does, description=_sentence(does)))
    _add_prepare(commands.add_parser("prepare", help="cut files or folders into rows, at once"))
    _add_show(commands.add_parser("show", help="leaf through rows, and mark bad ones"))
    return parser


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _add_recipe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", metavar="RECIPE", help="a TOML file; see storytui-train init")
    parser.add_argument("--workers", type=from_one, metavar="N", help="processes (default: cores)")
    parser.add_argument(
        "--again", choices=STAGES, metavar="STAGE", help="do a stage though nothing changed"
    )
    parser.add_argument("--json", action="store_true", help="print what was done as JSON")


def _add_prepare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help="files, or folders of files")
    parser.add_argument("--out", required=True, metavar="DIR", help="where chunks.jsonl goes")
    parser.add_argument(
        "--catalog", metavar="FILE", help="Project Gutenberg's catalogue, or one like it (TSV)"
    )
    parser.add_argument("--context-sentences", type=from_one, default=80, metavar="N")
    parser.add_argument("--continuation-sentences", type=from_one, default=20, metavar="N")
    parser.add_argument("--stride-sentences", type=from_one, default=0, metavar="N")
    parser.add_argument("--varied-cuts", type=_share, default=None, metavar="SHARE")
    parser.add_argument("--languages", default="en", metavar="CODES", help="such as en,de")
    parser.add_argument(
        "--any-kind", action="store_true", help="take plays, verse and what is no fiction as well"
    )
    parser.add_argument("--keep-duplicates", action="store_true")
    parser.add_argument("--workers", type=from_one, default=0, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def _add_show(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", metavar="ROWS", help="rows, a dataset or a working folder")
    parser.add_argument("--split", choices=("train", "validation", "test"))
    parser.add_argument("--id", default="", help="begin at this row")
    parser.add_argument("--source", default="", help="only rows of this source")
    parser.add_argument("--bad", action="store_true", help="only rows that are marked bad")


def _share(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number between 0 and 1")
    return number


def _failed(what: object, status: int) -> int:
    print(f"storytui-train: {what}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
