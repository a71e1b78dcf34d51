"""A child that plays a fixed conversation and does one thing wrong at one moment of it.

    python faulty_child.py MOMENT FAULT

A moment is every time before a message is sent and after one was received, counted from 0, which
is before the first is read. MOMENT -1 does nothing wrong. Imported, it says what there is.
"""

import os
import signal
import sys
import time

from storytui.engine.api import (
    Event,
    Finished,
    Loading,
    Prompt,
    PromptPart,
    Readiness,
    Reading,
    Retracted,
    SegmentEnded,
    SegmentStarted,
    Statistics,
    Text,
    Writing,
)
from storytui.engine.devices import Device, DeviceReport
from storytui.engine.messages import (
    Adapt,
    Adapted,
    Ahead,
    Alive,
    Channel,
    Count,
    Counted,
    Devices,
    Events,
    Failed,
    FromChild,
    Generate,
    Hello,
    Load,
    Loaded,
    LoadProgress,
    Render,
    Rendered,
    Score,
    Scores,
    frame,
    to_child,
)
from storytui.engine.model_info import ModelInfo
from storytui.engine.scores import Scored

INFO = ModelInfo(
    name="Played",
    path="played.gguf",
    architecture="script",
    context=4096,
    trained_context=4096,
    layers=1,
    gpu_layers=0,
    backend="CPU",
    threads=1,
    chat_template="default",
)
REPORT = DeviceReport(
    devices=(Device(name="CPU", description="A played processor", kind="cpu", total=8 << 30),),
    library="0.0.0",
)
COUNTS = [1, 2, 3]
PROMPT = Prompt((PromptPart("a story", False),), 7)
LIKELIER_THAN_SURE = Scored(tokens=(1,), logprobs=(0.5,), starts=(0,))
FINISHED = Finished(
    "closed",
    Statistics(
        prompt_tokens=7,
        reused_tokens=0,
        evaluated_tokens=7,
        generated_tokens=9,
        first_token_ms=1.0,
        tokens_per_second=1.0,
    ),
)
REPLY: tuple[Event, ...] = (
    Reading(3, 7),
    Reading(7, 7),
    SegmentStarted("reasoning"),
    Text("reasoning", "He waits. He"),
    Writing(4, 2.0),
    Retracted("reasoning", 9),
    SegmentEnded("reasoning", "length", (1, 2)),
    SegmentStarted("answer"),
    Text("answer", "She came"),
    Text("answer", " in."),
    SegmentEnded("answer", "closed", (3, 4, 5)),
    FINISHED,
)
REPLY_BEGINS = 11
"""The moment before the reply's first event is sent."""
MOMENTS = REPLY_BEGINS + len(REPLY) + 1
"""How many there are; at the last the reply has been sent."""

SIGNALS = ("SIGKILL", "SIGSEGV", "SIGTERM", "SIGABRT", "SIGHUP")
ENDS = ("exit", "exit-3", "close")
HANGS = ("SIGSTOP", "sleep", "long-lie")

RAW = {
    "noise": bytes(range(255, 0, -1)) * 9,
    "huge": b"\xff\xff\xff\xff",
    "empty-frame": b"\x00\x00\x00\x00",
    "no-msgpack": b"\x04\x00\x00\x00\xc1\xc1\xc1\xc1",
    "no-message": b"\x01\x00\x00\x00\x80",
    "nested": (100_000).to_bytes(4, "little") + b"\x91" * 100_000,
    "long-array": b"\x05\x00\x00\x00\xdd\xff\xff\xff\xff",
    "half": frame(LoadProgress(0.5))[:-1],
    "native-print": b"ggml: out of memory\n",
}
SENT: dict[str, FromChild] = {
    "devices-again": Devices(REPORT),
    "uncalled": Counted(999, COUNTS),
    "call-nought": Counted(0, COUNTS),
    "call-below": Events(-7, [FINISHED]),
    "ahead-of-itself": Ahead(1, Readiness(done=9, total=7)),
}
LONG_LIE = b"\x00\x00\x00\x01" + b"x" * 99
"""A frame that says it is long, and never is."""
WRONG_EVENTS: dict[str, tuple[Event, ...]] = {
    "after-the-end": (FINISHED, Text("answer", "more")),
    "another-segment": (SegmentStarted("<script>"),),
    "no-segment": (Text("answer", "in no segment"),),
    "all-taken-back": (SegmentStarted("reasoning"), Retracted("reasoning", 99)),
    "unended": (SegmentStarted("reasoning"), FINISHED),
    "loading-again": (Loading(0.5),),
    "read-too-much": (Reading(9, 7),),
}


