"""What the teacher is told."""

import string

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from teacher_rows import make_row

from storytui_train.data.teacher.prompts import (
    ANGLES,
    angle_of,
    asked_words,
    guidance_messages,
    plan_messages,
    prompt_hash,
)
from storytui_train.recipe import TeacherOptions

OPTIONS = TeacherOptions()
TEXTS = st.text(string.ascii_letters + " {}\n%\\“”=", min_size=1).filter(str.strip)


@given(TEXTS, TEXTS)
def test_the_story_stands_in_the_message_as_it_is(context: str, continuation: str) -> None:
    row = make_row(1)
    row = msgspec.structs.replace(row, context=context, continuation=continuation)

    system, user = plan_messages(row, OPTIONS, ANGLES[0])

    assert (system["role"], user["role"]) == ("system", "user")
    assert context.strip("\n") in user["content"]
    assert continuation.strip("\n") in user["content"].split("for you alone", 1)[1]


def test_the_requests_of_a_row_begin_alike_up_to_the_task() -> None:
    row = make_row(1)
    texts = [plan_messages(row, OPTIONS, angle)[1]["content"] for angle in ANGLES]
    texts.append(guidance_messages(row)[1]["content"])

    heads = {text.split("=== Your task ===")[0] for text in texts}

    assert len(heads) == 1
    assert len(set(texts)) == len(ANGLES) + 1


def test_a_plan_is_asked_to_be_shorter_and_longer_than_the_limits() -> None:
    shortest, longest = asked_words(OPTIONS)

    assert OPTIONS.plan_words[0] < shortest < longest < OPTIONS.plan_words[1]
    task = plan_messages(make_row(1), OPTIONS, ANGLES[0])[1]["content"]
    assert f"Write {shortest} to {longest} words" in task


def test_what_was_wrong_is_told_to_the_next_attempt() -> None:
    told = plan_messages(make_row(1), OPTIONS, ANGLES[1], ["It had a list."])[1]["content"]

    assert told.startswith(plan_messages(make_row(1), OPTIONS, ANGLES[1])[1]["content"])
    assert "- It had a list." in told


def test_angles_come_round() -> None:
    names = [angle_of(number).name for number in range(2 * len(ANGLES))]

    assert names == [angle.name for angle in ANGLES] * 2
    assert len(set(names)) == 4


def test_the_hash_changes_with_what_is_told_and_with_nothing_else() -> None:
    known = prompt_hash(OPTIONS)

    assert len(known) == 16
    assert int(known, 16) >= 0
    assert prompt_hash(TeacherOptions(model="other", plans=9, temperature=0.1)) == known
    assert prompt_hash(TeacherOptions(plan_words=(50, 90))) != known
