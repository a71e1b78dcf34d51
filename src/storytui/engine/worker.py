"""The child process that owns the model: reads calls, writes events, ends with its pipe.

Started as `python -m storytui.engine.worker`. Standard input and output are moved to private
descriptors first, so that what native code prints can only reach the log.
"""

import faulthandler
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn

from storytui.engine.api import EngineError, Event, ModelError, Reading, Text
from storytui.engine.messages import (
    PROTOCOL,
    Alive,
    BrokenPipeProtocolError,
    Channel,
    Count,
    Counted,
    Events,
    Failed,
    Generate,
    Load,
    Loaded,
    LoadProgress,
    ModelConfig,
    Render,
    Rendered,
    Stop,
    failure,
    to_child,
)
from storytui.engine.tokens import TokenCounts, render_prompt

if TYPE_CHECKING:
    from storytui.engine.llama import LlamaModel

FLUSH_SECONDS = 0.05
"""Events are sent together for so long: each message wakes the editor, which shares the CPU."""
BEAT_SECONDS = 10.0
"""How often a busy child gives a sign of life."""

OpenModel = Callable[[ModelConfig, Callable[[float], None]], "LlamaModel"]
"""Loads a model, telling how far it is."""


def take_over_pipes() -> Channel:
    """Move the pipes away from descriptors 0 and 1, which native code may use."""
    reader = os.fdopen(os.dup(0), "rb")
    writer = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    os.dup2(2, 1)
    return Channel(reader, writer)


def open_llama(config: ModelConfig, on_progress: Callable[[float], None]) -> "LlamaModel":
    """Load the model with llama.cpp; raises ModelError."""
    from storytui.engine.llama import LlamaModel

    return LlamaModel(config, on_progress)


class Worker:
    """The child's threads: one listens and counts, one owns the model, one gives signs of life."""

    def __init__(self, channel: Channel, open_model: OpenModel = open_llama) -> None:
        self._channel = channel
        self._open_model = open_model
        self._sending = threading.Lock()
        self._runs: queue.SimpleQueue[Generate] = queue.SimpleQueue()
        self._stopped: set[int] = set()
        self._done = 0
        """The last run that was finished."""
        self._first: queue.SimpleQueue[Load] = queue.SimpleQueue()
        self._counter: TokenCounts | None = None
        self._busy = threading.Event()
        """Set while the model is loaded or writes."""

    def run(self) -> None:
        """Load the model and serve until the pipe closes, which ends the process."""
        threading.Thread(target=self._listen, name="listen", daemon=True).start()
        threading.Thread(target=self._beat, name="beat", daemon=True).start()
        load = self._first.get()
        if load.protocol != PROTOCOL:
            self._send(
                failure(0, EngineError("Two versions of storytui are mixed; start it anew."))
            )
            return
        try:
            self._serve(load.config)
        except ModelError as error:
            self._send(failure(0, error))

    def _serve(self, config: ModelConfig) -> None:
        from storytui.engine.writing import Writer

        shown = -1.0

        def report(fraction: float) -> None:
            nonlocal shown
            if fraction - shown >= 0.01:
                shown = fraction
                self._send(LoadProgress(fraction))

        self._busy.set()
        model = self._open_model(config, report)
        writer = Writer(model)
        self._model = model
        self._counter = TokenCounts(model.vocabulary)
        self._send(Loaded(model.info))
        writer.prepare()
        while True:
            self._busy.clear()
            call = self._runs.get()
            self._busy.set()
            try:
                self._forward(
                    call.call,
                    writer.write(call.request, lambda run=call.call: run in self._stopped),  # type: ignore[misc]
                )
            except EngineError as error:
                self._send(failure(call.call, error))
            self._done = call.call
            self._stopped.discard(call.call)

    def _beat(self) -> None:
        while True:
            self._busy.wait()
            time.sleep(BEAT_SECONDS)
            if self._busy.is_set():
                self._send(Alive())

    def _forward(self, run: int, events: Iterator[Event]) -> None:
        """Send events, those of a moment together."""
        waiting: list[Event] = []
        due = 0.0
        for event in events:
            waiting.append(event)
            now = time.perf_counter()
            if not isinstance(event, Text | Reading) or now >= due:
                self._send(Events(run, waiting))
                waiting = []
                due = now + FLUSH_SECONDS
        if waiting:
            self._send(Events(run, waiting))

    def _listen(self) -> None:
        while True:
            try:
                body = self._channel.receive_bytes()
                message = None if body is None else to_child(body)
            except (BrokenPipeProtocolError, OSError) as error:
                _end(f"{type(error).__name__}: the editor sent what is no message", 1)
            match message:
                case None:
                    # The editor is gone. Nothing here is worth keeping; native code may be busy.
                    _end()
                case Load():
                    self._first.put(message)
                case Generate():
                    self._runs.put(message)
                case Stop(call):
                    if call > self._done:
                        self._stopped.add(call)
                case Count(call, texts):
                    self._answer_count(call, texts)
                case Render(call, text, opening):
                    self._answer_render(call, text, opening)

    # The vocabulary may be read while the other thread decodes.

    def _answer_count(self, call: int, texts: list[str]) -> None:
        if self._counter is None:
            self._send(failure(call, EngineError("the model is not loaded yet")))
            return
        try:
            self._send(Counted(call, self._counter.count(texts)))
        except EngineError as error:
            self._send(failure(call, error))

    def _answer_render(self, call: int, text: str, opening: str) -> None:
        if self._counter is None:
            self._send(failure(call, EngineError("the model is not loaded yet")))
            return
        try:
            prompt = render_prompt(self._model.frame, text, opening, self._model.vocabulary)
            self._send(Rendered(call, prompt))
        except EngineError as error:
            self._send(failure(call, error))

    def _send(
        self, message: LoadProgress | Loaded | Counted | Rendered | Events | Failed | Alive
    ) -> None:
        try:
            with self._sending:
                self._channel.send(message)
        except OSError:
            # The editor is gone.
            _end()


def _end(line: str = "", status: int = 0) -> NoReturn:
    """End the process now, from any thread: native code may be busy and cannot be waited for."""
    if line:
        sys.stderr.write(line + "\n")
    sys.stderr.flush()
    os._exit(status)


def _note(
    kind: type[BaseException], _error: BaseException | None, trace: TracebackType | None
) -> NoReturn:
    """Write down where a fault happened, and end.

    What the error says is left out: it may hold what she wrote.
    """
    where = "".join(traceback.format_tb(trace))
    _end(f"{where}{kind.__name__}; its message is left out, it may hold text of the story", 1)


def main(open_model: OpenModel = open_llama) -> None:
    """Run the child."""
    # Ctrl-C in a terminal reaches the whole group; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = take_over_pipes()
    sys.stdout = sys.stderr
    sys.excepthook = _note
    threading.excepthook = lambda each: _note(each.exc_type, each.exc_value, each.exc_traceback)
    faulthandler.enable()
    Worker(channel, open_model).run()
    _end()


if __name__ == "__main__":
    main()
