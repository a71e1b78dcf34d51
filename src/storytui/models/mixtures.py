"""Which type each tensor has in a quantised file: llama.cpp's mixtures, as arithmetic.

Read from llama-quant.cpp (`llama_tensor_get_type_impl`, `use_more_bits`) for models without
experts. One-dimensional tensors stay F32. The output weights have Q6_K in every mixture here, and
so have token embeddings that serve as them. Where a mixture is an M, the values' weights and the
inner layer's way back have Q6_K too in about half of the layers: the first eighth, the last eighth,
and every third of those between. The values' weights are counted among themselves, so a layer
without any does not count.
"""

from typing import Literal

Mixture = Literal["Q4_K_M", "Q5_K_M", "Q6_K"]
F32 = 0
Q6_K = 14
_MOST: dict[Mixture, int] = {"Q4_K_M": 12, "Q5_K_M": 13, "Q6_K": Q6_K}
"""The type of all that have no more bits (ggml.h)."""


def kind_of(
    mixture: Mixture, name: str, dimensions: int, place: int = 0, count: int = 1, tied: bool = False
) -> int:
    """The type's number of one tensor.

    Args:
        mixture: of the file.
        name: of the tensor, without `blk.N.` and `.weight`.
        dimensions: of the tensor.
        place: which of those of its name in the model it is, from 0.
        count: how many of its name the model has.
        tied: whether the token embeddings are the output weights too.
    """
    if dimensions < 2:
        return F32
    if name == "output" or (tied and name == "token_embd"):
        return Q6_K
    if name in ("attn_v", "ffn_down") and has_more_bits(place, count):
        return Q6_K
    return _MOST[mixture]


def has_more_bits(place: int, count: int) -> bool:
    """Whether a layer is one of those with more bits."""
    eighth = count // 8
    between = (place - eighth) % 3 == 2
    return place < eighth or place >= 7 * count // 8 or between
