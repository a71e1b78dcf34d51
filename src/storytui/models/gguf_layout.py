"""The numbers of the GGUF format: value types, tensor types, and how much there may be of anything.

From the GGUF specification (ggml, docs/gguf.md) and ggml's own table of types (ggml.h, ggml.c);
llama.cpp's reader keeps the same limits on names and dimensions.
"""

from typing import Final

MAGIC: Final = b"GGUF"
VERSIONS: Final = (2, 3)
DEFAULT_ALIGNMENT: Final = 32

SCALARS: Final = {
    0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<B", 10: "<Q", 11: "<q",
    12: "<d",
}  # fmt: skip
"""Value types that are numbers: struct code by type number."""
SIZES: Final = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Bytes of each of them."""
BOOL: Final = 7
STRING: Final = 8
ARRAY: Final = 9
INT32: Final = 5
FLOAT32: Final = 6

TENSOR_TYPES: Final[dict[int, tuple[int, int]]] = {
    # number: (elements in a block, bytes of a block)
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
    9: (32, 36), 10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210),
    15: (256, 292), 16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18),
    21: (256, 110), 22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8),
    28: (1, 8), 29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66), 39: (32, 17),
    40: (64, 36), 41: (128, 18), 42: (64, 18),
}  # fmt: skip
"""ggml's types of weights; the numbers that are left out were taken back."""

MOST_HEADER_BYTES: Final = 256 << 20
"""A header ends by then; that of a published model with 262,144 tokens has 16 MB."""
MOST_PAIRS: Final = 65_536
MOST_TENSORS: Final = 65_536
MOST_DIMENSIONS: Final = 4
MOST_STRINGS: Final = 1 << 22
"""Strings in one list; vocabularies have some hundred thousand tokens and merges."""
MOST_KEY_BYTES: Final = 65_535
MOST_TENSOR_NAME_BYTES: Final = 63
MOST_TEXT_BYTES: Final = 1 << 20
"""Longer texts are walked over and not kept; the longest kept is a chat template."""
MOST_LAYERS: Final = 512
MOST_EXPERTS: Final = 1024
