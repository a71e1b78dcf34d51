"""A header cannot make planning long: counts of layers, experts and entries have ends."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_gguf import INT32, UINT32, Pair, listing, llama_pairs, llama_tensors, scalar, write

from storytui.engine.api import ModelError
from storytui.models import compute_graph, fit
from storytui.models.fit import GIB, Machine, plan
from storytui.models.gguf_layout import MOST_LAYERS
from storytui.models.gguf_reading import Contents, GgufFaultError, read_contents
from storytui.models.published import PublishedShape, build_shape
from storytui.models.shape import Shape, shape_of
from storytui.models.shape_of_file import shape_in


def contents(*more: Pair) -> Contents:
    said = {each.key for each in more}
    pairs = [each for each in llama_pairs() if each.key not in said]
    data = bytes(write([*pairs, *more], llama_tensors()).data)
    return read_contents(memoryview(data), len(data))


@pytest.mark.parametrize(
    ("pair", "says"),
    [
        (scalar("llama.block_count", UINT32, MOST_LAYERS + 1), "claims 513 layers"),
        (scalar("llama.block_count", UINT32, 2**32 - 1), "more than any model has"),
        (scalar("llama.expert_used_count", UINT32, 100_000), "through 100,000 experts"),
        (scalar("llama.attention.sliding_window", INT32, -5), "says -5 for llama.attention.sl"),
        (scalar("llama.attention.head_count_kv", INT32, -1), "which cannot be"),
        (
            listing("llama.attention.head_count_kv", INT32, [2] * (MOST_LAYERS + 1)),
            "has 513 entries in llama.attention.head_count_kv",
        ),
        (listing("llama.attention.key_length", INT32, [1] * 5000), "has 5,000 entries"),
        (listing("llama.attention.head_count_kv", INT32, [-2]), "says -2 for"),
    ],
)
def test_absurd_counts_are_refused(pair: Pair, says: str) -> None:
    with pytest.raises(GgufFaultError, match=says):
        shape_of(contents(pair))


def test_a_long_pattern_of_windows_is_refused() -> None:
    with pytest.raises(GgufFaultError, match="has 100,000 entries"):
        shape_of(
            contents(
                scalar("llama.attention.sliding_window", UINT32, 512),
                listing("llama.attention.sliding_window_pattern", INT32, [1] * 100_000),
            )
        )


def test_as_many_experts_as_large_models_have_are_taken() -> None:
    shape = shape_of(
        contents(
            scalar("llama.block_count", UINT32, 94), scalar("llama.expert_used_count", UINT32, 22)
        )
    )

    assert shape.experts_used == 22


@pytest.fixture
def deep() -> Shape:
    """As many layers as any model may have."""
    return build_shape(
        PublishedShape(
            models=("deep",),
            architecture="llama",
            layers=MOST_LAYERS,
            width=1024,
            heads=8,
            kv_heads=8,
            inner=4096,
            vocabulary=32000,
            context=32768,
            mixture="Q4_K_M",
        )
    )


def counted(monkeypatch: pytest.MonkeyPatch, module: object, name: str) -> list[object]:
    calls: list[object] = []
    whole: Callable[..., object] = getattr(module, name)

    def counting(*arguments: object) -> object:
        calls.append(arguments)
        return whole(*arguments)

    monkeypatch.setattr(module, name, counting)
    return calls


@pytest.mark.parametrize(("gpu", "fits"), [(1 * GIB, False), (3 * GIB, True), (5 * GIB, True)])
def test_a_plan_in_part_takes_some_steps_for_each_opening_not_one_for_each_layer(
    gpu: int, fits: bool, deep: Shape, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = counted(monkeypatch, fit, "parts_of_plan")
    graphs = counted(monkeypatch, compute_graph, "buffer_size")

    found = plan(deep, Machine(gpu=gpu), allow_partial=True)

    # Six contexts, keys and values of two kinds; halving 512 takes ten steps.
    openings = 2 * (1 + len(fit.SHORTER_CONTEXTS))
    assert 0 < len(parts) <= openings * (1 + 10)
    assert len(graphs) <= openings
    assert found.fits is fits


def test_a_plan_in_part_puts_as_many_layers_on_the_card_as_fit(deep: Shape) -> None:
    machine = Machine(gpu=5 * GIB)

    found = plan(deep, machine, allow_partial=True)

    assert found.fits
    layers = found.choice.gpu_layers
    assert 0 < layers < found.layers
    opening = fit.Opening(found.choice.context, found.choice.kv_type)
    more = fit.parts_of_plan(deep, opening, layers + 1, machine.driver)
    assert more.total_gpu + machine.margin > machine.gpu


@pytest.mark.parametrize(
    ("pairs", "says"),
    [
        (
            (
                scalar("llama.block_count", UINT32, 16),
                scalar("llama.expert_count", UINT32, 1024),
                scalar("llama.expert_used_count", UINT32, 1024),
            ),
            "sends a token through 1,024 experts, more than any model. Get the file again.",
        ),
        (
            (
                scalar("llama.attention.sliding_window", UINT32, 512),
                listing("llama.attention.sliding_window_pattern", INT32, [1] * 5000),
            ),
            "has 5,000 entries in llama.attention.sliding_window_pattern, more than layers.",
        ),
    ],
)
def test_such_a_file_is_refused_in_a_sentence(
    pairs: tuple[Pair, ...], says: str, tmp_path: Path
) -> None:
    path = tmp_path / "absurd.gguf"
    said = {each.key for each in pairs}
    kept = [each for each in llama_pairs() if each.key not in said]
    path.write_bytes(write([*kept, *pairs], llama_tensors()).data)

    with pytest.raises(ModelError, match=re.escape(says)):
        shape_in(path)
