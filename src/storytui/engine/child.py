"""One child process from its start to its end: what it says, what it is told, how it died."""

import contextlib
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from typing import IO, NoReturn

from msgspec import structs

from storytui.engine.api import EngineDiedError, EngineError, Loading, NoRoomError, Reading
from storytui.engine.calls import Calls, Inbox, again
from storytui.engine.devices import DeviceReport
from storytui.engine.endings import how_it_ended
from storytui.engine.messages import (
    PROTOCOL,
    Adapted,
    Ahead,
    Alive,
    BrokenPipeProtocolError,
    Channel,
    Devices,
    Events,
    Failed,
    Farewell,
    FromChild,
    Hello,
    Load,
    Loaded,
    LoadProgress,
    Scores,
    ToChild,
    error_of,
    frame,
    from_child,
)
from storytui.engine.model_info import ModelInfo
from storytui.engine.patience import Limits, Patience
from storytui.engine.planning import Planner

COMMAND = (sys.executable, "-P", "-X", "utf8", "-m", "storytui.engine.worker")
"""What runs as the child. -P: a file in the folder where she writes must not be imported."""
END_SECONDS = 2.0
"""A child that does not end with its pipe by then is killed; one that was killed is left behind."""


class Child:
    """One child process. Its messages are read in a thread, and what it is told goes in another.

    Nothing that is called here waits for the child's pipe: a child that was stopped reads nothing,
    and its pipe is soon full.
    """

    def __init__(
        self,
        planner: Planner,
        log: IO[bytes],
        *,
        command: Sequence[str],
        limits: Limits,
        died: Callable[[str], EngineError],
        told: Callable[[EngineError], None],
        ahead: Callable[[Ahead], None] = lambda _ahead: None,
    ) -> None:
        """Start the process, and have it load the model as the planner says.

        Args:
            planner: says so, in a thread, when the process has told its devices.
            log: where its error output goes.
            command: what is run.
            limits: when it counts as hung.
            died: called with how the child died before anybody else hears of it; gives the error
                that everybody gets. Not called for an end that was wanted.
            told: called last, with that error.
            ahead: called, in a thread, with what it says of the work that it does ahead.

        Raises:
            EngineError: no process can be started.
        """
        try:
            self.process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        except OSError as error:
            raise EngineError(
                f"The model's process cannot be started: {error.strerror}. Close other programs "
                "or free memory, then press the key again."
            ) from error
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.limits = limits
        self.progress = 0.0
        """How much of the model is loaded, from 0 to 1."""
        self.report: DeviceReport | None = None
        """What it has to run on."""
        self.info: ModelInfo | None = None
        self.problem: EngineError | None = None
        """Why the model is not loaded, or the child has ended."""
        self.takes_less = False
        """Whether the model was too large for the memory, and the next child takes less."""
        self.ready = threading.Condition()
        """Notified when one of these changes."""
        self.heard = 0
        """How many messages have come."""
        self.ended = False
        self._channel = Channel(self.process.stdout, self.process.stdin)
        self._outbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._calls = Calls()
        self._planner = planner
        self._died = died
        self._told = told
        self._ahead = ahead
        self._note = ""
        """What is to be said of how the model is loaded."""
        self._loads = self._computes = False
        """Whether it was told to load the model, and whether it has computed anything with it."""
        self._wanted = False
        self._over = False
        self._reason = ""
        self._listener = threading.Thread(target=self._listen, name="engine-listen", daemon=True)
        self._listener.start()
        threading.Thread(target=self._tell, name="engine-tell", daemon=True).start()

    def send(self, message: ToChild) -> None:
        """Have a message sent; a child that is gone is found by the listener.

        Raises:
            EngineError: the message is too long.
        """
        self._outbox.put(frame(message))

    def open_call(self, call: int) -> Inbox:
        """Where the answers to a call arrive; calls are numbered upwards."""
        with self.ready:
            inbox = self._calls.open(call)
            if self.ended and self.problem is not None:
                inbox.put(again(self.problem))
            return inbox

    def close_call(self, call: int) -> None:
        """What still arrives for a call is dropped."""
        with self.ready:
            self._calls.close(call)

    def answer(self, inbox: Inbox) -> FromChild:
        """Wait for the next message of a call.

        Raises:
            EngineError: the call could not be done.
            EngineDiedError: the child ended, or was ended because it hung.
        """
        patience = Patience(self.limits, self.heard)
        while True:
            try:
                message = inbox.get(timeout=self.limits.look)
            except queue.Empty:
                if reason := patience.ends(self.heard):
                    self.kill(reason)
                continue
            if isinstance(message, EngineError):
                raise message
            if isinstance(message, Failed):
                raise error_of(message)
            return message

    def load_step(self, shown: float) -> float | None:
        """Wait until more than `shown` of the model is loaded.

        Returns how much is, from 0 to 1; None when loading is over, one way or the other.
        """
        patience = Patience(self.limits, self.heard)
        while True:
            with self.ready:
                if self.info is None and self.problem is None and self.progress == shown:
                    self.ready.wait(self.limits.look)
                if self.info is not None or self.problem is not None:
                    return None
                if self.progress != shown:
                    return self.progress
            if reason := patience.ends(self.heard):
                self.kill(reason)

    def kill(self, reason: str) -> None:
        """End the process at once, and see to it that whoever waits hears of it.

        Args:
            reason: what it did, as the end of a sentence about the model's process.
        """
        self._reason = self._reason or reason
        self.process.kill()
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            # Stuck in the system, on a network drive for instance: it is left to the system.
            self._end()

    def refuse(self, inbox: Inbox) -> NoReturn:
        """An answer to a call makes no sense: a child that cannot be understood is as good as dead.

        Raises:
            EngineDiedError: what it was ended for; everything else it said is dropped.
        """
        self._nonsense()
        while True:
            self.answer(inbox)

    def _nonsense(self) -> None:
        self.kill("sent something that makes no sense and was ended")

    def dismiss(self) -> None:
        """Have it end, without waiting; this is not a death."""
        with self.ready:
            self._wanted = True
            self.ready.notify_all()
        self._outbox.put(None)

    def leave(self, farewell: Farewell, wait: float = 0.0) -> None:
        """Let it keep what is evaluated and end by itself.

        Args:
            farewell: tells it so.
            wait: seconds to wait for its end, after which it is killed: whoever waits wants the
                memory that it holds. 0: it is left to itself.
        """
        self.send(farewell)
        self.dismiss()
        if wait > 0:
            try:
                self.process.wait(wait)
            except subprocess.TimeoutExpired:
                self.kill("")

    def end(self) -> None:
        """Close the pipe, which ends the child; kill it where that does not help."""
        self.dismiss()
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill("")
        self._end()
        if self.process.poll() is not None and threading.current_thread() is not self._listener:
            # The planner may still be keeping what the model took.
            self._listener.join(END_SECONDS)

    # --- in the two threads -----------------------------------------------------------------------

    def _tell(self) -> None:
        try:
            with contextlib.suppress(OSError):
                self._channel.write(frame(Hello(PROTOCOL)))
                if self._planned():
                    self._write_all()
        finally:
            # Which ends the child, where it has not ended yet.
            with contextlib.suppress(OSError):
                self._channel.close_writer()

    def _planned(self) -> bool:
        """Have the model loaded as is planned for the devices; whether the child is to go on."""
        self._planner.prepare()
        with self.ready:
            self.ready.wait_for(
                lambda: self.report is not None or self.problem is not None or self._wanted
            )
            report, stays = self.report, self.problem is None and not self._wanted
        if report is None or not stays:
            return False
        try:
            load = Load(PROTOCOL, self._planner.plan(report))
            self._note = self._planner.note
        except EngineError as error:
            with self.ready:
                self.problem = self.problem or error
                self.dismiss()
            return False
        self._loads = True
        self._channel.write(frame(load))
        return True

    def _write_all(self) -> None:
        with contextlib.suppress(OSError):
            while (raw := self._outbox.get()) is not None:
                self._channel.write(raw)

    def _listen(self) -> None:
        try:
            while (body := self._channel.receive_bytes()) is not None:
                message = from_child(body)
                self._take(message)
                if isinstance(message, Loaded) and self.report is not None:
                    self._planner.loaded(self.report, message.info)
        except (BrokenPipeProtocolError, OSError):
            self._nonsense()
        # The pipe's end is the process's end: nothing else holds the child's private descriptors.
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill("closed its pipe and was ended")
        self._end()
        self._channel.close()

    def _take(self, message: FromChild) -> None:
        with self.ready:
            self.heard += 1
            match message:
                case Alive():
                    return
                case Devices(report):
                    if self.report is not None:
                        raise BrokenPipeProtocolError("it told its devices twice")
                    self.report = report
                case LoadProgress(fraction):
                    if not fraction > self.progress:  # also where it is no number
                        return
                    self.progress = min(1.0, fraction)
                case Loaded(info):
                    self.info = self._noted(info)
                case Ahead(call, readiness):
                    if not (call > 0 and 0 <= readiness.done <= readiness.total):
                        raise BrokenPipeProtocolError("it is further ahead than there is to do")
                    self._computes = self._computes or readiness.evaluated > 0
                    self._ahead(message)
                    return
                case Failed(0):
                    problem = error_of(message)
                    self.takes_less = isinstance(problem, NoRoomError) and self._planner.failed()
                    self.problem = problem
                    self.dismiss()
                case Adapted(call, info):
                    self.info = self._noted(info)
                    self._calls.answered(call, Adapted(call, self.info))
                    return
                case _:
                    if isinstance(message, Events) and not self._computes:
                        begins = (Loading, Reading)
                        self._computes = not all(isinstance(it, begins) for it in message.events)
                    self._computes = self._computes or isinstance(message, Scores)
                    self._calls.answered(message.call, message)
                    return
            self.ready.notify_all()

    def _noted(self, info: ModelInfo) -> ModelInfo:
        return structs.replace(info, note=self._note)

    def _end(self) -> None:
        """Tell everybody, once."""
        with self.ready:
            if self._over:
                return
            self._over = True
            wanted = self._wanted
        if not wanted and self._loads and not self._computes:
            # A GPU whose memory is full ends the process, at the first evaluation for instance.
            self._planner.failed()
        death = EngineDiedError("The engine was closed.") if wanted else self._died(self._how())
        with self.ready:
            self.ended = True
            if self.problem is None:
                self.problem = death
            self._calls.end(death)
            self.ready.notify_all()
        self._outbox.put(None)
        if not wanted:
            self._told(death)

    def _how(self) -> str:
        """How it died, as the end of a sentence about the model's process."""
        if self._reason:
            return self._reason
        return how_it_ended(self.process.poll())
