"""The trainer's commands; its stages come in a later release."""

import argparse
import sys
from collections.abc import Sequence

from storytui import __version__


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="storytui-train",
        description="Build training data from books and manuscripts, and train models for "
        "storytui. The stages are not in this release.",
    )
    parser.add_argument("--version", action="version", version=f"storytui-train {__version__}")
    parser.add_argument("stage", nargs="*", metavar="STAGE", help="none in this release")
    parser.parse_args(argv)
    print(
        "storytui-train: the stages of training are not in this release; "
        "the editor works with any GGUF model meanwhile.",
        file=sys.stderr,
    )
    return 2


if __name__ == "__main__":
    sys.exit(main())
