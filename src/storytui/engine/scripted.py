"""An engine that plays back a script: for tests, and for looking at the interface."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from storytui.engine.adapting import adapted
from storytui.engine.api import (
    EngineDiedError,
    EngineError,
    Event,
    Finished,
    HowFar,
    Loading,
    Prompt,
    PromptPart,
    Readiness,
    Reading,
    Request,
    SegmentEnded,
    SegmentStarted,
    Statistics,
    Text,
)
from storytui.engine.model_info import Adapter, ModelInfo
from storytui.engine.scores import Encoded, Passage, Scored


@dataclass(frozen=True, slots=True)
class Wait:
    """A step of a script: play nothing more until `ScriptedEngine.go_on` is called."""


@dataclass(frozen=True, slots=True)
class Fail:
    """A step of a script: the engine fails here."""

    error: EngineError


Step = Event | Wait | Fail
Script = Sequence[Step]


@dataclass(frozen=True, slots=True)
class AskedAhead:
    """One call of `ahead`."""

    request: Request
    how_far: HowFar
    edited: bool
    spare: bool


SCRIPTED_MODEL = ModelInfo(
    name="Scripted",
    path="scripted.gguf",
    architecture="script",
    context=4096,
    trained_context=4096,
    layers=1,
    gpu_layers=0,
    backend="CPU",
    threads=1,
    chat_template="default",
)
"""What a scripted engine says it has loaded."""


def segment(name: str, text: str, *, step: int = 5, why: str = "closed") -> tuple[Step, ...]:
    """The events of one segment, its text in pieces of `step` characters."""
    pieces = [text[at : at + step] for at in range(0, len(text), step)]
    return (
        SegmentStarted(name),
        *(Text(name, piece) for piece in pieces),
        SegmentEnded(name, why),
    )


def reply(reasoning: str, answer: str, *, step: int = 5) -> tuple[Step, ...]:
    """A whole reply: the prompt is read, then reasoning and answer come in small pieces."""
    return (
        Reading(0, 100),
        Reading(100, 100),
        *(segment("reasoning", reasoning, step=step) if reasoning else ()),
        *segment("answer", answer, step=step, why="length"),
    )


def _tokens(text: str) -> tuple[int, ...]:
    """A number above 0 for every four characters begun."""
    pieces = (text[at : at + 4] for at in range(0, len(text), 4))
    return tuple(1 + int.from_bytes(sha256(each.encode()).digest()[:2]) for each in pieces)


def scored_by_chance(passage: Passage) -> Scored:
    """A score that depends on nothing but the passage, and on some chance."""
    starts = tuple(range(0, len(passage.text), 4))
    known = set(passage.opening.casefold().split())
    logprobs = []
    for at in starts:
        piece = passage.text[at : at + 4]
        asked = f"{'bare' if passage.bare else ''}{passage.message}\0{passage.opening}\0{at}"
        chance = sha256(asked.encode()).digest()[0] / 256
        told = any(each in known for each in piece.casefold().split())
        logprobs.append(-4.0 - chance + 2.0 * told)
    return Scored(
        tokens=_tokens(passage.text),
        logprobs=tuple(logprobs),
        starts=starts,
        evaluated=len(starts),
    )


class ScriptedEngine:
    """Plays its scripts one after the other, a script a request; after the last, the first again.

    Whatever a script says, `stop` ends it, and a script that does not end with `Finished` gets
    one. What is asked ahead is written down, and done at once where `reads_ahead` says so.
    """

    def __init__(
        self,
        scripts: Sequence[Script],
        *,
        info: ModelInfo = SCRIPTED_MODEL,
        load: Script = (),
        reads_ahead: bool = True,
    ) -> None:
        """Take the scripts.

        Args:
            scripts: one for each request.
            info: what it says it has loaded.
            load: what happens on loading: `Loading`, `Wait` and `Fail`.
            reads_ahead: whether it says, as soon as it is asked, that all was read; otherwise
                `tell` says how far it is.
        """
        self.requests: list[Request] = []
        """Every request it was given."""
        self.scored: list[Passage] = []
        """Every passage it scored."""
        self.closed = False
        self.asked_ahead: list[AskedAhead] = []
        """Every call of `ahead`."""
        self.rests = 0
        """How often it was told to rest."""
        self.rebuilds = 0
        """How often it was told to read everything again."""
        self.adapters: tuple[Adapter, ...] = ()
        """What `adapt` laid over the model last."""
        self.adapter_error: EngineError | None = None
        """Why `adapt` fails; None: it does not."""
        self.kept_in: tuple[Path, int] | None = None
        """The file and the room that `warm` named."""
        self.reads_ahead = reads_ahead
        """Whether it says at once that all was read."""
        self._tell: Callable[[Readiness], None] = lambda _readiness: None
        self._scripts = scripts
        self._info = info
        self._load = load
        self._loaded = False
        self._load_error: EngineError | None = None
        self._loading = threading.Lock()
        self._told: Callable[[EngineError], None] = lambda _error: None
        self._stop = False
        self._leave = 0
        self._state = threading.Condition()

    def go_on(self) -> None:
        """Let the script go past one `Wait`, the one it stands at or the next one to come."""
        with self._state:
            self._leave += 1
            self._state.notify_all()

    # --- the Engine protocol --------------------------------------------------------------------

    def loading(self) -> Iterator[Loading]:
        """Play the steps of loading until one fails; a model that is loaded stays so."""
        with self._loading:
            if self._loaded or self._load_error is not None:
                return
            for step in self._load:
                if isinstance(step, Wait):
                    self._wait()
                elif isinstance(step, Loading):
                    yield step
                elif isinstance(step, Fail):
                    self._load_error = step.error
                    return
            self._loaded = True

    def load(self) -> ModelInfo:
        """Play the steps of loading where they were not played.

        Raises:
            EngineError: the script says so; the next call tries again.
        """
        for _ in self.loading():
            pass
        error, self._load_error = self._load_error, None
        if error is not None:
            raise error
        return self._info

    def count(self, texts: Sequence[str]) -> list[int]:
        """A token for every four characters begun."""
        return [-(-len(text) // 4) for text in texts]

    def prompt(self, message: str, opening: str = "") -> Prompt:
        """The message between two control tokens, then the opening."""
        parts = (
            PromptPart("<|user|>", True),
            PromptPart(message, False),
            PromptPart("<|assistant|>", True),
            *((PromptPart(opening, False),) if opening else ()),
        )
        return Prompt(parts, sum(self.count([part.text for part in parts])))

    def generate(self, request: Request) -> Iterator[Event]:
        """Play the next script.

        Raises:
            EngineError: the script says so, or the engine was closed.
        """
        script = self._next_script(request)
        self._stop = False
        yield from self._play(script)

    def _next_script(self, request: Request) -> Script:
        script = self._scripts[len(self.requests) % len(self._scripts)]
        self.requests.append(request)
        return script

    def _play(self, script: Script) -> Iterator[Event]:
        sampled, current = 0, ""
        for step in script:
            if isinstance(step, Wait):
                self._wait()
            if self.closed:
                raise EngineDiedError("The engine was closed while it wrote.")
            if self._stop:
                if current:
                    yield SegmentEnded(current, "stopped")
                yield Finished("stopped", self._statistics(sampled))
                return
            if isinstance(step, Fail):
                raise step.error
            if isinstance(step, Wait):
                continue
            if isinstance(step, SegmentStarted):
                current = step.segment
            elif isinstance(step, SegmentEnded):
                current = ""
            elif isinstance(step, Text):
                sampled += 1
            yield step
            if isinstance(step, Finished):
                return
        yield Finished("length", self._statistics(sampled))

    def candidates(self, requests: Sequence[Request]) -> Iterator[tuple[int, Event]]:
        """Play the next scripts side by side, an event of each in turn.

        Raises:
            EngineError: a script says so, or the engine was closed.
        """
        scripts = [self._next_script(request) for request in requests]
        self._stop = False
        playing = {number: self._play(script) for number, script in enumerate(scripts)}
        while playing:
            for number, events in list(playing.items()):
                event = next(events, None)
                if event is None:
                    del playing[number]
                else:
                    yield number, event

    def score(self, passages: Sequence[Passage]) -> Iterator[Scored]:
        """Give every four characters a token, and a score that depends on nothing but the passage.

        A piece of text is the likelier the more of its words the opening has.

        Raises:
            EngineDiedError: the engine was closed.
        """
        self._stop = False
        for passage in passages:
            if self.closed:
                raise EngineDiedError("The engine was closed while it scored.")
            if self._stop:
                return
            self.scored.append(passage)
            yield scored_by_chance(passage)

    def encode(self, message: str, *pieces: str) -> Encoded:
        """A token for every four characters begun, as `count` counts."""
        parts = [part.text for part in self.prompt(message).parts]
        prompt = tuple(token for part in parts for token in _tokens(part))
        reply = tuple(token for piece in pieces for token in _tokens(piece))
        return Encoded(tokens=prompt + reply, reply=len(prompt), end=0)

    def ahead(
        self, request: Request, how_far: HowFar, *, edited: bool = True, spare: bool = False
    ) -> None:
        """Write down what was asked."""
        self.asked_ahead.append(AskedAhead(request, how_far, edited, spare))
        if self.reads_ahead and how_far != "off":
            self.tell(Readiness(done=100, total=100, thought=how_far != "read"))

    def rest(self) -> None:
        """Count it."""
        self.rests += 1

    def rebuild(self) -> None:
        """Count it."""
        self.rebuilds += 1

    def adapt(self, adapters: Sequence[Adapter]) -> ModelInfo:
        """Write down which adapters are to work.

        Raises:
            EngineError: the test says so.
        """
        self.load()
        if self.adapter_error is not None:
            raise self.adapter_error
        self.adapters = tuple(adapters)
        self._info = adapted(self._info, self.adapters)
        return self._info

    def on_readiness(self, told: Callable[[Readiness], None]) -> None:
        """Remember who is to be told: `tell` tells them."""
        self._tell = told

    def tell(self, readiness: Readiness) -> None:
        """Tell how far the engine is with what was asked ahead."""
        self._tell(readiness)

    def warm(self, path: Path, room: int) -> None:
        """Write down where the evaluated state is to be kept."""
        self.kept_in = path, room

    def stop(self) -> None:
        """End the script that plays."""
        with self._state:
            self._stop = True
            self._state.notify_all()

    def on_death(self, told: Callable[[EngineError], None]) -> None:
        """Remember who is to be told: `die` tells them."""
        self._told = told

    def die(self, error: EngineError) -> None:
        """Tell that the process that owns the model has ended."""
        self._loaded = False
        self._told(error)

    def close(self, wait: float = 0.0) -> None:
        """End the script that plays, with an error."""
        with self._state:
            self.closed = True
            self._state.notify_all()

    def _wait(self) -> None:
        """Stand until told to go on, to stop or to close."""
        with self._state:
            self._state.wait_for(lambda: self._leave or self._stop or self.closed)
            if self._leave:
                self._leave -= 1

    def _statistics(self, sampled: int) -> Statistics:
        return Statistics(
            prompt_tokens=100,
            reused_tokens=0,
            evaluated_tokens=100,
            generated_tokens=sampled,
            first_token_ms=10.0,
            tokens_per_second=40.0,
        )
