"""What a model's vocabulary can tell while the model itself is busy."""

from functools import cached_property
from typing import Any, Protocol

from storytui.engine.messages import Count, Counted, Encode, EncodedAs, Render, Rendered
from storytui.engine.template import Frame
from storytui.engine.tokens import SplitFrame, TokenCounts, encode_reply, render_prompt

Question = Count | Render | Encode


class Tokenizing(Protocol):
    """What is needed of a model."""

    vocabulary: Any
    frame: Frame


class Lookups:
    """Answers questions about tokens; may be asked while another thread evaluates."""

    def __init__(self, model: Tokenizing) -> None:
        """Take the model's vocabulary and chat template."""
        self._model = model
        self._counts = TokenCounts(model.vocabulary)

    @cached_property
    def _frame(self) -> SplitFrame:
        # Large vocabularies have thousands of control tokens to cut a template at.
        return SplitFrame(self._model.frame, self._model.vocabulary)

    def answer(self, question: Question) -> Counted | Rendered | EncodedAs:
        """The answer.

        Raises:
            EngineError: the vocabulary has none.
        """
        model = self._model
        match question:
            case Count(call, texts):
                return Counted(call, self._counts.count(texts))
            case Render(call, text, opening):
                return Rendered(call, render_prompt(model.frame, text, opening, model.vocabulary))
            case Encode(call, text, pieces):
                found = encode_reply(self._frame, text, pieces, model.vocabulary)
                return EncodedAs(call, found)
