"""Means, and how uncertain they are by book."""

import random
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storytui_train.evaluate.intervals import bootstrap, student_t

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
def test_the_mean_is_of_all_rows_and_lies_in_the_interval(
    values: list[tuple[str, float]],
) -> None:
    found = bootstrap(values, resamples=50)
    alone = [value for _, value in values]
    assert found.mean == pytest.approx(fmean(alone))
    assert found.low <= found.mean <= found.high
    inside = found.within(min(alone), max(alone))
    assert min(alone) <= inside.low <= inside.high <= max(alone)
    assert inside.mean == found.mean
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
    assert held >= 90


@pytest.mark.parametrize("books", [2, 3, 5, 8])
def test_few_books_make_no_false_claims(books: int) -> None:
    draw = random.Random(books)
    false = 0
    for _ in range(400):
        found = bootstrap([(str(n), draw.gauss(0, 1)) for n in range(books)], resamples=100)
        false += found.low > 0 or found.high < 0
    # One in twenty is meant; without Student's t it was every second of two books.
    assert false <= 32


def test_other_shares_than_nineteen_in_twenty_are_kept_too() -> None:
    draw = random.Random(4)
    held = 0
    for _ in range(400):
        values = [(str(n), draw.gauss(0, 1)) for n in range(4)]
        found = bootstrap(values, resamples=100, share=0.5)
        held += found.low <= 0 <= found.high
    assert 180 <= held <= 260


@pytest.mark.parametrize(
    ("free", "share", "expected"),
    # Tables of Student's t, and its limit, the normal distribution.
    [
        (1, 0.95, 12.7062),
        (1, 0.5, 1.0),
        (2, 0.95, 4.30265),
        (3, 0.99, 5.84091),
        (4, 0.9, 2.13185),
        (10, 0.95, 2.22814),
        (29, 0.99, 2.75639),
        (5000, 0.95, 1.96044),
    ],
)
def test_students_t_is_that_of_the_tables(free: int, share: float, expected: float) -> None:
    assert student_t(free, share) == pytest.approx(expected, rel=1e-5)


def test_a_single_row_has_no_interval() -> None:
    found = bootstrap([("a", 3.0)])
    assert (found.low, found.high, found.units) == (3, 3, 1)
    assert bootstrap([("a", 3.0), ("a", 4.0)]).units == 2
    assert bootstrap([("a", 3.0), ("a", 4.0), ("b", 4.0)]).units == 2


def test_of_one_book_the_rows_are_drawn() -> None:
    found = bootstrap([("a", 1.0), ("a", 3.0), ("a", 2.0)])
    assert found.books == 1
    assert found.low < 2.0 < found.high


def test_no_values_have_no_interval() -> None:
    with pytest.raises(ValueError, match="needs values"):
        bootstrap([])
