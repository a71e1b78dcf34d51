"""What makes tokens of rows: the engine with a GGUF's vocabulary, or a Hugging Face tokenizer.

The second is for bases of which no GGUF is at hand. It goes the engine's way: the chat template is
rendered with the story's place held open, its own text alone brings control tokens, and what stands
between them is tokenised as plain runs. What a GGUF of the same base makes otherwise can be counted
later, by `differences`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from msgspec import structs

from storytui.engine.api import EngineError
from storytui.engine.kv import common_prefix
from storytui.engine.model_info import TemplateKind
from storytui.engine.scores import Encoded
from storytui.engine.template import PLAIN_FRAME, Frame, TemplateError, render_frame
from storytui.engine.tokens import SplitFrame, encode, without_marks
from storytui.story.prompt import PromptFormat
from storytui.story.visible import visible
from storytui_train.data.dataset.rendering import UnfitError, choose, prompt, reply_pieces
from storytui_train.data.examples import Row
from storytui_train.errors import TrainError
from storytui_train.recipe import DatasetOptions
from storytui_train.training.rows import GONE, RowTokenizer

ENDS = frozenset(
    {
        *("<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end|>", "<|return|>", "<|call|>"),
        *("<end_of_turn>", "<|endoftext|>", "<|end_of_text|>", "<end_of_utterance>"),
        *("<EOT>", "_<EOT>", "[EOT]", "[EOS]"),
    }
)
"""Texts of tokens that llama.cpp takes for the end of a reply whatever a file says of them
(llama-vocab.cpp, special_eog_ids)."""
SHOWN = 5
"""Rows that are named of those that differ."""


@dataclass(frozen=True, slots=True)
class _Control:
    token: int
    strips_left: bool
    strips_right: bool


class HuggingFaceVocabulary:
    """A tokenizer of the Hugging Face kind, as the engine's functions want a vocabulary."""

    def __init__(
        self, tokenizer: Any, *, bos: int | None, eos: int | None, ends: Iterable[int] = ()
    ) -> None:
        """Take a tokenizer.

        Args:
            tokenizer: a `tokenizers.Tokenizer`; it is copied.
            bos: the token that begins a text; used where the tokenizer itself puts it there.
            eos: the token that ends a text.
            ends: further tokens that end a reply.
        """
        self._backend = type(tokenizer).from_str(tokenizer.to_str())
        self._backend.no_truncation()
        self._backend.no_padding()
        # No text becomes a special token: all of them are written out piece by piece.
        self._backend.encode_special_tokens = True
        self._added: Mapping[int, Any] = self._backend.get_added_tokens_decoder()
        self._marks: dict[int, str] = {}
        """Tokens that no plain text may become, with their texts."""
        self.control: dict[str, _Control] = {}
        """Control tokens by their text."""
        for number, token in self._added.items():
            if token.special:
                self._add_control(number)
        named = {self._backend.token_to_id(each) for each in ENDS} - {None}
        told = {each for each in (eos, *ends) if each is not None}
        self.ends = frozenset(named | told)
        """Tokens that end what a model writes."""
        for number in self.ends:
            self._marks[number] = self._backend.id_to_token(number) or ""
        self.end_of_text = eos
        """The token that ends a text."""
        begun = self._backend.encode("a", add_special_tokens=True).ids
        self.bos = bos if bos is not None and begun[:1] == [bos] else None
        """The token every prompt must begin with; None where the model wants none."""

    def _add_control(self, number: int) -> None:
        token = self._added[number]
        self._marks[number] = token.content
        self.control[token.content] = _Control(number, token.lstrip, token.rstrip)

    def reserve_marks_of(self, frame: Frame) -> None:
        """Make added tokens in a chat template's own text control tokens, as the engine does."""
        for number, token in self._added.items():
            text = token.content
            if text.strip() and (text in frame.before or text in frame.after):
                self._add_control(number)

    def tokenize(self, text: str) -> list[int]:
        """Tokens of a plain run: its text never becomes a control token."""
        return without_marks(text, self._whole, self._inside, self._marks)

    def tokenize_inside(self, text: str) -> list[int]:
        """Tokens of text that continues a plain run."""
        return without_marks(text, self._inside, self._inside, self._marks)

    def tokens_before(self, text: str, seam: int) -> int:
        """How many tokens of a plain run end before or at a character of it."""
        found = self._backend.encode(text, add_special_tokens=False)
        if self._marks.keys().isdisjoint(found.ids):
            ends = (end for _, end in found.offsets)
            return next((n for n, end in enumerate(ends) if end > seam), len(found.ids))
        return common_prefix(self.tokenize(text), self.tokenize(text[:seam]))

    def piece(self, token: int) -> bytes:
        """What a token stands for, by the tokenizer's own words; nothing counts on the bytes."""
        return str(self._backend.decode([token], skip_special_tokens=True)).encode()

    def _whole(self, text: str) -> list[int]:
        return list(self._backend.encode(text, add_special_tokens=False).ids)

    def _inside(self, text: str) -> list[int]:
        # As the engine does where a vocabulary puts a space before every text.
        tokens = self._whole("\n" + text) if self._adds_space else []
        if tokens[: len(self._lead)] == self._lead:
            return tokens[len(self._lead) :]
        return self._whole(text)

    @cached_property
    def _lead(self) -> list[int]:
        return self._whole("\n")

    @cached_property
    def _adds_space(self) -> bool:
        first = self._backend.encode("a", add_special_tokens=False).tokens[:1]
        return bool(first) and first[0][:1] in ("\u2581", "\u0120")