class FaultyChild:
    def __init__(self, moment: int, fault: str) -> None:
        self.channel = Channel(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb"))
        os.close(1)
        self.moment = moment
        self.fault = fault
        self.now = -1
        self.call = 0

    def play(self) -> None:
        self.pass_moment()
        while (body := self.channel.receive_bytes()) is not None:
            message = to_child(body)
            if isinstance(message, Adapt):
                self.channel.send(Adapted(message.call, INFO))
            if isinstance(message, Score):
                self.channel.send(Scores(message.call, [LIKELIER_THAN_SURE]))
            if not isinstance(message, Hello | Load | Count | Render | Generate):
                continue
            self.call = 0 if isinstance(message, Hello | Load) else message.call
            self.pass_moment()
            match message:
                case Hello():
                    self.send(Devices(REPORT))
                case Load():
                    self.send(LoadProgress(0.5))
                    self.send(Loaded(INFO))
                case Count(call, texts):
                    self.send(Counted(call, COUNTS[: len(texts)]))
                case Render(call):
                    self.send(Rendered(call, PROMPT))
                case Generate(call):
                    for event in REPLY:
                        self.send(Events(call, [event]))
                    self.pass_moment()

    def send(self, message: FromChild) -> None:
        self.pass_moment()
        self.channel.send(message)

    def pass_moment(self) -> None:
        self.now += 1
        if self.now == self.moment:
            self.go_wrong()

    def go_wrong(self) -> None:
        fault = self.fault
        if fault in SIGNALS or fault == "SIGSTOP":
            os.kill(os.getpid(), signal.Signals[fault])
        elif fault in ENDS:
            os._exit(int(fault.partition("-")[2] or 0))
        elif fault == "sleep":
            time.sleep(600)
        elif fault == "beat":
            while True:
                self.channel.send(Alive())
                time.sleep(0.01)
        elif fault == "close":
            self.channel.close_writer()
            time.sleep(600)
        elif fault == "long-lie":
            self.channel.write(LONG_LIE)
        elif fault in RAW:
            self.channel.write(RAW[fault])
            if fault == "half":
                os._exit(0)
        elif fault in SENT:
            self.channel.send(SENT[fault])
        elif fault in WRONG_EVENTS:
            self.channel.send(Events(self.call, list(WRONG_EVENTS[fault])))
        elif fault == "no-room":
            self.channel.send(Failed(0, "NoRoomError", "there is not enough memory"))
        elif fault == "no-model":
            self.channel.send(Failed(0, "ModelError", "there is no model file"))
        else:
            self.channel.send(self.wrong_answer(fault))

    def wrong_answer(self, fault: str) -> FromChild:
        match fault:
            case "few-counts":
                return Counted(self.call, [1])
            case "less-than-nothing":
                return Counted(self.call, [-1, -1, -1])
            case "counts":
                return Counted(self.call, COUNTS)
            case "prompt":
                return Rendered(self.call, PROMPT)
            case "events":
                return Events(self.call, [REPLY[0]])
            case "no-such-candidate":
                return Events(self.call, [REPLY[0]], candidate=5)
        raise SystemExit(f"there is no fault {fault}")


if __name__ == "__main__":
    FaultyChild(int(sys.argv[1]), sys.argv[2]).play()
