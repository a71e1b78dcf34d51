"""PURE. The order of query and key rows: Hugging Face's and llama.cpp's differ for the llama kind.

Rotary embeddings turn pairs of a head's rows. Hugging Face pairs a row with the one half a head
further on, llama.cpp's llama architecture with the one that follows it (llama.cpp's converter,
`permute` of its LlamaModel, says how it gets from one to the other). Mistral's models are of that
architecture too; qwen2, qwen3, gemma2 and gemma3 keep Hugging Face's order.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", bound=np.generic)

PERMUTED = frozenset({"llama"})
"""Architectures, by GGUF's names, whose rows stand in llama.cpp's order."""


def gguf_order(rows: int, heads: int) -> NDArray[np.intp]:
    """Which of Hugging Face's rows stands at each place in a GGUF file.

    Args:
        rows: of the weight: heads times a head's length.
        heads: of the queries or of the keys, whichever it is.

    Raises:
        ValueError: the rows cannot be divided into heads of an even length.
    """
    if heads < 1 or rows % (2 * heads):
        raise ValueError(f"{rows} rows are not {heads} heads of an even length")
    return np.arange(rows).reshape(heads, 2, -1).swapaxes(1, 2).reshape(-1)


def to_gguf(weight: NDArray[Number], heads: int) -> NDArray[Number]:
    """Rows in Hugging Face's order, in the GGUF file's; as a LoRA's B has them, or a whole weight.

    Raises:
        ValueError: as `gguf_order`.
    """
    return weight[gguf_order(len(weight), heads)]


def from_gguf(weight: NDArray[Number], heads: int) -> NDArray[Number]:
    """Rows in a GGUF file's order, in Hugging Face's.

    Raises:
        ValueError: as `gguf_order`.
    """
    return weight[np.argsort(gguf_order(len(weight), heads))]
