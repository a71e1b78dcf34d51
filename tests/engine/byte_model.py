"""A model whose tokens are single bytes and a few longer ones, and whose draws are given.

For tests of what the engine does round a model's draws; the draws themselves need a real model.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

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


class ByteModel:
    """Holds a cache of tokens and draws what it was given, skipping what is masked."""

    def __init__(self, draws: Sequence[int], *, context: int = 4096, batch: int = 16) -> None:
        self.vocabulary = ByteVocabulary()
        self.frame = Frame("<|turn|>", "<|turn|>")
        self.context = context
        self.batch = batch
        self.cells: list[int] = []
        self.draws = list(draws)
        self.masked: set[int] = set()
        self.evaluated = 0

    def rewind(self, length: int) -> bool:
        del self.cells[length:]
        return True

    def evaluate(self, tokens: Sequence[int], position: int) -> None:
        assert position == len(self.cells)
        assert len(tokens) <= self.batch
        self.cells.extend(tokens)
        self.evaluated += len(tokens)
        self.masked = set()

    def mask(self, tokens: NDArray[np.intp]) -> None:
        self.masked = set(tokens.tolist())

    def sampler(self, sampling: Sampling) -> Any:
        return self

    def accept(self, tokens: Sequence[int]) -> None:
        """Draws do not depend on what was drawn."""

    def draw(self) -> int:
        while True:
            token = self.draws.pop(0)
            if token not in self.masked:
                return token

    def close(self) -> None:
        """Nothing to free."""

    @property
    def seen(self) -> str:
        """Everything in the cache, as text."""
        pieces: ClassVar = [
            b"<|turn|>" if t == CONTROL else self.vocabulary.pieces[t] for t in self.cells
        ]
        return b"".join(pieces).decode()


def draws(text: str, *, end: bool = True) -> list[int]:
    """Single bytes for a text, then an end token."""
    return list(text.encode()) + ([END] if end else [])
