"""What a teacher costs is estimated, capped and counted."""

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from teacher_rows import make_row, rows

from storytui_train.data.teacher.costs import Purse, Usage, added, estimate, tokens_of
from storytui_train.data.teacher.prompts import ANGLES, plan_messages
from storytui_train.errors import TeacherError
from storytui_train.recipe import TeacherOptions

PRICED = TeacherOptions(prompt_price=1.0, completion_price=4.0, budget=1.0, max_tokens=1_000)


def test_the_estimate_has_every_plan_and_line() -> None:
    found = estimate(rows(10), PRICED)

    assert (found.rows, found.requests) == (10, 10 * (PRICED.plans + 1))
    assert found.cost == pytest.approx((found.prompt_tokens + 4 * found.completion_tokens) / 1e6)
    prompt = tokens_of(plan_messages(make_row(0), PRICED, ANGLES[0]))
    assert 9 * 10 * prompt * PRICED.plans < 10 * found.prompt_tokens < 15 * 10 * prompt * 5


def test_rows_with_a_reasoning_of_their_own_cost_nothing() -> None:
    own = [msgspec.structs.replace(row, reasoning="So.") for row in rows(3)]

    assert estimate(own, PRICED).requests == 0


def test_what_is_answered_already_is_not_in_the_estimate() -> None:
    given = list(rows(3))
    each = estimate(given[:1], PRICED)
    kept = {given[0].id: each.requests, given[1].id: 1}
    found = estimate(given, PRICED, kept=kept)
    assert found.rows == 2
    assert found.requests == 2 * each.requests - 1
    assert found.cost is not None
    assert 0 < found.cost < (estimate(given, PRICED).cost or 0)


def test_a_teacher_on_this_machine_costs_nothing() -> None:
    found = estimate(rows(2), msgspec.structs.replace(PRICED, kind="local"))
    assert found.cost == 0
    assert "nothing to pay" in found.told()


def test_without_prices_the_estimate_goes_by_the_replies_so_far() -> None:
    options = TeacherOptions(budget=1.0)

    assert estimate(rows(2), options).cost is None
    assert "not known before its first reply" in estimate(rows(2), options).told()
    found = estimate(rows(2), options, Usage(2, 200, 100, 0.3))
    assert found.completion_tokens == 2 * 5 * 50
    assert found.cost == pytest.approx((found.prompt_tokens + 500) * 0.001)


@given(st.integers(0, 10_000), st.integers(1, 20))
def test_the_budget_is_never_passed(seed: int, at_once: int) -> None:
    """Whatever replies take, below what was allowed, and in whatever order they come."""
    drawn = random.Random(seed)
    options = msgspec.structs.replace(PRICED, budget=0.05)
    purse = Purse(options, here=False)
    payload = {"messages": [{"content": "x" * 4_000}], "max_tokens": 1_000}
    flying: list[float] = []
    stopped = False
    while flying or not stopped:
        if not stopped and len(flying) < at_once and drawn.random() < 0.6:
            try:
                flying.append(purse.reserve(payload))
            except TeacherError:
                stopped = True
        elif flying:
            usage = {"prompt_tokens": drawn.randint(1, 1_008), "completion_tokens": 1_000}
            purse.settle(flying.pop(drawn.randrange(len(flying))), usage)

    assert 0.03 < purse.spent() <= options.budget


def test_what_to_do_about_a_budget_is_told() -> None:
    purse = Purse(PRICED, here=False, own=Usage(1, 0, 249_000, 0.0))

    with pytest.raises(TeacherError, match=r"raise teacher\.budget"):
        purse.reserve({"messages": [{"content": "x"}], "max_tokens": 1_000})


def test_other_tasks_spending_counts() -> None:
    others = [Usage(1, 0, 0, 0.0)]
    purse = Purse(PRICED, here=False, others=lambda: added(others))
    payload = {"messages": [{"content": "x"}], "max_tokens": 1_000}
    purse.reserve(payload)

    others.append(Usage(1, 0, 249_000, 0.0))

    with pytest.raises(TeacherError, match="budget of 1"):
        purse.reserve(payload)


def test_a_teacher_that_costs_nothing_is_not_capped() -> None:
    purse = Purse(PRICED, here=True, own=Usage(1, 0, 10**9, 50.0))

    assert purse.reserve({"messages": [], "max_tokens": 10**9}) == 0


def test_costs_that_nobody_tells_stop_the_next_request() -> None:
    purse = Purse(TeacherOptions(budget=1.0), here=False)
    payload = {"messages": [{"content": "x"}], "max_tokens": 10}
    purse.settle(purse.reserve(payload), {"prompt_tokens": 5, "completion_tokens": 5})

    with pytest.raises(TeacherError, match=r"teacher\.prompt_price"):
        purse.reserve(payload)


def test_a_free_model_that_says_so_is_asked_on() -> None:
    purse = Purse(TeacherOptions(budget=1.0), here=False)
    payload = {"messages": [{"content": "x"}], "max_tokens": 10}
    purse.settle(purse.reserve(payload), {"prompt_tokens": 5, "completion_tokens": 5, "cost": 0})

    assert purse.reserve(payload) == 0
