"""Parts of a prompt to tokens and back; counting. Knows no llama.cpp, only a vocabulary.

The trainer uses this too, so that what trains and what is served are the same tokens.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from storytui.engine.api import EngineError, Prompt, PromptPart
from storytui.engine.scores import Encoded, Passage
from storytui.engine.template import Frame


class Vocabulary(Protocol):
    """The tokenizer of a model."""

    @property
    def control(self) -> Mapping[str, "ControlToken"]:
        """Control tokens by their text."""
        ...

    @property
    def ends(self) -> frozenset[int]:
        """Tokens that end what a model writes."""
        ...

    @property
    def end_of_text(self) -> int | None:
        """The token that ends a text; None where the model has none."""
        ...

    @property
    def bos(self) -> int | None:
        """The token every prompt must begin with; None where the model wants none."""
        ...

    def tokenize(self, text: str) -> list[int]:
        """Tokens of a plain run: its text never becomes a control token."""
        ...

    def tokenize_inside(self, text: str) -> list[int]:
        """Tokens of text that continues a plain run."""
        ...

    def piece(self, token: int) -> bytes:
        """The bytes that a token stands for; control tokens stand for none."""
        ...


class ControlToken(Protocol):
    """A control token, and whether it swallows the blanks beside it."""

    @property
    def token(self) -> int:
        """Its number."""
        ...

    @property
    def strips_left(self) -> bool:
        """Blanks before it belong to it."""
        ...

    @property
    def strips_right(self) -> bool:
        """Blanks after it belong to it."""
        ...


def split_control(text: str, control: Mapping[str, ControlToken]) -> list[PromptPart]:
    """Cut the chat template's own text into control tokens and plain runs."""
    if not text:
        return []
    if not control:
        return [PromptPart(text, False)]
    # Longest first, as llama.cpp matches them.
    names = sorted(control, key=len, reverse=True)
    pattern = re.compile("|".join(re.escape(name) for name in names))
    parts: list[PromptPart] = []
    position = 0
    strip_next = False
    for match in pattern.finditer(text):
        plain = text[position : match.start()]
        found = control[match.group()]
        if strip_next:
            plain = plain.lstrip()
        if found.strips_left:
            plain = plain.rstrip()
        if plain:
            parts.append(PromptPart(plain, False))
        parts.append(PromptPart(match.group(), True))
        strip_next = found.strips_right
        position = match.end()
    rest = text[position:].lstrip() if strip_next else text[position:]
    if rest:
        parts.append(PromptPart(rest, False))
    return parts


def without_marks(
    text: str,
    whole: Callable[[str], list[int]],
    inside: Callable[[str], list[int]],
    marks: Mapping[int, str],
) -> list[int]:
    """Tokens of a plain run, none of which is a mark.

    A tokenizer may put a mark together from plain pieces: SentencePiece merges whatever is in its
    vocabulary. Then the text is cut open within each mark's name, and the pieces are tokenised one
    by one.

    Args:
        text: the run.
        whole: the tokenizer, for the beginning of a run.
        inside: the tokenizer, for text that continues a run.
        marks: tokens that no plain text may become, with their names.

    Raises:
        EngineError: not even single characters are free of marks.
    """
    tokens = whole(text)
    if marks.keys().isdisjoint(tokens):
        return tokens
    found = set(tokens)
    names = [name for token, name in marks.items() if token in found and len(name) > 1]
    inner = "|".join(f"(?<={re.escape(name[0])})(?={re.escape(name[1:])})" for name in names)
    for pieces in (re.split(inner, text), list(text)):
        tokens = whole(pieces[0])
        for piece in pieces[1:]:
            tokens.extend(inside(piece))
        if marks.keys().isdisjoint(tokens):
            return tokens
    raise EngineError(
        "the model's vocabulary takes plain text for its own marks; use another model file"
    )


class SplitFrame:
    """A chat template's text round the message, cut into control tokens and plain runs once."""

    def __init__(self, frame: Frame, vocabulary: Vocabulary) -> None:
        """Cut the frame."""
        self._before = split_control(frame.before, vocabulary.control)
        self._after = split_control(frame.after, vocabulary.control)

    def assemble(self, message: str, opening: str) -> tuple[PromptPart, ...]:
        """The parts of a prompt: control tokens, and between them plain runs without seams.

        The format's text, the story and the template's plain text beside them form one run, as
        they do in training; `opening` (the reply's first tag) joins the run that ends the prompt.
        """
        message_part, opening_part = PromptPart(message, False), PromptPart(opening, False)
        return _merged([*self._before, message_part, *self._after, opening_part])

    def beginning(self, message: str) -> tuple[PromptPart, ...]:
        """The parts of a prompt up to the end of `message`, which goes on behind it."""
        return _merged([*self._before, PromptPart(message, False)])

    def end_of_reply(self, vocabulary: Vocabulary) -> int | None:
        """The token that a finished reply ends with; None where a model has none.

        It is what the chat template ends the user's turn with, where that ends what a model
        writes: templates end both alike, and what files say of it is often the base model's.
        Otherwise, and where there is no template, it is the token that ends a text.
        """
        for mark in self._after:
            if mark.control:
                token = vocabulary.control[mark.text].token
                return token if token in vocabulary.ends else vocabulary.end_of_text
        return vocabulary.end_of_text


