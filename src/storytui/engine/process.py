"""The parent's half: starts the child that owns the model, talks to it, stops and restarts it."""

import contextlib
import itertools
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, TypeVar

import msgspec

from storytui.engine.api import (
    EngineDiedError,
    EngineError,
    Event,
    Finished,
    Loading,
    ModelInfo,
    Prompt,
    Request,
)
from storytui.engine.messages import (
    FROM_CHILD,
    PROTOCOL,
    Channel,
    Count,
    Counted,
    Events,
    Failed,
    FromChild,
    Generate,
    Load,
    Loaded,
    LoadProgress,
    ModelConfig,
    Render,
    Rendered,
    Stop,
    ToChild,
    error_of,
)

END_SECONDS = 2.0
"""A child that does not end with its pipe by then is killed."""
LOG_BYTES = 1_000_000
"""A longer log is begun anew."""

_Answer = TypeVar("_Answer", Counted, Rendered)


class _Child:
    """One child process, from its start to its end."""

    def __init__(self, config: ModelConfig, log: IO[bytes]) -> None:
        # -P: a file in the folder where she writes must not be imported as a module.
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-X", "utf8", "-m", "storytui.engine.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._stdin = self.process.stdin
        self._channel = Channel(self.process.stdout, self.process.stdin)
        self._sending = threading.Lock()
        self.progress = 0.0
        self.info: ModelInfo | None = None
        self.problem: EngineError | None = None
        """Why the model is not loaded, or the child has ended."""
        self.ready = threading.Condition()
        self._calls: dict[int, queue.SimpleQueue[FromChild | EngineError]] = {}
        self.ended = False
        threading.Thread(target=self._listen, name="engine-listen", daemon=True).start()
        self.send(Load(PROTOCOL, config))

    def send(self, message: ToChild) -> None:
        """Send a message; a child that is gone is found by the listener."""
        with contextlib.suppress(OSError, ValueError), self._sending:
            self._channel.send(message)

    def open_call(self, call: int) -> "queue.SimpleQueue[FromChild | EngineError]":
        """Where the answers to a call arrive."""
        inbox: queue.SimpleQueue[FromChild | EngineError] = queue.SimpleQueue()
        with self.ready:
            if self.ended:
                inbox.put(self._death())
            self._calls[call] = inbox
        return inbox

    def close_call(self, call: int) -> None:
        """What still arrives for a call is dropped."""
        with self.ready:
            self._calls.pop(call, None)

    def _listen(self) -> None:
        try:
            while (body := self._channel.receive_bytes()) is not None:
                self._take(FROM_CHILD.decode(body))
        except (EngineError, msgspec.MsgspecError, OSError):
            # Nonsense on the pipe: a child that cannot be understood is as good as dead.
            self.process.kill()
        self.process.wait()
        with self.ready:
            self.ended = True
            if self.problem is None:
                self.problem = self._death()
            for inbox in self._calls.values():
                inbox.put(self._death())
            self.ready.notify_all()

    def _take(self, message: FromChild) -> None:
        with self.ready:
            if isinstance(message, LoadProgress):
                self.progress = message.fraction
            elif isinstance(message, Loaded):
                self.info = message.info
            elif isinstance(message, Failed) and message.call == 0:
                self.problem = error_of(message)
            else:
                inbox = self._calls.get(message.call)
                if inbox is not None:
                    inbox.put(message)
                return
            self.ready.notify_all()

    def _death(self) -> EngineDiedError:
        code = self.process.poll()
        how = "ended"
        if code is not None and code < 0:
            try:
                how = f"was ended by {signal.Signals(-code).name}"
            except ValueError:
                how = f"was ended by signal {-code}"
        return EngineDiedError(f"The model's process {how}; going on starts it again.")

    def end(self) -> None:
        """Close the pipe, which ends the child; kill it where that does not help."""
        with contextlib.suppress(OSError):
            self._stdin.close()
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class ProcessEngine:
    """An engine whose model lives in a child process; started when it is first needed."""

    def __init__(self, config: ModelConfig, log_path: Path | None = None) -> None:
        """Nothing is started yet.

        Args:
            config: the model and how it runs.
            log_path: where llama.cpp's and the child's own messages go; None: nowhere.
        """
        self._config = config
        self._log_path = log_path
        self._child: _Child | None = None
        self._starting = threading.Lock()
        self._numbers = itertools.count(1)
        self._run = 0
        self._closed = False

    @property
    def pid(self) -> int | None:
        """Process number of the child; None while there is none."""
        child = self._child
        return None if child is None or child.ended else child.process.pid

    def load(self) -> ModelInfo:
        """Start the child and wait for the model.

        Raises:
            ModelError: the model cannot be used.
            EngineDiedError: the child ended while it loaded.
        """
        return self._loaded(self._ready())

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text."""
        answer = self._ask(lambda call: Count(call, list(texts)), Counted)
        return answer.counts

    def prompt(self, message: str, opening: str = "") -> Prompt:
        """The prompt as the model sees it."""
        return self._ask(lambda call: Render(call, message, opening), Rendered).prompt

    def generate(self, request: Request) -> Iterator[Event]:
        """Events of one reply."""
        child = self._ready()
        call = next(self._numbers)
        inbox = child.open_call(call)
        self._run = call
        child.send(Generate(call, request))
        finished = False
        try:
            while not finished:
                message = inbox.get()
                if isinstance(message, EngineError):
                    finished = True
                    raise message
                if isinstance(message, Failed):
                    finished = True
                    raise error_of(message)
                if isinstance(message, Events):
                    for event in message.events:
                        finished = finished or isinstance(event, Finished)
                        yield event
        finally:
            child.close_call(call)
            if not finished:
                child.send(Stop(call))

    def stop(self) -> None:
        """End the running generation within one batch."""
        child = self._child
        if child is not None:
            child.send(Stop(self._run))

    def close(self) -> None:
        """End the child."""
        self._closed = True
        with self._starting:
            if self._child is not None:
                self._child.end()

    def _start(self) -> _Child:
        with self._starting:
            if self._closed:
                raise EngineDiedError("The engine was closed.")
            child = self._child
            if child is None or child.ended:
                with self._log() as log:
                    child = self._child = _Child(self._config, log)
            return child

    def _log(self) -> IO[bytes]:
        if self._log_path is None:
            return open(os.devnull, "ab")
        try:
            self._log_path.parent.mkdir(parents=True, exist_ok=True)
            long = self._log_path.exists() and self._log_path.stat().st_size > LOG_BYTES
            return self._log_path.open("wb" if long else "ab")
        except OSError as error:
            raise EngineError(
                f"the log {self._log_path} cannot be written: {error.strerror}"
            ) from error

    def loading(self) -> Iterator[Loading]:
        """Start the child where there is none; progress until the model is loaded or cannot be."""
        return self._progress(self._start())

    def _progress(self, child: _Child) -> Iterator[Loading]:
        shown = -1.0
        while True:
            with child.ready:
                if child.info is None and child.problem is None and child.progress == shown:
                    child.ready.wait()
                if child.info is not None or child.problem is not None:
                    return
                shown = child.progress
            yield Loading(shown)

    def _ready(self) -> _Child:
        """A child with its model loaded."""
        child = self._start()
        for _ in self._progress(child):
            pass
        self._loaded(child)
        return child

    def _loaded(self, child: _Child) -> ModelInfo:
        with child.ready:
            if child.problem is not None:
                raise child.problem
            assert child.info is not None
            return child.info

    def _ask(self, message: Callable[[int], ToChild], kind: type[_Answer]) -> _Answer:
        child = self._ready()
        call = next(self._numbers)
        inbox = child.open_call(call)
        try:
            child.send(message(call))
            answer = inbox.get()
        finally:
            child.close_call(call)
        if isinstance(answer, EngineError):
            raise answer
        if isinstance(answer, Failed):
            raise error_of(answer)
        if not isinstance(answer, kind):
            raise EngineError("the model's process gave the wrong answer")
        return answer
