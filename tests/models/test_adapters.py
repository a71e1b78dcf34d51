"""Adapters are held against a model before llama.cpp sees them: what they say, and each weight."""

import os
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import gguf
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from make_adapters import Matrices, make_adapter, matrices, write_adapter

from storytui.engine.api import AdapterError
from storytui.models.adapter_checking import check_adapter_for, examine_adapter
from storytui.models.adapters import Base, matches, read_adapter, read_base
from storytui.models.checking import Limits
from storytui.models.starter import starter_model

Q = "blk.0.attn_q.weight"
LONG_AGO = 1_000_000_000


@pytest.fixture(scope="module")
def small() -> Path:
    path = starter_model()
    assert path is not None
    return path


@pytest.fixture(scope="module")
def base(small: Path) -> Base:
    return read_base(small)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(tensors: Matrices, **said: object) -> Path:
        return write_adapter(tmp_path / "voice.gguf", tensors, **said)  # type: ignore[arg-type]

    return write


def pair(name: str = Q, a: tuple[int, ...] = (4, 576), b: tuple[int, ...] = (576, 4)) -> Matrices:
    """Two matrices in numpy's order: outer dimension first."""
    return {f"{name}.lora_a": np.ones(a, "f4"), f"{name}.lora_b": np.ones(b, "f4")}


# --- what it says ---------------------------------------------------------------------------------


def test_what_an_adapter_says_is_read(write: Callable[..., Path]) -> None:
    path = write(
        pair() | pair("blk.1.ffn_down.weight", (8, 1536), (576, 8)),
        strings={
            "general.name": "A voice\x1b[31m",
            "general.base_model.0.name": "SmolLM2 135M",
            "general.base_model.1.repo_url": "https://example.org/other",
            "adapter.lora.task_name": "letters",
            "adapter.lora.prompt_prefix": "Dear",
        },
    )
    header = read_adapter(path).header
    assert (header.name, header.architecture) == ("voice", "llama")
    assert (header.rank, header.alpha, header.pairs) == (8, 8.0, 2)
    assert header.size == path.stat().st_size
    assert header.bases == ("SmolLM2 135M", "https://example.org/other")
    assert (header.task, header.prompt_prefix) == ("letters", "Dear")
    assert "\x1b" not in header.own_name
    assert header.own_name.startswith("A voice")


def test_an_adapter_made_for_a_model_goes_with_it(small: Path, base: Base, tmp_path: Path) -> None:
    found = matches(read_adapter(make_adapter(tmp_path / "voice.gguf", small, 1)), base)
    assert found.agrees
    assert found.sentence == "The adapter voice goes with SmolLM2-135M-Instruct.Q4_1."


@pytest.mark.parametrize("kind", ["f4", "f2"])
def test_weights_of_more_than_one_type_are_looked_through(
    small: Path, write: Callable[..., Path], kind: str
) -> None:
    path = write({name: each.astype(kind) for name, each in matrices(small, 1).items()})
    assert check_adapter_for(path, small).pairs == 90


# --- what does not fit ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tensors", "says"),
    [
        (pair(a=(4, 896)), r"as 896 × 576, and in \S+ it is 576 × 576"),
        (pair(b=(896, 4)), "as 576 × 896"),
        (pair("blk.99.attn_q.weight"), "does not have"),
        (pair("blk.0.attn_norm.weight", b=(1, 4)), "no matrix"),
        (pair(a=(2, 4, 576), b=(2, 576, 4)), "576 × 576 × 2"),
        # llama.cpp lets it in, and ends its process over the first token.
        (pair("token_embd.weight", (49152, 4), (576, 4)), "for reading and for writing"),
    ],
)
def test_what_does_not_fit_the_model_is_said(
    base: Base, write: Callable[..., Path], tensors: Matrices, says: str
) -> None:
    path = write(tensors, strings={"general.base_model.0.name": "Another One"})
    found = matches(read_adapter(path), base)
    assert not found.agrees
    with pytest.raises(AssertionError, match=says):
        raise AssertionError(found.sentence)
    assert found.sentence.endswith("It was made for Another One.")


