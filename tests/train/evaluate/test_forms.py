"""Whether a reply that a model wrote alone has the right form."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storytui_train.evaluate.forms import HOPELESS, form_of, is_hopeless

PLAN, TEXT = "She waits for him. Then she goes.", "\n\nThe bell rang.\n\n“At last,” she said."
GOOD = f"<reasoning>{PLAN}</reasoning><answer>{TEXT}</answer>"
BARE = f"<answer>{TEXT}</answer>"


def test_a_good_reply_is_right() -> None:
    form = form_of(GOOD, ended=True)
    assert form.right
    assert form.planned
    assert form.problems == ()
    assert form.answer.strip() == TEXT.strip()


def test_a_reply_without_a_plan_is_right_and_says_so() -> None:
    form = form_of(BARE, ended=True)
    assert form.right
    assert not form.planned
    assert form.answer.strip() == TEXT.strip()


def test_white_space_round_the_tags_is_none_of_its_form() -> None:
    assert form_of(
        f"\n<reasoning>\n{PLAN}\n</reasoning>\n\n<answer>\n{TEXT}\n</answer>\n", ended=True
    ).right


@pytest.mark.parametrize(
    "raw",
    [
        "",
        TEXT,
        f"Sure! {GOOD}",
        f"{GOOD}\nI hope you like it.",
        f"<reasoning>{PLAN}</reasoning>{TEXT}",
        f"<reasoning>{PLAN}<answer>{TEXT}</answer>",
        f"<reasoning>{PLAN}</reasoning><answer>{TEXT}",
        f"<reasoning>{PLAN}</reasoning><answer></answer>",
        f"<Reasoning>{PLAN}</Reasoning><answer>{TEXT}</answer>",
        f"<reasoning></reasoning><answer>{TEXT}</answer>",
        f"<answer>{TEXT}</answer><reasoning>{PLAN}</reasoning>",
        f"{GOOD}\n{GOOD}",
        f"```\n{GOOD}\n```",
        f"<think>{PLAN}</think>{BARE}",
        f"<reasoning>{PLAN}</reasoning>\nThen:\n<answer>{TEXT}</answer>",
        f"<answer>{TEXT}<reasoning>{PLAN}</reasoning>{TEXT}</answer>",
        f"<answer>{TEXT}</answer>{TEXT}</answer>",
        f"<answer>{TEXT}</reasoning>{TEXT}</answer>",
        f"<answer><answer>{TEXT}</answer>",
        f"<reasoning>{PLAN}<reasoning>{PLAN}</reasoning><answer>{TEXT}</answer>",
        f"<reasoning>{PLAN}<answer>{TEXT}</reasoning>{TEXT}</answer>",
        f"<reasoning>{PLAN}</answer></reasoning><answer>{TEXT}",
    ],
)
def test_damaged_replies_are_not(raw: str) -> None:
    form = form_of(raw, ended=True)
    assert not form.right
    assert form.problems


def test_a_reply_that_only_its_length_ended_is_not() -> None:
    assert not form_of(GOOD, ended=False).right
    assert not form_of(BARE, ended=False).right


@settings(deadline=None)
@given(st.text(st.sampled_from("<>/reasoningwxy. \n"), max_size=60), st.booleans())
def test_any_reply_has_a_form(raw: str, ended: bool) -> None:
    form = form_of(raw, ended=ended)
    assert form.right == (not form.problems)


@settings(deadline=None)
@given(st.integers(0, len(GOOD)), st.sampled_from([GOOD, BARE, f" \n{GOOD}"]))
def test_nothing_that_may_yet_be_right_is_hopeless(length: int, raw: str) -> None:
    assert not is_hopeless(raw[:length])


@pytest.mark.parametrize(
    "raw", [TEXT * 9, f"So: {GOOD}" * 3, GOOD + TEXT * 9, "<reason" + "g" * 300]
)
def test_what_can_be_right_no_more_is(raw: str) -> None:
    assert len(raw) > HOPELESS
    assert is_hopeless(raw)
