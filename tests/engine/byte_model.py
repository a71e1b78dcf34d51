"""A model whose tokens are single bytes and a few longer ones, and whose draws are given.

For tests of what the engine does round a model's draws; the draws themselves need a real model.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from simulated_memory import SimulatedMemory

from storytui.engine.api import Sampling
from storytui.engine.template import Frame

LONG = [".</", "</reasoning>", "</", "><", " the", "answer>"]
END = 256 + len(LONG)
CONTROL = END + 1


class ByteControl:
    token = CONTROL
    strips_left = False
    strips_right = False


class ByteVocabulary:
    """Greedy longest match over bytes and the long tokens."""

    control: ClassVar = {"<|turn|>": ByteControl()}
    bos = None
    end_of_text = END
    ends = frozenset([END])
    pieces: ClassVar = (
        [bytes([n]) for n in range(256)] + [each.encode() for each in LONG] + [b"", b""]
    )

    def tokenize(self, text: str) -> list[int]:
        raw = text.encode()
        tokens = []
        while raw:
            long = [n for n, each in enumerate(LONG) if raw.startswith(each.encode())]
            best = max(long, key=lambda n: len(LONG[n]), default=None)
            tokens.append(raw[0] if best is None else 256 + best)
            raw = raw[len(self.pieces[tokens[-1]]) :]
        return tokens

    tokenize_inside = tokenize

    def piece(self, token: int) -> bytes:
        return self.pieces[token]


class ByteModel(SimulatedMemory):
    """Holds a cache of tokens and draws what it was given, skipping what is masked."""

    ahead_batch = 8
    most_branches = 4

    def __init__(
        self,
        draws: Sequence[int],
        *,
        context: int = 4096,
        batch: int = 16,
        can_move: bool = True,
        window: int = 0,
    ) -> None:
        super().__init__(context=context, batch=batch, can_move=can_move, window=window)
        self.vocabulary = ByteVocabulary()
        self.frame = Frame("<|turn|>", "<|turn|>")
        self.draws = list(draws)
        self.masked: set[int] = set()
        self.primed = 0

    def be_quiet(self, quiet: bool) -> None:
        """It is quiet anyway."""

    def evaluate(self, tokens: Sequence[int], position: int, sequence: int = 0) -> None:
        super().evaluate(tokens, position, sequence)
        self.masked = set()

    def mask(self, tokens: NDArray[np.intp], index: int = 0) -> None:
        self.masked |= set(tokens.tolist())

    def sampler(self, sampling: Sampling, prompt: Sequence[int] = ()) -> Any:
        return ByteSampler(self)

    def prime(self, sampling: Sampling, prompt: Sequence[int]) -> None:
        self.primed += 1

    @property
    def seen(self) -> str:
        """Everything in the cache, as text."""
        pieces: ClassVar = [
            b"<|turn|>" if t == CONTROL else self.vocabulary.pieces[t] for t in self.cells
        ]
        return b"".join(pieces).decode()


class ByteSampler:
    """Draws what the model was given."""

    def __init__(self, model: ByteModel) -> None:
        self.model = model

    def accept(self, tokens: Sequence[int]) -> None:
        """Draws do not depend on what was drawn."""

    def draw(self, index: int = 0) -> int:
        while True:
            token = self.model.draws.pop(0)
            if token not in self.model.masked:
                self.model.masked = set()
                return token

    def draw_from(self, logits: NDArray[np.float32]) -> int:
        self.model.masked = set(np.flatnonzero(np.isneginf(logits)).tolist())
        return self.draw()

    def close(self) -> None:
        """Nothing to free."""


def draws(text: str, *, end: bool = True) -> list[int]:
    """Single bytes for a text, then an end token."""
    return list(text.encode()) + ([END] if end else [])
