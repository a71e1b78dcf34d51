"""Events go to the editor together, but for those that somebody waits for."""

from collections.abc import Iterator

import pytest

from storytui.engine import worker as worker_module
from storytui.engine.api import Event, Finished, SegmentEnded, SegmentStarted, Statistics, Text
from storytui.engine.messages import Events
from storytui.engine.worker import Worker


class Sent:
    """What goes over the channel."""

    def __init__(self) -> None:
        self.messages: list[list[Event]] = []

    def send(self, message: object) -> None:
        assert isinstance(message, Events)
        self.messages.append(list(message.events))


NOTHING = Statistics(
    prompt_tokens=0,
    reused_tokens=0,
    evaluated_tokens=0,
    generated_tokens=0,
    first_token_ms=0.0,
    tokens_per_second=0.0,
)
EVENTS: list[Event] = [
    SegmentStarted("reasoning"),
    Text("reasoning", "He"),
    Text("reasoning", " waits"),
    Text("reasoning", "."),
    SegmentEnded("reasoning", "closed", ()),
    SegmentStarted("answer"),
    Text("answer", "She"),
    Text("answer", " came."),
    Finished("closed", NOTHING),
]


def test_the_first_words_of_each_segment_go_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "FLUSH_SECONDS", 1000.0)
    sent = Sent()

    def events() -> Iterator[tuple[int, Event]]:
        for each in EVENTS:
            yield 0, each

    Worker(sent)._forward(1, events())  # type: ignore[arg-type]
    assert sent.messages == [
        [EVENTS[0]],
        [EVENTS[1]],
        [EVENTS[2], EVENTS[3], EVENTS[4]],
        [EVENTS[5]],
        [EVENTS[6]],
        [EVENTS[7], EVENTS[8]],
    ]
