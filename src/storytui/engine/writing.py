"""Writes replies on one model, and does ahead of a request what it would begin with.

Knows no llama.cpp: what it needs of a model is in `Model`. One thread at a time.
"""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from msgspec import structs

from storytui.engine.api import (
    EngineError,
    Event,
    Finished,
    HowFar,
    PromptTooLongError,
    Readiness,
    Reading,
    Request,
    Sampling,
    SegmentStarted,
    Writing,
)
from storytui.engine.branches import Branch, Live, write_in_step
from storytui.engine.cells import FIRST_BRANCH, Cells, Memory
from storytui.engine.kv import Places, common_prefix
from storytui.engine.prompts import Prompts, TokenPrompt
from storytui.engine.replying import (
    Evaluate,
    Mask,
    Masks,
    PromptCost,
    Reply,
    Sampler,
    Steps,
    Strand,
)
from storytui.engine.segment import tags_of
from storytui.engine.template import Frame

SPARED = 64
"""Tokens of the last continuation's prompt that reading ahead may cost where it is to be spared."""


class Model(Memory, Mask, Protocol):
    """What a reply needs of a model."""

    vocabulary: Any
    frame: Frame
    context: int
    ahead_batch: int
    """The most tokens evaluated at once where nobody waits."""
    most_branches: int
    """Replies that can be written side by side."""

    def sampler(self, sampling: Sampling, prompt: Sequence[int] = ()) -> Sampler:
        """A sampler for one reply, which knows the prompt."""
        ...

    def prime(self, sampling: Sampling, prompt: Sequence[int]) -> None:
        """Do ahead what `sampler` would do."""
        ...

    def evaluate_side_by_side(self, steps: Sequence[tuple[int, int, Sequence[int]]]) -> None:
        """Evaluate (sequence, position, tokens) in one batch; the logits of each step are kept."""
        ...


@dataclass(slots=True)
class _Begun:
    """A reply that was begun before it was asked for."""

    request: Request
    prompt: list[int]
    reply: Reply
    steps: Steps
    events: list[Event] = field(default_factory=list)


