"""What command lines have in common: complaints in one sentence, options, kinds of numbers.

It is imported by what answers at once, so it imports next to nothing.
"""

import argparse
from typing import NoReturn

from storytui.commands.ending import USAGE_ERROR


class Parser(argparse.ArgumentParser):
    """A parser whose complaint is one sentence."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the command line, and end."""
        from storytui.story.visible import visible

        sentence = visible(message.rstrip("."), newlines=False)
        self.exit(USAGE_ERROR, f"{self.prog}: {sentence}. See {self.prog} --help.\n")


def add_story_options(parser: argparse.ArgumentParser) -> None:
    """The story, and the place in it."""
    parser.add_argument("file", metavar="FILE", help="the story; - reads standard input")
    parser.add_argument(
        "--at",
        default="end",
        metavar="PLACE",
        help="end, LINE:COLUMN (both from 1) or #OFFSET (characters, from 0); default: %(default)s",
    )


def add_verbs(
    parser: argparse.ArgumentParser,
) -> "argparse._SubParsersAction[argparse.ArgumentParser]":
    """A file, and what is to be done with what is kept about it; without a verb, it is listed."""
    parser.add_argument("file", metavar="FILE", help="the story")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.add_subparsers(dest="verb", title="verbs", prog=f"{parser.prog} FILE")


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """`--json` behind the verb; where it is missing, it does not take back the one before it."""
    parser.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON object"
    )


def add_encoding_option(parser: argparse.ArgumentParser) -> None:
    """The encoding of the story's file."""
    parser.add_argument(
        "--encoding", metavar="NAME", help="the file's encoding, where it is recognised wrongly"
    )


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Which model, and how it runs; each overrides its setting."""
    group = parser.add_argument_group("the model (default: the settings, else the built-in model)")
    group.add_argument(
        "--model", metavar="MODEL", help="a GGUF file, or a name that storytui models list shows"
    )
    group.add_argument(
        "--adapter",
        metavar="ADAPTER",
        help="a LoRA for it: a GGUF file, a name that storytui models adapter list shows, or none; "
        "with --model, the one of the settings is not used",
    )
    group.add_argument(
        "--adapter-scale",
        type=scale,
        metavar="X",
        help="how strongly the adapter works; 1: as made",
    )
    group.add_argument("--context", type=positive, metavar="N", help="tokens of context")
    group.add_argument("--gpu-layers", type=layers, metavar="N", help="layers on the GPU; -1: all")
    group.add_argument("--threads", type=positive, metavar="N", help="threads on a CPU")
    group.add_argument(
        "--kv-type", choices=("f16", "q8_0"), help="how keys and values are kept; q8_0 takes half"
    )
    group.add_argument(
        "--allow-partial",
        action="store_true",
        help="put some layers on the GPU where not all fit, which is slow",
    )


def add_remote_options(parser: argparse.ArgumentParser) -> None:
    """A server in place of a model on this machine; each overrides its setting."""
    group = parser.add_argument_group("a model on another machine (default: the settings)")
    group.add_argument(
        "--remote",
        type=server,
        metavar="URL",
        help="an OpenAI-compatible server; with --model or an empty URL, it is this machine",
    )
    group.add_argument("--remote-model", metavar="NAME", help="the model's name there")


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


def add_candidates_option(parser: argparse.ArgumentParser) -> None:
    """How many replies are written side by side; it overrides its setting."""
    parser.add_argument(
        "--candidates",
        type=candidates,
        metavar="N",
        help="write N continuations side by side, from 1 to 8, each with the next seed",
    )


def add_notes_option(parser: argparse.ArgumentParser) -> None:
    """The story's standing notes."""
    parser.add_argument(
        "--notes",
        metavar="NOTES",
        help="the story's notes, for a format that takes them; default: NAME.notes.md beside FILE",
    )


def name_of_a_take(text: str) -> str:
    """A take's number, or how its id begins."""
    if not text.strip("0123456789abcdef") and text:
        return text
    raise argparse.ArgumentTypeError(f"{text!r} is neither a number nor the beginning of an id")


def server(text: str) -> str:
    """The address of a server; empty: none."""
    if not text.strip():
        return ""
    from storytui.engine.api import EngineError
    from storytui.engine.remote.address import parse_address

    try:
        parse_address(text)
    except EngineError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def positive(text: str) -> int:
    """A whole number from 1."""
    return _whole(text, 1)


def natural(text: str) -> int:
    """A whole number from 0."""
    return _whole(text, 0)


def words(text: str) -> int:
    """A whole number from 1 to 4000."""
    return _whole(text, 1, 4000)


def candidates(text: str) -> int:
    """A whole number from 1 to 8."""
    return _whole(text, 1, 8)


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


def scale(text: str) -> float:
    """A number from -10 to 10."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not -10 <= value <= 10:
        raise argparse.ArgumentTypeError(f"must be from -10 to 10, not {text}")
    return value


def memory(text: str) -> int:
    """Bytes of a memory: 8GiB, 8GB, 8g, 8192MiB, 8589934592.

    Cards are sold in GB and have GiB, so both mean 2**30 bytes here.
    """
    number = text.strip().lower().removesuffix("b").removesuffix("i")
    shift = _SHIFTS.get(number[-1:], 0)
    try:
        size = float(number[:-1] if shift else number) * (1 << shift)
    except ValueError:
        size = 0.0
    if not 1 <= size < 2**50:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write it like 8GiB")
    return round(size)


_SHIFTS = {"k": 10, "m": 20, "g": 30}
