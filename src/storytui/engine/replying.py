"""One reply: the tags written, the free segments sampled. The prompt is evaluated already.

A reply evaluates nothing itself: it asks for it between its events, so that several replies can be
evaluated in one batch. Knows no llama.cpp.
"""

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from storytui.engine.api import (
    Event,
    Finished,
    Request,
    Retracted,
    SegmentEnded,
    SegmentStarted,
    Statistics,
    Text,
    Writing,
    opening_of,
)
from storytui.engine.cells import Logits
from storytui.engine.kv import common_prefix
from storytui.engine.segment import SegmentText, may_begin_tag, tags_of
from storytui.engine.tokens import Vocabulary

SPEED_SECONDS = 0.5
"""How often the speed is told."""
SEAM = 8
"""Tokens before a seam that are tokenised anew with the tag: more than a pre-tokenised word."""


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

    def draw(self, index: int = 0) -> int:
        """The next token, from the logits of the last evaluation's step `index`."""
        ...

    def draw_from(self, logits: Logits) -> int:
        """The next token, from logits that were kept."""
        ...

    def close(self) -> None:
        """Free it."""
        ...


class Mask(Protocol):
    """Makes tokens impossible for the next draw."""

    def mask(self, tokens: NDArray[np.intp], index: int = 0) -> None:
        """In the logits of the last evaluation's step `index`."""
        ...


class Strand(Protocol):
    """The tokens of one sequence of the memory."""

    tokens: list[int]

    def cut(self, length: int) -> int:
        """Drop all tokens from `length` on; returns how many are left, which may be fewer."""
        ...


@dataclass(frozen=True, slots=True)
class Evaluate:
    """What a reply asks for before it goes on: these tokens, behind its strand's last."""

    tokens: Sequence[int]


class Masks:
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


@dataclass(frozen=True, slots=True)
class PromptCost:
    """What it took to have the prompt evaluated, in tokens."""

    prompt: int
    evaluated: int
    moved: int = 0
    approximate: int = 0

    def unwritten(self) -> Statistics:
        """The statistics of a reply that was stopped before its first token."""
        return Statistics(
            prompt_tokens=self.prompt,
            reused_tokens=max(0, self.prompt - self.evaluated),
            evaluated_tokens=self.evaluated,
            moved_tokens=self.moved,
            approximate_tokens=self.approximate,
            generated_tokens=0,
            first_token_ms=0.0,
            tokens_per_second=0.0,
        )


Steps = Generator[Event | Evaluate, None, None]
"""A reply on its way: its events, and between them what it needs evaluated."""


