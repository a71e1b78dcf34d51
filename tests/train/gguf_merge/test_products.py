"""Products in tiles."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from storytui_train.gguf.products import multiplied

SIZES = st.sampled_from([0, 1, 2, 3, 5, 16, 63, 64, 257, 5000])


@settings(max_examples=60, deadline=None)
@given(rows=st.integers(0, 9), inner=SIZES, columns=SIZES, seed=st.integers(0, 99))
def test_a_product_is_a_product(rows: int, inner: int, columns: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    inner = min(inner, 257) if columns > 257 else inner
    a = chance.standard_normal((rows, inner)).astype("f4")
    b = chance.standard_normal((inner, columns)).astype("f4")

    found = multiplied(a, b)

    assert found.shape == (rows, columns)
    assert np.allclose(found, a.astype("f8") @ b.astype("f8"), atol=2e-3)