def test_another_architecture_is_said(base: Base, write: Callable[..., Path]) -> None:
    found = matches(read_adapter(write(pair(), architecture="qwen2")), base)
    assert not found.agrees
    assert "architecture qwen2, and SmolLM2-135M-Instruct.Q4_1 is of llama" in found.sentence


def test_the_table_of_words_may_be_changed_where_it_is_not_the_output_too(
    base: Base, write: Callable[..., Path]
) -> None:
    untied = replace(base, shapes={**base.shapes, "output.weight": (576, 49152)})
    path = write(pair("token_embd.weight", (49152, 4), (576, 4)))
    assert matches(read_adapter(path), untied).agrees
    path.unlink()
    flipped = write(pair("token_embd.weight", (4, 576), (49152, 4)))
    with pytest.raises(AdapterError, match="cannot be multiplied"):
        read_adapter(flipped)


# --- what is no usable adapter --------------------------------------------------------------------


def integers() -> Matrices:
    return {name: each.astype("i4") for name, each in pair().items()}  # type: ignore[misc]


@pytest.mark.parametrize(
    ("tensors", "said", "says"),
    [
        ({}, {}, "holds no weights"),
        ({f"{Q}.lora_a": np.ones((4, 576), "f4")}, {}, r"lacks .*lora_b, the other half"),
        ({f"{Q}.lora_b": np.ones((576, 4), "f4")}, {}, r"lacks .*lora_a, the other half"),
        (pair() | {"blk.0.attn_q.weight": np.ones((4, 4), "f4")}, {}, "no half of a LoRA"),
        (pair(f"{Q}.lora_a"), {}, "no half of a LoRA"),
        (pair(b=(576, 8)), {}, r"cannot be multiplied \(576 × 4 and 8 × 576\)"),
        (pair(a=(2, 4, 576), b=(3, 576, 4)), {}, "cannot be multiplied"),
        (integers(), {}, "in a type that is none of f32"),
        (pair(), {"alpha": float("nan")}, "without a finite value"),
        (pair(), {"alpha": float("inf")}, "without a finite value"),
        (pair(), {"alpha": 1e9}, "which cannot be"),
        (pair(), {"wide_alpha": True}, "wrong type"),
        (pair(), {"kind": "model"}, "is no adapter by what it says"),
        (pair(), {"adapter_type": "ia3"}, "says ia3 for its kind"),
        (pair(), {"architecture": "\u202egnp"}, "calls the kind of model"),
        (pair(), {"numbers": {"adapter.alora.invocation_tokens": [1, 2]}}, "certain words"),
    ],
)
def test_what_llama_cpp_would_end_over_or_compute_nonsense_with_is_refused(
    small: Path, write: Callable[..., Path], tensors: Matrices, said: dict[str, object], says: str
) -> None:
    path = write(tensors, **said)
    with pytest.raises(AdapterError, match=says) as caught:
        examine_adapter(path, small, None)
    sentence = str(caught.value)
    assert sentence.startswith(f"The adapter {path}")
    assert sentence.endswith(".")
    assert sentence.isprintable()


def test_a_norm_beside_the_pairs_is_left_out_as_llama_cpp_does(
    small: Path, write: Callable[..., Path]
) -> None:
    path = write(pair() | {"blk.0.attn_norm.weight": np.ones(576, "f4")})
    assert check_adapter_for(path, small).pairs == 1


