"""A model's memory as a list of cells: what llama.cpp does with tokens, without a model.

Every cell remembers what stood before it when it was evaluated, so that a test can tell the exact
ones from those that were read after other words.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass
class Cell:
    token: int
    position: int
    sequences: set[int]
    after: tuple[int, ...]
    """The tokens that stood before it when it was evaluated."""


class SimulatedMemory:
    """Cells with positions and sequences; refuses what llama.cpp refuses."""

    batch_each = 5

    def __init__(
        self, *, context: int = 4096, batch: int = 16, can_move: bool = True, window: int = 0
    ) -> None:
        """Begin empty.

        Args:
            context: the most cells.
            batch: the most tokens evaluated at once.
            can_move: whether cells may be shifted.
            window: how many of the last cells are kept for sure, where `can_move` is False; 0: the
                memory is recurrent and cannot be cut at all.
        """
        self.context = context
        self.batch = batch
        self.can_move = can_move
        self.window = window
        self.all: list[Cell] = []
        self.evaluated = 0
        self.decodes = 0
        self.pruned = 0
        """Positions below this one are gone from the windowed layers."""
        self._logits: list[NDArray[np.float32]] = []

    def of(self, sequence: int = 0) -> list[Cell]:
        return sorted((c for c in self.all if sequence in c.sequences), key=lambda c: c.position)

    @property
    def cells(self) -> list[int]:
        """The tokens of the main sequence."""
        return [each.token for each in self.of(0)]

    @property
    def exact(self) -> int:
        """How many of the first tokens of the main sequence are exact."""
        tokens = tuple(self.cells)
        for number, cell in enumerate(self.of(0)):
            if cell.after != tokens[:number]:
                return number
        return len(tokens)

    # --- what cells.Memory asks for ---------------------------------------------------------------

    def evaluate(self, tokens: Sequence[int], position: int, sequence: int = 0) -> None:
        assert len(tokens) <= self.batch
        self._add(tokens, position, sequence)
        self._logits = [self._logits_of(sequence)]
        self.decodes += 1

    def evaluate_side_by_side(self, steps: Sequence[tuple[int, int, Sequence[int]]]) -> None:
        assert sum(len(tokens) for _, _, tokens in steps) <= self.batch
        for sequence, position, tokens in steps:
            self._add(tokens, position, sequence)
        self._logits = [self._logits_of(sequence) for sequence, _, _ in steps]
        self.decodes += 1

    def evaluate_each(self, tokens: Sequence[int], position: int) -> None:
        assert len(tokens) <= self.batch_each
        self._logits = []
        for number, token in enumerate(tokens):
            self._add([token], position + number, 0)
            self._logits.append(self._logits_of(0))
        self.decodes += 1

    def _add(self, tokens: Sequence[int], position: int, sequence: int) -> None:
        assert tokens
        standing = self.of(sequence)
        # llama.cpp: positions go on where the sequence ends.
        assert position == (standing[-1].position + 1 if standing else 0)
        assert [c.position for c in standing] == list(range(len(standing)))
        before = tuple(each.token for each in standing)
        for number, token in enumerate(tokens):
            after = (*before, *tokens[:number])
            self.all.append(Cell(token, position + number, {sequence}, after))
        assert len(self.all) <= self.context
        self.evaluated += len(tokens)
        if not self.can_move and self.window and sequence == 0:
            self.pruned = max(self.pruned, position + len(tokens) - self.window - self.batch)

    def _logits_of(self, sequence: int) -> NDArray[np.float32]:
        """Different for different tokens before, and for each way they were read."""
        last = self.of(sequence)[-1]
        seed = hash((last.token, last.after)) % 2**32
        return np.random.default_rng(seed).random(512, dtype=np.float32)

    def logits(self, index: int = 0) -> NDArray[np.float32]:
        return self._logits[index]

    def remove(self, start: int, end: int, sequence: int = 0) -> bool:
        standing = self.of(sequence)
        if not self.can_move and not self.window and 0 < start < len(standing):
            return False
        for each in standing:
            if each.position >= start and (end < 0 or each.position < end):
                each.sequences.discard(sequence)
        self.all = [each for each in self.all if each.sequences]
        return True

    def shift(self, start: int, end: int, by: int) -> None:
        assert self.can_move
        for each in self.of(0):
            if each.position >= start and (end < 0 or each.position < end):
                assert each.sequences == {0}, "a shared cell would move for all"
                each.position += by
        positions = [each.position for each in self.of(0)]
        assert len(set(positions)) == len(positions), "two tokens at one position"
        assert min(positions, default=0) >= 0

    def share(self, source: int, target: int, start: int, end: int) -> None:
        for each in self.of(source):
            if start <= each.position < end:
                each.sequences.add(target)

    def clear(self) -> None:
        self.all.clear()
        self.pruned = 0

    def holds(self, length: int) -> bool:
        if self.can_move:
            return True
        if not self.window:
            return length == len(self.of(0))
        return self.pruned <= max(0, length - self.window)

    def checkpoint(self) -> bytes:
        return len(self.of(0)).to_bytes(4, "little") + self.pruned.to_bytes(4, "little")

    def restore(self, state: bytes) -> bool:
        length = int.from_bytes(state[:4], "little")
        assert length <= len(self.of(0)), "the tokens a checkpoint stands on are gone"
        self.pruned = int.from_bytes(state[4:], "little")
        self.all = [each for each in self.all if each.position < length or 0 not in each.sequences]
        return True
