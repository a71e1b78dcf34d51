"""Means, and how uncertain they are by book."""

import random
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storytui_train.evaluate.intervals import bootstrap

VALUES = st.lists(st.tuples(st.sampled_from("abcd"), st.floats(-100, 100)), min_size=1, max_size=30)


@settings(deadline=None)
@given(VALUES, st.integers(0, 99))
def test_the_order_of_the_values_makes_no_difference(
    values: list[tuple[str, float]], order: int
) -> None:
    again = list(values)
    random.Random(order).shuffle(again)
    assert bootstrap(again, resamples=50) == bootstrap(values, resamples=50)


@settings(deadline=None)
@given(VALUES)
def test_the_mean_is_of_all_rows_and_the_interval_within_them(
    values: list[tuple[str, float]],
) -> None:
    found = bootstrap(values, resamples=50)
    alone = [value for _, value in values]
    assert found.mean == pytest.approx(fmean(alone))
    assert min(alone) - 1e-9 <= found.low <= found.high <= max(alone) + 1e-9
    assert found.rows == len(values)
    assert found.books == len({book for book, _ in values})


def test_rows_of_a_book_that_are_alike_do_not_make_it_surer() -> None:
    # Eight books, one of them with another value; each row of it told a hundred times.
    few = [(str(n), float(n)) for n in range(8)]
    many = [each for each in few for _ in range(100)]
    one, other = bootstrap(few), bootstrap(many)
    assert other.high - other.low == pytest.approx(one.high - one.low)
    by_row = bootstrap([(f"{n}", value) for n, (_, value) in enumerate(many)])
    assert by_row.high - by_row.low < (other.high - other.low) / 5


def test_nine_in_ten_intervals_hold_the_mean_that_the_books_are_drawn_from() -> None:
    draw = random.Random(5)
    held = 0
    for _ in range(100):
        values = []
        for book in range(12):
            level = draw.gauss(1.0, 2.0)
            values += [(str(book), level + draw.gauss(0, 1)) for _ in range(10)]
        found = bootstrap(values, resamples=400)
        held += found.low <= 1.0 <= found.high
    assert held >= 85


def test_of_one_book_the_rows_are_drawn() -> None:
    found = bootstrap([("a", 1.0), ("a", 3.0), ("a", 2.0)])
    assert found.books == 1
    assert found.low < 2.0 < found.high


def test_no_values_have_no_interval() -> None:
    with pytest.raises(ValueError, match="needs values"):
        bootstrap([])
