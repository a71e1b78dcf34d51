"""The published shapes: beside other hands' headers, published files' sizes, and llama.cpp.

`STORYTUI_FIT_SWEEP=1` holds every shape of the catalogue against llama.cpp's own buffers; without
it, one of each architecture that test_fit.py does not have.
"""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from buffer_reports import reported
from published_shapes import (
    GEMMA_3_12B,
    LLAMA_3_1_8B,
    MISTRAL_NEMO_12B,
    QWEN_2_5_7B,
    QWEN_2_5_32B,
    QWEN_3_8B,
    Published,
    write_numbers,
    write_sparse,
)
from tiny_gguf import Weights

from storytui.models.catalog import catalogue
from storytui.models.gguf_reading import Tensor
from storytui.models.mixtures import has_more_bits
from storytui.models.model_memory import MIB, Opening, parts_of_plan
from storytui.models.published import (
    PublishedError,
    PublishedShape,
    build_shape,
    files_as_published,
    published,
    read_published,
)
from storytui.models.shape import Shape
from storytui.models.shape_of_file import shape_in

SWEEP = bool(os.environ.get("STORYTUI_FIT_SWEEP"))
LLAMA = PublishedShape(
    models=("llama",),
    architecture="llama",
    layers=32,
    width=4096,
    heads=32,
    kv_heads=8,
    inner=14336,
    vocabulary=128256,
    context=131072,
    mixture="Q4_K_M",
    factors=64,
)


def of(model: str) -> PublishedShape:
    return files_as_published(model)[0]


def described(shape: Shape) -> dict[str, object]:
    """All that a shape says, but for where in the file its tensors are."""

    def tensor(each: Tensor) -> tuple[object, ...]:
        return each.name, each.shape, each.kind, each.size

    return {
        "architecture": shape.architecture,
        "context": shape.trained_context,
        "width": shape.width,
        "vocabulary": shape.vocabulary,
        "window": shape.window,
        "tied": shape.tied,
        "experts": shape.experts_used,
        "bytes": (shape.file_bytes, shape.host_bytes),
        "host": [tensor(each) for each in shape.host],
        "output": [tensor(each) for each in shape.output],
        "layers": [
            (
                layer.heads,
                layer.kv_heads,
                layer.key_length,
                layer.value_length,
                layer.windowed,
                layer.shares,
                layer.state,
                {name: tensor(each) for name, each in layer.tensors.items()},
            )
            for layer in shape.layers
        ],
    }


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (of("cra-v1-7b"), QWEN_2_5_7B),
        (of("cra-v1-32b"), QWEN_2_5_32B),
        (LLAMA, LLAMA_3_1_8B),
        (of("qwen3-8b"), QWEN_3_8B),
        (of("mistral-nemo-12b"), MISTRAL_NEMO_12B),
        (of("gemma-3-12b"), GEMMA_3_12B),
    ],
    ids=lambda each: each.name if isinstance(each, Published) else "",
)
def test_a_shape_is_that_of_the_header_of_such_a_file(
    ours: PublishedShape, theirs: Published, tmp_path: Path
) -> None:
    path = write_sparse(theirs, tmp_path)

    assert described(build_shape(ours)) == described(shape_in(path))
    path.unlink()


def test_every_model_of_the_catalogue_has_a_shape_and_the_mixture_that_it_wants() -> None:
    assert set(published()) == {each.id for each in catalogue()}
    for entry in catalogue():
        first, *smaller = files_as_published(entry.id)
        assert first.mixture.lower() in entry.files[0].lower()
        for each in smaller:
            assert any(each.mixture.lower() in pattern for pattern in entry.files)


# Models with one tokenizer have headers of one length, but for templates and tables of tensors.
FAMILIES = {
    "qwen": ("cra-v1-7b", "cra-v1-32b", "qwen3-4b", "qwen3-8b"),
    "ministral": ("ministral-3-3b", "ministral-3-8b", "ministral-3-14b"),
    "mistral": ("mistral-nemo-12b", "mistral-small-3.2-24b"),
    "gemma": ("gemma-3-4b", "gemma-3-12b"),
    "smollm": ("smollm3-3b",),
}


@pytest.mark.parametrize("models", FAMILIES.values(), ids=FAMILIES)
def test_published_files_are_as_long_as_their_tensors_and_one_header(
    models: tuple[str, ...],
) -> None:
    headers = [of(each).file_bytes - build_shape(of(each)).file_bytes for each in models]

    assert 5_000_000 < min(headers) < 17_000_000
    assert max(headers) - min(headers) < 32_768


