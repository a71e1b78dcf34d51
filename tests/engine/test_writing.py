"""A reply round given draws: the tags are written, never sampled; the cache is canonical."""

import pytest
from byte_model import CONTROL, END, LONG, ByteModel, draws
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from storytui.engine.answers import ReplyCheck
from storytui.engine.api import (
    Event,
    Finished,
    PromptTooLongError,
    Readiness,
    Reading,
    Request,
    Retracted,
    Sampling,
    SegmentEnded,
    SegmentPlan,
    SegmentStarted,
    Text,
    Writing,
)
from storytui.engine.writing import Writer

STORY = "Once upon a time."
HEAD = "### Context:\n"


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


def test_the_same_prompt_again_evaluates_nothing() -> None:
    model = ByteModel((draws("Hm.") + draws("Yes.")) * 2)
    writer = Writer(model)
    first = list(writer.write(request(), lambda: False))[-1]
    second = list(writer.write(request(), lambda: False))[-1]
    assert isinstance(first, Finished)
    assert isinstance(second, Finished)
    assert first.statistics.evaluated_tokens == first.statistics.prompt_tokens
    assert second.statistics.evaluated_tokens == 0
    assert second.statistics.reused_tokens == second.statistics.prompt_tokens


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
    # Eight draws and two end tokens, a second each; the first is told at once, end tokens never.
    assert [e.tokens for e in told] == [1, 2, 3, 5, 6, 7, 8]
    assert [e.tokens_per_second for e in told] == [0.0] + [1.0] * 6


def test_progress_of_reading_ends_at_the_whole() -> None:
    events = write(ByteModel(draws("Hm.") + draws("Yes.")))
    reading = [e for e in events if isinstance(e, Reading)]
    assert [e.done for e in reading] == sorted(e.done for e in reading)
    assert reading[-1].done == reading[-1].total


# --- ahead ----------------------------------------------------------------------------------------


def prepared(writer: Writer, asked: Request, how_far: str, **more: bool) -> list[Readiness]:
    return list(writer.ahead(asked, how_far, **more))  # type: ignore[arg-type]


def finished(events: list[Event]) -> Finished:
    assert isinstance(events[-1], Finished)
    return events[-1]


def test_what_was_read_ahead_is_not_read_again() -> None:
    model = ByteModel(draws("Hm.") + draws("Yes."))
    writer = Writer(model)
    assert prepared(writer, request(), "read")[-1].up_to_date
    before = model.evaluated
    events = writer.write(request(), lambda: False)
    while not isinstance(next(events), Writing):
        pass
    assert model.evaluated == before


def test_reading_ahead_tells_how_far_it_is() -> None:
    told = prepared(Writer(ByteModel([])), request("word " * 20), "read")
    assert [each.done for each in told] == sorted(each.done for each in told)
    assert {each.total for each in told} == {told[-1].done}


def test_reading_that_was_left_off_goes_on_where_it_was() -> None:
    model = ByteModel([])
    writer = Writer(model)
    asked = request("word " * 20)
    steps = writer.ahead(asked, "read")
    next(steps)
    steps.close()
    told = prepared(writer, asked, "read")
    assert model.evaluated == told[-1].total


def test_what_was_moved_is_healed_when_there_is_time() -> None:
    model = ByteModel(draws("a") * 4)
    writer = Writer(model)
    text = " ".join(f"word{n}" for n in range(200))
    prepared(writer, placed(text), "read")
    hurried = list(writer.write(placed(text[700:], 700), lambda: False))
    assert finished(hurried).statistics.moved_tokens > 0
    assert finished(hurried).statistics.approximate_tokens > 0
    told = prepared(writer, placed(text[700:], 700), "read")
    assert told[-1].healing == 0
    assert model.exact == len(model.cells)


def placed(story: str, start: int = 0) -> Request:
    """What is asked where a window begins at a character of the manuscript."""
    asked = request(HEAD + story)
    return structs.replace(asked, fixed=len(HEAD), story=len(HEAD), start=start)


