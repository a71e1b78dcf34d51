"""ggml's own quantisation, against gguf-py's."""

import ctypes
import subprocess
import sys
from typing import Any

import gguf
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import ERRORS, NUMBERS, distance

from storytui.models.gguf_layout import TENSOR_TYPES
from storytui_train.errors import TrainError
from storytui_train.gguf import ggml as module
from storytui_train.gguf.ggml import Ggml, ggml


def gaussian(rows: int, columns: int, seed: int = 1) -> np.ndarray[Any, np.dtype[np.float32]]:
    return (np.random.default_rng(seed).standard_normal((rows, columns)) * 0.05).astype("f4")


def test_llama_cpp_is_not_imported() -> None:
    code = (
        "import sys; from storytui_train.gguf.ggml import ggml; ggml(); "
        "print('llama_cpp' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("name", ERRORS)
def test_a_round_trip_loses_no_more_than_the_type_does(name: str) -> None:
    kind = ggml().kind(NUMBERS[name])
    weights = gaussian(16, 512)

    raw = ggml().from_floats(kind, weights)
    back = ggml().to_floats(kind, raw, 512)

    assert raw.nbytes == 16 * kind.row(512)
    assert distance(back, weights) <= ERRORS[name]
    assert name in ("f32", "mxfp4") or distance(back, weights) >= ERRORS[name] / 10


@pytest.mark.parametrize("name", [each for each in ERRORS if each != "f32"])
def test_numbers_are_what_gguf_py_reads(name: str) -> None:
    kind = ggml().kind(NUMBERS[name])
    raw = ggml().from_floats(kind, gaussian(4, 512))

    theirs = gguf.quants.dequantize(
        raw.reshape(4, -1).view({"f16": np.float16}.get(name, np.uint8)),
        gguf.GGMLQuantizationType(kind.number),
    )

    assert np.array_equal(ggml().to_floats(kind, raw, 512), theirs)


@pytest.mark.parametrize("name", ["q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "bf16"])
def test_bytes_are_what_gguf_py_writes(name: str) -> None:
    kind = ggml().kind(NUMBERS[name])
    weights = gaussian(4, 512)

    theirs = gguf.quants.quantize(weights, gguf.GGMLQuantizationType(kind.number))

    assert ggml().from_floats(kind, weights).tobytes() == theirs.tobytes()


@settings(max_examples=20, deadline=None)
@given(
    name=st.sampled_from(["q4_0", "q4_k", "q6_k", "q8_0", "q3_k", "f16", "iq4_nl"]),
    cut=st.integers(0, 8),
    seed=st.integers(0, 1000),
)
def test_each_row_stands_for_itself(name: str, cut: int, seed: int) -> None:
    kind = ggml().kind(NUMBERS[name])
    weights = gaussian(8, 256, seed)

    whole = ggml().from_floats(kind, weights).tobytes()
    parts = [ggml().from_floats(kind, each).tobytes() for each in (weights[:cut], weights[cut:])]

    assert b"".join(parts) == whole


def test_an_importance_matrix_is_heeded() -> None:
    kind = ggml().kind(NUMBERS["q4_k"])
    weights = gaussian(8, 256)
    importance = np.where(np.arange(256) % 2, 100, 0.01).astype("f4")

    plain = ggml().to_floats(kind, ggml().from_floats(kind, weights), 256)
    heeded = ggml().to_floats(kind, ggml().from_floats(kind, weights, importance), 256)

    assert distance(heeded[:, 1::2], weights[:, 1::2]) < distance(plain[:, 1::2], weights[:, 1::2])


def test_weights_that_are_no_numbers_are_seen() -> None:
    kind = ggml().kind(NUMBERS["q4_0"])
    raw = ggml().from_floats(kind, gaussian(1, 64))
    assert ggml().valid(kind, raw)

    raw[:2] = (0, 0x7E)  # the block's scale

    assert not ggml().valid(kind, raw)


def test_every_type_of_the_format_is_known() -> None:
    kinds = [ggml().kind(number) for number in TENSOR_TYPES]

    wanting = {each.name for each in kinds if each.wants_importance}
    assert wanting == {"iq2_xxs", "iq2_xs", "iq1_s"}
    assert all(each.readable for each in kinds if each.writable)
    assert not ggml().kind(NUMBERS["i32"]).writable


def test_a_missing_library_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _: None)

    with pytest.raises(TrainError, match="llama-cpp-python is not installed"):
        module.library_file()


def test_another_ggml_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    library = ctypes.CDLL(str(module.library_file()))
    monkeypatch.setitem(module.TENSOR_TYPES, 12, (256, 145))

    with pytest.raises(TrainError, match="type 12 has blocks of"):
        Ggml(library)


def test_a_library_without_its_functions_is_refused() -> None:
    with pytest.raises(TrainError, match="ggml that is not known here"):
        Ggml(ctypes.CDLL(None))
