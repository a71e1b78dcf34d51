"""Events go to the editor together, but for those that somebody waits for."""

from collections.abc import Iterator

import pytest

from storytui.engine import forwarding
from storytui.engine.api import Event, Finished, SegmentEnded, SegmentStarted, Statistics, Text
from storytui.engine.messages import Events

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
    monkeypatch.setattr(forwarding, "FLUSH_SECONDS", 1000.0)
    sent: list[Events] = []

    def events() -> Iterator[tuple[int, Event]]:
        for each in EVENTS:
            yield 0, each

    forwarding.forward(1, events(), sent.append)
    assert [each.events for each in sent] == [
        [EVENTS[0]],
        [EVENTS[1]],
        [EVENTS[2], EVENTS[3], EVENTS[4]],
        [EVENTS[5]],
        [EVENTS[6]],
        [EVENTS[7], EVENTS[8]],
    ]
