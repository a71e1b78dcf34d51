"""Steps of quantised weights."""

import numpy as np
import pytest
from small_models import NUMBERS

from storytui_train.gguf.ggml import ggml
from storytui_train.gguf.steps import EVEN, UNEVEN, steps

NAMES = {number: name for name, number in NUMBERS.items()}


@pytest.mark.parametrize("number", EVEN, ids=NAMES.get)
def test_weights_of_a_group_are_whole_steps_apart(number: int) -> None:
    kind = ggml().kind(number)
    weights = np.random.default_rng(2).standard_normal((6, 512)).astype("f4")
    raw = ggml().from_floats(kind, weights)
    values = ggml().to_floats(kind, raw, 512)

    apart = steps(number, raw, values, values)

    assert apart is not None
    assert apart.shape == values.shape
    group = 16 if kind.name in ("q2_K", "q3_K", "q6_K") else 32
    grouped, first = values.reshape(-1, group), values.reshape(-1, group)[:, :1]
    step = apart.reshape(-1, group)
    assert (step == step[:, :1]).all()
    counts = (grouped - first) / step
    assert np.abs(counts - np.rint(counts)).max() < 1e-2
    # Not finer than the steps are: in some group two neighbours are one apart.
    assert (np.abs(np.rint(counts)) == 1).any()


@pytest.mark.parametrize("number", UNEVEN, ids=NAMES.get)
def test_a_weight_and_its_step_are_a_value_of_its_block(number: int) -> None:
    kind = ggml().kind(number)
    chance = np.random.default_rng(2)
    raw = ggml().from_floats(kind, chance.standard_normal((6, 512)).astype("f4"))
    values = ggml().to_floats(kind, raw, 512)
    direction = chance.standard_normal((6, 512)).astype("f4")

    apart = steps(number, raw, values, direction)

    assert apart is not None
    assert (apart > 0).all()
    moved = values + np.where(direction < 0, -apart, apart)
    inside = 0
    for block, aims in zip(values.reshape(-1, 32), moved.reshape(-1, 32), strict=True):
        for aim in aims:
            if block.min() <= aim <= block.max():
                assert np.abs(block - aim).min() < 1e-5
                inside += 1
    assert inside > 0.8 * values.size


def test_bfloat16_has_steps_by_the_size() -> None:
    weights = np.array([[1.0, 1.5, -2.0, 0.25]], "f4")

    apart = steps(NUMBERS["bf16"], np.empty(0, np.uint8), weights, weights)

    assert apart is not None
    assert apart.tolist() == [[2**-7, 2**-7, 2**-6, 2**-9]]


def test_blocks_of_nothing_have_no_steps_and_other_types_none_that_are_known() -> None:
    kind = ggml().kind(NUMBERS["iq4_nl"])
    raw = ggml().from_floats(kind, np.zeros((1, 64), "f4"))
    values = ggml().to_floats(kind, raw, 64)

    apart = steps(kind.number, raw, values, values)

    assert apart is not None
    assert not apart.any()
    assert steps(NUMBERS["iq3_s"], raw, values, values) is None
    assert steps(NUMBERS["f32"], raw, values, values) is None
