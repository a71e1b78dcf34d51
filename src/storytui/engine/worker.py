"""The child process that owns the model: reads calls, writes events, ends with its pipe.

One thread listens and counts, one writes what is asked for, one works ahead when nobody waits: the
last is niced and leaves off within one batch. Only one of the two uses the model at a time.

Started as `python -m storytui.engine.worker`. Standard input and output are moved to private
descriptors first, so that what native code prints can only reach the log.
"""

import contextlib
import faulthandler
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import NoReturn

from storytui.engine.api import EngineError, HowFar, PromptTooLongError, Readiness
from storytui.engine.forwarding import forward, forward_scores
from storytui.engine.lookups import Lookups, Question
from storytui.engine.messages import (
    PROTOCOL,
    Adapt,
    Adapted,
    Ahead,
    Alive,
    BrokenPipeProtocolError,
    Channel,
    Count,
    Devices,
    Encode,
    Farewell,
    FromChild,
    Generate,
    GoAhead,
    Hello,
    InTurn,
    Load,
    Loaded,
    LoadProgress,
    ModelConfig,
    Rebuild,
    Render,
    Rest,
    Score,
    Stop,
    Warm,
    failure,
    to_child,
)
from storytui.engine.opening import LookAtDevices, OpenModel, llama_devices, open_llama
from storytui.engine.own_process import be_nice, end_now, note_fault, take_over_pipes

BEAT_SECONDS = 10.0
"""How often a busy child gives a sign of life."""
TELL_SECONDS = 0.1
"""How often it is told how far the work ahead is."""
THINK_SECONDS = 1.0
"""How much longer nothing must happen before a reply is begun ahead."""
LEAVE_SECONDS = 120.0
"""The most that keeping what is evaluated may take when the editor closes."""
NICENESS = 5
"""Of the thread that does what she asked for, and of llama.cpp's threads, which it starts: the
editor, which shows each key, goes first."""
NICENESS_AHEAD = 10
"""Of the thread that works ahead: whatever she does goes first."""

VOCABULARY_ONLY = "Only the vocabulary of the model was loaded, so it cannot write or score."


