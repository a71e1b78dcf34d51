"""`storytui-train personal PATH… --base MODEL`: her books become a model of her own."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from storytui_train.commands.argument_types import dimension, from_one, from_zero
from storytui_train.errors import RecipeError

if TYPE_CHECKING:
    from storytui_train.personal.making import Result

WORSE = 1
FORMATS = ("storytui-1", "cra-v1")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="manuscripts: files, or folders of them"
    )
    parser.add_argument(
        "--folders",
        choices=("auto", "book", "books"),
        default="auto",
        help="whether a folder is one book in chapters, or books (default: by what is in it)",
    )
    parser.add_argument(
        "--base",
        default="built-in",
        metavar="MODEL",
        help="the model that learns: as `storytui models list` names it, a GGUF, a folder of "
        "weights or a repository of the Hub (default: the built-in small model)",
    )
    parser.add_argument(
        "--gguf", default="", metavar="MODEL", help="a GGUF of the base, where that is none"
    )
    parser.add_argument(
        "--name", default="", metavar="NAME", help="of the new model (default: the first path's)"
    )
    parser.add_argument(
        "--out", metavar="DIR", help="the working folder (default: among storytui's data)"
    )
    parser.add_argument(
        "--minutes", type=_minutes, default=0.0, metavar="N", help="of training, at the most"
    )
    parser.add_argument("--steps", type=from_one, default=0, metavar="N", help="of training")
    parser.add_argument(
        "--sequence", type=dimension, default=0, metavar="N", help="tokens of an example"
    )
    parser.add_argument(
        "--format", choices=FORMATS, default=FORMATS[0], help="of prompts (default: storytui-1)"
    )
    parser.add_argument(
        "--teacher",
        default="",
        metavar="MODEL",
        help="a model on this machine that writes plans for the examples; itself: the base; none "
        "(default: by the base's size)",
    )
    parser.add_argument(
        "--takes", type=from_zero, default=-1, metavar="N", help="replies written for the report"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--yes", action="store_true", help="begin without asking")
    parser.add_argument("--json", action="store_true", help="print what came of it as JSON")


def run(options: argparse.Namespace) -> int:
    """Make a model of her own; returns 1 where it became worse than its base."""
    paths = tuple(str(_path(each).absolute()) for each in options.paths)
    for each in paths:
        if not Path(each).exists():
            raise RecipeError(f"{each} is not there. Name your manuscripts.")
    from storytui import folders
    from storytui.models.names import typeable
    from storytui_train.commands.run import tell
    from storytui_train.personal.deciding import Wishes
    from storytui_train.personal.making import make

    first = Path(paths[0])
    name = typeable(options.name or (first.name if first.is_dir() else first.stem))
    out = _path(options.out) if options.out else folders.data_folder() / "training" / name
    wishes = Wishes(
        paths=paths,
        folders=options.folders,
        base=_seen(options.base) or "built-in",
        gguf=_seen(options.gguf),
        name=name,
        format=options.format,
        teacher=_seen(options.teacher),
        minutes=options.minutes,
        steps=options.steps,
        sequence=options.sequence,
        takes=options.takes,
        seed=options.seed,
    )
    tell(f"A model of your own, {name}, is made in {out}.")

    def agreed(_expected: str) -> bool:
        # A closed standard input is none at all.
        return options.yes or sys.stdin is None or not sys.stdin.isatty() or _asked()

    result = make(wishes, out.absolute(), tell, agreed)
    if result is None:
        tell("Nothing was trained. The examples are kept; the same command goes on from there.")
        return 0
    if options.json:
        import msgspec

        print(msgspec.json.encode(result).decode())
    else:
        print("\n".join(_ending(result)))
    return WORSE if result.worse else 0


def _ending(result: "Result") -> list[str]:
    """What is said at the end."""
    from storytui.story.visible import visible
    from storytui_train.personal.telling import minutes

    total = minutes(sum(result.minutes.values()))
    lines = [f"{result.name} is done; it took {total} this time."]
    if result.verdict:
        lines.append(result.verdict)
    name = result.name
    if result.worse:
        lines.append(
            "It became worse than its base. It stays in the editor's list, marked so, and is not "
            "chosen. More text, or fewer steps, may help."
        )
    elif result.better:
        lines.append(f"It is better on your own text. To choose it: storytui models use {name}")
    elif result.verdict:
        lines.append("Whether it is better cannot be said: more text would tell.")
    if result.report:
        lines.append(f"The report: {visible(result.report, newlines=False)}")
    lines.append(f"To try it: storytui continue FILE --model {name}")
    lines.append(f"To do it again: storytui-train run {visible(result.recipe, newlines=False)}")
    return lines


def _asked() -> bool:
    print("Begin? (y/n) ", end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    # Its end is no answer, and Enter is one.
    return bool(line) and line.strip().casefold() in ("y", "yes", "")


def _path(named: str) -> Path:
    """A path, from a home folder on where a tilde says so.

    Raises:
        RecipeError: nobody has that home folder.
    """
    from storytui.folders import as_typed

    path = as_typed(named)
    if path.parts[:1] and path.parts[0].startswith("~") and not path.exists():
        raise RecipeError(
            f"{named} is not there: nobody of that name has a home folder here. Name the folder "
            "from the root on, or write ./ in front of a name that begins so."
        )
    return path


def _seen(named: str) -> str:
    """A path as it is from everywhere; a name as it is."""
    path = _path(named)
    return str(path.absolute()) if named.strip() and path.exists() else named.strip()


def _minutes(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found < 100_000:
        raise argparse.ArgumentTypeError(f"{text} is no number of minutes")
    return found
