"""Requests become the tokens of their prompts. Knows no llama.cpp, only a vocabulary."""

from dataclasses import dataclass
from typing import Any, Protocol

from storytui.engine.api import PromptTooLongError, Request, opening_of
from storytui.engine.kv import Places
from storytui.engine.template import Frame
from storytui.engine.tokens import SplitFrame, encode

TAG_TOKENS = 32
"""Tokens kept free for the tags of each segment."""
BEGINNINGS = 8
"""Beginnings of messages whose length in tokens is remembered."""


class Tokenizing(Protocol):
    """What is needed of a model."""

    vocabulary: Any
    frame: Frame
    context: int


@dataclass(frozen=True, slots=True)
class TokenPrompt:
    """A request's prompt in tokens."""

    tokens: list[int]
    places: Places
    start: int
    """The character of the manuscript at which its window begins."""


class Prompts:
    """Makes prompts for one model."""

    def __init__(self, model: Tokenizing) -> None:
        """Cut the model's chat template."""
        self._vocabulary = model.vocabulary
        self._context = model.context
        self._frame = SplitFrame(model.frame, model.vocabulary)
        self._beginnings: dict[str, int] = {}

    def prompt(self, request: Request) -> TokenPrompt:
        """The prompt of a request.

        Raises:
            PromptTooLongError: prompt and reply do not fit the context.
        """
        parts = self._frame.assemble(request.message, opening_of(request.segments[0]))
        tokens = encode(parts, self._vocabulary)
        reply = self.reply_tokens(request)
        if len(tokens) + reply > self._context:
            raise PromptTooLongError(
                f"the prompt has {len(tokens):,} tokens and the reply may take {reply:,}, but the "
                f"context has {self._context:,}; ask for fewer words or a larger context"
            )
        fixed, story = (
            self._tokens_in(request, request.fixed),
            self._tokens_in(request, request.story),
        )
        return TokenPrompt(tokens, Places(fixed, max(fixed, story)), request.start)

    def reply_tokens(self, request: Request) -> int:
        """The most tokens that a reply may take."""
        tokens = sum(each.tokens + TAG_TOKENS for each in request.segments)
        leads = [each.lead for each in request.segments[1:] if each.lead]
        return tokens + sum(len(self._vocabulary.tokenize(each)) for each in leads)

    def _tokens_in(self, request: Request, length: int) -> int:
        """Tokens of the prompt up to so many characters of the message: what does not change."""
        if not length:
            return 0
        beginning = request.message[:length]
        tokens = self._beginnings.get(beginning)
        if tokens is None:
            if len(self._beginnings) >= BEGINNINGS:
                self._beginnings.clear()
            # The last token may reach over the end of what is counted here.
            tokens = max(0, len(encode(self._frame.beginning(beginning), self._vocabulary)) - 1)
            self._beginnings[beginning] = tokens
        return tokens