def test_the_sizes_of_other_files_come_out_too() -> None:
    qwen = of("qwen3-8b").file_bytes - build_shape(of("qwen3-8b")).file_bytes
    largest, smaller = (build_shape(each).file_bytes for each in files_as_published("qwen3-14b"))

    # Qwen/Qwen3-14B-GGUF, Q4_K_M; unsloth/Qwen3-14B-GGUF, Q6_K, of 11.29 GiB.
    assert 9_001_752_960 - smaller == pytest.approx(qwen, abs=32_768)
    assert round((largest + qwen) / 2**30, 2) == 11.29
    # bartowski/Meta-Llama-3.1-8B-Instruct-GGUF.
    assert 5_000_000 < 4_920_739_232 - build_shape(LLAMA).file_bytes < 17_000_000


def test_gemma_4_has_as_many_tensors_of_each_type_as_a_published_file() -> None:
    shape = build_shape(of("gemma-4-12b"))
    own = [each for each in shape.output if each.name != "token_embd.weight"]
    tensors = [*shape.host, *own, *(t for layer in shape.layers for t in layer.tensors.values())]

    assert Counter(each.kind for each in tensors) == {0: 338, 12: 284, 14: 45}
    assert [each.windowed for each in shape.layers[:6]] == [True] * 5 + [False]
    assert (shape.layers[5].kv_heads, shape.layers[5].key_length) == (1, 512)
    assert "attn_v.weight" not in shape.layers[5].tensors


def test_half_of_the_layers_have_more_bits() -> None:
    more = [number for number in range(32) if has_more_bits(number, 32)]

    assert more == [0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 28, 29, 30, 31]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[shape]", "cannot be read"),
        ("[[shape]]\nmodels = ['a']", "missing required field"),
        ("[[shape]]\nmodels = []", "length >= 1"),
    ],
)
def test_a_wrong_file_is_refused(text: str, says: str) -> None:
    with pytest.raises(PublishedError, match=says):
        read_published(text)


def test_rows_that_are_no_whole_blocks_are_refused() -> None:
    odd = PublishedShape(
        models=("odd",),
        architecture="llama",
        layers=1,
        width=100,
        heads=1,
        kv_heads=1,
        inner=256,
        vocabulary=100,
        context=512,
        mixture="Q6_K",
    )

    with pytest.raises(PublishedError, match="token_embd"):
        build_shape(odd)


# --- beside llama.cpp -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model",
    [each.models[0] for each in dict.fromkeys(published().values())]
    if SWEEP
    else ["gemma-4-12b", "ministral-3-8b", "smollm3-3b"],
)
def test_llama_cpp_reports_what_is_planned(model: str, tmp_path: Path) -> None:
    shape = build_shape(of(model))
    path = write_shape(of(model), shape, tmp_path)
    openings = [
        Opening(context, kind, on_gpu=False, flash_attention=flash, whole_windows=whole)
        for context in (2048, 16384)
        for kind, flash in (("f16", True), ("q8_0", True), ("f16", False))
        for whole in (False, True)
    ]

    for opening, report in zip(openings, reported(path, shape, openings), strict=True):
        parts = parts_of_plan(shape, opening)
        assert abs(parts.kv - report["kv"]) <= MIB // 64
        assert abs(parts.compute - report["compute"]) <= MIB // 64
        assert abs(parts.output - report["output"]) <= MIB // 64
    path.unlink()


def write_shape(model: PublishedShape, shape: Shape, folder: Path) -> Path:
    """A sparse file of the shape's tensors; its numbers are written here once more."""
    numbers: dict[str, float | list[int]] = {
        "block_count": model.layers,
        "context_length": model.context,
        "embedding_length": model.width,
        "feed_forward_length": model.inner,
        "attention.head_count": model.heads,
        "attention.head_count_kv": model.kv_heads,
        "attention.key_length": model.head,
        "attention.value_length": model.head,
        "rope.dimension_count": model.head,
        "attention.layer_norm_rms_epsilon": 1e-6,
    }
    if model.window:
        numbers["attention.sliding_window"] = model.window
    if model.architecture == "gemma4":
        numbers |= {
            "attention.head_count_kv": [8, 8, 8, 8, 8, 1] * 8,
            "attention.key_length": 512,
            "attention.value_length": 512,
            "attention.key_length_swa": 256,
            "attention.value_length_swa": 256,
            "attention.sliding_window_pattern": [1, 1, 1, 1, 1, 0] * 8,
            "attention.shared_kv_layers": 0,
            "embedding_length_per_layer_input": 0,
            "rope.dimension_count": 512,
            "rope.dimension_count_swa": 256,
        }
    path = folder / f"{model.models[0]}.gguf"

    def tensors() -> Iterator[Weights]:
        outside = {each.name: each for each in (*shape.host, *shape.output)}
        inside = (each for layer in shape.layers for each in layer.tensors.values())
        for each in (*outside.values(), *inside):
            yield Weights(each.name.encode(), each.shape, each.kind)

    write_numbers(path, model.architecture, numbers, model.vocabulary, tensors())
    return path
