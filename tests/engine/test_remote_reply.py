"""Text from a server becomes the events of a reply, whoever writes the tags."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storytui.engine.answers import ReplyCheck
from storytui.engine.api import (
    Event,
    Finished,
    Request,
    Retracted,
    Sampling,
    SegmentEnded,
    SegmentPlan,
    Statistics,
    Text,
)
from storytui.engine.remote.reply import ReplyWriter

COST = Statistics(
    prompt_tokens=0,
    reused_tokens=0,
    evaluated_tokens=0,
    generated_tokens=0,
    first_token_ms=0,
    tokens_per_second=0,
)
REASONING = SegmentPlan(name="reasoning", opening="<reasoning>", closing="</reasoning>")
ANSWER = SegmentPlan(name="answer", opening="<answer>", closing="</answer>", words=12)


def request(*plans: SegmentPlan) -> Request:
    return Request(message="Go on.", segments=plans or (REASONING, ANSWER), sampling=Sampling())


class Heard:
    """What the events amount to; each is checked as those of the local engine are."""

    def __init__(self, asked: Request) -> None:
        self.check = ReplyCheck(asked)
        self.texts: dict[str, str] = {}
        self.ends: dict[str, str] = {}

    def hear(self, events: Sequence[Event]) -> None:
        for event in events:
            assert self.check.takes(event), event
            if isinstance(event, Text):
                self.texts[event.segment] = self.texts.get(event.segment, "") + event.text
            elif isinstance(event, Retracted):
                self.texts[event.segment] = self.texts[event.segment][: event.kept]
            elif isinstance(event, SegmentEnded):
                self.ends[event.segment] = event.why


def written(
    pieces: Sequence[str], asked: Request | None = None, *, ours: bool = False, finish: str = "stop"
) -> Heard:
    """One request's whole reply."""
    asked = asked or request()
    heard, writer = Heard(asked), ReplyWriter(asked)
    writer.ours = ours
    heard.hear(writer.begin())
    for piece in pieces:
        if writer.over:
            break
        heard.hear(writer.text(piece))
    heard.hear(writer.end(finish))
    if writer.stop:
        heard.hear([Finished(writer.stop, COST)])
    return heard


TAGGED = "<reasoning>He waits.</reasoning>\n<answer>She came in late. Nobody spoke.</answer>"


@given(places=st.lists(st.integers(0, len(TAGGED)), max_size=30))
def test_a_tagged_reply_is_separated_however_it_is_cut(places: list[int]) -> None:
    edges = [0, *sorted(places), len(TAGGED)]
    pieces = [TAGGED[start:end] for start, end in pairwise(edges)]

    heard = written(pieces)

    assert heard.texts == {"reasoning": "He waits.", "answer": "She came in late. Nobody spoke."}
    assert heard.ends == {"reasoning": "closed", "answer": "closed"}


def test_a_reply_without_tags_is_all_answer() -> None:
    heard = written(["She came in late. ", "Nobody spoke."])

    assert heard.texts == {"answer": "She came in late. Nobody spoke."}
    assert list(heard.ends) == ["reasoning", "answer"]


def test_the_answer_ends_at_a_sentence_near_the_words_asked_for() -> None:
    sentence = "One two three four five six. "
    heard = written(["<answer>", sentence * 20], request(ANSWER))

    assert heard.texts == {"answer": (sentence * 2).strip()}
    assert heard.ends == {"answer": "length"}


def test_spent_tokens_cut_back_to_a_sentence() -> None:
    heard = written(["<answer>She came in late. Nobody spo"], request(ANSWER), finish="length")

    assert heard.texts == {"answer": "She came in late."}
    assert heard.ends == {"answer": "length"}


def test_without_a_sentence_they_cut_back_to_a_word() -> None:
    heard = written(["<answer>She came in la"], request(ANSWER), finish="length")

    assert heard.texts == {"answer": "She came in"}
    assert heard.ends == {"answer": "cut"}


def test_where_the_tags_are_ours_each_request_is_one_segment() -> None:
    asked = request()
    heard, writer = Heard(asked), ReplyWriter(asked)
    writer.ours = True
    for text in ("He waits for her.", "She came in late."):
        assert not writer.stop
        heard.hear(writer.begin())
        heard.hear(writer.text(text))
        heard.hear(writer.end("stop"))

    assert writer.stop == "closed"
    assert heard.texts == {"reasoning": "He waits for her.", "answer": "She came in late."}


def test_where_the_tags_are_ours_a_model_that_knows_them_needs_one_request() -> None:
    heard = written(["He waits.</reasoning><answer>She came.</answer>"], ours=True)

    assert heard.texts == {"reasoning": "He waits.", "answer": "She came."}


