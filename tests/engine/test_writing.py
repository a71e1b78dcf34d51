"""A reply round given draws: the tags are written, never sampled; the cache is canonical."""

import pytest
from byte_model import CONTROL, END, LONG, ByteModel, draws
from hypothesis import given
from hypothesis import strategies as st

from storytui.engine.api import (
    Event,
    Finished,
    PromptTooLongError,
    Reading,
    Request,
    Retracted,
    Sampling,
    SegmentEnded,
    SegmentPlan,
    Text,
    Writing,
)
from storytui.engine.writing import Writer

STORY = "Once upon a time."


def request(
    message: str = STORY, *, minimum: int = 0, words: int | None = None, prefix: str = ""
) -> Request:
    return Request(
        message=message,
        segments=(
            SegmentPlan(
                name="reasoning",
                opening="<reasoning>",
                closing="</reasoning>",
                tokens=200,
                prefix=prefix,
            ),
            SegmentPlan(
                name="answer",
                opening="<answer>",
                closing="</answer>",
                words=words,
                minimum_words=minimum,
                tokens=400,
            ),
        ),
        sampling=Sampling(),
    )


def write(model: ByteModel, asked: Request | None = None) -> list[Event]:
    return list(Writer(model).write(asked or request(), lambda: False))


def text_of(events: list[Event], segment: str) -> str:
    text = ""
    for event in events:
        if isinstance(event, Text) and event.segment == segment:
            text += event.text
        if isinstance(event, Retracted) and event.segment == segment:
            text = text[: event.kept]
    return text


def test_both_segments_come_whole() -> None:
    events = write(ByteModel(draws("He waits.") + draws(" She came. ")))
    assert text_of(events, "reasoning") == "He waits."
    assert text_of(events, "answer") == "She came."
    assert [e.why for e in events if isinstance(e, SegmentEnded)] == ["closed", "closed"]


@pytest.mark.parametrize(
    "closing",
    [
        draws("</reasoning>", end=False),
        [256 + LONG.index("</reasoning>")],
        draws("\n\n<answer>", end=False),
        draws("<reasoning>", end=False),
        [END],
    ],
)
def test_however_the_model_closes_the_cache_holds_the_canonical_tags(closing: list[int]) -> None:
    model = ByteModel([*draws("He waits.", end=False), *closing, *draws("She came.")])
    write(model)
    assert model.seen == f"<|turn|>{STORY}<|turn|><reasoning>He waits.</reasoning><answer>She came."


def test_a_tag_hidden_in_a_longer_token_is_written_as_in_training() -> None:
    # The tokenizer of training would have written ".</" as one token.
    model = ByteModel(draws("He waits.") + draws("She came."))
    write(model)
    assert 256 + LONG.index(".</") in model.cells
    model = ByteModel(
        [
            *draws("He waits", end=False),
            256 + LONG.index(".</"),
            *draws("reasoning>", end=False),
            *draws("She came."),
        ]
    )
    events = write(model)
    assert text_of(events, "reasoning") == "He waits."
    assert "He waits.</reasoning><answer>She came." in model.seen


@given(st.text(alphabet="aé. \n<", min_size=1), st.text(alphabet="bß. \n", min_size=1))
def test_the_cache_is_what_was_shown(reasoning: str, answer: str) -> None:
    model = ByteModel(draws(reasoning) + draws(answer))
    events = write(model)
    shown = text_of(events, "reasoning")
    assert shown == reasoning.strip()
    seen = model.seen.split("<reasoning>", 1)[1]
    assert seen.startswith(f"{shown}</reasoning><answer>")
    assert text_of(events, "answer") == answer.strip()


def test_an_answer_is_not_closed_before_it_has_its_words() -> None:
    answer = draws("No.") + draws("</answer>") + draws(" But then he did go on.")
    events = write(ByteModel(draws("Hm.") + answer), request(minimum=6))
    assert text_of(events, "answer") == "No./answer> But then he did go on."


def test_the_reply_is_cut_back_to_a_sentence_and_says_so() -> None:
    model = ByteModel(draws("Hm.") + draws("She came in. And " + "so " * 99))
    events = write(model, request(words=3))
    assert text_of(events, "answer") == "She came in."


def test_a_direction_opens_the_reasoning() -> None:
    model = ByteModel(draws(" Then.") + draws("Done."))
    events = write(model, request(prefix="He sees it."))
    assert text_of(events, "reasoning") == "He sees it. Then."
    assert "<reasoning>He sees it. Then.</reasoning>" in model.seen


def test_the_same_prompt_again_evaluates_one_token() -> None:
    model = ByteModel((draws("Hm.") + draws("Yes.")) * 2)
    writer = Writer(model)
    first = list(writer.write(request(), lambda: False))[-1]
    second = list(writer.write(request(), lambda: False))[-1]
    assert isinstance(first, Finished)
    assert isinstance(second, Finished)
    assert first.statistics.evaluated_tokens == first.statistics.prompt_tokens
    assert second.statistics.evaluated_tokens == 1
    assert second.statistics.reused_tokens == second.statistics.prompt_tokens - 1


