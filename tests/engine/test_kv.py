"""Which evaluated tokens are kept and moved, and which are evaluated."""

import random

from hypothesis import given
from hypothesis import strategies as st

from storytui.engine.kv import (
    MOST_CHANGES,
    MOST_DROPPED,
    SMALLEST_MOVE,
    Block,
    Places,
    Plan,
    common_prefix,
    plan_exactly,
    plan_moves,
)

TOKENS = st.lists(st.integers(0, 2), max_size=40)
HEAD = list(range(1000, 1020))
TAIL = list(range(2000, 2008))
PLACES = Places(fixed=len(HEAD), story=len(HEAD), moved_on=True)


def story(length: int, seed: int = 1) -> list[int]:
    """Tokens as a story has them: few of them twice."""
    return random.Random(seed).choices(range(500), k=length)


def prompt(text: list[int]) -> list[int]:
    return HEAD + text + TAIL


@given(TOKENS, TOKENS)
def test_the_common_prefix_is_common_and_longest(one: list[int], other: list[int]) -> None:
    length = common_prefix(one, other)
    assert one[:length] == other[:length]
    assert length == min(len(one), len(other)) or one[length] != other[length]


@given(TOKENS, st.integers(0, 40), TOKENS.filter(bool))
def test_an_exact_plan_keeps_what_is_exact_and_common(
    cached: list[int], exact: int, wanted: list[int]
) -> None:
    plan = plan_exactly(cached, min(exact, len(cached)), wanted)
    assert plan.reused <= exact
    assert cached[: plan.reused] == wanted[: plan.reused]
    assert plan.evaluated >= 1


@given(TOKENS, TOKENS.filter(bool))
def test_every_block_stands_in_both_and_in_order(cached: list[int], wanted: list[int]) -> None:
    source = target = 0
    for block in plan_moves(cached, wanted).blocks:
        assert block.source >= source
        assert block.target >= target
        source, target = block.source_end, block.target_end
        assert cached[block.source : source] == wanted[block.target : target]


@given(TOKENS, TOKENS.filter(bool))
def test_moving_never_evaluates_more_than_keeping(cached: list[int], wanted: list[int]) -> None:
    exactly = plan_exactly(cached, len(cached), wanted)
    assert plan_moves(cached, wanted).evaluated <= exactly.evaluated


def test_an_unchanged_prompt_costs_one_token() -> None:
    assert plan_moves([1, 2, 3], [1, 2, 3]).evaluated == 1


def test_where_the_last_logits_are_kept_it_costs_none() -> None:
    assert plan_moves([1, 2, 3], [1, 2, 3], known=3).evaluated == 0


def test_text_at_the_end_costs_itself_and_what_stands_behind_it() -> None:
    text = story(400)
    plan = plan_moves(prompt(text), prompt([*text, *story(20, seed=2)]), PLACES)
    assert plan.evaluated == 20 + len(TAIL)
    assert plan.moved == 0


def test_a_window_that_moves_on_costs_only_what_is_new() -> None:
    text = story(400)
    plan = plan_moves(prompt(text), prompt([*text[150:], *story(20, seed=2)]), PLACES)
    assert plan.evaluated == 20 + len(TAIL)
    assert plan.blocks == (Block(0, 0, 20), Block(170, 20, 250))


def test_a_changed_word_costs_itself_and_the_last_token() -> None:
    text = story(400)
    edited = [*text[:200], 900, 901, 902, *text[202:]]
    plan = plan_moves(prompt(text), prompt(edited), PLACES)
    assert plan.evaluated == 3 + 1


def test_a_text_behind_a_large_drop_is_read_again() -> None:
    text = story(400)
    cut = [*text[:100], *text[100 + MOST_DROPPED + 1 :]]
    plan = plan_moves(prompt(text), prompt(cut), PLACES)
    assert plan.moved == 0
    assert plan.reused == len(HEAD) + 100


def test_a_text_with_many_changes_is_read_again_behind_the_last_that_may_be() -> None:
    text = story(600)
    renamed = list(text)
    for place in range(50, 600, 50):
        renamed[place] = 999
    plan = plan_moves(prompt(text), prompt(renamed), PLACES)
    assert plan.reused == len(HEAD) + 50 * (MOST_CHANGES + 1) - MOST_CHANGES


def test_behind_a_change_in_the_fixed_beginning_nothing_is_moved() -> None:
    text = story(400)
    changed = [*HEAD[:5], 3000, *HEAD[6:], *text, *TAIL]
    assert plan_moves(prompt(text), changed, PLACES).reused == 5


def test_short_stretches_are_not_moved() -> None:
    text = story(SMALLEST_MOVE - 1)
    plan = plan_moves([*HEAD, 900, *text, *TAIL], [*HEAD, 901, *text, 902], PLACES)
    assert plan.moved == 0


def test_of_a_text_that_repeats_itself_the_longest_stretch_is_moved() -> None:
    refrain = story(SMALLEST_MOVE, seed=3)
    text = [*story(100, seed=4), *refrain, *story(60, seed=5), *refrain, *story(100, seed=6)]
    plan = plan_moves(prompt(text), prompt([*text[:90], 900, *text[91:]]), PLACES)
    assert plan.evaluated == 1 + 1


def test_a_plan_for_an_empty_cache_evaluates_everything() -> None:
    assert plan_moves([], [1, 2, 3]) == Plan((), 3)


def test_a_long_text_deleted_at_the_storys_beginning_is_no_window_that_moved_on() -> None:
    text = story(400)
    plan = plan_moves(prompt(text), prompt(text[150:]), Places(len(HEAD), len(HEAD)))
    assert plan.moved == 0


def test_notes_that_were_deleted_are_no_window_that_moved_on() -> None:
    notes, text = story(100, seed=3), story(400)
    places = Places(len(HEAD), len(HEAD) + 40, moved_on=True)
    plan = plan_moves(prompt([*notes, *text]), prompt([*notes[:20], *notes[80:], *text]), places)
    assert plan.moved == 0
    assert plan.reused == len(HEAD) + 20


def test_a_plan_says_how_often_something_went_from_before_what_is_moved() -> None:
    text = story(400)
    inserted = [*text[:100], 900, *text[100:]]
    assert plan_moves(prompt(text), prompt(inserted), PLACES).replaced == 0
    changed = [*text[:100], 900, *text[101:200], *text[203:]]
    assert plan_moves(prompt(text), prompt(changed), PLACES).replaced == 2
    assert plan_moves(prompt(text), prompt(text[100:]), PLACES).replaced == 0
