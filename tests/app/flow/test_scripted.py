"""The scripted engine keeps the promises of every engine."""

import pytest

from storytui.engine.api import (
    EngineDiedError,
    Finished,
    Request,
    Sampling,
    SegmentEnded,
    SegmentStarted,
    Text,
)
from storytui.engine.scripted import Fail, ScriptedEngine, Wait, reply

REQUEST = Request(message="Go on.", segments=(), sampling=Sampling())


def test_a_reply_comes_in_small_pieces_and_ends_with_finished():
    events = list(ScriptedEngine([reply("Think.", "She waited.", step=3)]).generate(REQUEST))
    answer = [each.text for each in events if isinstance(each, Text) and each.segment == "answer"]
    assert "".join(answer) == "She waited."
    assert max(map(len, answer)) == 3
    assert isinstance(events[-1], Finished)
    assert events[-1].statistics.generated_tokens == 6


def test_scripts_are_played_in_turn():
    engine = ScriptedEngine([reply("", "One."), reply("", "Two.")])
    played = [
        "".join(each.text for each in engine.generate(REQUEST) if isinstance(each, Text))
        for _ in range(3)
    ]
    assert played == ["One.", "Two.", "One."]


def test_stop_ends_a_script_that_waits():
    engine = ScriptedEngine([(SegmentStarted("answer"), Wait(), Text("answer", "never"))])
    events = engine.generate(REQUEST)
    assert next(events) == SegmentStarted("answer")
    engine.stop()
    rest = list(events)
    assert rest[0] == SegmentEnded("answer", "stopped")
    assert rest[1].stop == "stopped"


def test_a_script_goes_on_when_told():
    engine = ScriptedEngine([(Wait(), Text("answer", "now"))])
    engine.go_on()
    assert Text("answer", "now") in list(engine.generate(REQUEST))


def test_a_script_can_fail():
    engine = ScriptedEngine([(Text("answer", "She"), Fail(EngineDiedError("It died.")))])
    events = engine.generate(REQUEST)
    assert next(events) == Text("answer", "She")
    with pytest.raises(EngineDiedError, match="It died"):
        next(events)


def test_a_closed_engine_plays_no_more():
    engine = ScriptedEngine([(Wait(), Text("answer", "never"))])
    events = engine.generate(REQUEST)
    engine.close()
    with pytest.raises(EngineDiedError):
        next(events)


def test_candidates_play_their_scripts_side_by_side():
    engine = ScriptedEngine([reply("", "One. One.", step=5), reply("", "Two. Two.", step=5)])
    texts = [
        (number, event.text)
        for number, event in engine.candidates([REQUEST, REQUEST])
        if isinstance(event, Text)
    ]
    assert texts == [(0, "One. "), (1, "Two. "), (0, "One."), (1, "Two.")]


def test_stop_ends_every_candidate():
    script = (SegmentStarted("answer"), Text("answer", "She"), Wait(), Text("answer", "never"))
    engine = ScriptedEngine([script])
    events = engine.candidates([REQUEST, REQUEST])
    begun = [next(events) for _ in range(4)]
    engine.stop()
    rest = list(events)
    assert [number for number, _ in begun] == [0, 1, 0, 1]
    assert [(n, e.stop) for n, e in rest if isinstance(e, Finished)] == [
        (0, "stopped"),
        (1, "stopped"),
    ]


def test_what_is_asked_ahead_is_written_down_and_told_of():
    engine, told = ScriptedEngine([]), []
    engine.on_readiness(told.append)
    engine.ahead(REQUEST, "read", edited=True)
    (asked,) = engine.asked_ahead
    assert (asked.request, asked.how_far, asked.edited) == (REQUEST, "read", True)
    assert [each.up_to_date for each in told] == [True]
