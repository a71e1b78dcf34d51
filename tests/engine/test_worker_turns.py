"""Who uses the model next: what was asked for goes before all that is done ahead."""

import queue
import threading
import time
from collections.abc import Callable, Sequence

from byte_model import ByteModel, draws
from faulty_child import INFO

from storytui.engine.api import Request, Sampling, SegmentPlan
from storytui.engine.messages import Ahead, GoAhead, ModelConfig, Rebuild, frame
from storytui.engine.worker import Worker

CONFIG = ModelConfig(path="bytes.gguf")


class Pipe:
    """What the editor says, and hears."""

    def __init__(self) -> None:
        self.said: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.heard: queue.SimpleQueue[object] = queue.SimpleQueue()

    def say(self, message: GoAhead | Rebuild) -> None:
        self.said.put(frame(message)[4:])

    def receive_bytes(self) -> bytes | None:
        return self.said.get()

    def send(self, message: object) -> None:
        self.heard.put(message)

    def until(self, call: int, *, thought: bool = False) -> None:
        """Wait until all of the work ahead is told to be done."""
        while True:
            told = self.heard.get(timeout=30)
            if not isinstance(told, Ahead) or told.call != call:
                continue
            if told.readiness.up_to_date and (told.readiness.thought or not thought):
                return


class HeldModel(ByteModel):
    """Evaluates its first batch when it is let go."""

    def __init__(self) -> None:
        super().__init__([])
        self.evaluates, self.goes_on = threading.Event(), threading.Event()
        self.info = INFO

    def evaluate(self, tokens: Sequence[int], position: int, sequence: int = 0) -> None:
        self.evaluates.set()
        assert self.goes_on.wait(30)
        super().evaluate(tokens, position, sequence)


def until(come: Callable[[], bool]) -> None:
    """Wait until another thread has done something."""
    deadline = time.monotonic() + 30
    while not come():
        assert time.monotonic() < deadline
        threading.Event().wait(0.001)


def request(message: str) -> Request:
    segment = SegmentPlan(name="answer", opening="<answer>", closing="</answer>", tokens=40)
    return Request(message=message, segments=(segment,), sampling=Sampling())


def test_what_is_asked_for_goes_before_what_is_done_ahead_later() -> None:
    pipe, model = Pipe(), HeldModel()
    worker = Worker(pipe, lambda _config, _told: model)  # type: ignore[arg-type,return-value]
    for job in (worker._listen, lambda: worker._serve(CONFIG)):
        threading.Thread(target=job, daemon=True).start()
    pipe.say(GoAhead(1, request("a" * 120), "read", edited=True, spare=False))
    assert model.evaluates.wait(30)
    # Both come while one batch is evaluated.
    pipe.say(Rebuild())
    pipe.say(GoAhead(2, request("b" * 60), "read", edited=True, spare=False))
    until(lambda: worker._ahead is not None and worker._ahead.call == 2)
    model.goes_on.set()
    pipe.until(2)
    assert "b" * 60 in model.seen
    assert worker._waiting == 0


def test_an_edit_that_was_told_of_with_work_that_never_began_is_heeded() -> None:
    pipe, model = Pipe(), HeldModel()
    model.draws = draws("He waits.") * 2
    worker = Worker(pipe, lambda _config, _told: model)  # type: ignore[arg-type,return-value]
    for job in (worker._listen, lambda: worker._serve(CONFIG)):
        threading.Thread(target=job, daemon=True).start()
    model.goes_on.set()
    pipe.say(GoAhead(1, request("a" * 60), "write", edited=True, spare=False))
    pipe.until(1, thought=True)
    model.goes_on.clear()
    model.evaluates.clear()
    # The first of these never begins: the other is there before it could.
    with worker._turn:
        pipe.say(GoAhead(2, request("b" * 60), "read", edited=True, spare=False))
        pipe.say(GoAhead(3, request("c" * 60), "read", edited=False, spare=False))
        until(lambda: worker._ahead is not None and worker._ahead.call == 3)
    model.goes_on.set()
    pipe.until(3)
    assert "c" * 60 in model.seen
