"""One reply: the prompt evaluated, the tags written, the free segments sampled.

Knows no llama.cpp: what it needs of a model is in `Model`.
"""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from storytui.engine.api import (
    EngineError,
    Event,
    Finished,
    PromptTooLongError,
    Reading,
    Request,
    Retracted,
    Sampling,
    SegmentEnded,
    SegmentStarted,
    Statistics,
    Text,
    Writing,
    opening_of,
)
from storytui.engine.kv import tokens_to_keep
from storytui.engine.segment import SegmentText, may_begin_tag, tags_of
from storytui.engine.template import Frame
from storytui.engine.tokens import Vocabulary, assemble, encode

SPEED_SECONDS = 0.5
"""How often the speed is told."""
SEAM = 8
"""Tokens before a seam that are tokenised anew with the tag: more than a pre-tokenised word."""
TAG_TOKENS = 32
"""Tokens kept free for the tags of each segment."""


class ModelVocabulary(Vocabulary, Protocol):
    """A tokenizer that also knows which tokens end a reply."""

    @property
    def ends(self) -> frozenset[int]:
        """End-of-generation tokens."""
        ...

    @property
    def pieces(self) -> list[bytes]:
        """The bytes of every token."""
        ...

    @property
    def control(self) -> Mapping[str, Any]:
        """Control tokens by their text."""
        ...


class Sampler(Protocol):
    """Draws tokens."""

    def accept(self, tokens: Sequence[int]) -> None:
        """Tell it of tokens that were not drawn."""
        ...

    def draw(self) -> int:
        """The next token."""
        ...

    def close(self) -> None:
        """Free it."""
        ...


class Model(Protocol):
    """What a reply needs of a model."""

    vocabulary: Any
    frame: Frame
    context: int
    batch: int

    def rewind(self, length: int) -> bool:
        """Forget what stands behind `length`; False: everything was forgotten."""
        ...

    def evaluate(self, tokens: Sequence[int], position: int) -> None:
        """Evaluate one batch."""
        ...

    def mask(self, tokens: NDArray[np.intp]) -> None:
        """Make tokens impossible for the next draw."""
        ...

    def sampler(self, sampling: Sampling) -> Sampler:
        """A sampler for one reply."""
        ...


class Writer:
    """Writes replies on one model, and keeps what is evaluated from one reply to the next."""

    def __init__(self, model: Model, clock: Callable[[], float] = time.perf_counter) -> None:
        self._model = model
        self._clock = clock
        self._cells: list[int] = []
        self._masks = _Masks(model.vocabulary)

    def prepare(self) -> None:
        """Look the vocabulary through, which the first reply would otherwise wait for."""
        _ = self._masks.beginning

    def write(self, request: Request, stopped: Callable[[], bool]) -> Iterator[Event]:
        """Events of one reply; `stopped` is asked between batches and tokens.

        Raises:
            PromptTooLongError: prompt and reply do not fit the context.
            EngineError: llama.cpp failed; what is evaluated is forgotten.
        """
        try:
            yield from _Reply(self._model, self._cells, self._masks, self._clock).write(
                request, stopped
            )
        except EngineError:
            self._model.rewind(0)
            self._cells.clear()
            raise


class _Masks:
    """Tokens that must not be drawn, by the reason."""

    def __init__(self, vocabulary: ModelVocabulary) -> None:
        self._vocabulary = vocabulary
        self.ends = vocabulary.ends | {each.token for each in vocabulary.control.values()}
        """Tokens that end a segment: a control token leaves the reply, whichever it is."""
        self._closing: dict[tuple[str, ...], NDArray[np.intp]] = {}

    @cached_property
    def beginning(self) -> NDArray[np.intp]:
        """White space, with which no segment begins: none stands behind a tag in training."""
        return np.array(
            [n for n, piece in enumerate(self._vocabulary.pieces) if piece[:1].isspace()],
            dtype=np.intp,
        )

    def closing(self, tags: tuple[str, ...]) -> NDArray[np.intp]:
        """Tokens that could end a segment: end tokens, and all in which a tag may begin."""
        if tags not in self._closing:
            tokens = set(self.ends)
            for token, piece in enumerate(self._vocabulary.pieces):
                if b"<" in piece and may_begin_tag(piece, tags):
                    tokens.add(token)
            self._closing[tags] = np.array(sorted(tokens), dtype=np.intp)
        return self._closing[tags]


