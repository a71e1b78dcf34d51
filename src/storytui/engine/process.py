"""The parent's half: an engine whose model lives in a child process, started again when it dies."""

import itertools
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path

from storytui.engine.answers import ReplyCheck, answers, encoded
from storytui.engine.api import (
    EngineDiedError,
    EngineError,
    EngineGaveUpError,
    Event,
    HowFar,
    Loading,
    Prompt,
    Readiness,
    Request,
)
from storytui.engine.calls import again
from storytui.engine.child import COMMAND, Child
from storytui.engine.counting import RememberedCounts, RememberedPrompts
from storytui.engine.log_file import open_log
from storytui.engine.messages import (
    Adapt,
    Adapted,
    Ahead,
    Count,
    Counted,
    Encode,
    EncodedAs,
    Events,
    Farewell,
    Generate,
    GoAhead,
    ModelConfig,
    Rebuild,
    Render,
    Rendered,
    Rest,
    Score,
    Stop,
    ToChild,
    Warm,
)
from storytui.engine.model_info import Adapter, ModelInfo
from storytui.engine.patience import Backoff, Deaths, Limits
from storytui.engine.planning import AsAsked, Planner, WithAdapters
from storytui.engine.questions import ask, ask_scores
from storytui.engine.scores import Encoded, Passage, Scored
from storytui.engine.sendable import sendable, sendable_passage, sendable_request


