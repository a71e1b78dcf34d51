"""`storytui-train merge --base GGUF --adapter FILE --out FILE`: an adapter into a model's file."""

import argparse
import sys
from pathlib import Path

from storytui_train.commands.argument_types import from_one
from storytui_train.errors import RecipeError


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what can be asked for."""
    parser.add_argument(
        "--base", required=True, metavar="GGUF", help="the model, by name or path; empty: built-in"
    )
    parser.add_argument(
        "--adapter", required=True, metavar="FILE", help="an adapter for it, as GGUF"
    )
    parser.add_argument("--out", required=True, metavar="FILE", help="the file to write")
    parser.add_argument(
        "--type",
        default="same",
        metavar="TYPE",
        help="same: each tensor keeps its own, in a quantised base too; or a type such as Q4_K_M, "
        "made by llama.cpp of a 16-bit base (default: same)",
    )
    parser.add_argument("--imatrix", default="", metavar="FILE", help="an importance matrix")
    parser.add_argument(
        "--scale", type=_scale, default=1.0, help="how strong the adapter is (default: 1)"
    )
    parser.add_argument(
        "--split",
        default="",
        metavar="SIZE",
        help="divide what is written into files of this size, such as 4GB, or as the base is: same",
    )
    parser.add_argument(
        "--threads", type=from_one, default=0, metavar="N", help="default: one for each core"
    )
    parser.add_argument("--json", action="store_true", help="print what was written as JSON")


def run(options: argparse.Namespace) -> int:
    """Merge; returns the exit status."""
    most = _most(options.split)
    if options.type != "same" and options.split:
        raise RecipeError("--split goes with --type same only.")
    import msgspec

    from storytui.story.visible import visible
    from storytui_train.gguf.merging import merge_files

    progress = _Progress()
    try:
        done = merge_files(
            options.base,
            Path(options.adapter),
            Path(options.out),
            kind=options.type,
            importance=Path(options.imatrix) if options.imatrix else None,
            scale=options.scale,
            most=most,
            threads=options.threads,
            tell=progress.bytes_done,
            quantising=progress.tensors_done,
        )
    finally:
        progress.end()
    if options.json:
        print(msgspec.json.encode(done).decode())
        return 0
    print(
        f"{visible(', '.join(done.files))}: {done.size / 1e6:,.0f} MB, {done.touched:,} tensors "
        f"changed, {done.copied:,} as they were, in {done.seconds / 60:.1f} minutes.",
        file=sys.stderr,
    )
    return 0


class _Progress:
    """One line that says how far it is, on a terminal only."""

    def __init__(self) -> None:
        self._shown = ""
        self._wanted = sys.stderr.isatty()

    def bytes_done(self, done: int, of: int) -> None:
        """So many bytes are written."""
        self._show(f"Merging: {100 * done // max(1, of)} %")

    def tensors_done(self, done: int, of: int) -> None:
        """So many tensors are quantised."""
        self._show(f"Quantising: {100 * done // max(1, of)} %")

    def end(self) -> None:
        """Leave the line."""
        if self._shown:
            print(file=sys.stderr)

    def _show(self, line: str) -> None:
        if self._wanted and line != self._shown:
            self._shown = line
            print(f"\r{line:<20}", end="", file=sys.stderr, flush=True)


def _most(text: str) -> int | None:
    """Bytes of a file: 0 all in one, None as the base is."""
    if not text:
        return 0
    if text == "same":
        return None
    units = {"B": 1, "K": 10**3, "M": 10**6, "G": 10**9}
    plain = text.strip().upper().removesuffix("B") or "B"
    factor = units.get(plain[-1], 0)
    number = plain[:-1] if factor else plain
    if not (number.isascii() and number.isdecimal() and int(number)):
        raise RecipeError(f"--split {text!r} is no size. One looks like 4GB or 500M.")
    return int(number) * (factor or 1)


def _scale(text: str) -> float:
    try:
        scale = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None
    if not -100 <= scale <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not between -100 and 100")
    return scale