def test_only_what_is_new_is_evaluated() -> None:
    model = ByteModel((draws("Hm.") + draws("Yes.")) * 2)
    writer = Writer(model)
    list(writer.write(request(STORY), lambda: False))
    last = list(writer.write(request(STORY + "12345"), lambda: False))[-1]
    assert isinstance(last, Finished)
    tail = len("<reasoning>") + 1
    assert last.statistics.evaluated_tokens == 5 + tail


def test_reading_stops_within_one_batch() -> None:
    model = ByteModel([], batch=16)
    events = list(Writer(model).write(request("x" * 999), lambda: model.evaluated >= 32))
    assert model.evaluated == 32
    assert isinstance(events[-1], Finished)
    assert events[-1].stop == "stopped"
    assert events[-1].statistics.evaluated_tokens == 32


def test_what_was_read_before_a_stop_stays_read() -> None:
    model = ByteModel(draws("Hm.") + draws("Yes."), batch=16)
    writer = Writer(model)
    list(writer.write(request("x" * 99), lambda: model.evaluated >= 32))
    last = list(writer.write(request("x" * 99), lambda: False))[-1]
    assert isinstance(last, Finished)
    assert last.statistics.reused_tokens == 32


def test_writing_stops_and_what_came_stays() -> None:
    model = ByteModel(draws("He waits. He waits"), batch=1)
    seen: list[Event] = []
    for event in Writer(model).write(request(), lambda: "waits." in text_of(seen, "reasoning")):
        seen.append(event)
    assert text_of(seen, "reasoning").startswith("He waits.")
    assert isinstance(seen[-1], Finished)
    assert seen[-1].stop == "stopped"


def test_a_prompt_beyond_the_context_is_refused_before_anything_is_read() -> None:
    model = ByteModel([], context=500)
    with pytest.raises(PromptTooLongError, match="500"):
        write(model)
    assert model.evaluated == 0


def tokens_of(events: list[Event]) -> dict[str, tuple[int, ...]]:
    return {each.segment: each.tokens for each in events if isinstance(each, SegmentEnded)}


def text_of_tokens(tokens: tuple[int, ...]) -> str:
    return b"".join(map(ByteModel([]).vocabulary.piece, tokens)).decode()


@given(
    st.lists(st.sampled_from([*b"a. \n<", *range(256, 256 + len(LONG) - 1), END]), max_size=30),
    st.text(alphabet="bß. \n", min_size=1),
    st.sampled_from(["", "He sees it."]),
)
def test_the_tokens_of_a_segment_are_its_text(
    reasoning: list[int], answer: str, prefix: str
) -> None:
    events = write(ByteModel([*reasoning, END, *draws(answer) * 2]), request(prefix=prefix))
    for name, tokens in tokens_of(events).items():
        assert text_of_tokens(tokens) == text_of(events, name)


def test_the_tokens_of_a_segment_are_those_that_were_drawn() -> None:
    drawn = [*draws("He waits.", end=False), 256 + LONG.index(" the"), *draws("re.")]
    events = write(ByteModel([*drawn, *draws("Yes.")]))
    assert tokens_of(events)["reasoning"] == tuple(drawn[:-1])


def test_a_stopped_segment_has_its_tokens_too() -> None:
    model = ByteModel(draws("He waits. He waits"), batch=1)
    seen: list[Event] = []
    for event in Writer(model).write(request(), lambda: "waits." in text_of(seen, "reasoning")):
        seen.append(event)
    assert text_of_tokens(tokens_of(seen)["reasoning"]) == text_of(seen, "reasoning")


def test_a_control_token_ends_the_segment() -> None:
    model = ByteModel([*draws("He waits.", end=False), CONTROL, *draws("She came.")])
    write(model)
    assert model.seen.endswith("<reasoning>He waits.</reasoning><answer>She came.")


def test_the_speed_is_told_by_the_clock() -> None:
    ticks = iter(range(9999))
    model = ByteModel(draws("Hm.") + draws("Yes."))
    events = list(Writer(model, clock=lambda: next(ticks)).write(request(), lambda: False))
    told = [e for e in events if isinstance(e, Writing)]
    # Eight draws and two end tokens, a second each; the first and the end tokens tell nothing.
    assert [e.tokens for e in told] == [2, 3, 5, 6, 7, 8]
    assert {e.tokens_per_second for e in told} == {1.0}


def test_progress_of_reading_ends_at_the_whole() -> None:
    events = write(ByteModel(draws("Hm.") + draws("Yes.")))
    reading = [e for e in events if isinstance(e, Reading)]
    assert [e.done for e in reading] == sorted(e.done for e in reading)
    assert reading[-1].done == reading[-1].total
