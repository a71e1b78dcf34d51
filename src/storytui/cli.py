"""The commands: reads the command line, builds things and hands them to each other.

What answers at once (`--help`, `parse`) must import next to nothing, so every other import is
made by the command that needs it.
"""

import argparse
import gc
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from storytui import __version__
from storytui.commands.ending import FAILURE, INTERRUPTED, USAGE_ERROR

COMMANDS = {
    "continue": "print what comes next at a place in a story",
    "prompt": "print exactly what the model would see",
    "parse": "take a model's raw reply apart: standard input to JSON",
    "bench": "measure this machine: start, keystroke, first token, decoding",
    "config": "show the settings, or write a settings file with every key explained",
}


class _Parser(argparse.ArgumentParser):
    """A parser whose complaint is one sentence."""

    def error(self, message: str) -> NoReturn:
        sentence = message.rstrip(".")
        self.exit(USAGE_ERROR, f"{self.prog}: {sentence}. See {self.prog} --help.\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit status: 0, 1 for a failure, 2 for wrong usage."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        try:
            return _dispatch(arguments)
        finally:
            # Here, not at exit: a reader that has gone is only noticed when writing to it.
            sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes once more when it exits; give it something that takes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILURE
    except KeyboardInterrupt:
        return INTERRUPTED


def _dispatch(arguments: list[str]) -> int:
    command = arguments[0] if arguments else ""
    run = _RUN.get(command)
    if run is not None:
        return run(arguments[1:])
    return _edit(arguments)


# --- the editor --------------------------------------------------------------------------------


def _edit(arguments: list[str]) -> int:
    commands = "\n".join(f"  {name:9} {what}" for name, what in COMMANDS.items())
    parser = _Parser(
        prog="storytui",
        usage="storytui [OPTIONS] [FILE]\n       storytui COMMAND …",
        description="A terminal editor for fiction, with a local model beside the manuscript.",
        epilog=f"commands (storytui COMMAND --help tells more; a file of that name is ./COMMAND):\n"
        f"{commands}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", nargs="?", metavar="FILE", help="the story to open")
    parser.add_argument("--version", action="version", version=f"storytui {__version__}")
    parser.add_argument("--sample", action="store_true", help="open the sample story")
    add_model_options(parser)
    add_continue_options(parser)
    options = parser.parse_args(arguments)
    if options.sample and options.file is not None:
        parser.error("--sample opens its own file, so no FILE goes with it")
    # Almost nothing that a start makes is garbage, and looking for it takes a tenth of the time;
    # the writing screen turns the collector on again when the page was painted.
    gc.disable()
    try:
        from storytui.commands.edit import run_editor

        return run_editor(options)
    finally:
        gc.enable()


# --- the headless commands ---------------------------------------------------------------------


def _continue(arguments: list[str]) -> int:
    parser = _Parser(
        prog="storytui continue",
        description="Continue a story and print the answer on standard output.",
    )
    _add_story_options(parser)
    add_model_options(parser)
    add_continue_options(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--stream", action="store_true", help="print sentences as they are finished"
    )
    parser.add_argument(
        "--show-reasoning", action="store_true", help="print the reasoning on standard error"
    )
    options = parser.parse_args(arguments)
    if options.json and options.stream:
        parser.error("--json prints one object at the end, so --stream does not go with it")
    from storytui.commands.headless import run_continue

    return run_continue(options)


def _prompt(arguments: list[str]) -> int:
    parser = _Parser(
        prog="storytui prompt",
        description="Print exactly what the model would see, template included. "
        "Control tokens stand between ⟦ and ⟧.",
    )
    _add_story_options(parser)
    add_model_options(parser)
    add_continue_options(parser)
    options = parser.parse_args(arguments)
    from storytui.commands.headless import run_prompt

    return run_prompt(options)


def _parse(arguments: list[str]) -> int:
    parser = _Parser(
        prog="storytui parse",
        description="Read a model's raw reply on standard input and print it as JSON: "
        "reasoning, answer, complete, problems.",
    )
    parser.parse_args(arguments)
    import json

    from storytui.story.reply import parse_reply

    reply = parse_reply(sys.stdin.buffer.read().decode("utf-8", "replace"))
    found = {
        "reasoning": reply.reasoning,
        "answer": reply.answer,
        "complete": reply.complete,
        "problems": list(reply.problems),
    }
    sys.stdout.buffer.write(json.dumps(found, ensure_ascii=False).encode("utf-8") + b"\n")
    return 0


def _bench(arguments: list[str]) -> int:
    parser = _Parser(prog="storytui bench", description="Measure this machine.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--only",
        action="append",
        choices=("commands", "start", "keystroke", "first-token", "decoding"),
        help="measure only this; may be given more than once",
    )
    parser.add_argument("--rounds", type=positive, metavar="N", help="repeat each measure N times")
    add_model_options(parser)
    options = parser.parse_args(arguments)
    from storytui.commands.bench import run_bench

    return run_bench(options)


def _config(arguments: list[str]) -> int:
    parser = _Parser(prog="storytui config", description="The settings file.")
    actions = parser.add_subparsers(dest="action", required=True, metavar="path|show|init")
    actions.add_parser("path", help="print where the settings file is")
    actions.add_parser("show", help="print the settings in force")
    init = actions.add_parser("init", help="write a settings file with every key explained")
    init.add_argument("--force", action="store_true", help="replace the file that is there")
    options = parser.parse_args(arguments)
    from storytui.commands.config import run_config

    return run_config(options)


_RUN: dict[str, Callable[[list[str]], int]] = {
    "continue": _continue,
    "prompt": _prompt,
    "parse": _parse,
    "bench": _bench,
    "config": _config,
}


# --- options that several commands have --------------------------------------------------------


def _add_story_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the story; - reads standard input")
    parser.add_argument(
        "--at",
        default="end",
        metavar="PLACE",
        help="end, LINE:COLUMN (both from 1) or #OFFSET (characters, from 0); default: %(default)s",
    )


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Which model, and how it runs; each overrides its setting."""
    group = parser.add_argument_group("the model (default: the settings, else the built-in model)")
    group.add_argument("--model", metavar="PATH", help="a GGUF file")
    group.add_argument("--context", type=positive, metavar="N", help="tokens of context")
    group.add_argument("--gpu-layers", type=layers, metavar="N", help="layers on the GPU; -1: all")
    group.add_argument("--threads", type=positive, metavar="N", help="threads on a CPU")


def add_continue_options(parser: argparse.ArgumentParser) -> None:
    """What is asked for, and how it is drawn; each overrides its setting."""
    group = parser.add_argument_group("the continuation (default: the settings)")
    group.add_argument("--format", metavar="NAME", help="the prompt format")
    group.add_argument("--guidance", metavar="TEXT", help="what is to come next, in a sentence")
    group.add_argument("--words", type=words, metavar="N", help="length of the answer in words")
    group.add_argument(
        "--reasoning-tokens", type=natural, metavar="N", help="the most reasoning; 0: none"
    )
    group.add_argument("--seed", type=natural, metavar="N", help="same seed, same text")
    group.add_argument("--temperature", type=fraction, metavar="T", help="0 takes the likeliest")


def positive(text: str) -> int:
    """A whole number from 1."""
    return _whole(text, 1)


def natural(text: str) -> int:
    """A whole number from 0."""
    return _whole(text, 0)


def words(text: str) -> int:
    """A whole number from 1 to 4000."""
    return _whole(text, 1, 4000)


def layers(text: str) -> int:
    """A whole number from -1."""
    return _whole(text, -1)


def _whole(text: str, least: int, most: int = 2**31 - 1) -> int:
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if value < least:
        raise argparse.ArgumentTypeError(f"must be at least {least}, not {value}")
    if value > most:
        raise argparse.ArgumentTypeError(f"must be at most {most}, not {value}")
    return value


def fraction(text: str) -> float:
    """A number from 0 to 5."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not 0 <= value <= 5:
        raise argparse.ArgumentTypeError(f"must be from 0 to 5, not {text}")
    return value


if __name__ == "__main__":
    sys.exit(main())