def test_what_was_deleted_at_the_storys_beginning_is_not_moved_as_by_a_window() -> None:
    writer = Writer(ByteModel(draws("a") * 4))
    text = " ".join(f"word{n}" for n in range(200))
    prepared(writer, placed(text), "read")
    cost = finished(list(writer.write(placed(text[700:]), lambda: False))).statistics
    assert cost.moved_tokens == 0
    assert cost.approximate_tokens == 0


def test_two_edits_before_a_request_are_told_as_reading_that_makes_sense() -> None:
    writer = Writer(ByteModel(draws("a") * 4))
    text = " ".join(f"word{n}" for n in range(200))
    list(writer.write(placed(text), lambda: False))
    asked = placed(text[:300] + " more" + text[300:700] + text[715:])
    check = ReplyCheck(asked)
    events = list(writer.write(asked, lambda: False))
    assert all(check.takes(each) for each in events)
    assert finished(events).statistics.moved_tokens > 0


def test_text_before_the_window_changes_nothing_of_what_was_thought() -> None:
    writer = Writer(ByteModel(draws("He waits.") + draws("Yes.")))
    prepared(writer, placed(STORY, 300), "think")
    assert prepared(writer, placed(STORY, 310), "think")[-1].thought
    events = list(writer.write(placed(STORY, 310), lambda: False))
    assert text_of(events, "reasoning") == "He waits."


def test_a_prompt_that_is_too_long_costs_nothing_that_was_read() -> None:
    model = ByteModel(draws("a") * 4, context=1000)
    writer = Writer(model)
    list(writer.write(request(), lambda: False))
    before = list(model.cells)
    with pytest.raises(PromptTooLongError):
        list(writer.write(request("word " * 300), lambda: False))
    assert model.cells == before


def test_an_exact_writer_moves_nothing() -> None:
    writer = Writer(ByteModel(draws("a") * 4), exact=True)
    text = " ".join(f"word{n}" for n in range(200))
    prepared(writer, placed(text), "read")
    cost = finished(list(writer.write(placed(text[700:]), lambda: False))).statistics
    assert cost.moved_tokens == 0
    assert cost.approximate_tokens == 0


def test_the_reasoning_thought_ahead_comes_at_once() -> None:
    model = ByteModel(draws("He waits.") + draws("Yes."))
    writer = Writer(model)
    assert prepared(writer, request(), "think")[-1].thought
    left = len(model.draws)
    events = writer.write(request(), lambda: False)
    seen = []
    while not (isinstance(each := next(events), SegmentStarted) and each.segment == "answer"):
        seen.append(each)
    assert text_of(seen, "reasoning") == "He waits."
    assert len(model.draws) == left
    # The tags in front of the answer were evaluated too: nothing stands between it and her.
    before = model.evaluated
    while not isinstance(next(events), Text):
        pass
    assert model.evaluated <= before + 1


def test_a_reply_thought_ahead_is_the_one_that_would_have_come() -> None:
    script = draws("He waits.") + draws("She came in.")
    plain, ahead = Writer(ByteModel(script)), Writer(ByteModel(script))
    prepared(ahead, request(), "think")
    wanted = list(plain.write(request(), lambda: False))
    got = list(ahead.write(request(), lambda: False))
    for segment in ("reasoning", "answer"):
        assert text_of(got, segment) == text_of(wanted, segment)


def test_a_whole_reply_may_be_written_ahead() -> None:
    model = ByteModel(draws("He waits.") + draws("Yes."))
    writer = Writer(model)
    prepared(writer, request(), "write")
    assert model.draws == []
    events = list(writer.write(request(), lambda: False))
    assert text_of(events, "answer") == "Yes."
    assert finished(events).statistics.evaluated_tokens == 0
    assert finished(events).statistics.generated_tokens > 0


def test_nothing_that_was_thought_for_another_text_is_used() -> None:
    writer = Writer(ByteModel(draws("He waits.") + draws("No.") + draws("Maybe.")))
    prepared(writer, request(), "think")
    events = list(writer.write(request("Another story."), lambda: False))
    assert text_of(events, "reasoning") == "No."


