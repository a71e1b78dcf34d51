"""Whose plans a row's plans are compared with."""

import random

from hypothesis import given
from hypothesis import strategies as st

from storytui_train.data.teacher.controls import control_plans, shuffled

GROUPS = st.dictionaries(
    st.text("abcdef0123", min_size=1, max_size=4), st.sampled_from(["one", "two", "three"])
)


@given(GROUPS, st.integers(0, 99))
def test_every_row_has_another_and_no_two_the_same(groups: dict[str, str], seed: int) -> None:
    found = shuffled(groups, seed)
    assert set(found) == (set(groups) if len(groups) > 1 else set())
    assert set(found.values()) == set(found)
    assert all(name != other for name, other in found.items())


@given(GROUPS, st.integers(0, 99), st.integers(0, 99))
def test_the_order_of_the_rows_makes_no_difference(
    groups: dict[str, str], seed: int, order: int
) -> None:
    names = list(groups)
    random.Random(order).shuffle(names)
    assert shuffled({name: groups[name] for name in names}, seed) == shuffled(groups, seed)


def test_the_other_row_is_of_the_same_book_where_it_can_be() -> None:
    groups = {f"{book}-{n}": book for book in ("emma", "dracula") for n in range(5)}
    found = shuffled(groups, 1)
    assert all(groups[name] == groups[other] for name, other in found.items())


def test_a_row_whose_book_has_no_other_gets_one_of_another_book() -> None:
    found = shuffled({"a": "emma", "b": "emma", "c": "dracula"}, 1)
    assert found["c"] in ("a", "b")


def test_another_seed_gives_another_order() -> None:
    groups = {str(n): "" for n in range(20)}
    assert shuffled(groups, 1) != shuffled(groups, 2)


@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 4), min_size=1), st.integers(0, 9)
)
def test_a_row_has_as_many_plans_of_others_as_of_its_own(counts: dict[str, int], seed: int) -> None:
    plans = {name: [f"{name}{n}" for n in range(count)] for name, count in counts.items()}
    found = control_plans(plans, dict.fromkeys(plans, "one book"), seed)
    for name, own in plans.items():
        others = sum(count for other, count in counts.items() if other != name)
        assert len(found[name]) == min(len(own), others)
        assert not set(found[name]) & set(own)
        assert len(set(found[name])) == len(found[name])
