"""One step of training: the gradient of a step's rows, however memory has them dealt out.

The gradient is that of the mean loss over the step's trained tokens. Each part of the step gives
the sum of its losses divided by the trained tokens of the whole step, so it is the same however
many rows are computed together, packed or not, by one process or by several.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite

import torch
from torch import Tensor, nn

from storytui_train.errors import TrainError
from storytui_train.recipe_training import TrainOptions
from storytui_train.training.attention import PADDING
from storytui_train.training.learner import forward_loss
from storytui_train.training.packing import (
    NOT_TRAINED,
    Layout,
    Packed,
    apart,
    deal,
    lay_out,
    pack,
    turns,
)
from storytui_train.training.row_files import RowFile
from storytui_train.training.spreading import Spread

assert PADDING == -1, "lay_out marks padding so"


class NotANumberError(TrainError):
    """A loss or a gradient that is no number any more."""


class InterruptedStep(Exception):
    """A step that was broken off between two turns; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What came of a step, or of a validation."""

    loss: float
    """Nats a trained token."""
    tokens: int
    trained: int


class Stepping:
    """Computes the gradients of steps, and losses without them."""

    def __init__(
        self,
        learner: nn.Module,
        options: TrainOptions,
        spread: Spread,
        *,
        vocabulary: int,
        seed: int = 1,
        packing: bool = True,
    ) -> None:
        """Make ready.

        Args:
            learner: the model; only its adapter is trained.
            options: how many rows are computed together, and how long a sequence may be.
            spread: the processes that share the work.
            vocabulary: how many tokens the model knows.
            seed: of dropout.
            packing: whether short rows share a sequence.
        """
        self.learner = learner
        self.trained = [each for each in learner.parameters() if each.requires_grad]
        """What the optimizer changes."""
        self._options = options
        self._spread = spread
        self._vocabulary = vocabulary
        self._seed = seed
        self._packing = packing
        self.widest = 0
        """Tokens of the longest sequence that was learnt from, in as many as may be at once."""

    def gradients(
        self,
        rows: RowFile,
        numbers: Sequence[int],
        step: int,
        stop: Callable[[], bool] = lambda: False,
    ) -> Figures:
        """Put the gradient of a step's rows into the parameters, in the place of what was there.

        Args:
            rows: all rows of the split.
            numbers: those of the step.
            step: its number, from 0: of it come the random numbers of dropout.
            stop: asked before each turn whether to break off.

        Raises:
            InterruptedStep: it was to be broken off; nothing has to be undone.
            NotANumberError: the loss is none.
        """
        for each in self.trained:
            each.grad = None
        # A step's random numbers are its own: whoever goes on from a state draws the same.
        torch.manual_seed(_seed_of(self._seed, step, self._spread.number))
        self.learner.train()
        trained = sum(rows.lengths[each] - rows.replies[each] for each in numbers)
        tokens = sum(rows.lengths[each] for each in numbers)
        total = torch.zeros((), dtype=torch.float64)
        for batch in self._batches(rows, numbers, stop):
            lines, width = batch["input_ids"].shape
            if lines == self._options.rows_at_once:
                self.widest = max(self.widest, width)
            loss, _ = forward_loss(self.learner, batch)
            (loss / trained).backward()  # type: ignore[no-untyped-call]
            total = total.to(loss.device) + loss.detach()
        for each in self.trained:
            if each.grad is None:
                each.grad = torch.zeros_like(each)
        self._spread.add_up([each.grad for each in self.trained if each.grad is not None])
        (summed,) = self._spread.sums(float(total))
        if not isfinite(summed):
            raise NotANumberError("the loss")
        return Figures(summed / trained, tokens, trained)

    def losses(self, rows: RowFile, numbers: Sequence[int]) -> Figures:
        """The mean loss of rows, without gradients and without dropout."""
        self.learner.eval()
        total, trained = 0.0, 0
        with torch.no_grad():
            for batch in self._batches(rows, numbers):
                loss, count = forward_loss(self.learner, batch)
                total += float(loss)
                trained += count
        total, count_all = self._spread.sums(total, trained)
        tokens = sum(rows.lengths[each] for each in numbers)
        return Figures(total / max(1.0, count_all), tokens, round(count_all))

    def _batches(
        self, rows: RowFile, numbers: Sequence[int], stop: Callable[[], bool] = lambda: False
    ) -> Iterator[dict[str, Tensor]]:
        """What this process computes, as the learner takes it."""
        if self._packing:
            sequences = pack(numbers, rows.lengths, self._options.sequence)
        else:
            sequences = apart(numbers, rows.lengths)
        hands = [
            turns(each, self._options.rows_at_once)
            for each in deal(sequences, self._spread.processes)
        ]
        own = hands[self._spread.number]
        for turn in own:
            if stop():
                raise InterruptedStep
            yield self._batch(rows, turn)
        if self._spread.sharded:
            # The layers come together only when all processes ask for them.
            for _ in range(max(map(len, hands)) - len(own)):
                batch = self._batch(rows, apart(numbers[:1], rows.lengths))
                yield {**batch, "trained": torch.zeros_like(batch["trained"])}

    def _batch(self, rows: RowFile, turn: Sequence[Packed]) -> dict[str, Tensor]:
        layout = lay_out(turn, rows.__getitem__)
        batch = batch_of(layout)
        if int(batch["input_ids"].max()) >= self._vocabulary:
            raise TrainError(
                f"A row has the token {int(batch['input_ids'].max()):,}, and the base knows "
                f"{self._vocabulary:,} of them. Name a GGUF of the same base under gguf in the "
                "recipe's section train."
            )
        return batch


def batch_of(layout: Layout) -> dict[str, Tensor]:
    """A layout as the learner takes it: tensors of shape (lines, tokens), on the CPU."""
    return {
        "input_ids": torch.tensor(layout.tokens, dtype=torch.long),
        "positions": torch.tensor(layout.positions, dtype=torch.long),
        "segments": torch.tensor(layout.segments, dtype=torch.long),
        "trained": torch.tensor(layout.labels, dtype=torch.long) != NOT_TRAINED,
    }


def clip(parameters: Sequence[nn.Parameter], most: float) -> float:
    """Scale gradients so that their norm is `most` at the most (0: leave them); their norm before.

    Raises:
        NotANumberError: it is none.
    """
    gradients = [each.grad for each in parameters if each.grad is not None]
    norm = torch.nn.utils.get_total_norm(gradients, foreach=False)
    length = float(norm)
    if not isfinite(length):
        raise NotANumberError("the gradient")
    if most > 0:
        torch.nn.utils.clip_grads_with_norm_(parameters, most, norm, foreach=False)
    return length


def _seed_of(seed: int, step: int, process: int) -> int:
    return random.Random(f"{seed}:{step}:{process}").getrandbits(63)
