"""Importance matrices, in llama.cpp's two forms."""

import struct
from collections.abc import Mapping
from pathlib import Path

import gguf
import numpy as np
import pytest
from numpy.typing import NDArray

from storytui_train.errors import GgufError
from storytui_train.gguf.importance import read_importance

Floats = NDArray[np.float32]


def write_matrix(
    path: Path, means: Mapping[str, Floats], *, count: float = 5, kind: str = "imatrix"
) -> Path:
    """A file as llama-imatrix writes it: sums of squares, and how many."""
    writer = gguf.GGUFWriter(path, "")
    writer.add_string("general.type", kind)
    writer.add_array("imatrix.datasets", ["books.txt"])
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


def test_sums_become_means(tmp_path: Path) -> None:
    found = read_importance(write_matrix(tmp_path / "m.gguf", MEANS))

    assert (found.datasets, found.chunks) == (("books.txt",), 12)
    assert {name: each.tolist() for name, each in found.values.items()} == {
        name: each.ravel().tolist() for name, each in MEANS.items()
    }


@pytest.mark.parametrize("tail", [True, False])
def test_the_older_form_says_the_same(tail: bool, tmp_path: Path) -> None:
    path = tmp_path / "m.dat"
    path.write_bytes(older(MEANS, tail=tail))

    found = read_importance(path)

    assert (found.datasets, found.chunks) == ((("books.txt",), 12) if tail else ((), 0))
    for name, each in MEANS.items():
        assert np.allclose(found.values[name], each.ravel())


def test_a_matrix_that_was_never_used_matters_alike(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    write_matrix(path, {"one": np.full((2, 4), 7, "f4")}, count=0)

    assert read_importance(path).values["one"].tolist() == [1.0] * 8


@pytest.mark.parametrize("cut", [2, 10, 40, 60])
def test_a_file_that_breaks_off_is_refused(cut: int, tmp_path: Path) -> None:
    path = tmp_path / "m.dat"
    path.write_bytes(older(MEANS)[:cut])

    with pytest.raises(GgufError, match=r"m\.dat"):
        read_importance(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("Call me Ishmael. Some years ago", encoding="utf-8")
    with pytest.raises(GgufError, match="is no importance matrix"):
        read_importance(text)
    with pytest.raises(GgufError, match="by what it says"):
        read_importance(write_matrix(tmp_path / "other.gguf", MEANS, kind="model"))
    with pytest.raises(GgufError, match=r"cannot be read|There is no"):
        read_importance(tmp_path / "missing.dat")


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -1.0])
def test_numbers_that_cannot_be_are_refused(wrong: float, tmp_path: Path) -> None:
    path = tmp_path / "m.dat"
    path.write_bytes(older({"blk.0.attn_q.weight": np.array([[1, wrong]], "f4")}))

    with pytest.raises(GgufError, match=r"numbers for blk\.0\.attn_q\.weight that cannot be"):
        read_importance(path)
