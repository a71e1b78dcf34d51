"""The remote engine: a request becomes what a server is asked, its stream becomes events.

It keeps nothing that is evaluated and does nothing ahead: every reply sends its whole prompt, and
what the server remembers of it is the server's. A reply that breaks off gives out what came of it
and raises a ReplyBrokeOffError, so that its take is kept, marked as failed, with the reason.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from storytui.engine.answers import answers
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
)
from storytui.engine.counting import RememberedCounts
from storytui.engine.model_info import Adapter, ModelInfo
from storytui.engine.remote.address import parse_address
from storytui.engine.remote.counting import TEMPLATE_TOKENS, estimate
from storytui.engine.remote.errors import ReplyBrokeOffError
from storytui.engine.remote.key import Key, read_key
from storytui.engine.remote.look import Found, look
from storytui.engine.remote.meter import Meter
from storytui.engine.remote.reply import ReplyWriter
from storytui.engine.remote.request import (
    Manner,
    RemoteConfig,
    asked_alone,
    begun_of,
    body_of,
    first_manner,
    other_manner,
    path_of,
)
from storytui.engine.remote.server import Call, RefusedError, Server, StoppedError
from storytui.engine.remote.stream import Delta
from storytui.engine.scores import Encoded, Passage, Scored
from storytui.engine.template import PLAIN_FRAME

MOST_ASKED = 256
"""Texts of one call whose tokens the server is asked for, each in a request; more are estimated."""


class RemoteEngine:
    """Continues prompts by asking a server."""

    def __init__(
        self,
        config: RemoteConfig,
        *,
        consented: Callable[[], bool] = bool,
        key: Key | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Nothing is sent yet, and no key is read.

        Args:
            config: the server and how it is used.
            consented: says whether she agreed that story text is sent to it, where it is not her
                own; asked before anything is sent. By default she has not.
            key: to the server; None: as the settings say.
            clock: seconds.

        Raises:
            EngineError: the address is none.
        """
        self._config = config
        self._consented = consented
        self._key = key
        self._clock = clock
        self._address = parse_address(config.base_url)
        self._lock = threading.Lock()
        """Guards the six below."""
        self._calls: set[Call] = set()
        self._runs: set[Call] = set()
        """Those that `stop` ends."""
        self._server: Server | None = None
        self._found: Found | None = None
        self._closed = False
        self._manner: Manner | None = None
        self._counts = RememberedCounts(self._count)

    # --- loading ----------------------------------------------------------------------------------

    def loading(self) -> Iterator[Loading]:
        """Nothing is loaded here; `load` asks the server what it is."""
        yield from ()

    def load(self) -> ModelInfo:
        """What the server says of itself and its model.

        Raises:
            ConsentNeededError: it is not her own, and she has not agreed; nothing was sent.
            EngineError: it cannot be reached, refuses, or has no such model.
        """
        _, found = self._look()
        return ModelInfo(
            name=_name(found.model),
            path=self._address.url,
            architecture="remote",
            context=found.context,
            trained_context=found.context,
            layers=0,
            gpu_layers=0,
            backend=self._address.shown,
            threads=0,
            chat_template="default" if self._config.mode == "completion" else "remote",
            remote=True,
            can_move=False,
        )

    def _look(self) -> tuple[Server, Found]:
        with self._lock:
            server, found = self._server, self._found
        if server is None:
            server = Server(self._config, Key(), consented=self._consented)
            # Before anything else, so that she is asked for no key first.
            server.check()
            key = self._key or read_key(self._config, self._address.host)
            server = Server(self._config, key, consented=self._consented)
        else:
            # She may have taken it back since.
            server.check()
        if found is None:
            call = self._begin(run=True)
            try:
                found = look(server, self._config, call)
            except StoppedError:
                raise EngineError(f"{server.name} was not asked any further: stopped.") from None
            finally:
                self._end(call)
            with self._lock:
                self._server, self._found = server, found
                self._manner = first_manner(self._config, found.kind)
        return server, found

    # --- prompts ----------------------------------------------------------------------------------

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text: by llama-server's tokenizer on her own machines, else estimated.

        Servers elsewhere get no text of the story but what a reply needs.
        """
        return self._counts(texts)

    def _count(self, texts: Sequence[str]) -> list[int]:
        server, found = self._look()
        counts = [estimate(each) for each in texts]
        if not found.counts or len(texts) > MOST_ASKED:
            return counts
        call = self._begin()
        try:
            for number, text in enumerate(texts):
                body = {"content": text, "add_special": False, "parse_special": False}
                answer = server.ask(call, server.address.root + "/tokenize", body)
                tokens = answer.get("tokens") if isinstance(answer, dict) else None
                if not isinstance(tokens, list):
                    break
                counts[number] = len(tokens)
        except StoppedError:
            raise EngineError("Stopped before the story was counted.") from None
        finally:
            self._end(call)
        assert answers(counts, texts)
        return counts

    def prompt(self, message: str, opening: str = "") -> Prompt:
        """The prompt as far as it is known here: what a chat template adds is the server's."""
        frame = PLAIN_FRAME if self._config.mode == "completion" else None
        before, after = (frame.before, frame.after) if frame is not None else ("", "")
        texts = [each for each in (before, message, after, opening) if each]
        tokens = sum(self.count(texts)) + (TEMPLATE_TOKENS if frame is None else 1)
        return Prompt(tuple(PromptPart(each, False) for each in texts), tokens)

    # --- replies ----------------------------------------------------------------------------------

    def generate(self, request: Request) -> Iterator[Event]:
        """Events of one reply.

        Raises:
            ConsentNeededError: the server is not her own, and she has not agreed.
            ReplyBrokeOffError: the reply is not complete; what came of it was given out.
            PromptTooLongError: the server says so.
            EngineError: the server cannot be reached, or refuses.
        """
        call = self._begin(run=True)
        try:
            yield from self._write(request, call)
        finally:
            self._end(call)

    def candidates(self, requests: Sequence[Request]) -> Iterator[tuple[int, Event]]:
        """Events of several replies to one prompt, in turn."""
        call = self._begin(run=True)
        try:
            for number, request in enumerate(requests):
                for event in self._write(request, call):
                    yield number, event
        finally:
            self._end(call)

    def _write(self, request: Request, call: Call) -> Iterator[Event]:
        arrived = self._clock()
        try:
            server, found = self._look()
            prompt = self.prompt(request.message).tokens
        except EngineError:
            if not call.stopped:
                raise
            yield Finished("stopped", Meter(0, self._clock, arrived).statistics())
            return
        meter = Meter(prompt, self._clock, arrived)
        writer = ReplyWriter(request)
        finish = ""
        yield Reading(0, 0)
        try:
            # Each request ends a segment, or more.
            for _ in request.segments:
                finish, writer.over = "", False
                # A short request is heard to its end: servers notice late that nobody listens, and
                # would not begin the next before.
                short = asked_alone(request.segments[len(writer.texts) :])
                for events, delta in self._replies(server, found, request, writer, call):
                    yield from meter.take(delta, reading=not writer.begun)
                    yield from events
                    finish = delta.finish or finish
                    if writer.stop or (writer.over and not (short and writer.ours)):
                        break
                call.leave()
                meter.next_request()
                yield from writer.end(finish)
                if writer.stop or not writer.ours:
                    break
        except StoppedError:
            yield from writer.stopped()
        except EngineError:
            yield from writer.broken_off()
            raise
        if writer.stop != "stopped" and not writer.answered:
            raise ReplyBrokeOffError(_no_answer(server, finish))
        yield Finished(writer.stop, meter.statistics())

    def _replies(
        self, server: Server, found: Found, request: Request, writer: ReplyWriter, call: Call
    ) -> Iterator[tuple[list[Event], Delta]]:
        """What one request brings; asked in another way where the server refuses the first."""
        manner = self._manner or first_manner(self._config, found.kind)
        while True:
            writer.ours = manner.prefill
            done = len(writer.texts)
            begun = begun_of(request.segments, writer.texts) if manner.prefill else ""
            body = body_of(
                request,
                self._config,
                manner,
                found.model,
                begun=begun,
                left=request.segments[done:],
            )
            began = False
            try:
                for delta in server.stream(call, path_of(self._config), body):
                    events: list[Event] = []
                    # Not before any text: until then the prompt is being read.
                    if not began and (delta.text or delta.thought):
                        began = True
                        events += writer.begin()
                    if delta.thought:
                        events += writer.thought(delta.thought)
                    if delta.text:
                        events += writer.text(delta.text)
                    yield events, delta
                if not began:
                    yield writer.begin(), Delta()
                return
            except RefusedError as refused:
                other = other_manner(manner, self._config, refused.words)
                if other is None:
                    raise refused.error from None
                self._manner = manner = other

    def stop(self) -> None:
        """End the running generation: its connection is closed at once."""
        with self._lock:
            runs = list(self._runs)
        for run in runs:
            run.stop()

    # --- what there is nothing to do for ----------------------------------------------------------

    def score(self, passages: Sequence[Passage]) -> Iterator[Scored]:
        """Nothing is scored here.

        Raises:
            EngineError: always.
        """
        raise EngineError(
            f"The server at {self._address.shown} does not tell how likely a text is. Score texts "
            "with a GGUF file on this machine."
        )

    def encode(self, message: str, *pieces: str) -> Encoded:
        """No tokens are told here.

        Raises:
            EngineError: always.
        """
        raise EngineError(
            f"The server at {self._address.shown} does not tell the tokens of a reply. Use a GGUF "
            "file on this machine."
        )

    def ahead(
        self, request: Request, how_far: HowFar, *, edited: bool = True, spare: bool = False
    ) -> None:
        """Nothing: a server is asked for what she asks for."""

    def rest(self) -> None:
        """Nothing is done ahead."""

    def rebuild(self) -> None:
        """Nothing is kept here; whether the server keeps anything is its own affair."""

    def adapt(self, adapters: Sequence[Adapter]) -> ModelInfo:
        """Nothing where none is to work; a server's adapters are not switched from here.

        Raises:
            EngineError: one is to work.
        """
        if adapters:
            raise EngineError(
                "The model runs on a server, and its adapters are not chosen here. Have the "
                "server load the adapter, or use a model on this machine."
            )
        return self.load()

    def on_readiness(self, told: Callable[[Readiness], None]) -> None:
        """Nothing is ever ready ahead."""

    def warm(self, path: Path, room: int) -> None:
        """Nothing is evaluated here that could be kept."""

    def on_death(self, told: Callable[[EngineError], None]) -> None:
        """There is no process here that could die."""

    # --- the end ----------------------------------------------------------------------------------

    def close(self, wait: float = 0.0) -> None:
        """Close every connection; the engine is not used afterwards."""
        with self._lock:
            self._closed = True
            calls = list(self._calls)
        for call in calls:
            call.stop()

    def _begin(self, *, run: bool = False) -> Call:
        call = Call()
        with self._lock:
            if self._closed:
                raise EngineDiedError("The engine was closed.")
            self._calls.add(call)
            if run:
                self._runs.add(call)
        return call

    def _end(self, call: Call) -> None:
        call.leave()
        with self._lock:
            self._calls.discard(call)
            self._runs.discard(call)


def _name(model: str) -> str:
    """A model's name for her: llama-server calls a model by its whole path."""
    return model.replace("\\", "/").rpartition("/")[2] if model.endswith(".gguf") else model


def _no_answer(server: Server, finish: str) -> str:
    if finish == "length":
        return (
            f"{server.name} spent the reply's tokens before the answer began. Ask for a longer "
            "answer, or give the model tokens for thoughts of its own in the settings."
        )
    if finish == "content_filter":
        return f"{server.name} held the answer back: its filter does not let this story through."
    return f"{server.name} ended its reply without an answer. Ask again, or use another model."
