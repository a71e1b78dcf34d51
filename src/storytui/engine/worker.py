"""The child process that owns the model: reads calls, writes events, ends with its pipe.

Started as `python -m storytui.engine.worker`. Standard input and output are moved to private
descriptors first, so that what native code prints can only reach the log.
"""

import contextlib
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterator

import msgspec

from storytui.engine.api import EngineError, Event, ModelError, Reading, Text
from storytui.engine.messages import (
    PROTOCOL,
    TO_CHILD,
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
)
from storytui.engine.tokens import TokenCounts, render_prompt

FLUSH_SECONDS = 0.05
"""Events are sent together for so long: each message wakes the editor, which shares the CPU."""


def take_over_pipes() -> Channel:
    """Move the pipes away from descriptors 0 and 1, which native code may use."""
    reader = os.fdopen(os.dup(0), "rb")
    writer = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    os.dup2(2, 1)
    return Channel(reader, writer)


class Worker:
    """The child's two threads: one listens and counts, the other owns the model."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._sending = threading.Lock()
        self._runs: queue.SimpleQueue[Generate] = queue.SimpleQueue()
        self._stopped: set[int] = set()
        self._first: queue.SimpleQueue[Load] = queue.SimpleQueue()
        self._counter: TokenCounts | None = None

    def run(self) -> None:
        """Load the model and serve until the pipe closes, which ends the process."""
        threading.Thread(target=self._listen, name="listen", daemon=True).start()
        load = self._first.get()
        if load.protocol != PROTOCOL:
            self._send(failure(0, EngineError("two versions of storytui are mixed; start it anew")))
            return
        try:
            self._serve(load.config)
        except ModelError as error:
            self._send(failure(0, error))

    def _serve(self, config: ModelConfig) -> None:
        from storytui.engine.llama import LlamaModel
        from storytui.engine.writing import Writer

        shown = -1.0

        def report(fraction: float) -> None:
            nonlocal shown
            if fraction - shown >= 0.01:
                shown = fraction
                self._send(LoadProgress(fraction))

        model = LlamaModel(config, report)
        writer = Writer(model)
        self._model = model
        self._counter = TokenCounts(model.vocabulary)
        self._send(Loaded(model.info))
        writer.prepare()
        while True:
            call = self._runs.get()
            try:
                self._forward(
                    call.call,
                    writer.write(call.request, lambda run=call.call: run in self._stopped),  # type: ignore[misc]
                )
            except EngineError as error:
                self._send(failure(call.call, error))
            self._stopped.discard(call.call)

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
            body = self._channel.receive_bytes()
            if body is None:
                # The editor is gone. Nothing here is worth keeping, and native code may be busy.
                os._exit(0)
            message = TO_CHILD.decode(body)
            match message:
                case Load():
                    self._first.put(message)
                case Generate():
                    self._runs.put(message)
                case Stop(call):
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

    def _send(self, message: LoadProgress | Loaded | Counted | Rendered | Events | Failed) -> None:
        with self._sending:
            self._channel.send(message)


def main() -> None:
    """Run the child."""
    # Ctrl-C in a terminal reaches the whole group; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = take_over_pipes()
    sys.stdout = sys.stderr
    with contextlib.suppress(BrokenPipeError, msgspec.MsgspecError):
        Worker(channel).run()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
