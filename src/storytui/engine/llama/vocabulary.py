"""The tokenizer of a loaded model: plain text to tokens and back."""

import ctypes
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import compress, repeat
from typing import Any

import llama_cpp

from storytui.engine.api import EngineError
from storytui.engine.llama.lines import LineTokens, cuts_of
from storytui.engine.model_info import TemplateKind
from storytui.engine.template import PLAIN_FRAME, Frame, TemplateError, render_frame
from storytui.engine.tokens import without_marks

_CONTROL = llama_cpp.LLAMA_TOKEN_ATTR_CONTROL | llama_cpp.LLAMA_TOKEN_ATTR_UNKNOWN
_MERGING = (llama_cpp.LLAMA_VOCAB_TYPE_SPM, llama_cpp.LLAMA_VOCAB_TYPE_BPE)
"""Tokenizers that put tokens together from smaller ones, and so never reach over what none has."""


@dataclass(frozen=True, slots=True)
class LlamaControlToken:
    """A control token, and whether it swallows the blanks beside it."""

    token: int
    strips_left: bool
    strips_right: bool


class LlamaVocabulary:
    """The tokenizer of a loaded model; safe to use from several threads."""

    def __init__(self, vocab: Any) -> None:
        self._vocab = vocab
        self.size: int = llama_cpp.llama_vocab_n_tokens(vocab)
        self.bos: int | None = (
            llama_cpp.llama_vocab_bos(vocab) if llama_cpp.llama_vocab_get_add_bos(vocab) else None
        )
        self._control: dict[str, LlamaControlToken] = {}
        self._added: dict[str, int] = {}
        """Tokens that were added to the vocabulary and are matched in any text."""
        self._marks: dict[int, str] = {}
        """Tokens that no plain text may become, with their texts."""
        ends: list[int] = []
        # By `map`: a loop in Python takes a third longer, and there may be 260,000 of them.
        tokens = range(self.size)
        for token in compress(tokens, map(llama_cpp.llama_vocab_is_eog, repeat(vocab), tokens)):
            ends.append(token)
            self._marks[token] = self.text(token)
        for token, attributes in enumerate(
            map(llama_cpp.llama_vocab_get_attr, repeat(vocab), tokens)
        ):
            if attributes & _CONTROL:
                self._add_control(token)
            elif attributes & llama_cpp.LLAMA_TOKEN_ATTR_USER_DEFINED:
                self._added[self.text(token)] = token
        self.ends = frozenset(ends)
        """End-of-generation tokens."""

    @property
    def control(self) -> Mapping[str, LlamaControlToken]:
        """Control tokens by their text."""
        return self._control

    def _add_control(self, token: int) -> None:
        text = self.text(token)
        if text:
            attributes = llama_cpp.llama_vocab_get_attr(self._vocab, token)
            self._marks[token] = text
            self._control[text] = LlamaControlToken(
                token,
                bool(attributes & llama_cpp.LLAMA_TOKEN_ATTR_LSTRIP),
                bool(attributes & llama_cpp.LLAMA_TOKEN_ATTR_RSTRIP),
            )

    def reserve_marks_of(self, frame: Frame) -> None:
        """Make the added tokens in a chat template's own text control tokens.

        Some models mark their turns with them, and llama.cpp matches added tokens in any text:
        a story with such a mark in it would end the writer's turn.
        """
        for text, token in self._added.items():
            if text.strip() and (text in frame.before or text in frame.after):
                self._add_control(token)

    def text(self, token: int) -> str:
        """The vocabulary's own text of a token; empty for none."""
        if token < 0:
            return ""
        raw: bytes = llama_cpp.llama_vocab_get_text(self._vocab, token)
        return raw.decode("utf-8", "replace")

    def text_of_bos(self) -> str:
        """Text of the begin-of-sequence token."""
        return self.text(llama_cpp.llama_vocab_bos(self._vocab))

    def text_of_eos(self) -> str:
        """Text of the end-of-sequence token."""
        return self.text(llama_cpp.llama_vocab_eos(self._vocab))

    @property
    def end_of_text(self) -> int | None:
        """The token that ends a text; None where there is none."""
        eos: int = llama_cpp.llama_vocab_eos(self._vocab)
        return eos if eos >= 0 else None

    def tokenize(self, text: str) -> list[int]:
        """Tokens of a plain run: its text never becomes a control token.

        Raises:
            EngineError: llama.cpp could not, or nothing but control tokens came of it.
        """
        lines = self._lines
        return without_marks(text, lines.tokens, lines.tokens_inside, self._marks)

    def tokenize_inside(self, text: str) -> list[int]:
        """Tokens of text that continues a plain run; otherwise as `tokenize`."""
        inside = self._lines.tokens_inside
        return without_marks(text, inside, inside, self._marks)

    @cached_property
    def _lines(self) -> LineTokens:
        beginning = self._tokens if self._adds_space else self._tokens_inside
        return LineTokens(beginning, self._tokens_inside, self.cuts)

    @cached_property
    def cuts(self) -> re.Pattern[str] | None:
        """Where a text can be cut and tokenised in parts; None: nowhere."""
        if llama_cpp.llama_vocab_type(self._vocab) not in _MERGING:
            return None
        if any(
            llama_cpp.llama_vocab_get_attr(self._vocab, token) & llama_cpp.LLAMA_TOKEN_ATTR_LSTRIP
            for token in self._added.values()
        ):
            # Such a token takes the line break in front of it.
            return None
        return cuts_of(self.pieces)

    def _tokens(self, text: str) -> list[int]:
        # Lone surrogates do not come over the pipe; whoever calls this directly gets a "?".
        raw = text.encode("utf-8", "replace")
        room = len(raw) + 8
        buffer = (llama_cpp.llama_token * room)()
        count = llama_cpp.llama_tokenize(self._vocab, raw, len(raw), buffer, room, False, False)
        if count < 0:
            raise EngineError("the tokenizer of the model failed on a text")
        return buffer[:count]

    @cached_property
    def _lead(self) -> list[int]:
        return self._tokens("\n")

    def _tokens_inside(self, text: str) -> list[int]:
        # SentencePiece vocabularies put a space before every text: a line break in front takes it,
        # and is cut off again.
        tokens = self._tokens("\n" + text) if self._adds_space else []
        if tokens[: len(self._lead)] == self._lead:
            return tokens[len(self._lead) :]
        return self._tokens(text)

    @cached_property
    def _adds_space(self) -> bool:
        return b"".join(map(self.piece, self._tokens("a"))) != b"a"

    def piece(self, token: int) -> bytes:
        """The bytes that a token stands for; control tokens stand for none."""
        size = 32
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = llama_cpp.llama_token_to_piece(self._vocab, token, buffer, size, 0, False)
            if length >= 0:
                return buffer.raw[:length]
            size = -length

    @cached_property
    def pieces(self) -> list[bytes]:
        """The bytes of every token, by its number."""
        return [self.piece(token) for token in range(self.size)]


