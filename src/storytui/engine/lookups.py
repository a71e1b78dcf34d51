"""What a model's vocabulary can tell while the model itself is busy."""

from typing import Any, Protocol

from storytui.engine.messages import Count, Counted, Encode, EncodedAs, Render, Rendered
from storytui.engine.template import Frame
from storytui.engine.tokens import TokenCounts, encode_reply, render_prompt

Question = Count | Render | Encode


class Tokenizing(Protocol):
    """What is needed of a model."""

    vocabulary: Any
    frame: Frame


def look_up(
    question: Question, model: Tokenizing, counts: TokenCounts
) -> Counted | Rendered | EncodedAs:
    """The answer to a question about tokens.

    Raises:
        EngineError: the vocabulary has none.
    """
    match question:
        case Count(call, texts):
            return Counted(call, counts.count(texts))
        case Render(call, text, opening):
            return Rendered(call, render_prompt(model.frame, text, opening, model.vocabulary))
        case Encode(call, text, pieces):
            return EncodedAs(call, encode_reply(model.frame, text, pieces, model.vocabulary))
