"""Which cached tokens to keep, and which to evaluate. Pure arithmetic over lists of tokens."""

from collections.abc import Sequence


def common_prefix(cached: Sequence[int], wanted: Sequence[int]) -> int:
    """Length of the longest common beginning of two token lists."""
    limit = min(len(cached), len(wanted))
    # Slices compare in C: halve the stretch in which the first difference lies.
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        if cached[low:middle] == wanted[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def tokens_to_keep(cached: Sequence[int], wanted: Sequence[int]) -> int:
    """How many of the cached tokens stay, so that evaluating the rest gives the last logits.

    At least the last wanted token is evaluated: its logits are what the next token is drawn from.
    """
    return min(common_prefix(cached, wanted), len(wanted) - 1)