@pytest.mark.parametrize("kind", ["f4", "f2", "bf16", "q8_0"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_weight_that_is_no_number_is_found(
    small: Path, tmp_path: Path, kind: str, value: float
) -> None:
    # The last element of the last tensor.
    path = tmp_path / "voice.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_string("general.type", "adapter")
    writer.add_string("adapter.type", "lora")
    for name, each in (("a", np.ones((32, 576), "f4")), ("b", np.ones((576, 32), "f4"))):
        raw = {"bf16": gguf.GGMLQuantizationType.BF16, "q8_0": gguf.GGMLQuantizationType.Q8_0}
        if kind in raw:
            packed = gguf.quantize(each, raw[kind])
            writer.add_tensor(f"{Q}.lora_{name}", packed, raw_dtype=raw[kind])
        else:
            writer.add_tensor(f"{Q}.lora_{name}", each.astype(kind))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert check_adapter_for(path, small).rank == 32

    data = bytearray(path.read_bytes())
    end = gguf.GGUFReader(path).tensors[-1]
    last = int(end.data_offset) + int(end.n_bytes)
    if kind == "f4":
        data[last - 4 : last] = struct.pack("<f", value)
    elif kind == "bf16":
        data[last - 2 : last] = struct.pack("<f", value)[2:]
    else:
        at = last - (34 if kind == "q8_0" else 2)
        data[at : at + 2] = struct.pack("<e", value)
    path.write_bytes(data)
    with pytest.raises(AdapterError, match=r"weights in .*lora_b that are no numbers"):
        check_adapter_for(path, small)


def test_large_numbers_are_numbers(small: Path, write: Callable[..., Path]) -> None:
    tensors = pair()
    tensors[f"{Q}.lora_a"][:] = np.finfo("f4").max
    assert check_adapter_for(write(tensors), small).pairs == 1


@pytest.mark.parametrize("count", [1 << 20, 1 << 40, (1 << 64) - 1])
@pytest.mark.parametrize("at", [8, 16])
def test_huge_counts_cost_nothing(
    small: Path, write: Callable[..., Path], at: int, count: int
) -> None:
    path = write(pair())
    data = bytearray(path.read_bytes())
    data[at : at + 8] = struct.pack("<Q", count)
    path.write_bytes(data)
    tight = Limits(memory=128 << 20, cpu_seconds=2, seconds=30.0)
    with pytest.raises(AdapterError, match="claims"):
        examine_adapter(path, small, None, limits=tight)


def test_a_file_that_breaks_off_is_refused(small: Path, write: Callable[..., Path]) -> None:
    path = write(pair())
    path.write_bytes(path.read_bytes()[:-64])
    with pytest.raises(AdapterError, match="breaks off before its weights end"):
        examine_adapter(path, small, None)


def test_no_file_and_no_gguf_are_said(small: Path, tmp_path: Path) -> None:
    with pytest.raises(AdapterError, match=r"There is no adapter .*gone\.gguf\. Check the path"):
        examine_adapter(tmp_path / "gone.gguf", small, None)
    (tmp_path / "text.gguf").write_text("words")
    with pytest.raises(AdapterError, match=r"Adapters are files that end in \.gguf"):
        examine_adapter(tmp_path / "text.gguf", small, None)
    with pytest.raises(AdapterError, match="is a folder"):
        examine_adapter(tmp_path, small, None)
    with pytest.raises(AdapterError, match="is no adapter by what it says"):
        examine_adapter(small, small, None)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_whatever_is_changed_in_a_header_it_is_read_or_refused(
    write: Callable[..., Path], tmp_path: Path, data: st.DataObject
) -> None:
    raw = bytearray(write(pair(), strings={"general.base_model.0.name": "One"}).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, 600))] = data.draw(st.integers(0, 255))
    path = tmp_path / "changed.gguf"
    path.write_bytes(raw)
    try:
        header = read_adapter(path).header
    except AdapterError as error:
        assert str(error).isprintable()  # noqa: PT017
    else:
        assert header.own_name.isprintable()


# --- the verdict is kept --------------------------------------------------------------------------


def test_a_good_verdict_is_kept_until_adapter_or_model_change(
    small: Path, write: Callable[..., Path], tmp_path: Path
) -> None:
    path, cache = write(pair()), tmp_path / "adapters.json"
    os.utime(path, (LONG_AGO, LONG_AGO))
    never = ("false",)
    header = examine_adapter(path, small, cache)
    assert examine_adapter(path, small, cache, command=never) == header
    other = tmp_path / "model.gguf"
    other.write_bytes(b"GGUF")
    with pytest.raises(AdapterError, match="without an answer"):
        examine_adapter(path, other, cache, command=never)
    os.utime(path, (LONG_AGO + 1, LONG_AGO + 1))
    with pytest.raises(AdapterError, match="without an answer"):
        examine_adapter(path, small, cache, command=never)


def test_a_check_that_does_not_end_is_ended(small: Path, write: Callable[..., Path]) -> None:
    slow = ("sh", "-c", "sleep 60")
    with pytest.raises(AdapterError, match="took too long"):
        examine_adapter(write(pair()), small, None, limits=Limits(seconds=0.3), command=slow)
