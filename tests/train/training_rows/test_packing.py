"""Packing: every row once, whole, and apart from its neighbours; the same rows in every step."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storytui_train.training.packing import (
    NOT_TRAINED,
    Packed,
    Steps,
    apart,
    deal,
    lay_out,
    order,
    pack,
    spread,
    turns,
)
from storytui_train.training.rows import TokenRow

LENGTHS = st.lists(st.integers(2, 120), min_size=1, max_size=40)


def rows_of(lengths: list[int]) -> list[TokenRow]:
    """Rows whose tokens are all different, half of them trained."""
    return [
        TokenRow(
            id=str(number),
            book="b",
            tokens=tuple(range(1000 * number + 1, 1000 * number + 1 + length)),
            reply=max(1, length // 2),
        )
        for number, length in enumerate(lengths)
    ]


# --- steps ----------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 4), st.integers(0, 99))
def test_every_row_is_trained_once_an_epoch(rows: int, batch: int, epochs: int, seed: int) -> None:
    steps = Steps(rows, batch=batch, seed=seed, epochs=epochs)
    taken = [row for step in range(len(steps)) for row in steps[step]]

    assert [len(steps[step]) for step in range(len(steps) - 1)] == [batch] * (len(steps) - 1)
    for epoch in range(epochs):
        assert sorted(taken[epoch * rows : (epoch + 1) * rows]) == list(range(rows))
    assert len(taken) == rows * epochs
    assert steps.epoch(len(steps)) == epochs


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 30), st.data())
def test_any_step_can_be_asked_for_by_itself(
    rows: int, batch: int, count: int, data: st.DataObject
) -> None:
    whole = Steps(rows, batch=batch, seed=1, steps=count)
    in_order = [whole[step] for step in range(count)]
    resumed = Steps(rows, batch=batch, seed=1, steps=count)
    asked = data.draw(st.permutations(range(count)))

    assert {step: resumed[step] for step in asked} == dict(enumerate(in_order))
    assert len(whole) == count
    assert all(len(each) == batch for each in in_order)


def test_orders_are_the_seeds_and_differ_by_epoch() -> None:
    assert order(50, 1, 0) == order(50, 1, 0)
    assert len({tuple(order(50, seed, epoch)) for seed in (1, 2) for epoch in (0, 1)}) == 4


def test_a_part_of_an_epoch_and_what_is_left_over() -> None:
    steps = Steps(10, batch=4, seed=1, epochs=0.9)

    assert [len(steps[n]) for n in range(len(steps))] == [4, 4, 1]
    assert (steps.epoch(0), steps.epoch(1), steps.epoch(3)) == (0.0, 0.4, 0.9)
    assert len(Steps(3, batch=4, seed=1, epochs=0.01)) == 1
    with pytest.raises(IndexError):
        steps[3]
    for rows, batch in ((0, 4), (4, 0)):
        with pytest.raises(ValueError, match="cannot be dealt out"):
            Steps(rows, batch=batch, seed=1)


@settings(deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(0, 80))
def test_a_few_rows_are_spread_evenly_over_the_books(sizes: list[int], most: int) -> None:
    books = [f"book {book}" for book, size in enumerate(sizes) for _ in range(size)]

    chosen = spread(books, most)

    assert len(chosen) == len(set(chosen)) == (min(most, len(books)) if most else len(books))
    by_book = [sum(books[n] == f"book {book}" for n in chosen) for book in range(len(sizes))]
    for share, size in zip(by_book, sizes, strict=True):
        assert share == size or share >= max(by_book) - 1


# --- packing --------------------------------------------------------------------------------------


@settings(deadline=None)
@given(LENGTHS, st.integers(1, 200))
def test_every_row_is_in_one_sequence_whole(lengths: list[int], sequence: int) -> None:
    packed = pack(range(len(lengths)), lengths, sequence)

    assert Counter(row for each in packed for row in each.rows) == Counter(range(len(lengths)))
    for each in packed:
        assert each.lengths == tuple(lengths[row] for row in each.rows)
        assert each.tokens <= sequence or len(each.rows) == 1
    # Any two sequences together hold more than one of them could, but for long rows.
    tokens = sorted(each.tokens for each in packed)
    assert len(tokens) < 2 or tokens[0] + tokens[1] > sequence


@settings(deadline=None)
@given(LENGTHS, st.randoms(use_true_random=False))
def test_packing_takes_no_others_rows_and_is_always_the_same(
    lengths: list[int], dice: st.DataObject
) -> None:
    some = [row for row in range(len(lengths)) if dice.random() < 0.5]  # type: ignore[attr-defined]

    packed = pack(some, lengths, 128)

    assert sorted(row for each in packed for row in each.rows) == some
    assert packed == pack(some, lengths, 128)


def test_the_longest_rows_go_first_and_fill_up_with_short_ones() -> None:
    lengths = [3, 9, 4, 6, 1, 7]

    assert [each.rows for each in pack(range(6), lengths, 10)] == [(1, 4), (5, 0), (3, 2)]
    assert [each.rows for each in apart(range(6), lengths)] == [(1,), (5,), (3,), (2,), (0,), (4,)]


def test_positions_begin_anew_with_each_row() -> None:
    packed = Packed(rows=(7, 2), lengths=(3, 2))

    assert packed.positions == [0, 1, 2, 0, 1]
    assert packed.segments == [0, 0, 0, 1, 1]


@settings(deadline=None)
@given(LENGTHS, st.integers(1, 5))
def test_turns_and_hands_have_every_sequence_once(lengths: list[int], many: int) -> None:
    sequences = pack(range(len(lengths)), lengths, 128)

    together = [each for turn in turns(sequences, many) for each in turn]
    hands = deal(sequences, many)

    assert together == sequences
    assert all(0 < len(turn) <= many for turn in turns(sequences, many))
    assert Counter(each for hand in hands for each in hand) == Counter(sequences)
    assert len(hands) == many
    assert max(map(len, hands)) - min(map(len, hands)) <= 1


# --- laid out -------------------------------------------------------------------------------------


@settings(deadline=None)
@given(LENGTHS, st.integers(1, 4), st.booleans())
def test_what_is_laid_out_is_each_rows_tokens_in_its_segment(
    lengths: list[int], at_once: int, packing: bool
) -> None:
    rows = rows_of(lengths)
    numbers = range(len(lengths))
    sequences = pack(numbers, lengths, 128) if packing else apart(numbers, lengths)
    trained = 0
    seen: list[tuple[int, ...]] = []
    for turn in turns(sequences, at_once):
        layout = lay_out(turn, rows.__getitem__, pad=0)
        trained += layout.trained
        shapes = {len(line) for kind in vars_of(layout) for line in kind}
        assert len(shapes) == 1
        for packed, tokens, positions, segments, labels in zip(turn, *vars_of(layout), strict=True):
            for number, row in enumerate(packed.rows):
                at = [n for n, segment in enumerate(segments) if segment == number]
                seen.append(tuple(tokens[n] for n in at))
                assert seen[-1] == rows[row].tokens
                assert [positions[n] for n in at] == list(range(len(at)))
                assert [labels[n] for n in at] == [
                    *[NOT_TRAINED] * rows[row].reply,
                    *rows[row].tokens[rows[row].reply :],
                ]
            padding = [n for n, segment in enumerate(segments) if segment == -1]
            assert all((tokens[n], labels[n]) == (0, NOT_TRAINED) for n in padding)
            assert len(padding) + packed.tokens == len(tokens)
    assert Counter(seen) == Counter(row.tokens for row in rows)
    # Whatever shares a sequence, what is trained is the same.
    assert trained == sum(row.trained for row in rows)


def vars_of(layout):  # type: ignore[no-untyped-def]
    return layout.tokens, layout.positions, layout.segments, layout.labels


def test_no_row_predicts_the_next_ones_first_token() -> None:
    rows = rows_of([5, 6])
    layout = lay_out(pack([0, 1], [5, 6], 64), rows.__getitem__)

    first = layout.segments[0].index(1)
    assert layout.labels[0][first] == NOT_TRAINED
