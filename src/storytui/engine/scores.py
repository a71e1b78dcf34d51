"""How likely a model finds a text: what is asked, what is answered, and who can answer it."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """A text at the end of a prompt, to be scored."""

    message: str
    """The user message."""
    opening: str = ""
    """What the reply begins with, up to the text: `<reasoning>…</reasoning><answer>`."""
    text: str
    """What is scored. `opening + text` is tokenised as one plain run, as in training."""
    bare: bool = False
    """Whether it is plain text from its beginning on, `message + opening + text` in one run, with
    nothing of a chat template: how a base model reads a book."""


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """How likely each token of a passage's text is, after all that stands before it.

    A token that reaches over the seam between opening and text counts with the text. No end token
    is scored.
    """

    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    """Natural logarithms of the tokens' probabilities."""
    starts: tuple[int, ...]
    """The character of the text at which each token begins; of a token that begins within a
    character, that character; of one that begins before the text, 0."""
    evaluated: int = 0
    """Tokens that were evaluated for it, of the prompt and of the text."""
    reused: int = 0
    """Tokens that stood in the cache already. The text's last token is never evaluated."""


class Encoded(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt and its reply in tokens."""

    tokens: tuple[int, ...]
    """Those of the prompt, then those of the reply; no end token."""
    reply: int
    """How many of them are the prompt's alone: the next one is the first to reach into the
    reply."""
    end: int
    """The token that ends a reply by this model, to be put behind the tokens of a finished one;
    -1: it has none."""


class Scoring(Protocol):
    """An engine whose model can be asked about texts, not only for them."""

    def score(self, passages: Sequence[Passage]) -> Iterator[Scored]:
        """How likely the texts of some passages are, in their order.

        What is evaluated stays in the cache as usual, and is used where it is exact: passages of
        one call that begin alike are to follow each other, and what they share is evaluated once.
        What the cache held for a continuation, and what was begun ahead, goes.
        `stop` ends it within one batch: the rest is not scored. Closing the iterator does too.

        Raises:
            PromptTooLongError: one passage does not fit the context; none is scored.
            EngineError: the engine failed, or cannot do this.
        """
        ...

    def encode(self, message: str, *pieces: str) -> Encoded:
        """A prompt and its reply in tokens, by the functions that `generate` uses.

        The reply is given in pieces. The first one joins the run that ends the prompt, without a
        seam. Each further piece begins a token of its own, as what is sampled behind a tag does:
        for a reply as `generate` writes it, a piece ends behind each opening tag
        (`<reasoning>`, then `PLAN</reasoning><answer>`, then `TEXT</answer>`), and

        - the tokens up to the first piece's end are those that `generate` evaluates as its prompt;
        - the tokens of a later piece are those that `generate` has in its cache at the next
          opening tag, where what was sampled is how the tokenizer writes it. Eight tokens before
          the closing tag, and the tags, are so in any case, unless what was sampled is split
          otherwise farther back.

        A reply in one piece is a plain run without seams, which `score` scores. The two differ
        where a tokenizer joins a tag's end with the text's beginning, `>"` for instance.

        Raises:
            EngineError: the model cannot be loaded, or the engine cannot do this.
        """
        ...