def _merged(parts: Sequence[PromptPart]) -> tuple[PromptPart, ...]:
    """Parts whose plain runs have no seams, and none of which is empty."""
    merged: list[PromptPart] = []
    for part in parts:
        if not part.text:
            continue
        if merged and not merged[-1].control and not part.control:
            merged[-1] = PromptPart(merged[-1].text + part.text, False)
        else:
            merged.append(part)
    return tuple(merged)


def assemble(
    frame: Frame, message: str, opening: str, vocabulary: Vocabulary
) -> tuple[PromptPart, ...]:
    """The parts of one prompt; see `SplitFrame.assemble`."""
    return SplitFrame(frame, vocabulary).assemble(message, opening)


def encode(parts: Sequence[PromptPart], vocabulary: Vocabulary) -> list[int]:
    """Tokens of a prompt, beginning with the model's begin-of-sequence token if it wants one."""
    tokens: list[int] = []
    for part in parts:
        if part.control:
            tokens.append(vocabulary.control[part.text].token)
        else:
            tokens.extend(vocabulary.tokenize(part.text))
    if vocabulary.bos is not None and tokens[:1] != [vocabulary.bos]:
        tokens.insert(0, vocabulary.bos)
    return tokens


def render_prompt(frame: Frame, message: str, opening: str, vocabulary: Vocabulary) -> Prompt:
    """The prompt as the model sees it, with its number of tokens."""
    parts = assemble(frame, message, opening, vocabulary)
    return Prompt(parts, len(encode(parts, vocabulary)))


@dataclass(frozen=True, slots=True)
class TokenPassage:
    """A passage in tokens."""

    tokens: list[int]
    first: int
    """The number of the first token that reaches into the text."""
    starts: tuple[int, ...]
    """The character of the text at which it and each further one begins."""


def tokens_of_passage(frame: SplitFrame, passage: Passage, vocabulary: Vocabulary) -> TokenPassage:
    """The tokens of a prompt whose reply begins with an opening and a text, and where the text's
    begin; of a bare passage no template is round it.

    Raises:
        EngineError: the tokens do not stand for the text.
    """
    reply = passage.opening + passage.text
    parts = (
        _merged([PromptPart(passage.message + reply, False)])
        if passage.bare
        else frame.assemble(passage.message, reply)
    )
    text = passage.text.encode("utf-8", "replace")
    if not text:
        tokens = encode(parts, vocabulary)
        return TokenPassage(tokens, len(tokens), ())
    before = encode(parts[:-1], vocabulary)
    run = vocabulary.tokenize(parts[-1].text)
    raw = parts[-1].text.encode("utf-8", "replace")
    seam = len(raw) - len(text)
    ends = _ends_of_tokens(raw, run, vocabulary)
    first = bisect_right(ends, seam)
    begins = [0 if at == 0 else max(0, ends[at - 1] - seam) for at in range(first, len(run))]
    if not passage.text.isascii():
        characters = [
            number
            for number, character in enumerate(passage.text)
            for _ in character.encode("utf-8", "replace")
        ]
        begins = [characters[at] if at < len(characters) else len(passage.text) for at in begins]
    return TokenPassage(before + run, len(before) + first, tuple(begins))


def _ends_of_tokens(raw: bytes, tokens: Sequence[int], vocabulary: Vocabulary) -> list[int]:
    """The bytes of a plain run up to the end of each of its tokens.

    Some vocabularies put a blank before every run, and some have no tokens for some control
    characters, which are then left out.
    """
    ends: list[int] = []
    at = 0
    for number, token in enumerate(tokens):
        piece = vocabulary.piece(token)
        if number == 0 and piece[:1] == b" " and not raw.startswith(piece):
            piece = piece[1:]
        found = raw.find(piece, at)
        skipped = raw[at : max(at, found)].decode("utf-8", "replace")
        if found < 0 or (skipped and vocabulary.tokenize_inside(skipped)):
            raise EngineError(
                "the model's vocabulary does not keep a text as it is, so the text cannot be "
                "scored; use another model file"
            )
        at = found + len(piece)
        ends.append(at)
    return ends


def encode_reply(
    frame: SplitFrame, message: str, pieces: Sequence[str], vocabulary: Vocabulary
) -> Encoded:
    """A prompt and its reply in tokens; see `storytui.engine.scores.Scoring.encode`.

    Raises:
        EngineError: the tokens do not stand for the text.
    """
    first, more = ("", ()) if not pieces else (pieces[0], pieces[1:])
    found = tokens_of_passage(frame, Passage(message=message, text=first), vocabulary)
    tokens = list(found.tokens)
    for piece in more:
        tokens.extend(vocabulary.tokenize_inside(piece))
    end = frame.end_of_reply(vocabulary)
    return Encoded(tokens=tuple(tokens), reply=found.first, end=-1 if end is None else end)


class TokenCounts:
    """Token counts of texts, each text tokenised once."""

    def __init__(self, vocabulary: Vocabulary, capacity: int = 8_192) -> None:
        self._vocabulary = vocabulary
        self._capacity = capacity
        self._counts: dict[str, int] = {}

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text in the middle of a plain run, where a letter follows it."""
        result = []
        for text in texts:
            known = self._counts.get(text)
            if known is None:
                if len(self._counts) >= self._capacity:
                    self._counts.clear()
                known = self._tokens(text)
                self._counts[text] = known
            result.append(known)
        return result

    def _tokens(self, text: str) -> int:
        # White space at an end is cut otherwise than before a letter: many tokenizers give the
        # last blank or line break to what follows.
        if text[-1:].isspace():
            return len(self._vocabulary.tokenize_inside(text + "a")) - 1
        return len(self._vocabulary.tokenize_inside(text))