class ProcessEngine:
    """An engine whose model lives in a child process; started when it is first needed.

    The child may die at any moment, by a signal, by nonsense on the pipe or by a hang: whoever
    waits for it gets one error, and the next request starts another child, after a while where
    the last one did not live long.
    """

    def __init__(
        self,
        model: ModelConfig | Planner,
        log_path: Path | None = None,
        died: Callable[[EngineError], None] | None = None,
        *,
        command: Sequence[str] = COMMAND,
        limits: Limits | None = None,
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is started yet.

        Args:
            model: the model and how it runs, or who says so when the devices are known.
            log_path: where llama.cpp's and the child's own messages go; None: nowhere.
            died: called with the error each time the child dies, whether or not anybody waits for
                it; from a thread, which it must not hold up.
            command: what runs as the child.
            limits: when the child counts as hung.
            backoff: how a child that keeps dying is started again.
            clock: seconds, for the backoff.
        """
        self.planner = AsAsked(model) if isinstance(model, ModelConfig) else model
        """Says how the model is loaded."""
        self._plans = WithAdapters(self.planner)
        self._log_path = log_path
        self._told = died or (lambda _error: None)
        self._command = command
        self._limits = limits or Limits()
        self._deaths = Deaths(backoff or Backoff())
        self._clock = clock
        self._child: Child | None = None
        self._changed = threading.Condition()
        """Guards the child, the deaths and the two below; notified by `stop` and `close`."""
        self._unsaid = threading.local()
        """Why the loading that a thread has watched failed, until `load` says it there."""
        self._counts = RememberedCounts(self._count)
        self._prompts = RememberedPrompts(self._render)
        self._told_readiness: Callable[[Readiness], None] = lambda _readiness: None
        self._ahead_call = 0
        """The call of `ahead` whose readiness is told; 0: none."""
        self._warm: Warm | None = None
        """Where the evaluated state is kept."""
        self._stops = 0
        self._closed = False
        self._numbers = itertools.count(1)
        self._run = 0

    @property
    def pid(self) -> int | None:
        """Process number of the child; None while there is none."""
        child = self._child
        return None if child is None or child.ended else child.process.pid

    def loading(self) -> Iterator[Loading]:
        """Start the child where there is none; progress until the model is loaded or cannot be."""
        self._unsaid.problem = None
        known = self._child
        if known is None or known.info is None or known.problem is not None:
            yield Loading(0.0)
        try:
            self._loaded((yield from self._progress()))
        except EngineError as error:
            # Said by the `load` that follows, which must not start another child first.
            self._unsaid.problem = error

    def load(self) -> ModelInfo:
        """Start the child and wait for the model.

        Raises:
            ModelError: the model cannot be used.
            EngineDiedError: the child ended while it loaded.
            EngineGaveUpError: it did so several times in a row.
        """
        return self._loaded(self._ready())

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text; those that were counted before are not asked for again."""
        return self._counts([sendable(each) for each in texts])

    def prompt(self, message: str, opening: str = "") -> Prompt:
        """The prompt as the model sees it; the last few are remembered."""
        return self._prompts(sendable(message), sendable(opening))

    def generate(self, request: Request) -> Iterator[Event]:
        """Events of one reply."""
        for _, event in self.candidates((request,)):
            yield event

    def candidates(self, requests: Sequence[Request]) -> Iterator[tuple[int, Event]]:
        """Events of several replies to one prompt, each with its request's number."""
        child = self._ready()
        call = next(self._numbers)
        inbox = child.open_call(call)
        checks = [ReplyCheck(each) for each in requests]
        self._run = call
        try:
            child.send(Generate(call, tuple(map(sendable_request, requests))))
            while not all(each.finished for each in checks):
                message = child.answer(inbox)
                if not (isinstance(message, Events) and 0 <= message.candidate < len(checks)):
                    child.refuse(inbox)
                check = checks[message.candidate]
                for event in message.events:
                    if not check.takes(event):
                        child.refuse(inbox)
                    if check.finished:
                        self._forgive()
                    yield message.candidate, event
        finally:
            child.close_call(call)
            if not all(each.finished for each in checks):
                child.send(Stop(call))

    def score(self, passages: Sequence[Passage]) -> Iterator[Scored]:
        """How likely the texts of some passages are."""
        child = self._ready()
        call = self._run = next(self._numbers)
        yield from ask_scores(child, Score(call, tuple(map(sendable_passage, passages))))
        self._forgive()

    def encode(self, message: str, *pieces: str) -> Encoded:
        """A prompt and its reply in tokens."""
        texts = tuple(map(sendable, pieces))
        question = Encode(next(self._numbers), sendable(message), texts)
        return ask(self._ready(), question, EncodedAs, lambda it: encoded(it.encoded)).encoded

    def stop(self) -> None:
        """End the running generation within one batch, or the wait for a new child."""
        with self._changed:
            self._stops += 1
            self._changed.notify_all()
            child = self._child
        if child is not None:
            child.send(Stop(self._run))

    def adapt(self, adapters: Sequence[Adapter]) -> ModelInfo:
        """Have these adapters work, in this child and in those that are started after it."""
        self._ahead_call = 0
        wanted = tuple(adapters)
        with self._changed:
            before = self._plans.adapters
            if self._child is None or self._child.problem is not None:
                # The child that is started now begins with them.
                self._plans.adapters = wanted
        try:
            while True:
                child = self._ready()
                question = Adapt(next(self._numbers), wanted)
                info = ask(child, question, Adapted, lambda it: it.info.context > 0).info
                with self._changed:
                    if self._child is child:
                        self._plans.adapters = wanted
                        return info
        except EngineError:
            self._plans.adapters = before
            raise

    # --- ahead ------------------------------------------------------------------------------------

    def ahead(
        self, request: Request, how_far: HowFar, *, edited: bool = True, spare: bool = False
    ) -> None:
        """Do in the background what this request would begin with; nothing without a child."""
        call = self._ahead_call = next(self._numbers)
        self._tell(lambda: GoAhead(call, sendable_request(request), how_far, edited, spare))

    def rest(self) -> None:
        """Leave off what is done ahead."""
        self._ahead_call = 0
        self._tell(Rest)

    def rebuild(self) -> None:
        """Forget everything that is evaluated."""
        self._tell(Rebuild)

    def on_readiness(self, told: Callable[[Readiness], None]) -> None:
        """Have `told` called, in a thread, when more was done ahead."""
        self._told_readiness = told

    def _hear_ahead(self, said: Ahead) -> None:
        if said.call == self._ahead_call:
            self._told_readiness(said.readiness)

    def warm(self, path: Path, room: int) -> None:
        """Take up the evaluated state kept in a file; `close` keeps it there."""
        with self._changed:
            self._warm = Warm(str(path), room)
            child = self._child
        # One that still loads takes it up behind its model.
        if child is not None and not child.ended:
            child.send(self._warm)

    def _tell(self, message: Callable[[], ToChild]) -> None:
        """Say something that needs no answer to the child, where there is one with its model."""
        child = self._child
        if child is not None and child.info is not None and not child.ended:
            child.send(message())

    # --- the end ----------------------------------------------------------------------------------

    def on_death(self, told: Callable[[EngineError], None]) -> None:
        """Have `told` called with the error, in a thread, each time the child dies unasked."""
        self._told = told

    def close(self, wait: float = 0.0) -> None:
        """End the child.

        Args:
            wait: seconds that it may take to keep what it has read and to end: until then it holds
                the GPU's memory. 0: nobody waits for that.
        """
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            child = self._child
        if child is not None and self._warm is not None and child.info is not None:
            child.leave(Farewell(), wait)
        elif child is not None:
            child.end()

    # --- the child --------------------------------------------------------------------------------

    def _start(self) -> Child:
        """The child that lives, or a new one as soon as one may be started."""
        with self._changed:
            stops = self._stops
            while True:
                if self._closed:
                    raise EngineDiedError("The engine was closed.")
                child = self._child
                if child is not None and child.problem is None:
                    return child
                wait = self._deaths.wait(self._clock())
                if wait <= 0:
                    break
                self._changed.wait(wait)
                if self._stops != stops:
                    raise EngineError("Stopped before the model's process was started again.")
            if child is not None:
                # One that could not load the model, and may not have ended yet.
                child.dismiss()
            with open_log(self._log_path) as log:
                self._child = Child(
                    self._plans,
                    log,
                    command=self._command,
                    limits=self._limits,
                    died=self._mourn,
                    told=self._told,
                    ahead=self._hear_ahead,
                )
            if self._warm is not None:
                self._child.send(self._warm)
            return self._child

    def _mourn(self, how: str) -> EngineError:
        """A child died; the error that says so. Called in the child's thread."""
        with self._changed:
            count = self._deaths.add(self._clock())
        if count < self._deaths.backoff.most:
            return EngineDiedError(f"The model's process {how}; going on starts it again.")
        more = f"; the log {self._log_path} says more" if self._log_path is not None else ""
        return EngineGaveUpError(
            f"The model's process ended {count} times in a row{more}. "
            "Press the key again to try once more."
        )

    def _forgive(self) -> None:
        with self._changed:
            self._deaths.forget()

    def _progress(self) -> Generator[Loading, None, Child]:
        """A child that has loaded its model, or cannot.

        Where the memory is too small for it, another one that takes less follows at once.
        """
        while True:
            child = self._start()
            shown = 0.0
            while (step := child.load_step(shown)) is not None:
                shown = step
                yield Loading(shown)
            if not child.takes_less:
                return child

    def _ready(self) -> Child:
        """A child with its model loaded."""
        problem: EngineError | None = getattr(self._unsaid, "problem", None)
        if problem is not None:
            self._unsaid.problem = None
            raise again(problem)
        steps = self._progress()
        while True:
            try:
                next(steps)
            except StopIteration as end:
                child: Child = end.value
                self._loaded(child)
                return child

    def _loaded(self, child: Child) -> ModelInfo:
        with child.ready:
            if child.problem is not None:
                raise again(child.problem)
            assert child.info is not None
            return child.info

    def _count(self, texts: Sequence[str]) -> list[int]:
        question = Count(next(self._numbers), list(texts))
        return ask(self._ready(), question, Counted, lambda it: answers(it.counts, texts)).counts

    def _render(self, message: str, opening: str) -> Prompt:
        question = Render(next(self._numbers), message, opening)
        return ask(self._ready(), question, Rendered, lambda it: it.prompt.tokens >= 0).prompt
