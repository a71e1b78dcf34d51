"""What two lists of tokens share at their beginnings and ends."""

from collections.abc import Sequence


def shared_beginning(one: Sequence[int], other: Sequence[int]) -> int:
    """Tokens at the beginning that are the same in both."""
    length = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        length += 1
    return length


def shared_end(one: Sequence[int], other: Sequence[int]) -> int:
    """Tokens at the end that are the same in both."""
    return shared_beginning(one[::-1], other[::-1])