class Reply:
    """The state of one reply."""

    def __init__(
        self,
        model: Mask,
        vocabulary: ModelVocabulary,
        strand: Strand,
        masks: Masks,
        sampler: Sampler,
        *,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Begin behind a prompt that is evaluated.

        Args:
            model: masks logits.
            vocabulary: the model's.
            strand: the sequence it is written into; holds the prompt.
            masks: what must not be drawn.
            sampler: draws; it knows the prompt.
            clock: seconds.
        """
        self.index = 0
        """Which step of the last evaluation was this reply's."""
        self.kept: Logits | None = None
        """Logits that the first token is drawn from, where the prompt's were kept."""
        self.stopped = False
        """Whether the reply is to end here."""
        self._model = model
        self._vocabulary = vocabulary
        self._strand = strand
        self._masks = masks
        self._sampler = sampler
        self._clock = clock
        self._generated = 0
        self._unwatched = 0
        """Tokens that were sampled before anybody waited for them."""
        self._start = 0
        """Position of the first sampled token of the segment."""
        self._waited_for = False
        self._arrived = 0.0
        self._first: float | None = None
        self._began = self._said = self._last = 0.0
        self._cost = PromptCost(0, 0)

    def arrive(self, when: float, cost: PromptCost) -> None:
        """The reply was asked for: from now on the writer waits for it.

        Args:
            when: by the clock.
            cost: what it took to have the prompt evaluated since then.
        """
        self._arrived, self._cost = when, cost
        self._waited_for = True
        self._unwatched = self._generated

    def seen(self) -> None:
        """Text that was written ahead reached the writer."""
        if self._first is None:
            self._first = self._clock()

    def write(self, request: Request) -> Steps:
        """Events of the reply, and what is to be evaluated between them; `Finished` last."""
        stop = ""
        tags = tags_of(request.segments)
        for index, plan in enumerate(request.segments):
            yield SegmentStarted(plan.name)
            segment = SegmentText(plan, tags)
            if segment.text:
                yield Text(plan.name, segment.news())
            stop = yield from self._sample(segment, tags)
            if segment.shown > len(segment.text):
                yield Retracted(plan.name, len(segment.text))
            elif segment.shown < len(segment.text):
                yield Text(plan.name, segment.text[segment.shown :])
            yield SegmentEnded(plan.name, stop, self._tokens_of(segment))
            if stop == "stopped":
                break
            if index + 1 < len(request.segments):
                following = request.segments[index + 1]
                yield from self._seam(segment, plan.closing + opening_of(following))
        yield Finished(stop, self.statistics())

    def statistics(self) -> Statistics:
        """What the reply cost so far."""
        cost = self._cost
        first = self._arrived if self._first is None else self._first
        return Statistics(
            prompt_tokens=cost.prompt,
            reused_tokens=cost.prompt - cost.evaluated,
            evaluated_tokens=cost.evaluated,
            moved_tokens=cost.moved,
            approximate_tokens=cost.approximate,
            generated_tokens=self._generated,
            first_token_ms=(first - self._arrived) * 1000,
            tokens_per_second=self._speed(),
        )

    def close(self) -> None:
        """Give the sampler back."""
        self._sampler.close()

    def _speed(self) -> float:
        """Sampled tokens a second, from the first to the last."""
        seconds = self._last - self._began
        return (self._generated - self._unwatched - 1) / seconds if seconds > 0 else 0.0

    def _sample(
        self, segment: SegmentText, tags: tuple[str, ...]
    ) -> Generator[Event | Evaluate, None, str]:
        """Sample one segment; returns why it ended."""
        pieces = self._vocabulary.pieces
        ends = self._masks.ends
        name = segment.plan.name
        unripe = segment.plan.minimum_words > 0
        bare = not segment.plan.lead and not segment.plan.verbatim
        self._start = len(self._strand.tokens)
        while True:
            if self.stopped:
                segment.cut(len(segment.text))
                return "stopped"
            if unripe:
                unripe = segment.unripe
            if bare and not segment.text:
                self._mask(self._masks.beginning)
            if unripe:
                self._mask(self._masks.closing(tags))
            token = self._draw()
            self._last = self._clock()
            if self._generated == self._unwatched:
                self._began = self._said = self._last
            self._generated += 1
            if self._waited_for and self._first is None:
                # At once: whoever waits can tell the first token from the time after it.
                self._first = self._last
                yield Writing(self._generated, self._speed())
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
            yield Evaluate((token,))

    def _mask(self, tokens: NDArray[np.intp]) -> None:
        if self.kept is None:
            self._model.mask(tokens, self.index)
        else:
            self.kept[tokens] = -np.inf

    def _draw(self) -> int:
        kept, self.kept = self.kept, None
        return self._sampler.draw(self.index) if kept is None else self._sampler.draw_from(kept)

    def _tokens_of(self, segment: SegmentText) -> tuple[int, ...]:
        """Tokens of a segment's final text: as drawn, but for the prefix and what a cut split."""
        inside = self._vocabulary.tokenize_inside
        whole = segment.whole_tokens()
        prefix = segment.text[: len(segment.plan.prefix)]
        tail = segment.tail_from(whole)
        return (
            *(inside(prefix) if prefix else ()),
            *segment.tokens[:whole],
            *(inside(tail) if tail else ()),
        )

    def _seam(self, segment: SegmentText, tags: str) -> Generator[Evaluate, None, None]:
        """Write the canonical tags behind the segment's text, as they are in training.

        The last tokens of the text are tokenised anew together with the tags, since a token may
        reach over the seam; the cache is rewound to the first that differs.
        """
        keep = segment.whole_tokens(spare=SEAM)
        tail = self._vocabulary.tokenize_inside(segment.tail_from(keep) + tags)
        wanted = self._strand.tokens[: self._start + keep] + tail
        same = min(common_prefix(self._strand.tokens, wanted), len(wanted) - 1)
        yield Evaluate(wanted[self._strand.cut(same) :])