class _Reply:
    """The state of one reply."""

    def __init__(
        self,
        model: Model,
        cells: list[int],
        masks: _Masks,
        clock: Callable[[], float],
    ) -> None:
        self._model = model
        self._cells = cells
        self._masks = masks
        self._clock = clock
        self._generated = 0
        self._reused = 0
        self._start = 0
        """Position of the first sampled token of the segment."""
        self._first = 0.0
        self._said = 0.0
        self._last = 0.0

    def write(self, request: Request, stopped: Callable[[], bool]) -> Iterator[Event]:
        arrived = self._clock()
        vocabulary = self._model.vocabulary
        first = request.segments[0]
        parts = assemble(self._model.frame, request.message, opening_of(first), vocabulary)
        prompt = encode(parts, vocabulary)
        reply = sum(each.tokens + TAG_TOKENS for each in request.segments)
        reply += sum(len(vocabulary.tokenize(each.lead)) for each in request.segments[1:])
        if len(prompt) + reply > self._model.context:
            raise PromptTooLongError(
                f"the prompt has {len(prompt):,} tokens and the reply may take {reply:,}, but the "
                f"context has {self._model.context:,}; ask for fewer words or a larger context"
            )
        stop = ""
        reused = 0
        for done in self._go_to(prompt):
            reused = self._reused
            yield Reading(done, len(prompt))
            if stopped():
                stop = "stopped"
                break
        evaluated = len(self._cells) - reused
        if not stop:
            sampler = self._model.sampler(request.sampling)
            sampler.accept(prompt)
            try:
                tags = tags_of(request.segments)
                for index, plan in enumerate(request.segments):
                    yield SegmentStarted(plan.name)
                    segment = SegmentText(plan, tags)
                    if segment.text:
                        yield Text(plan.name, segment.news())
                    stop = yield from self._sample(segment, tags, sampler, stopped)
                    if segment.shown > len(segment.text):
                        yield Retracted(plan.name, len(segment.text))
                    elif segment.shown < len(segment.text):
                        yield Text(plan.name, segment.text[segment.shown :])
                    yield SegmentEnded(plan.name, stop, self._tokens_of(segment))
                    if stop == "stopped":
                        break
                    if index + 1 < len(request.segments):
                        following = request.segments[index + 1]
                        self._seam(segment, plan.closing + opening_of(following))
            finally:
                sampler.close()
        yield Finished(
            stop,
            Statistics(
                prompt_tokens=len(prompt),
                reused_tokens=reused,
                evaluated_tokens=evaluated,
                generated_tokens=self._generated,
                first_token_ms=(self._first - arrived) * 1000 if self._generated else 0.0,
                tokens_per_second=self._speed(),
            ),
        )

    def _speed(self) -> float:
        """Sampled tokens a second, from the first to the last."""
        seconds = self._last - self._first
        return (self._generated - 1) / seconds if seconds > 0 else 0.0

    def _go_to(self, wanted: Sequence[int]) -> Iterator[int]:
        """Make the cache hold these tokens, a batch at a time; gives how many stand so far."""
        keep = tokens_to_keep(self._cells, wanted)
        if not self._model.rewind(keep):
            keep = 0
        del self._cells[keep:]
        self._reused = keep
        size = self._model.batch
        for start in range(keep, len(wanted), size):
            batch = wanted[start : start + size]
            self._model.evaluate(batch, start)
            self._cells.extend(batch)
            yield len(self._cells)

    def _sample(
        self,
        segment: SegmentText,
        tags: tuple[str, ...],
        sampler: Sampler,
        stopped: Callable[[], bool],
    ) -> Generator[Event, None, str]:
        """Sample one segment; returns why it ended."""
        pieces = self._model.vocabulary.pieces
        ends = self._masks.ends
        name = segment.plan.name
        unripe = segment.plan.minimum_words > 0
        self._start = len(self._cells)
        while True:
            if stopped():
                segment.cut(len(segment.text))
                return "stopped"
            if unripe:
                unripe = segment.unripe
            if not segment.text and not segment.plan.lead:
                self._model.mask(self._masks.beginning)
            if unripe:
                self._model.mask(self._masks.closing(tags))
            token = sampler.draw()
            self._last = self._clock()
            if not self._generated:
                self._first = self._said = self._last
            self._generated += 1
            if token in ends or segment.add(token, pieces[token]):
                segment.cut(segment.end_by_model())
                return "closed"
            fresh = segment.news()
            if fresh:
                yield Text(name, fresh)
            if self._last - self._said >= SPEED_SECONDS:
                self._said = self._last
                yield Writing(self._generated, self._speed())
            over = segment.end_by_budget()
            if over is not None:
                length, why = over
                segment.cut(length)
                return why
            self._model.evaluate((token,), len(self._cells))
            self._cells.append(token)

    def _tokens_of(self, segment: SegmentText) -> tuple[int, ...]:
        """Tokens of a segment's final text: as drawn, but for the prefix and what a cut split."""
        inside = self._model.vocabulary.tokenize_inside
        whole = segment.whole_tokens()
        prefix = segment.text[: len(segment.plan.prefix)]
        tail = segment.tail_from(whole)
        return (
            *(inside(prefix) if prefix else ()),
            *segment.tokens[:whole],
            *(inside(tail) if tail else ()),
        )

    def _seam(self, segment: SegmentText, tags: str) -> None:
        """Write the canonical tags behind the segment's text, as they are in training.

        The last tokens of the text are tokenised anew together with the tags, since a token may
        reach over the seam; the cache is rewound to the first that differs.
        """
        keep = segment.whole_tokens(spare=SEAM)
        tail = self._model.vocabulary.tokenize_inside(segment.tail_from(keep) + tags)
        for _ in self._go_to(self._cells[: self._start + keep] + tail):
            pass
