"""PURE. A row in tokens, as the engine would have them in its cache when it had written the reply.

Prompt and reply are rendered by the functions that the editor uses, and tokenised in the pieces in
which the engine writes a reply, so that every seam falls where it does when the model is served.
The engine is given to what needs it.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec
from msgspec import structs

from storytui.engine.api import EngineDiedError, EngineGaveUpError, ModelError
from storytui.engine.scores import Encoded
from storytui.story.cursor import context_end
from storytui.story.prompt import PromptFormat
from storytui.story.window import shortest_cut
from storytui.story.words import count_words
from storytui_train.data.dataset.rendering import Choice, UnfitError, prompt, reply_pieces
from storytui_train.data.examples import Row

LEAST_CONTEXT = 64
"""Tokens that a context has at the least after it was cut: with less there is no story to go on
from."""


GONE = (EngineDiedError, EngineGaveUpError, ModelError)
"""What an engine raises that can be asked nothing more; other errors are of the one row."""


class RowTokenizer(Protocol):
    """What makes tokens of rows: an engine, or a tokenizer like it."""

    def encode(self, message: str, *pieces: str) -> Encoded:
        """A prompt and its reply in tokens; see `storytui.engine.scores.Scoring.encode`."""
        ...

    def count(self, texts: Sequence[str]) -> Sequence[int]:
        """Tokens of each text, in the middle of others."""
        ...


class TokenRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row in tokens."""

    id: str
    """The row's."""
    book: str
    """The id of its source."""
    tokens: tuple[int, ...]
    """Those of the prompt, those of the reply, and the token that ends it, where the model has
    one."""
    reply: int
    """The number of the first token that is trained, which all behind it are too: the first that
    reaches into the reply's opening tag. Never 0."""
    dropped_words: int = 0
    """Words that its context lost at the head, for the row to fit."""

    @property
    def trained(self) -> int:
        """How many tokens are trained."""
        return len(self.tokens) - self.reply


def tokenise(
    row: Row, form: PromptFormat, choice: Choice, tokenizer: RowTokenizer, sequence: int
) -> TokenRow:
    """A row in tokens, at most `sequence` of them.

    A longer one loses context from its head: paragraphs, or sentences, words or characters of one
    that is too long by itself. Nothing else is ever cut.

    Args:
        row: the example; without a plan its reply is the answer alone.
        form: the prompt's format.
        choice: what the prompt says besides the context.
        tokenizer: the model's.
        sequence: the most tokens.

    Raises:
        UnfitError: it cannot be rendered in the format, or does not fit.
        EngineError: the tokenizer cannot.
    """
    pieces = reply_pieces(row, form)
    encoded = tokenizer.encode(prompt(row, form, choice), *pieces)
    dropped = 0
    if _length(encoded) > sequence:
        context = row.context[: context_end(row.context, len(row.context), form)]
        over = _length(encoded) - sequence
        budget = tokenizer.count([context])[0] - over
        start = 0
        while over > 0:
            if budget < LEAST_CONTEXT:
                raise _too_long(encoded, sequence)
            start = shortest_cut(context, budget, tokenizer.count)
            cut = structs.replace(row, context=context[start:])
            encoded = tokenizer.encode(prompt(cut, form, choice), *pieces)
            # A text counted in parts may differ a little from the same text in its place.
            over = _length(encoded) - sequence
            budget -= over
        dropped = count_words(context[:start])
    tokens = encoded.tokens if encoded.end < 0 else (*encoded.tokens, encoded.end)
    return TokenRow(
        id=row.id,
        book=row.source.id,
        tokens=tokens,
        reply=encoded.reply,
        dropped_words=dropped,
    )


def _length(encoded: Encoded) -> int:
    return len(encoded.tokens) + (encoded.end >= 0)


def _too_long(encoded: Encoded, sequence: int) -> UnfitError:
    return UnfitError(
        "too long",
        f"Its reply takes {_length(encoded) - encoded.reply:,} of the {sequence:,} tokens that a "
        f"row may have, and what else stands in its prompt leaves fewer than {LEAST_CONTEXT} for "
        "the context. Train with longer sequences, or cut shorter continuations.",
    )