def test_a_model_that_writes_our_tag_again_is_understood() -> None:
    heard = written(["<reasoning>He waits.</reasoning><answer>She came."], ours=True)

    assert heard.texts == {"reasoning": "He waits.", "answer": "She came."}


def test_the_direction_opens_the_reasoning_and_is_shown() -> None:
    plan = SegmentPlan(name="reasoning", opening="<reasoning>", closing="", prefix="A storm.")
    heard = written(
        [" It breaks.", "</reasoning><answer>Rain fell."], request(plan, ANSWER), ours=True
    )

    assert heard.texts == {"reasoning": "A storm. It breaks.", "answer": "Rain fell."}


@pytest.mark.parametrize("pieces", [["\n\n", "Rain."], ["\n", "\nRain."], ["\n\nRain."]])
def test_an_answer_that_follows_the_storys_end_keeps_its_white_space(pieces: list[str]) -> None:
    plan = SegmentPlan(name="answer", opening="<answer>", closing="</answer>", verbatim=True)

    assert written(pieces, request(plan), ours=True).texts == {"answer": "\n\nRain."}
    bare = SegmentPlan(name="answer", opening="<answer>", closing="</answer>")
    assert written(pieces, request(bare), ours=True).texts == {"answer": "Rain."}


def test_thoughts_that_the_server_keeps_apart_are_the_reasoning() -> None:
    asked = request()
    heard, writer = Heard(asked), ReplyWriter(asked)
    heard.hear(writer.begin())
    for thought in ("\nShe ", "is late."):
        heard.hear(writer.thought(thought))
    heard.hear(writer.text(TAGGED))
    heard.hear(writer.thought("Too late to count."))
    heard.hear(writer.end("stop"))

    assert heard.texts == {
        "reasoning": "She is late.\n\nHe waits.",
        "answer": "She came in late. Nobody spoke.",
    }


def test_thoughts_that_nobody_asked_for_are_left_out() -> None:
    asked = request(ANSWER)
    heard, writer = Heard(asked), ReplyWriter(asked)
    heard.hear(writer.begin())
    heard.hear(writer.thought("Hm."))
    heard.hear(writer.text(TAGGED))
    heard.hear(writer.end("stop"))

    assert heard.texts == {"answer": "She came in late. Nobody spoke."}


@pytest.mark.parametrize("ours", [True, False])
@pytest.mark.parametrize("stopped", [True, False])
@pytest.mark.parametrize("end", range(len(TAGGED) + 1))
def test_what_came_is_kept_wherever_it_stops_or_breaks(ours: bool, stopped: bool, end: int) -> None:
    asked = request()
    heard, writer = Heard(asked), ReplyWriter(asked)
    writer.ours = ours
    came = TAGGED[:end].removeprefix("<reasoning>") if ours else TAGGED[:end]
    if came and not (ours and REASONING.opening.startswith(came)):
        heard.hear(writer.begin())
        heard.hear(writer.text(came))
    heard.hear(writer.stopped() if stopped else writer.broken_off())

    for name, whole in (
        ("reasoning", "He waits."),
        ("answer", "She came in late. Nobody spoke."),
    ):
        _, _, rest = TAGGED[:end].partition(f"<{name}>")
        expected = rest.partition("</")[0].removesuffix("<")
        found = heard.texts.get(name, "")
        assert whole.startswith(found)
        assert found.rstrip() == expected.rstrip()
    if stopped:
        assert set(heard.ends.values()) <= {"closed", "stopped"}
        heard.hear([Finished(writer.stop, COST)])


@given(
    pieces=st.lists(
        st.sampled_from(
            ["<reasoning>", "</reasoning>", "<answer>", "</answer>", "A word. ", "\n", "<", "“x”"]
        ),
        max_size=20,
    ),
    ours=st.booleans(),
    finish=st.sampled_from(["stop", "length", ""]),
    thoughts=st.booleans(),
)
def test_whatever_comes_the_events_make_sense(
    pieces: list[str], ours: bool, finish: str, thoughts: bool
) -> None:
    asked = request()
    heard, writer = Heard(asked), ReplyWriter(asked)
    writer.ours = ours
    for _ in range(len(asked.segments)):
        heard.hear(writer.begin())
        for number, piece in enumerate(pieces):
            if writer.over:
                break
            thought = thoughts and number % 2
            heard.hear(writer.thought(piece) if thought else writer.text(piece))
        heard.hear(writer.end(finish))
        if writer.stop or not ours:
            break
    assert writer.stop or not ours
    if writer.stop:
        heard.hear([Finished(writer.stop, COST)])
