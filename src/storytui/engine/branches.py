"""Several replies to one prompt, side by side: sequences that share the prompt's cells."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from storytui.engine.api import Event
from storytui.engine.cells import MAIN, Memory
from storytui.engine.replying import Evaluate, Reply, Steps


class SideBySide(Memory, Protocol):
    """A memory that evaluates tokens of several sequences in one batch."""

    def evaluate_side_by_side(self, steps: Sequence[tuple[int, int, Sequence[int]]]) -> None:
        """Evaluate (sequence, position, tokens); the logits of each step's last are kept."""
        ...


class Branch:
    """A sequence that begins with the cache's tokens and goes on by itself."""

    def __init__(self, memory: Memory, sequence: int, tokens: Sequence[int]) -> None:
        """Share all cells of the main sequence, which holds `tokens`."""
        self.tokens = list(tokens)
        self.sequence = sequence
        self._memory = memory
        memory.remove(0, -1, sequence)
        memory.share(MAIN, sequence, 0, len(tokens))

    def cut(self, length: int) -> int:
        """Drop all tokens from `length` on."""
        self._memory.remove(length, -1, self.sequence)
        del self.tokens[length:]
        return length

    def close(self) -> None:
        """Give the cells back that nobody else holds."""
        self._memory.remove(0, -1, self.sequence)


@dataclass(slots=True)
class Live:
    """A reply that is being written in a branch."""

    number: int
    reply: Reply
    steps: Steps
    branch: Branch
    wanted: Sequence[int] = ()
    """What it asked to have evaluated."""

    def close(self) -> None:
        """Give back what it holds."""
        self.steps.close()
        self.reply.close()
        self.branch.close()


def write_in_step(memory: SideBySide, lives: Sequence[Live]) -> Iterator[tuple[int, Event]]:
    """Write replies token by token, each step of all in one batch; events with their numbers.

    Between any two events a reply's `stopped` may be set.
    """
    going = list(lives)
    while going:
        for live in list(going):
            yield from _advance(live, going)
        if going:
            _evaluate(memory, going)


def _advance(live: Live, going: list[Live]) -> Iterator[tuple[int, Event]]:
    """Events of one reply until it asks for an evaluation, or ends."""
    for step in live.steps:
        if isinstance(step, Evaluate):
            live.wanted = step.tokens
            return
        yield live.number, step
    going.remove(live)


def _evaluate(memory: SideBySide, going: Sequence[Live]) -> None:
    """What all of them asked for; the tokens before each one's last are evaluated alone."""
    for live in going:
        size = memory.batch
        before = live.wanted[:-1]
        for at in range(0, len(before), size):
            piece = before[at : at + size]
            memory.evaluate(piece, len(live.branch.tokens), live.branch.sequence)
            live.branch.tokens.extend(piece)
    memory.evaluate_side_by_side(
        [(live.branch.sequence, len(live.branch.tokens), live.wanted[-1:]) for live in going]
    )
    for index, live in enumerate(going):
        live.branch.tokens.extend(live.wanted[-1:])
        live.reply.index = index
