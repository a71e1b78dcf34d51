"""The line breaks of a text that was replaced by another: those of the lines that stayed."""

from collections import Counter
from collections.abc import Sequence

_MOST_COMPARED = 20_000
"""Lines that are compared with each other; a larger change is a new text."""


def with_line_feeds(raw: str) -> str:
    """`raw` with `\\n` for every `\\r\\n` and lone `\\r`; other characters are left alone."""
    return raw.replace("\r\n", "\n").replace("\r", "\n") if "\r" in raw else raw


def carry_breaks(
    old_text: str, old_breaks: Sequence[str] | None, new_text: str, default: str
) -> tuple[str, ...] | None:
    """The line breaks for a text that took another's place as a whole.

    Lines that both texts have keep their breaks; the others get that of the line before them.

    Args:
        old_text: the text before, with `\\n` for every line break.
        old_breaks: the break after each of its lines but the last, or None where they were not
            mixed.
        new_text: the text now.
        default: the break for new lines at the beginning.

    Returns:
        The break after each line of the new text but the last; None where `old_breaks` is None.

    Raises:
        ValueError: `old_breaks` are not those of `old_text`.
    """
    if old_breaks is None:
        return None
    old, new = old_text.split("\n"), new_text.split("\n")
    if len(old_breaks) != len(old) - 1:
        raise ValueError(f"{len(old_breaks)} line breaks for {len(old)} lines")
    if old_text == new_text:
        return tuple(old_breaks)
    # The last line has no break of its own; a line put after it gets the file's most frequent.
    known: list[str | None] = [*old_breaks, None]
    head = _common(old, new)
    tail = min(_common(old[::-1], new[::-1]), min(len(old), len(new)) - head)
    found: list[str | None] = known[:head]
    found += _between(old[head : len(old) - tail], new[head : len(new) - tail], known[head:])
    found += known[len(known) - tail :] if tail else []
    result: list[str] = []
    for each in found[:-1]:
        result.append(each or (result[-1] if result else default))
    return tuple(result)


def _between(old: list[str], new: list[str], known: Sequence[str | None]) -> list[str | None]:
    """The breaks of the lines between those that are the same at both ends."""
    if len(old) == len(new):
        return list(known[: len(new)])
    found: list[str | None] = [None] * len(new)
    if not old or not new or len(old) + len(new) > _MOST_COMPARED:
        return found
    import difflib

    # Lines that stand there often (blank ones above all) make the comparison slow and say little.
    often = {line for line, count in Counter(old).items() if count > 20}
    matcher = difflib.SequenceMatcher(often.__contains__, old, new, autojunk=False)
    for block in matcher.get_matching_blocks():
        for step in range(block.size):
            found[block.b + step] = known[block.a + step]
    return found


def _common(first: list[str], second: list[str]) -> int:
    """How many lines are the same at the beginning."""
    count = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        count += 1
    return count