class HuggingFaceTokenizer:
    """Makes tokens of rows by a base's Hugging Face tokenizer."""

    def __init__(self, tokenizer: Any, *, ends: Iterable[int] = ()) -> None:
        """Take a tokenizer.

        Args:
            tokenizer: of transformers, with a backend of the package `tokenizers`.
            ends: tokens that end a reply, by the model's generation settings.

        Raises:
            TrainError: it has no such backend.
        """
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if backend is None or not hasattr(backend, "encode_special_tokens"):
            raise TrainError(
                "The base's tokenizer is of a kind that cannot keep text from becoming control "
                "tokens. Name a GGUF of the same base under gguf in the recipe's section train."
            )
        self.vocabulary = HuggingFaceVocabulary(
            backend, bos=tokenizer.bos_token_id, eos=tokenizer.eos_token_id, ends=ends
        )
        frame, self.chat_template, self.template_problem = _frame_of(tokenizer)
        self.vocabulary.reserve_marks_of(frame)
        self._frame = SplitFrame(frame, self.vocabulary)
        self._end = self._frame.end_of_reply(self.vocabulary)
        told = (backend.to_str(), str(tokenizer.chat_template), str(self._end))
        self.fingerprint = sha256("\0".join(told).encode()).hexdigest()
        """What tells it from others."""

    @classmethod
    def of(cls, base: str | Path, revision: str = "") -> "HuggingFaceTokenizer":
        """The tokenizer of a base.

        Args:
            base: a folder, or a repository of the Hub.
            revision: of the repository.

        Raises:
            TrainError: it has none that can be used.
        """
        where: dict[str, Any] = {"revision": revision} if revision else {}
        try:
            from transformers import AutoTokenizer, GenerationConfig

            tokenizer = AutoTokenizer.from_pretrained(str(base), trust_remote_code=False, **where)
        except (OSError, ValueError, ImportError, KeyError) as error:
            raise TrainError(
                f"The tokenizer of {visible(str(base), newlines=False)} cannot be loaded: "
                f"{_first_line(error)}. Name a GGUF of the same base under gguf in the recipe's "
                "section train."
            ) from error
        ends: list[int] = []
        # Many bases have no generation settings.
        with suppress(OSError, ValueError):
            found = GenerationConfig.from_pretrained(str(base), **where).eos_token_id
            ends = [] if found is None else found if isinstance(found, list) else [found]
        return cls(tokenizer, ends=ends)

    def encode(self, message: str, *pieces: str) -> Encoded:
        """A prompt and its reply in tokens; see `storytui.engine.scores.Scoring.encode`."""
        first, more = (pieces[0], pieces[1:]) if pieces else ("", ())
        parts = self._frame.assemble(message, first)
        tokens = encode(parts, self.vocabulary)
        reply = len(tokens)
        if first:
            run = parts[-1].text
            reply -= len(self.vocabulary.tokenize(run))
            reply += self.vocabulary.tokens_before(run, len(run) - len(first))
        for piece in more:
            tokens += self.vocabulary.tokenize_inside(piece)
        return Encoded(
            tokens=tuple(tokens), reply=reply, end=-1 if self._end is None else self._end
        )

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, in the middle of others."""
        return [len(self.vocabulary.tokenize_inside(each)) for each in texts]


def _frame_of(tokenizer: Any) -> tuple[Frame, TemplateKind, str]:
    """What the base's chat template puts round a message, as the engine has it of a GGUF's."""
    template = tokenizer.chat_template
    if isinstance(template, Mapping):
        template = template.get("default", "")
    if not template:
        return PLAIN_FRAME, "default", ""
    try:
        frame = render_frame(template, bos=tokenizer.bos_token or "", eos=tokenizer.eos_token or "")
    except TemplateError as error:
        reason = str(error)
        why = f"{reason[:1].upper()}{reason[1:]}, so the base is trained without it."
        return PLAIN_FRAME, "failed", visible(why)
    return frame, "gguf", ""


def _first_line(error: Exception) -> str:
    return visible(str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__)


# --- what differs -------------------------------------------------------------------------------


class RowText(msgspec.Struct, frozen=True):
    """A rendered row."""

    id: str
    message: str
    pieces: tuple[str, ...]
    """Its reply; see `rendering.reply_pieces`."""


class Differences(msgspec.Struct, frozen=True, kw_only=True):
    """How two tokenizers make tokens of the same rows."""

    rows: int = 0
    different: int = 0
    """Rows that have other tokens, whichever."""
    prompts: int = 0
    """Rows whose prompts have other tokens."""
    replies: int = 0
    """Rows whose replies have other tokens."""
    ends: int = 0
    """Rows whose replies are ended by another token."""
    failed: int = 0
    """Rows that one of the two cannot make tokens of."""
    examples: tuple[str, ...] = ()
    """The first ones' ids."""

    @property
    def sentence(self) -> str:
        """What was found, for people."""
        if not self.different:
            return f"All of {self.rows:,} rows have the same tokens by both tokenizers."
        return (
            f"{self.different:,} of {self.rows:,} rows have other tokens by the second tokenizer: "
            f"{self.prompts:,} in the prompt, {self.replies:,} in the reply, {self.ends:,} at its "
            f"end, {self.failed:,} cannot be told."
        )