class Worker:
    """The child's threads."""

    def __init__(
        self,
        channel: Channel,
        open_model: OpenModel = open_llama,
        look: LookAtDevices = llama_devices,
    ) -> None:
        self._channel = channel
        self._open_model = open_model
        self._look = look
        self._sending = threading.Lock()
        self._runs: queue.SimpleQueue[InTurn] = queue.SimpleQueue()
        self._stopped: set[int] = set()
        self._done = self._last_run = 0
        """The last run that was finished, and the last that was asked for."""
        self._first: queue.SimpleQueue[Hello | Load] = queue.SimpleQueue()
        self._lookups: Lookups | None = None
        self._busy = threading.Event()
        """Set while the model is loaded or writes."""
        self._turn = threading.Lock()
        """Held by who uses the model."""
        self._ahead: GoAhead | None = None
        """What is to be done ahead; None: nothing, or no more of it."""
        self._edited = False
        """Whether an edit was told of that nothing done ahead has heeded yet."""
        self._waiting = 0
        """What was asked for and is not done: it goes before all that is done ahead."""
        self._ahead_changed = threading.Condition()
        self._leaving = False
        """Whether the editor closes, and only what is evaluated is still to be kept."""

    def run(self) -> None:
        """Load the model and serve until the pipe closes, which ends the process."""
        threading.Thread(target=self._listen, name="listen", daemon=True).start()
        threading.Thread(target=self._beat, name="beat", daemon=True).start()
        first = self._first.get()
        if first.protocol != PROTOCOL:
            self._send(
                failure(0, EngineError("Two versions of storytui are mixed; start it anew."))
            )
            return
        # Before any thread of llama.cpp's is there.
        be_nice(NICENESS)
        self._busy.set()
        if isinstance(first, Hello):
            self._send(Devices(self._look()))
        while isinstance(first, Hello):
            first = self._first.get()
        self._serve(first.config)

    def _serve(self, config: ModelConfig) -> None:
        shown = -1.0

        def report(fraction: float) -> None:
            nonlocal shown
            if fraction - shown >= 0.01:
                shown = fraction
                self._send(LoadProgress(fraction))

        try:
            model = self._open_model(config, report)
        except EngineError as error:
            self._send(failure(0, error))
            return
        self._model = model
        self._lookups = Lookups(model)
        self._send(Loaded(model.info))
        if config.vocabulary_only:
            self._refuse_turns()
        # Not in another thread while the model is loaded: llama.cpp says a thousand things
        # meanwhile, and would wait for Python each time.
        from storytui.engine.about import describe
        from storytui.engine.warming import Warmth
        from storytui.engine.writing import Writer

        sys.stderr.write(f"{describe(model.info)}\n")
        writer = Writer(model, exact=config.exact)
        self._writer = writer
        self._warmth = Warmth(config, model, writer.cells)
        writer.prepare()
        threading.Thread(target=self._work_ahead, name="ahead", daemon=True).start()
        while True:
            self._busy.clear()
            call = self._runs.get()
            with self._turn:
                model.be_quiet(False)
                self._do(call)
            with self._ahead_changed:
                self._waiting -= 1
                self._ahead_changed.notify_all()

    def _refuse_turns(self) -> NoReturn:
        while True:
            self._busy.clear()
            call = self._runs.get()
            if isinstance(call, Farewell):
                end_now()
            if isinstance(call, Generate | Score | Adapt):
                self._send(failure(call.call, EngineError(VOCABULARY_ONLY)))

    def _do(self, call: InTurn) -> None:
        match call:
            case Generate():
                self._busy.set()
                self._generate(call)
            case Score():
                self._busy.set()
                self._score(call)
            case Rebuild():
                self._writer.forget()
            case Adapt():
                self._adapt(call)
            case Warm():
                self._warmth.begin(call)
            case Farewell():
                self._writer.drop_begun()
                self._warmth.end()
                end_now()

    def _generate(self, call: Generate) -> None:
        try:
            forward(
                call.call,
                self._writer.write_side_by_side(call.requests, lambda: call.call in self._stopped),
                self._send,
            )
        except EngineError as error:
            self._send(failure(call.call, error))
        self._finished(call)

    def _score(self, call: Score) -> None:
        from storytui.engine.scoring import Scorer

        self._writer.make_way()
        steps = Scorer(self._model, self._writer.cells).score(
            call.passages, lambda: call.call in self._stopped
        )
        try:
            forward_scores(call.call, steps, self._send)
        except EngineError as error:
            if not isinstance(error, PromptTooLongError):
                self._writer.forget()
            self._send(failure(call.call, error))
        self._finished(call)

    def _finished(self, call: Generate | Score) -> None:
        self._done = call.call
        self._stopped.discard(call.call)

    def _adapt(self, call: Adapt) -> None:
        def adapt(_lookups: Lookups) -> Adapted:
            if self._model.adapt(call.adapters):
                # Keys and values are those of a model that is no more.
                self._writer.forget()
                self._warmth.adapted(call.adapters)
            return Adapted(call.call, self._model.info)

        self._busy.set()
        self._answer(call.call, adapt)

    def _beat(self) -> None:
        while True:
            self._busy.wait()
            time.sleep(BEAT_SECONDS)
            if self._busy.is_set():
                self._send(Alive())

    # --- ahead ------------------------------------------------------------------------------------

    def _work_ahead(self) -> None:
        """Do ahead what was asked last; in a thread of its own, which is niced."""
        be_nice(NICENESS_AHEAD)
        while True:
            with self._ahead_changed:
                self._ahead_changed.wait_for(lambda: self._ahead is not None and not self._waiting)
                task = self._ahead
            assert task is not None
            try:
                self._do_ahead(task)
            except EngineError as error:
                # She hears of it when she asks, and it fails again.
                sys.stderr.write(f"working ahead failed: {error}\n")
                self._send(Ahead(task.call, Readiness(done=0, total=0)))
            with self._ahead_changed:
                if self._ahead is task:
                    self._ahead = None

    def _do_ahead(self, task: GoAhead) -> None:
        thinks = task.how_far in ("think", "write")
        reads: HowFar = "read" if thinks else task.how_far
        ready = self._steps_ahead(task, reads, edited=task.edited)
        if not (thinks and ready is not None and ready.up_to_date):
            return
        with self._ahead_changed:
            self._ahead_changed.wait_for(lambda: self._ahead is not task, THINK_SECONDS)
            if self._ahead is not task:
                return
        self._steps_ahead(task, task.how_far, edited=False)

    def _steps_ahead(self, task: GoAhead, how_far: HowFar, *, edited: bool) -> Readiness | None:
        """Work until it is done, or something else is wanted; returns how far it is."""
        ready: Readiness | None = None
        told: Readiness | None = None
        due = 0.0
        with self._turn:
            if self._ahead is not task:
                return None
            self._model.be_quiet(True)
            edited = edited or self._edited
            steps = self._writer.ahead(task.request, how_far, edited=edited, spare=task.spare)
            with contextlib.closing(steps):
                for ready in steps:
                    # What was begun for the text before the edit is dropped by now.
                    self._edited = False
                    now = time.perf_counter()
                    if now >= due:
                        due = now + TELL_SECONDS
                        told = ready
                        self._send(Ahead(task.call, ready))
                    if self._ahead is not task:
                        break
        if ready is not None and ready is not told:
            self._send(Ahead(task.call, ready))
        return ready if self._ahead is task else None

    def _want_ahead(self, task: GoAhead | None) -> None:
        with self._ahead_changed:
            self._ahead = task
            self._edited = self._edited or (task is not None and task.edited)
            self._ahead_changed.notify_all()

    def _ask(self, call: InTurn) -> None:
        """Have this done next; what is done ahead leaves off."""
        with self._ahead_changed:
            self._ahead = None
            self._waiting += 1
            self._ahead_changed.notify_all()
        self._runs.put(call)

    # --- what the editor says ---------------------------------------------------------------------

    def _listen(self) -> None:
        while True:
            try:
                body = self._channel.receive_bytes()
                message = None if body is None else to_child(body)
            except (BrokenPipeProtocolError, OSError) as error:
                end_now(f"{type(error).__name__}: the editor sent what is no message", 1)
            match message:
                case None:
                    if self._leaving:
                        return
                    # The editor is gone. Nothing here is worth keeping; native code may be busy.
                    end_now()
                case Hello() | Load():
                    self._first.put(message)
                case Generate() | Score() | Rebuild() | Adapt() | Warm():
                    if isinstance(message, Generate | Score):
                        self._last_run = message.call
                    self._ask(message)
                case GoAhead():
                    self._want_ahead(message)
                case Rest():
                    self._want_ahead(None)
                case Farewell():
                    self._leave(message)
                case Stop(call):
                    if call > self._done:
                        self._stopped.add(call)
                case Count() | Render() | Encode():
                    self._look_up(message)

    def _leave(self, farewell: Farewell) -> None:
        """The editor closes: nothing is finished any more, and nobody listens."""
        self._leaving = True
        self._stopped.update(range(self._done + 1, self._last_run + 1))
        self._ask(farewell)
        # Whatever native code does, nothing of this stays behind for long.
        watch = threading.Timer(LEAVE_SECONDS, end_now)
        watch.daemon = True
        watch.start()

    # The vocabulary may be read while the other thread decodes.

    def _look_up(self, question: Question) -> None:
        self._answer(question.call, lambda lookups: lookups.answer(question))

    def _answer(self, call: int, answer: Callable[[Lookups], FromChild]) -> None:
        try:
            if self._lookups is None:
                raise EngineError("the model is not loaded yet")
            self._send(answer(self._lookups))
        except EngineError as error:
            self._send(failure(call, error))

    def _send(self, message: FromChild) -> None:
        if self._leaving:
            return
        try:
            with self._sending:
                self._channel.send(message)
        except OSError:
            # The editor is gone.
            end_now()


def main(open_model: OpenModel = open_llama, look: LookAtDevices = llama_devices) -> None:
    """Run the child."""
    # Ctrl-C in a terminal reaches the whole group; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = take_over_pipes()
    sys.stdout = sys.stderr
    sys.excepthook = note_fault
    threading.excepthook = lambda each: note_fault(
        each.exc_type, each.exc_value, each.exc_traceback
    )
    faulthandler.enable()
    Worker(channel, open_model, look).run()
    end_now()


if __name__ == "__main__":
    main()
