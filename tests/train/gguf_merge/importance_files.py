"""Importance matrices as llama.cpp's tools write them, in both forms."""

import struct
from collections.abc import Mapping
from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def write_matrix(
    path: Path,
    means: Mapping[str, Floats],
    *,
    count: float = 5,
    kind: str = "imatrix",
    dataset: str = "books.txt",
) -> Path:
    """A file as llama-imatrix writes it: sums of squares, and how many."""
    writer = gguf.GGUFWriter(path, "")
    writer.add_string("general.type", kind)
    writer.add_array("imatrix.datasets", [dataset])
    writer.add_uint32("imatrix.chunk_count", 12)
    writer.add_uint32("imatrix.chunk_size", 512)
    for name, mean in means.items():
        writer.add_tensor(f"{name}.in_sum2", (mean * count).astype("f4"))
        writer.add_tensor(f"{name}.counts", np.full((len(mean), 1), count, "f4"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def older(means: Mapping[str, Floats], *, calls: int = 5, tail: bool = True) -> bytes:
    """The older form."""
    data = struct.pack("<i", len(means))
    for name, mean in means.items():
        data += struct.pack("<i", len(name)) + name.encode()
        data += struct.pack("<ii", calls, mean.size) + (mean * calls).astype("<f4").tobytes()
    return data + (struct.pack("<ii", 12, 9) + b"books.txt" if tail else b"")


MEANS = {
    "blk.0.attn_q.weight": np.arange(8, dtype="f4").reshape(1, 8),
    "blk.0.ffn_up_exps.weight": np.ones((3, 4), "f4"),
}
