"""What is wrong with a reply is seen, and nothing else is called wrong."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from teacher_rows import NEXT, TOLD, make_row
from teacher_stand_in import LINES, SENTENCES

from storytui_train.data.examples import Row
from storytui_train.data.teacher.checks import (
    bare,
    figures,
    guidance_faults,
    leaked_runs,
    plan_faults,
)
from storytui_train.recipe import TeacherOptions

OPTIONS = TeacherOptions()
ROW = msgspec.structs.replace(make_row(1), context=" ".join(TOLD), continuation=" ".join(NEXT))
PLAN = " ".join(SENTENCES[:7])
GERMAN = (
    "Anna weiß noch nicht, was der Mann am Fenster von ihr will, und sie hat Angst davor. Er "
    "dagegen wartet nur darauf, dass sie den Brief zeigt, und er lässt sich Zeit. Darum muss "
    "zuerst jemand anderes in das Haus kommen und beide stören, bevor sie reden können. Danach "
    "ist klar, dass sie zusammen gehen, obwohl keiner dem anderen verziehen hat."
)


def names(text: str, finish: str = "stop", row: Row = ROW) -> list[str]:
    return [fault.name for fault in plan_faults(text, row, OPTIONS, finish)]


def test_a_good_plan_has_no_fault() -> None:
    assert names(PLAN) == []
    assert figures(PLAN, ROW, OPTIONS).leak == 0


@pytest.mark.parametrize(
    ("text", "finish", "fault"),
    [
        ("", "stop", "empty"),
        (" … —\n", "stop", "empty"),
        ("I'm sorry, but I can't help with that.", "stop", "refusal"),
        ("As an AI, I have no view of this.", "stop", "refusal"),
        (PLAN, "content_filter", "refusal"),
        (PLAN, "length", "cut off"),
        (PLAN + " And then they", "stop", "cut off"),
        (PLAN + " <answer>", "stop", "tags"),
        (f"<reasoning>{PLAN}</reasoning>", "stop", "tags"),
        (PLAN + " He says “give me what is mine” to her.", "stop", "quotation"),
        (PLAN + ' Then "we are all late" is said.', "stop", "quotation"),
        (PLAN + " The continuation shows them in the hall.", "stop", "meta talk"),
        (PLAN + " So the reader knows more than she does.", "stop", "meta talk"),
        (PLAN + " The story so far has left them waiting.", "stop", "meta talk"),
        ("Certainly! " + PLAN, "stop", "meta talk"),
        ("Here is my plan for it: " + PLAN, "stop", "meta talk"),
        (GERMAN, "stop", "language"),
        ("She wants to go.", "stop", "too short"),
        (" ".join([PLAN] * 4), "stop", "too long"),
        (" ".join(TOLD[:5]).replace("“", "").replace("”", ""), "stop", "retelling"),
        ("- " + "\n- ".join(SENTENCES[:7]), "stop", "list"),
        ("## What comes\n\n" + PLAN, "stop", "list"),
        ("1. " + PLAN, "stop", "list"),
        (PLAN + " " + NEXT[4], "stop", "leak"),
        (PLAN + " they were counting, as he counted the money twice and left.", "stop", "leak"),
    ],
)
def test_each_fault_is_seen(text: str, finish: str, fault: str) -> None:
    assert fault in names(text, finish)


def test_words_that_the_story_itself_uses_are_no_talk_about_the_text() -> None:
    text = PLAN + " Somebody is hiding in the passage, so they have to go out by the kitchen."
    without = msgspec.structs.replace(ROW, continuation=NEXT[0])

    assert "meta talk" not in names(text)
    assert "meta talk" in names(text, row=without)


def test_a_name_in_quotation_marks_is_no_quotation() -> None:
    assert "quotation" not in names(PLAN + " He calls her “the captain” from then on.")


def test_a_phrase_that_stands_in_the_context_is_no_leak() -> None:
    said = NEXT[4]
    known = msgspec.structs.replace(ROW, context=f"{ROW.context} {said}")

    assert "leak" in names(f"{PLAN} {said}")
    assert "leak" not in names(f"{PLAN} {said}", row=known)


def test_marks_case_and_line_breaks_do_not_hide_a_leak() -> None:
    hidden = NEXT[2].upper().replace(" ", ",\n").replace(".", "!")

    assert leaked_runs(hidden, ROW, OPTIONS) == leaked_runs(NEXT[2], ROW, OPTIONS)
    assert len(leaked_runs(hidden, ROW, OPTIONS)) == len(NEXT[2].split()) - 5


def test_what_leaked_is_told_to_the_teacher() -> None:
    (fault,) = plan_faults(f"{PLAN} {NEXT[4]}", ROW, OPTIONS, "stop")

    assert "he counted the money twice and" in fault.told


def test_a_share_of_leaked_words_can_be_allowed() -> None:
    allowing = TeacherOptions(leak_limit=0.2)

    assert plan_faults(f"{PLAN} {NEXT[4]}", ROW, allowing, "stop") == []


WORDS = st.lists(st.sampled_from(["ja", "jo", "ju", "ka", "ko", "la", "lo", "ma"]), max_size=60)


@given(WORDS, WORDS, WORDS)
def test_the_leak_is_the_share_of_runs_that_only_the_continuation_has(
    context: list[str], continuation: list[str], plan: list[str]
) -> None:
    row = msgspec.structs.replace(
        ROW, context=" ".join(context), continuation=" ".join(continuation)
    )
    options = TeacherOptions(leak_words=2)

    def has(text: list[str], run: list[str]) -> bool:
        return any(text[at : at + 2] == run for at in range(len(text) - 1))

    runs = [plan[at : at + 2] for at in range(len(plan) - 1)]
    leaked = [run for run in runs if has(continuation, run) and not has(context, run)]

    found = figures(" ".join(plan), row, options).leak
    assert found == pytest.approx(len(leaked) / len(runs) if runs else 0)
    assert [" ".join(run) for run in leaked] == leaked_runs(" ".join(plan), row, options)


@pytest.mark.parametrize(
    ("reply", "left"),
    [
        ("She goes.", "She goes."),
        ("<think>Let me see.\n\nWell.</think>\n\nShe goes.", "She goes."),
        ("Let me see.</think>She goes.", "She goes."),
        ("She goes\ud83d", "She goes?"),
        ("<think>Let me see. It is hard", ""),
        ("<THINKING>a</THINKING> She <think>b</think>goes.", "She goes."),
    ],
)
def test_a_thinking_model_s_thoughts_are_taken_away(reply: str, left: str) -> None:
    assert bare(reply) == left


@pytest.mark.parametrize("line", LINES)
def test_a_good_guidance_line_has_no_fault(line: str) -> None:
    assert guidance_faults(line, ROW, OPTIONS, "stop") == []


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("She goes. He stays behind with the others.", "not one sentence"),
        ("She goes away\nand he stays with them.", "not one sentence"),
        (f"She goes {'and goes ' * 20}away.", "too long"),
        ("She goes.", "too short"),
        (NEXT[1], "leak"),
        ("In the continuation they find the boat.", "meta talk"),
        ("They find that the boat", "cut off"),
        ("", "empty"),
    ],
)
def test_each_fault_of_a_guidance_line_is_seen(line: str, fault: str) -> None:
    assert fault in [each.name for each in guidance_faults(line, ROW, OPTIONS, "stop")]


def test_an_abbreviation_does_not_end_a_guidance_line() -> None:
    line = "Mr. Hale finds that Dr. Lint has taken the boat, and he is the one who pays."

    assert guidance_faults(line, ROW, OPTIONS, "stop") == []