def test_an_edit_drops_what_was_thought_and_a_move_of_the_cursor_does_not() -> None:
    model = ByteModel(draws("He waits.") + draws("No.") + draws("Maybe."))
    writer = Writer(model)
    prepared(writer, request(), "think")
    elsewhere = request("Once upon")
    assert not prepared(writer, elsewhere, "think", edited=False)[-1].up_to_date
    assert prepared(writer, request(), "think", edited=False)[-1].thought
    assert text_of(list(writer.write(request(), lambda: False)), "reasoning") == "He waits."
    prepared(writer, request(), "think")
    assert prepared(writer, elsewhere, "read", edited=True)[-1].up_to_date


def test_thinking_may_be_left_off_and_goes_on_where_it_was() -> None:
    writer = Writer(ByteModel(draws("He waits.") + draws("Yes.")))
    steps = writer.ahead(request(), "think")
    for _ in range(6):
        next(steps)
    steps.close()
    assert prepared(writer, request(), "think", edited=False)[-1].thought
    events = list(writer.write(request(), lambda: False))
    assert text_of(events, "reasoning") == "He waits."
    assert text_of(events, "answer") == "Yes."


def test_reading_elsewhere_spares_the_last_continuation() -> None:
    model = ByteModel((draws("Hm.") + draws("Yes.")) * 2)
    writer = Writer(model)
    chapter = placed(" ".join(f"word{n}" for n in range(100)))
    list(writer.write(chapter, lambda: False))
    before = model.evaluated
    elsewhere = placed(" ".join(f"other{n}" for n in range(100)))
    assert prepared(writer, elsewhere, "read", spare=True)[-1].total == 0
    again = list(writer.write(chapter, lambda: False))
    assert finished(again).statistics.evaluated_tokens == 0
    assert model.evaluated >= before


def test_a_prompt_too_long_to_be_read_ahead_is_left_to_the_key() -> None:
    writer = Writer(ByteModel([], context=64))
    assert prepared(writer, request("word " * 200), "read") == [Readiness(done=0, total=0)]


# --- side by side ---------------------------------------------------------------------------------


def side_by_side(model: ByteModel, count: int) -> dict[int, list[Event]]:
    asked = [structs.replace(request(), sampling=Sampling(seed=n)) for n in range(count)]
    events: dict[int, list[Event]] = {}
    for number, event in Writer(model).write_side_by_side(asked, lambda: False):
        events.setdefault(number, []).append(event)
    return events


def test_candidates_read_the_prompt_once() -> None:
    model = ByteModel([END] * 6, context=4096, batch=64)
    events = side_by_side(model, 3)
    prompts = {finished(each).statistics.prompt_tokens for each in events.values()}
    one = ByteModel([END] * 2, batch=64)
    side_by_side(one, 1)
    tags = one.evaluated - prompts.pop()
    assert model.evaluated == one.evaluated + 2 * tags


def test_every_candidate_is_a_whole_reply() -> None:
    events = side_by_side(ByteModel(list(b"abcabc") + [END] * 3 + list(b"xyz") + [END] * 3), 3)
    answers = {text_of(each, "answer") for each in events.values()}
    assert sorted(answers) == ["x", "y", "z"]
    assert all(finished(each).stop == "closed" for each in events.values())


def test_candidates_come_in_turn_where_the_context_is_short() -> None:
    model = ByteModel([*b"ab", END] * 6, context=800)
    events = side_by_side(model, 3)
    assert len(events) == 3
    assert all(text_of(each, "answer") == "ab" for each in events.values())
    assert all(finished(events[n]).statistics.evaluated_tokens == 0 for n in (1, 2))


def test_candidates_leave_only_the_prompt_behind() -> None:
    model = ByteModel([END] * 6, batch=64)
    events = side_by_side(model, 3)
    assert len(model.cells) == finished(events[0]).statistics.prompt_tokens
    assert {number for each in model.all for number in each.sequences} == {0}


def test_a_stop_ends_all_candidates() -> None:
    stops = iter([False] * 12 + [True] * 1000)
    model = ByteModel(draws("word " * 200), batch=64)
    asked = [structs.replace(request(), sampling=Sampling(seed=n)) for n in range(2)]
    ended = [
        event.stop
        for _, event in Writer(model).write_side_by_side(asked, lambda: next(stops))
        if isinstance(event, Finished)
    ]
    assert ended == ["stopped", "stopped"]