class Writer:
    """Writes replies, and keeps what is evaluated from one to the next."""

    def __init__(
        self, model: Model, clock: Callable[[], float] = time.perf_counter, *, exact: bool = False
    ) -> None:
        """Begin with nothing evaluated.

        Args:
            model: is used by nobody else.
            clock: seconds.
            exact: never use what was read after other words.
        """
        self.cells = Cells(model)
        self._model = model
        self._clock = clock
        self._moving = not exact
        self._prompts = Prompts(model)
        self._masks = Masks(model.vocabulary)
        self._begun: _Begun | None = None
        self._anchor: list[int] = []
        """The prompt of the last continuation that was asked for."""
        self._start: int | None = None
        """Where the window began whose story the cache holds; None where nobody said so."""

    def prepare(self) -> None:
        """Look the vocabulary through, which the first reply would otherwise wait for."""
        _ = self._masks.beginning

    # --- asked for --------------------------------------------------------------------------------

    def write(self, request: Request, stopped: Callable[[], bool]) -> Iterator[Event]:
        """Events of one reply; `stopped` is asked between batches and tokens.

        Raises:
            PromptTooLongError: prompt and reply do not fit the context.
            EngineError: llama.cpp failed; what is evaluated is forgotten.
        """
        for _, event in self.write_side_by_side((request,), stopped):
            yield event

    def write_side_by_side(
        self, requests: Sequence[Request], stopped: Callable[[], bool]
    ) -> Iterator[tuple[int, Event]]:
        """Events of several replies to one prompt, each with its request's number.

        The requests differ in their sampling only. Raises as `write`.
        """
        arrived = self._clock()
        try:
            begun = self._begun
            if (
                begun is not None
                and len(requests) == 1
                and begun.request.asks_the_same(requests[0])
            ):
                self._begun, self._anchor = None, begun.prompt
                begun.reply.arrive(arrived, self._cost_now(len(begun.prompt)))
                yield from ((0, event) for event in self._go_on(begun, stopped))
                return
            self.drop_begun()
            prompt = self._prompts.prompt(requests[0])
            self._anchor = prompt.tokens
            numbered = list(enumerate(requests))
            while numbered:
                reading = self._read(prompt, stopped)
                cost = yield from _to_all(numbered, reading)
                if stopped():
                    for number, _ in numbered:
                        yield number, Finished("stopped", cost.unwritten())
                    return
                room = self._room_for(requests[0], len(prompt.tokens))
                group, numbered = numbered[:room], numbered[room:]
                yield from self._write_group(group, prompt, arrived, cost, stopped)
                arrived = self._clock()
        except PromptTooLongError:
            # Nothing was done.
            raise
        except EngineError:
            self.forget()
            raise

    def forget(self) -> None:
        """Forget everything that is evaluated."""
        self.drop_begun()
        self.cells.forget()

    # --- ahead ------------------------------------------------------------------------------------

    def ahead(
        self, request: Request, how_far: HowFar, *, edited: bool = True, spare: bool = False
    ) -> Generator[Readiness, None, None]:
        """Do what `write` would begin with, a batch or a token at a time.

        Args:
            request: the reply that may be asked for.
            how_far: what is done of it.
            edited: whether the text or what is asked was changed: then a reply that was begun ahead
                is dropped. Otherwise she may come back to it.
            spare: whether to read nothing that would cost the last continuation's cache.

        Raises:
            EngineError: llama.cpp failed; what is evaluated is forgotten.
        """
        if how_far == "off":
            return
        begun, before = self._begun, self.cells.evaluated
        try:
            if begun is not None and not begun.request.asks_the_same(request):
                if not edited:
                    # She may come back to it.
                    yield Readiness(done=0, total=0)
                    return
                self.drop_begun()
            prompt = self._prompts.prompt(request)
            if self._begun is None:
                if spare and self._would_cost(prompt) > SPARED:
                    yield Readiness(done=0, total=0)
                    return
                for each in self._read_ahead(prompt):
                    # It is not ready before the rest is.
                    if not (each.up_to_date and each.healing == 0):
                        yield structs.replace(each, evaluated=self.cells.evaluated - before)
            total = len(prompt.tokens)
            # What takes time once, and would take it from her.
            self._model.prime(request.sampling, prompt.tokens)
            self._masks.closing(tags_of(request.segments))
            ready = Readiness(done=total, total=total, evaluated=self.cells.evaluated - before)
            if how_far != "read":
                for _ in self._begin(request, prompt, how_far):
                    yield ready
                ready = structs.replace(ready, thought=True)
            yield ready
        except PromptTooLongError:
            # She hears of it when she asks.
            yield Readiness(done=0, total=0)
        except EngineError:
            self.forget()
            raise

    def _read_ahead(self, prompt: TokenPrompt) -> Iterator[Readiness]:
        total = len(prompt.tokens)
        batch = self._model.ahead_batch
        places = self._places(prompt)
        plan = self.cells.unhurried_plan(prompt.tokens, places, moving=self._moving)
        self._start = prompt.start
        steps = self.cells.go_to(prompt.tokens, plan, batch=batch, checkpoints=True)
        for done in steps:
            yield Readiness(done=done, total=total, healing=self.cells.approximate)
        for left in self.cells.heal(batch):
            yield Readiness(done=total, total=total, healing=left)

    def _begin(self, request: Request, prompt: TokenPrompt, how_far: HowFar) -> Iterator[None]:
        """Write the reply as far as it is to be written ahead; one step at a time."""
        if self._begun is None:
            reply = self._reply(request, prompt, self.cells)
            self._begun = _Begun(request, prompt.tokens, reply, reply.write(request))
        begun = self._begun
        if self._far_enough(begun, how_far):
            return
        for step in begun.steps:
            if isinstance(step, Evaluate):
                self._evaluate(step.tokens)
                yield
            elif not isinstance(step, Writing):
                begun.events.append(step)
                if self._far_enough(begun, how_far):
                    return

    def _far_enough(self, begun: _Begun, how_far: HowFar) -> bool:
        last = begun.events[-1] if begun.events else None
        if isinstance(last, Finished):
            return True
        # The tags in front of the answer are evaluated too: its first token is the next drawn.
        answer = begun.request.segments[-1].name
        return how_far == "think" and isinstance(last, SegmentStarted) and last.segment == answer

    def _would_cost(self, prompt: TokenPrompt) -> int:
        """Tokens of the last continuation's prompt that reading this one would drop."""
        anchored = common_prefix(self.cells.tokens, self._anchor)
        places = self._places(prompt)
        plan = self.cells.unhurried_plan(prompt.tokens, places, moving=self._moving)
        return anchored - plan.reused

    def make_way(self) -> None:
        """The cache is to hold something else than a continuation's prompt."""
        self.drop_begun()
        self._start = None

    def drop_begun(self) -> None:
        """Forget what was written ahead; what is evaluated stays."""
        begun, self._begun = self._begun, None
        if begun is not None:
            begun.steps.close()
            begun.reply.close()

    # --- the prompt -------------------------------------------------------------------------------

    def _places(self, prompt: TokenPrompt) -> Places:
        """Where the prompt changes how, and whether its window moved on."""
        moved_on = self._start is not None and prompt.start > self._start
        return replace(prompt.places, moved_on=moved_on)

    def _room_for(self, request: Request, prompt: int) -> int:
        """How many replies the context has room for side by side, one at the least."""
        if not self._model.can_move:
            return 1
        free = self._model.context - prompt
        return max(1, min(free // self._prompts.reply_tokens(request), self._model.most_branches))

    def _read(
        self, prompt: TokenPrompt, stopped: Callable[[], bool]
    ) -> Generator[Reading, None, PromptCost]:
        """Have the prompt evaluated, as fast as can be; returns what it cost."""
        total = len(prompt.tokens)
        before = self.cells.evaluated
        plan = self.cells.plan(prompt.tokens, self._places(prompt), moving=self._moving)
        self._start = prompt.start
        yield Reading(plan.reused, total)
        for done in self.cells.go_to(prompt.tokens, plan, checkpoints=True):
            yield Reading(done, total)
            if stopped():
                break
        evaluated = self.cells.evaluated - before
        return PromptCost(total, evaluated, plan.moved, self.cells.approximate)

    def _cost_now(self, prompt: int) -> PromptCost:
        """The cost of a prompt that stands in the cache."""
        return PromptCost(prompt, 0, approximate=max(0, prompt - self.cells.exact))

    # --- the replies ------------------------------------------------------------------------------

    def _reply(self, request: Request, prompt: TokenPrompt, strand: Strand) -> Reply:
        """A reply behind the prompt, which stands in the cache."""
        sampler = self._model.sampler(request.sampling, prompt.tokens)
        reply = Reply(
            self._model, self._model.vocabulary, strand, self._masks, sampler, clock=self._clock
        )
        logits = self.cells.logits_at(len(prompt.tokens))
        assert logits is not None
        reply.kept = logits.copy()
        return reply

    def _write_group(
        self,
        group: Sequence[tuple[int, Request]],
        prompt: TokenPrompt,
        arrived: float,
        cost: PromptCost,
        stopped: Callable[[], bool],
    ) -> Iterator[tuple[int, Event]]:
        """Write replies side by side; the prompt stands in the cache."""
        if len(group) == 1:
            number, request = group[0]
            reply = self._reply(request, prompt, self.cells)
            reply.arrive(arrived, cost)
            begun = _Begun(request, prompt.tokens, reply, reply.write(request))
            for event in self._go_on(begun, stopped):
                yield number, event
            return
        lives = []
        try:
            for place, (number, request) in enumerate(group):
                branch = Branch(self._model, FIRST_BRANCH + place, prompt.tokens)
                reply = self._reply(request, prompt, branch)
                # The first one's cost is that of the prompt that all of them share.
                reply.arrive(arrived, self._cost_now(len(prompt.tokens)) if place else cost)
                lives.append(Live(number, reply, reply.write(request), branch))
            for number, event in write_in_step(self._model, lives):
                yield number, event
                if stopped():
                    for each in lives:
                        each.reply.stopped = True
        finally:
            for each in lives:
                each.close()

    def _go_on(self, begun: _Begun, stopped: Callable[[], bool]) -> Iterator[Event]:
        """The rest of one reply, from what was written ahead of it on."""
        reply = begun.reply
        try:
            for event in begun.events:
                if isinstance(event, Finished):
                    event = Finished(event.stop, reply.statistics())
                yield event
                reply.seen()
            reply.stopped = stopped()
            for step in begun.steps:
                if isinstance(step, Evaluate):
                    self._evaluate(step.tokens)
                else:
                    yield step
                reply.stopped = stopped()
        finally:
            begun.steps.close()
            reply.close()

    def _evaluate(self, tokens: Sequence[int]) -> None:
        """Evaluate tokens of a reply behind the cache's last."""
        for at in range(0, len(tokens), self._model.batch):
            piece = tokens[at : at + self._model.batch]
            self._model.evaluate(piece, len(self.cells.tokens))
            self.cells.extend(piece)


def _to_all(
    numbered: Sequence[tuple[int, Request]], reading: Generator[Reading, None, PromptCost]
) -> Generator[tuple[int, Event], None, PromptCost]:
    """Tell every reply that waits how far the reading is; returns what it cost."""
    while True:
        try:
            step = next(reading)
        except StopIteration as over:
            cost: PromptCost = over.value
            return cost
        for number, _ in numbered:
            yield number, step