def row_texts(
    rows: Iterable[Row],
    form: PromptFormat,
    options: DatasetOptions,
    seed: int,
    *,
    reasoning: bool = True,
) -> Iterator[RowText]:
    """Rows as they are rendered for training, whole; those that cannot be are left out.

    Args:
        rows: of a data set.
        form: the prompt's format.
        options: the recipe's shares.
        seed: the recipe's.
        reasoning: whether plans are in the replies.
    """
    for each in rows:
        row = each if reasoning else structs.replace(each, reasoning="")
        with suppress(UnfitError):
            message = prompt(row, form, choose(row, form, options, seed))
            yield RowText(row.id, message, reply_pieces(row, form))


def differences(rows: Iterable[RowText], first: RowTokenizer, second: RowTokenizer) -> Differences:
    """How often two tokenizers of one model differ, such as its Hugging Face one and a GGUF's.

    Args:
        rows: rendered.
        first: one of them.
        second: the other.

    Raises:
        TrainError: one of them is an engine that cannot be used any more.
    """
    found = Differences()
    for row in rows:
        one, other = (_encoded(each, row) for each in (first, second))
        failed = one is None or other is None
        prompt_differs = reply_differs = end_differs = False
        if one is not None and other is not None:
            prompt_differs = one.tokens[: one.reply] != other.tokens[: other.reply]
            reply_differs = one.tokens[one.reply :] != other.tokens[other.reply :]
            end_differs = one.end != other.end
        differs = failed or prompt_differs or reply_differs or end_differs
        named = len(found.examples) < SHOWN and differs
        found = Differences(
            rows=found.rows + 1,
            different=found.different + differs,
            prompts=found.prompts + prompt_differs,
            replies=found.replies + reply_differs,
            ends=found.ends + end_differs,
            failed=found.failed + failed,
            examples=(*found.examples, row.id) if named else found.examples,
        )
    return found


def _encoded(tokenizer: RowTokenizer, row: RowText) -> Encoded | None:
    try:
        return tokenizer.encode(row.message, *row.pieces)
    except GONE as error:
        raise TrainError(visible(str(error))) from error
    except EngineError:
        return None
