"""The evaluated tokens of a model's memory: kept in step with it, changed as a plan says.

Knows no llama.cpp: what it needs of a model is in `Memory`. Between any two steps of its iterators
the memory holds exactly `Cells.tokens`, so that whoever leaves off loses nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from storytui.engine.kv import (
    MOST_CHANGES,
    Places,
    Plan,
    common_prefix,
    plan_exactly,
    plan_moves,
)

MAIN = 0
"""The sequence that holds the cache."""
SCRATCH = 1
"""The sequence in which tokens in the middle are evaluated."""
FIRST_BRANCH = 2
"""The sequence of the first of several replies side by side."""

CHECKPOINT_EVERY = 1024
"""Tokens between two checkpoints, for memories that cannot be cut anywhere."""
CHECKPOINT_BACK = 32
"""Tokens before the prompt's end at which its last checkpoint stands: in front of what changes
with every request."""
MOST_CHECKPOINTS = 16
CHECKPOINT_BYTES = 512 * 1024 * 1024
"""All checkpoints together take no more."""
EXACT_PRICE = 256
"""Tokens that are rather evaluated than moved where nobody waits: they would be read again."""

Logits = NDArray[np.float32]


class Memory(Protocol):
    """What is needed of a model: tokens evaluated at positions of sequences."""

    batch: int
    """The most tokens evaluated at once."""

    @property
    def can_move(self) -> bool:
        """Whether evaluated tokens can be moved to other positions, and cut anywhere."""
        ...

    def evaluate(self, tokens: Sequence[int], position: int, sequence: int = MAIN) -> None:
        """Evaluate one batch; the logits of its last token are kept."""
        ...

    @property
    def batch_each(self) -> int:
        """The most tokens evaluated at once where the logits of each are kept."""
        ...

    def evaluate_each(self, tokens: Sequence[int], position: int) -> None:
        """Evaluate tokens of the main sequence, `batch_each` at the most; keep all logits."""
        ...

    def logits(self, index: int = 0) -> Logits:
        """The logits kept by the last evaluation."""
        ...

    def remove(self, start: int, end: int, sequence: int = MAIN) -> bool:
        """Forget the tokens from `start` up to `end` (-1: all); False: the memory cannot."""
        ...

    def shift(self, start: int, end: int, by: int) -> None:
        """Move the tokens from `start` up to `end` (-1: all) of the main sequence."""
        ...

    def share(self, source: int, target: int, start: int, end: int) -> None:
        """Have sequence `target` hold these tokens of sequence `source` too."""
        ...

    def clear(self) -> None:
        """Forget everything."""
        ...

    def holds(self, length: int) -> bool:
        """Whether all that a token at position `length` looks at is there."""
        ...

    def checkpoint(self) -> bytes:
        """What the memory needs to go back to here, beside the tokens it keeps anyway."""
        ...

    def restore(self, state: bytes) -> bool:
        """Go back to a checkpoint; False: it could not."""
        ...


@dataclass(frozen=True, slots=True)
class _Checkpoint:
    tokens: list[int]
    state: bytes


class Cells:
    """The tokens that a memory's main sequence holds, and how many of them are exact."""

    def __init__(self, memory: Memory) -> None:
        """Begin with an empty memory."""
        self._memory = memory
        self.tokens: list[int] = []
        self.exact = 0
        """How many of the first tokens were read after those that stand before them now."""
        self.evaluated = 0
        """Tokens of prompts that were evaluated so far, healing included."""
        self._known = -1
        self._logits: Logits | None = None
        self._checkpoints: list[_Checkpoint] = []
        self._replaced = 0
        """Places at which tokens were replaced since all that follows was exact."""

    # --- what there is ----------------------------------------------------------------------------

    @property
    def approximate(self) -> int:
        """How many tokens were read after other words."""
        return len(self.tokens) - self.exact

    def logits_at(self, length: int) -> Logits | None:
        """The logits behind the first `length` tokens, where they are kept."""
        return self._logits if self._known == length else None

    def plan(self, wanted: list[int], places: Places | None, *, moving: bool) -> Plan:
        """How `go_to` would make the cache hold `wanted`; for a memory that can be moved."""
        if moving and self._memory.can_move:
            left = MOST_CHANGES - self._replaced
            return plan_moves(self.tokens, wanted, places, self._known, most_changes=left)
        return plan_exactly(self.tokens, self.exact, wanted, self._known)

    def unhurried_plan(self, wanted: list[int], places: Places | None, *, moving: bool) -> Plan:
        """As `plan`, where nobody waits: what costs little more is read exactly at once."""
        hurried = self.plan(wanted, places, moving=moving)
        exactly = self.plan(wanted, places, moving=False)
        cheap = exactly.evaluated <= hurried.evaluated + EXACT_PRICE
        return exactly if cheap else hurried

    # --- changes ----------------------------------------------------------------------------------

    def forget(self) -> None:
        """Forget everything."""
        self._memory.clear()
        self.tokens.clear()
        self.exact = self._replaced = 0
        self._unknow(0)
        self._checkpoints.clear()

    def take_up(self, tokens: Sequence[int], exact: int, logits: Logits | None) -> None:
        """The memory holds these tokens: they were loaded."""
        if exact < len(tokens) and not self._memory.can_move:
            # What is approximate could not be healed.
            self.forget()
            return
        self.tokens[:] = tokens
        self.exact = exact
        self._replaced = MOST_CHANGES if exact < len(tokens) else 0
        self._known = len(tokens) if logits is not None else -1
        self._logits = logits
        self._checkpoints.clear()

    def up_to_known(self) -> tuple[list[int], int, Logits | None]:
        """Cut the cache back to where logits are kept, behind the last prompt that was read.

        Returns the tokens that are left, how many of them are exact, and the logits. Where none
        are kept, nothing is cut.
        """
        if self._known > 0:
            self.cut(self._known)
        logits = self._logits if self._known == len(self.tokens) else None
        return self.tokens, self.exact, logits

    def extend(self, tokens: Sequence[int]) -> None:
        """The memory has evaluated more tokens: a reply's."""
        if self.exact == len(self.tokens):
            self.exact += len(tokens)
        self.tokens.extend(tokens)

    def extend_each(self, tokens: Sequence[int]) -> list[Logits]:
        """Evaluate as many tokens as one batch takes; gives the logits behind each of them.

        They hold until the next evaluation.
        """
        at = len(self.tokens)
        step = tokens[: self._memory.batch_each]
        self._memory.evaluate_each(step, at)
        self.evaluated += len(step)
        self.extend(step)
        rows = [self._memory.logits(index) for index in range(len(step))]
        self._known, self._logits = at + len(step), rows[-1].copy()
        return rows

    def cut(self, length: int) -> int:
        """Drop all tokens from `length` on; returns how many are left, which may be fewer."""
        if length >= len(self.tokens):
            return len(self.tokens)
        held = self._memory.can_move or self._memory.holds(length)
        if not (held and self._memory.remove(length, -1)):
            length = self._go_back(self.tokens[:length])
        self._keep_first(length)
        return length

    def go_to(
        self, wanted: list[int], plan: Plan, *, batch: int = 0, checkpoints: bool = False
    ) -> Iterator[int]:
        """Make the cache hold `wanted`; gives how many of its tokens stand, after each batch.

        Args:
            wanted: the tokens, more than none.
            plan: one that was made for them and the cache as it is.
            batch: the most tokens evaluated at once; 0: the memory's own.
            checkpoints: whether checkpoints are taken on the way, where the memory needs them.

        Raises:
            EngineError: llama.cpp failed; `forget` puts things right.
        """
        size = min(batch or self._memory.batch, self._memory.batch)
        self.cut(plan.blocks[-1].source_end if plan.blocks else 0)
        self._replaced += plan.replaced
        gaps = list(pairwise(plan.blocks))
        # What goes, goes first: at no time are there more tokens than before or afterwards.
        for block, following in reversed(gaps):
            surplus = following.source - block.source_end - (following.target - block.target_end)
            if surplus > 0:
                self._replace(block.source_end, surplus, [])
        for block, following in gaps:
            at, put_in = block.target_end, following.target - block.target_end
            drop = min(put_in, following.source - block.source_end)
            if put_in:
                self._replace(at, drop, wanted[at : min(following.target, at + size)])
                yield len(self.tokens)
            for more in range(at + size, following.target, size):
                self._replace(more, 0, wanted[more : min(following.target, more + size)])
                yield len(self.tokens)
        while len(self.tokens) < plan.length:
            self._extend(wanted[len(self.tokens) :][:size], plan.length, checkpoints=checkpoints)
            if len(self.tokens) == plan.length:
                self._know(plan.length)
            yield len(self.tokens)

    def heal(self, batch: int = 0) -> Iterator[int]:
        """Read again what is approximate, from the first; gives how many tokens still are.

        Raises:
            EngineError: llama.cpp failed; `forget` puts things right.
        """
        size = min(batch or self._memory.batch, self._memory.batch)
        while self.exact < len(self.tokens):
            start = self.exact
            end = min(start + size, len(self.tokens))
            if start < self._known < end:
                # The logits that are kept were worked out from what is being healed.
                end = self._known
            step = self.tokens[start:end]
            self._memory.remove(start, end)
            if end < len(self.tokens):
                self._evaluate_inside(step, start)
            else:
                self._memory.evaluate(step, start)
                self.evaluated += len(step)
            self.exact = end
            if end == self._known or (end == len(self.tokens) and self._known < 0):
                self._know(end)
            if end == len(self.tokens):
                self._replaced = 0
            yield len(self.tokens) - end

    def logits_behind(self, length: int) -> Logits:
        """The logits behind the first `length` tokens, evaluated anew beside the cache."""
        memory = self._memory
        memory.share(MAIN, SCRATCH, 0, length - 1)
        memory.evaluate(self.tokens[length - 1 : length], length - 1, SCRATCH)
        logits = memory.logits().copy()
        memory.remove(0, -1, SCRATCH)
        return logits

    # --- inside -----------------------------------------------------------------------------------

    def _replace(self, at: int, drop: int, step: list[int]) -> None:
        """Put tokens in the place of others, in front of those that stay; they move up or back."""
        memory = self._memory
        end, by = at + drop, len(step) - drop
        if drop:
            memory.remove(at, end)
        # Only where something moves: llama.cpp turns all keys then, which takes some steps' time.
        if by:
            memory.shift(end, -1, by)
        self.tokens[at:end] = step
        self.exact = min(self.exact, at)
        self._unknow(at)
        self._drop_checkpoints(at)
        if step:
            self._evaluate_inside(step, at)
            if self.exact == at:
                self.exact += len(step)

    def _evaluate_inside(self, step: Sequence[int], at: int) -> None:
        # llama.cpp takes no tokens in front of others of their sequence; a scratch sequence that
        # shares what stands before them does.
        memory = self._memory
        memory.share(MAIN, SCRATCH, 0, at)
        memory.evaluate(step, at, SCRATCH)
        memory.share(SCRATCH, MAIN, at, at + len(step))
        memory.remove(0, -1, SCRATCH)
        self.evaluated += len(step)

    def _extend(self, step: Sequence[int], total: int, *, checkpoints: bool) -> None:
        """Evaluate tokens behind all others, as many of them as come before a checkpoint."""
        takes = checkpoints and not self._memory.can_move
        room = self._until_checkpoint(total) if takes else len(step)
        step = step[:room]
        self._memory.evaluate(step, len(self.tokens))
        self.evaluated += len(step)
        if self.exact == len(self.tokens):
            self.exact += len(step)
        self.tokens.extend(step)
        if takes and room == len(step):
            self._take_checkpoint()

    # --- the logits behind the last token ---------------------------------------------------------

    def _know(self, length: int) -> None:
        """The last evaluation's logits are those behind the first `length` tokens."""
        self._known = length
        self._logits = self._memory.logits().copy()

    def _unknow(self, length: int) -> None:
        """The tokens from `length` on change."""
        if self._known > length:
            self._known, self._logits = -1, None

    def _keep_first(self, length: int) -> None:
        del self.tokens[length:]
        self.exact = min(self.exact, length)
        if self.exact == length:
            self._replaced = 0
        self._unknow(length)

    # --- memories that cannot be cut anywhere -----------------------------------------------------

    def _go_back(self, wanted: list[int]) -> int:
        """Go back to the last checkpoint within `wanted`; returns how many tokens are left."""
        for point in reversed(self._checkpoints):
            length = len(point.tokens)
            fits = length <= len(wanted) and common_prefix(point.tokens, wanted) == length
            if fits and self._memory.restore(point.state) and self._memory.remove(length, -1):
                return length
        self._memory.clear()
        return 0

    def _until_checkpoint(self, total: int) -> int:
        """Tokens to evaluate until the next checkpoint stands."""
        at = len(self.tokens)
        places = [(at // CHECKPOINT_EVERY + 1) * CHECKPOINT_EVERY]
        if at < total - CHECKPOINT_BACK:
            places.append(total - CHECKPOINT_BACK)
        return min(places) - at

    def _take_checkpoint(self) -> None:
        self._drop_checkpoints(len(self.tokens))
        if self._checkpoints and len(self._checkpoints[-1].tokens) == len(self.tokens):
            return
        self._checkpoints.append(_Checkpoint(list(self.tokens), self._memory.checkpoint()))
        while len(self._checkpoints) > 1 and (
            len(self._checkpoints) > MOST_CHECKPOINTS
            or sum(len(each.state) for each in self._checkpoints) > CHECKPOINT_BYTES
        ):
            del self._checkpoints[self._least_useful()]

    def _least_useful(self) -> int:
        """Which checkpoint is nearest to the one before it; the last one stays."""
        lengths = [0, *(len(each.tokens) for each in self._checkpoints)]
        steps = [end - start for start, end in pairwise(lengths[:-1])]
        return min(range(len(steps)), key=steps.__getitem__)

    def _drop_checkpoints(self, length: int) -> None:
        """Forget the checkpoints that hold other tokens than the first `length` of the cache."""
        now = self.tokens[:length]
        self._checkpoints = [
            each
            for each in self._checkpoints
            if len(each.tokens) <= length and common_prefix(each.tokens, now) == len(each.tokens)
        ]
