"""Which evaluated tokens to keep, move and drop, and which to evaluate. Pure: lists of tokens.

The cache holds one token after another. What is wanted next often differs from it in the middle:
the window moved on, a word was changed. Evaluated tokens may be moved to another position, which
costs next to nothing; but they were read after other words than those that stand before them now.
Such tokens are *approximate*, and so is everything evaluated behind them: the exact tokens of a
cache are always its first ones.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

SMALLEST_MOVE = 16
"""Tokens in a row below which reading them again costs no more than moving them."""
MOST_DROPPED = 24
"""Tokens dropped in one place beyond which what follows is read again: it may still know a name
that stood there. A window that moves on drops more, but nothing that is untrue."""
MOST_CHANGES = 3
"""Places changed, since all was exact, beyond which what follows is read again: a name was changed
throughout, or a paragraph deleted word by word."""
SLIDE_SLACK = 8
"""Tokens that a window may have in common, by chance, with where it began before."""
_PROBE = 8
"""Tokens that are looked for; a stretch of twice as many holds a whole probe."""
_OCCURRENCES = 4
"""How many places are looked at where a probe stands."""
_BYTES = array("i").itemsize


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of evaluated tokens that stands in what is wanted too."""

    source: int
    """Position of its first token in the cache."""
    target: int
    """Position of its first token in what is wanted."""
    length: int

    @property
    def source_end(self) -> int:
        """The position behind it in the cache."""
        return self.source + self.length

    @property
    def target_end(self) -> int:
        """The position behind it in what is wanted."""
        return self.target + self.length


@dataclass(frozen=True, slots=True)
class Plan:
    """How the cache comes to hold what is wanted."""

    blocks: tuple[Block, ...]
    """What stays, in order; everything else is dropped. The first one begins at 0 in both."""
    length: int
    """Tokens wanted."""
    replaced: int = 0
    """Places at which tokens were dropped in front of some that are moved, the window's start not
    counted: those may still know what stood there."""

    @property
    def reused(self) -> int:
        """Tokens that need not be evaluated."""
        return sum(each.length for each in self.blocks)

    @property
    def moved(self) -> int:
        """Tokens among them that change their position, or follow one that is evaluated anew."""
        return sum(each.length for each in self.blocks if each.target > 0)

    @property
    def evaluated(self) -> int:
        """Tokens to evaluate."""
        return self.length - self.reused


@dataclass(frozen=True, slots=True)
class Places:
    """Where a prompt changes how, in tokens."""

    fixed: int = 0
    """Tokens at its beginning; a change in them has everything behind it read again."""
    story: int = 0
    """Where the story begins: a window that moves on drops tokens right behind it."""
    moved_on: bool = False
    """Whether the window did, since the cache was read. Else what went there was deleted."""


def common_prefix(cached: list[int], wanted: list[int]) -> int:
    """Length of the longest common beginning of two lists of tokens."""
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


def plan_exactly(cached: list[int], exact: int, wanted: list[int], known: int = 0) -> Plan:
    """Keep what is exact up to the first difference, and evaluate the rest.

    Args:
        cached: the evaluated tokens.
        exact: how many of the first ones are exact.
        wanted: the tokens wanted.
        known: a length at whose end the logits are kept; else the last wanted token is evaluated
            in any case, since the next one is drawn from its logits.
    """
    keep = min(common_prefix(cached, wanted), exact)
    keep = min(keep, _most_kept(wanted, known))
    return Plan((Block(0, 0, keep),) if keep else (), len(wanted))


def plan_moves(
    cached: list[int],
    wanted: list[int],
    places: Places | None = None,
    known: int = 0,
    *,
    most_dropped: int = MOST_DROPPED,
    most_changes: int = MOST_CHANGES,
) -> Plan:
    """Keep and move what can be used at once, and evaluate the rest.

    What was changed tells what may be moved: behind a change in the fixed beginning, a large drop
    or many changes everything is read again. Arguments as in `plan_exactly`, and:

    Args:
        places: where the prompt's parts begin.
        most_dropped: tokens dropped in one place at the most.
        most_changes: places changed at once at the most.
    """
    places = places or Places()
    prefix = common_prefix(cached, wanted)
    if prefix == len(wanted) or prefix < places.fixed:
        found: list[Block] = []
    else:
        found = _stretches(cached, wanted, prefix)
    blocks = [Block(0, 0, prefix), *found] if prefix else found
    blocks, replaced = _usable(blocks, places, most_dropped, most_changes)
    # Logits are kept for these very tokens: after a change the last one is evaluated anew.
    most = _most_kept(wanted, known if prefix == len(wanted) else 0)
    if blocks and blocks[-1].target_end > most:
        last = blocks.pop()
        blocks.append(Block(last.source, last.target, most - last.target))
    return Plan(tuple(each for each in blocks if each.length), len(wanted), replaced)


def _most_kept(wanted: list[int], known: int) -> int:
    return len(wanted) if known == len(wanted) else len(wanted) - 1


def _usable(
    blocks: list[Block], places: Places, most_dropped: int, most_changes: int
) -> tuple[list[Block], int]:
    """The blocks up to where too much was changed in front of one; and how often it was."""
    if not blocks:
        return [], 0
    if blocks[0].target > 0 or blocks[0].source > 0:
        # Not even the beginning is the same.
        return [], 0
    usable = blocks[:1]
    changes = replaced = 0
    for before, block in pairwise(blocks):
        dropped = block.source - before.source_end
        put_in = block.target - before.target_end
        at_start = abs(before.target_end - places.story) <= SLIDE_SLACK
        if not (places.moved_on and at_start and put_in <= SLIDE_SLACK):
            changes += 1
            if dropped > most_dropped or changes > most_changes:
                break
            replaced += dropped > 0
        usable.append(block)
    return usable, replaced


def _stretches(cached: list[int], wanted: list[int], prefix: int) -> list[Block]:
    """Long stretches that stand in both behind the common beginning, in the same order."""
    hay = array("i", cached).tobytes()
    needles = array("i", wanted).tobytes()
    found: list[Block] = []
    source, target = prefix, prefix
    probe = target
    while probe + _PROBE <= len(wanted) and source + _PROBE <= len(cached):
        needle = needles[probe * _BYTES : (probe + _PROBE) * _BYTES]
        best: Block | None = None
        for place in _occurrences(hay, needle, source):
            back = _common_suffix(cached, wanted, place, probe, min(place - source, probe - target))
            length = back + common_prefix(cached[place:], wanted[probe:])
            if length >= SMALLEST_MOVE and (best is None or length > best.length):
                best = Block(place - back, probe - back, length)
        if best is None:
            probe += _PROBE
        else:
            found.append(best)
            source, target = best.source_end, best.target_end
            probe = target
    return found


def _occurrences(hay: bytes, needle: bytes, start: int) -> Iterator[int]:
    """The first positions, in tokens, at which a probe stands from `start` on."""
    at, given = start * _BYTES, 0
    while given < _OCCURRENCES and (at := hay.find(needle, at)) >= 0:
        if at % _BYTES == 0:
            given += 1
            yield at // _BYTES
        at += 1


def _common_suffix(
    cached: list[int], wanted: list[int], source: int, target: int, most: int
) -> int:
    """How many tokens in front of two positions are the same, at most `most`."""
    length = 0
    while length < most and cached[source - length - 1] == wanted[target - length - 1]:
        length += 1
    return length
