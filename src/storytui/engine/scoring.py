"""Scores passages on one model. Knows no llama.cpp: what it needs of a model is in `Model`."""

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from storytui.engine.api import EngineError, PromptTooLongError
from storytui.engine.cells import Cells, Logits
from storytui.engine.kv import Block, Plan, common_prefix
from storytui.engine.prompts import Tokenizing
from storytui.engine.scores import Passage, Scored
from storytui.engine.tokens import SplitFrame, TokenPassage, tokens_of_passage


class Scorer:
    """Scores passages, one after the other, in a cache that others use too."""

    def __init__(self, model: Tokenizing, cells: Cells) -> None:
        """Take a model and its cache; nothing in it is kept for anybody else.

        Args:
            model: its vocabulary, chat template and context.
            cells: what it has evaluated.
        """
        self._vocabulary = model.vocabulary
        self._context = model.context
        self._cells = cells
        self._frame = SplitFrame(model.frame, model.vocabulary)

    def score(
        self, passages: Sequence[Passage], stopped: Callable[[], bool]
    ) -> Iterator[Scored | None]:
        """The passages' scores in their order; None after each batch in between.

        Args:
            passages: to be scored.
            stopped: asked between batches; what is not scored then is left out.

        Raises:
            PromptTooLongError: one does not fit the context; nothing was done.
            EngineError: one cannot be scored, or llama.cpp failed, and what is evaluated is to be
                forgotten.
        """
        found = [tokens_of_passage(self._frame, each, self._vocabulary) for each in passages]
        for each in found:
            self._refuse(each)
        for each, following in zip(found, [*found, None][1:], strict=True):
            if not each.starts:
                yield Scored(tokens=(), logprobs=(), starts=())
                continue
            shared = 0 if following is None else common_prefix(each.tokens, following.tokens)
            for scored in self._score(each, shared):
                yield scored
                if scored is None and stopped():
                    return

    def _refuse(self, passage: TokenPassage) -> None:
        """Refuse what cannot be scored."""
        count = len(passage.tokens)
        if count > self._context:
            raise PromptTooLongError(
                f"the prompt and the text to be scored have {count:,} tokens, but the context has "
                f"{self._context:,}; score a shorter text or ask for a larger context"
            )
        if passage.starts and passage.first == 0:
            raise EngineError(
                "a text with nothing before it cannot be scored; give it a message or an opening"
            )

    def _score(self, passage: TokenPassage, shared: int) -> Iterator[Scored | None]:
        """Score one passage, of whose tokens the next one has the first `shared` too."""
        cells, tokens = self._cells, passage.tokens
        before = cells.evaluated
        # The token in front of the text is evaluated with it, in one batch: so what is kept of it
        # does not depend on what else is in the cache.
        start = passage.first - 1
        keep = min(common_prefix(cells.tokens, tokens), cells.exact, start)
        # A memory that can only go back to checkpoints has one where the next passage differs.
        for upto in (shared, start) if keep < shared < start else (start,):
            kept = (Block(0, 0, keep),) if keep else ()
            for _ in cells.go_to(tokens[:upto], Plan(kept, upto), checkpoints=True):
                yield None
            keep = upto
        logprobs: list[float] = []
        while len(cells.tokens) < len(tokens) - 1:
            at = len(cells.tokens)
            rows = cells.extend_each(tokens[at:-1])
            logprobs += map(log_probability, rows, tokens[at + 1 :])
            yield None
        evaluated = cells.evaluated - before
        yield Scored(
            tokens=tuple(tokens[passage.first :]),
            logprobs=tuple(logprobs),
            starts=passage.starts,
            evaluated=evaluated,
            reused=max(0, len(tokens) - 1 - evaluated),
        )


def log_probability(logits: Logits, token: int) -> float:
    """The natural logarithm of a token's probability, from the logits in front of it.

    Raises:
        EngineError: the logits are no numbers.
    """
    shifted = logits - logits.max()
    found = float(shifted[token]) - math.log(float(np.exp(shifted).sum(dtype=np.float64)))
    if not math.isfinite(found):
        raise EngineError(
            "the model gives no numbers for a text; its file may be damaged, or an adapter on it"
        )
    return found
