"""PURE. Matrix products that BLAS computes in the thread that asks for them.

Many threads of ours multiply at the same time. A BLAS that starts its own for each of them (as
numpy's OpenBLAS does from 4 × 65,536 multiplications on) makes them wait for each other: on two
busy cores a product took some hundred times as long. So products are computed in tiles below that.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_TILE = 1 << 16
"""Numbers of the second matrix that are multiplied at once."""
_ROWS = 4
"""Rows of the first that are."""


def multiplied(a: Floats, b: Floats) -> Floats:
    """The product of two matrices.

    Args:
        a: rows × inner.
        b: inner × columns.
    """
    rows, inner = a.shape
    columns = b.shape[1]
    deep = min(inner, _TILE // min(max(columns, 1), 16))
    wide = min(columns, max(1, _TILE // max(deep, 1)))
    out: Floats = np.zeros((rows, columns), np.float32)
    whole = rows - rows % _ROWS
    for at in range(0, inner, max(deep, 1)):
        for to in range(0, columns, max(wide, 1)):
            tile = b[at : at + deep, to : to + wide]
            place = out[:, to : to + wide]
            if whole:
                many = a[:whole].reshape(-1, _ROWS, inner)[:, :, at : at + deep]
                place[:whole] += np.matmul(many, tile).reshape(whole, -1)
            if rows > whole:
                place[whole:] += a[whole:, at : at + deep] @ tile
    return out