def begin_vocabulary(vocab: Any) -> Callable[[], LlamaVocabulary]:
    """Look a vocabulary through in another thread; what is returned waits for it.

    So it costs nothing while llama.cpp opens a context.
    """
    done: list[LlamaVocabulary] = []
    reading = threading.Thread(
        target=lambda: done.append(LlamaVocabulary(vocab)), name="vocabulary", daemon=True
    )
    reading.start()

    def finished() -> LlamaVocabulary:
        reading.join()
        return done[0]

    return finished


def frame_of(template: str, vocabulary: LlamaVocabulary) -> tuple[Frame, TemplateKind, str]:
    """What a chat template puts round the user message, and whether it is the model's own.

    Args:
        template: Jinja, from the model's metadata; empty where it has none.
        vocabulary: the model's; the template's marks are made its control tokens.

    Returns the frame; `gguf`, or `default` or `failed` where the plain one is used; and why the
    model's own cannot be used, as a sentence.
    """
    if not template:
        return PLAIN_FRAME, "default", ""
    try:
        frame = render_frame(template, bos=vocabulary.text_of_bos(), eos=vocabulary.text_of_eos())
    except TemplateError as error:
        reason = str(error)
        why = f"{reason[:1].upper()}{reason[1:]}, so the model is used without it."
        return PLAIN_FRAME, "failed", why
    vocabulary.reserve_marks_of(frame)
    return frame, "gguf", ""
