"""PURE. How far apart the values are that quantised weights can have.

The layouts of blocks are those of ggml (ggml-common.h: `block_q4_K` and its like; the scales of K
types as `get_scale_min_k4` and `dequantize_row_q3_K` of ggml-quants.c unpack them).
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 = 2, 3, 6, 7, 8
Q2_K, Q3_K, Q4_K, Q5_K, Q6_K = 10, 11, 12, 13, 14
IQ4_NL, IQ4_XS, BF16, MXFP4 = 20, 23, 30, 39

EVEN = (Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K)
"""Types whose values are evenly apart within a group of weights."""
UNEVEN = (IQ4_NL, IQ4_XS, MXFP4)
"""Types with few values a group, which are not."""
_BLOCK = 32
"""Weights of a block of the types in `UNEVEN`, or of a part of one with a scale of its own."""


def steps(kind: int, raw: Bytes, weights: Floats, direction: Floats) -> Floats | None:
    """How far the next value is from each weight; None: the type has no such steps.

    Where no further value is known to be possible, as far as it is in the other direction.

    Args:
        kind: the type's number in a GGUF file.
        raw: the weights' bytes.
        weights: rows × columns, as they are after `raw`.
        direction: rows × columns; below zero: the next smaller value counts, else the next larger.

    Returns:
        rows × columns, none below zero.
    """
    if kind == BF16:
        # Seven bits of float32's twenty-three.
        return np.spacing(np.abs(weights)) * np.float32(1 << 16)
    if kind in EVEN:
        groups = _group_steps(kind, raw)
        return np.repeat(np.abs(groups), weights.size // groups.size).reshape(weights.shape)
    if kind in UNEVEN:
        return _to_neighbours(weights, direction)
    return None


def _group_steps(kind: int, raw: Bytes) -> Floats:
    """The step of each group of weights that has one, in their order."""
    found: Floats
    match kind:
        case 2 | 3 | 6 | 7 | 8:
            size = {Q4_0: 18, Q4_1: 20, Q5_0: 22, Q5_1: 24, Q8_0: 34}[kind]
            found = _halves(raw.reshape(-1, size)[:, :2])
        case 10:
            blocks = raw.reshape(-1, 84)
            found = _halves(blocks[:, 80:82])[:, None] * (blocks[:, :16] & 15)
        case 11:
            blocks = raw.reshape(-1, 110)
            packed = blocks[:, 96:108]
            low = np.concatenate([packed[:, :8] & 15, packed[:, :8] >> 4], axis=1)
            high = np.concatenate([packed[:, 8:] >> shift & 3 for shift in (0, 2, 4, 6)], axis=1)
            scales = (low | high << 4).astype(np.float32) - 32
            found = _halves(blocks[:, 108:110])[:, None] * scales
        case 12 | 13:
            blocks = raw.reshape(-1, 144 if kind == Q4_K else 176)
            packed = blocks[:, 4:16]
            first = packed[:, :4] & 63
            last = packed[:, 8:12] & 15 | packed[:, :4] >> 6 << 4
            scales = np.concatenate([first, last], axis=1)
            found = _halves(blocks[:, :2])[:, None] * scales
        case _:
            blocks = raw.reshape(-1, 210)
            scales = np.ascontiguousarray(blocks[:, 192:208]).view(np.int8)
            found = _halves(blocks[:, 208:210])[:, None] * scales
    return found.ravel()


def _halves(raw: Bytes) -> Floats:
    """float16 numbers out of columns of bytes."""
    return np.ascontiguousarray(raw).view(np.float16)[:, 0].astype(np.float32)


def _to_neighbours(weights: Floats, direction: Floats) -> Floats:
    """How far the next value is that another weight of the same block has."""
    values = weights.reshape(-1, _BLOCK)
    order = np.argsort(values, axis=1)
    sizes = np.take_along_axis(values, order, axis=1)
    up, down = np.zeros_like(sizes), np.zeros_like(sizes)
    for place in range(_BLOCK - 2, -1, -1):
        gap = sizes[:, place + 1] - sizes[:, place]
        up[:, place] = np.where(gap > 0, gap, up[:, place + 1])
    for place in range(1, _BLOCK):
        gap = sizes[:, place] - sizes[:, place - 1]
        down[:, place] = np.where(gap > 0, gap, down[:, place - 1])
    found = np.empty_like(sizes)
    falls = np.take_along_axis(direction.reshape(-1, _BLOCK) < 0, order, axis=1)
    chosen = np.where(falls, down, up)
    np.put_along_axis(found, order, np.where(chosen > 0, chosen, up + down), axis=1)
    return found.reshape(weights.shape)
