"""Importance matrices, in llama.cpp's two forms."""

from pathlib import Path

import numpy as np
import pytest
from importance_files import MEANS, older, write_matrix

from storytui_train.errors import GgufError
from storytui_train.gguf.importance import read_importance


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
