"""The two orders of rows are one model: rotary embeddings turn the same pairs in both."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storytui_train.gguf.permutation import from_gguf, gguf_order, to_gguf

HEADS = st.integers(1, 8)
HALVES = st.integers(1, 16)


@settings(deadline=None)
@given(HEADS, HALVES)
def test_there_and_back_is_the_same(heads: int, half: int) -> None:
    weight = np.random.default_rng(half).standard_normal((2 * heads * half, 3))
    assert np.array_equal(from_gguf(to_gguf(weight, heads), heads), weight)
    assert np.array_equal(to_gguf(from_gguf(weight, heads), heads), weight)


@settings(deadline=None)
@given(HEADS, HALVES)
def test_each_pair_of_neighbours_is_one_row_and_the_one_half_a_head_further_on(
    heads: int, half: int
) -> None:
    order = gguf_order(2 * heads * half, heads).reshape(heads, half, 2)
    for head in range(heads):
        assert order[head, :, 0].tolist() == [2 * half * head + row for row in range(half)]
    assert np.array_equal(order[..., 1], order[..., 0] + half)


@settings(deadline=None)
@given(HEADS, HALVES, st.integers(0, 50))
def test_turned_by_their_own_rule_the_rows_are_the_same_rows(
    heads: int, half: int, position: int
) -> None:
    vector = np.random.default_rng(position).standard_normal(2 * heads * half)
    angles = position * 10_000.0 ** (-np.arange(half) / half)
    turn = np.cos(angles) + 1j * np.sin(angles)
    # Hugging Face: the halves of a head are real and imaginary.
    ours = vector.reshape(heads, 2, half)
    turned = (ours[:, 0] + 1j * ours[:, 1]) * turn
    hugging_face = np.stack([turned.real, turned.imag], axis=1).reshape(-1)
    # llama.cpp: neighbours are.
    theirs = to_gguf(vector, heads).reshape(heads, half, 2)
    turned = (theirs[..., 0] + 1j * theirs[..., 1]) * turn
    llama = np.stack([turned.real, turned.imag], axis=-1).reshape(-1)
    assert np.allclose(to_gguf(hugging_face, heads), llama)


@pytest.mark.parametrize(("rows", "heads"), [(6, 2), (8, 3), (8, 0)])
def test_rows_that_are_no_even_heads_are_refused(rows: int, heads: int) -> None:
    with pytest.raises(ValueError, match="heads of an even length"):
        gguf_order(rows, heads)
