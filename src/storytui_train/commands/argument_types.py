"""PURE. Numbers on the command line, as argparse's types."""

import argparse

from storytui_train.limits import LARGEST_DIMENSION, MOST_DIGITS


def from_one(text: str) -> int:
    """A whole number from 1 on.

    Raises:
        ArgumentTypeError: it is none.
    """
    if not (_is_number(text) and int(text)):
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1 on")
    return int(text)


def dimension(text: str) -> int:
    """A dimension of a tensor, as recipes bound it.

    Raises:
        ArgumentTypeError: it is none.
    """
    if from_one(text) > LARGEST_DIMENSION:
        raise argparse.ArgumentTypeError(f"{text} is more than {LARGEST_DIMENSION:,}")
    return int(text)


def from_zero(text: str) -> int:
    """A whole number from 0 on.

    Raises:
        ArgumentTypeError: it is none.
    """
    if not _is_number(text):
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 0 on")
    return int(text)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS
