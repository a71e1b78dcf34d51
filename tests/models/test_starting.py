"""How a model is loaded on the devices that there are: plans at 6 to 24 GiB, and by hand."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from published_shapes import (
    GEMMA_3_12B,
    LLAMA_3_1_8B,
    QWEN_2_5_7B,
    QWEN_2_5_32B,
    QWEN_3_8B,
    Published,
    write_sparse,
)

from storytui.engine.api import ModelError
from storytui.engine.devices import Buffer, Buffers, Device, DeviceReport
from storytui.engine.messages import ModelConfig
from storytui.engine.model_info import Adapter, ModelInfo
from storytui.models import starting
from storytui.models.fit import GIB
from storytui.models.measured import LATER, Measurements
from storytui.models.model_memory import DRIVER
from storytui.models.starting import StartPlanner, machine_of

MIB = 1 << 20


@pytest.fixture(scope="module")
def file_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Published], Path]]:
    folder = tmp_path_factory.mktemp("sparse")
    written: dict[str, Path] = {}

    def of(model: Published) -> Path:
        if model.name not in written:
            written[model.name] = write_sparse(model, folder)
        return written[model.name]

    yield of
    for path in written.values():
        path.unlink()


def cards(*sizes: float, taken: float = 0, host: float = 64) -> DeviceReport:
    """GPUs of so many GiB, of which other programs hold some."""
    found = [
        Device(
            name=f"CUDA{number}",
            description="A card",
            kind="gpu",
            total=round(size * GIB),
            free=round((size - taken) * GIB),
        )
        for number, size in enumerate(sizes)
    ]
    cpu = Device(name="CPU", description="A processor", kind="cpu", total=round(host * GIB))
    return DeviceReport(devices=(*found, cpu), offloads=bool(sizes), library="0.3.36")


def planner(path: Path, *, by_hand: dict[str, Any] | None = None, **more: Any) -> StartPlanner:
    return StartPlanner(ModelConfig(path=str(path), **(by_hand or {})), **more)


@pytest.mark.parametrize(
    ("model", "size", "context", "kv_type"),
    [
        (QWEN_2_5_7B, 8, 16384, "f16"),
        (QWEN_2_5_7B, 12, 16384, "f16"),
        (QWEN_3_8B, 8, 16384, "q8_0"),
        (QWEN_3_8B, 12, 16384, "f16"),
        (LLAMA_3_1_8B, 8, 16384, "f16"),
        (GEMMA_3_12B, 12, 16384, "f16"),
        (QWEN_2_5_32B, 24, 16384, "f16"),
    ],
    ids=lambda each: getattr(each, "name", str(each)),
)
def test_everything_goes_on_the_card_with_as_much_context_as_fits(
    file_of: Callable[[Published], Path], model: Published, size: int, context: int, kv_type: str
) -> None:
    plans = planner(file_of(model))

    config = plans.plan(cards(size))

    assert (config.context, config.kv_type, config.gpu_layers) == (context, kv_type, -1)
    assert plans.fit is not None
    assert plans.fit.fits


def test_a_shorter_context_is_taken_on_a_card_of_6_gib(
    file_of: Callable[[Published], Path],
) -> None:
    plans = planner(file_of(QWEN_2_5_7B))

    config = plans.plan(cards(6))

    assert config.gpu_layers == -1
    assert 0 < config.context < 16384
    assert plans.fit is not None
    assert "shorter context" in plans.fit.reason


def test_what_does_not_fit_is_refused_with_what_to_do(
    file_of: Callable[[Published], Path],
) -> None:
    plans = planner(file_of(QWEN_2_5_32B))

    with pytest.raises(ModelError) as caught:
        plans.plan(cards(12))

    said = str(caught.value)
    assert said.startswith("Qwen2.5-32B-Q4_K_M.gguf does not fit on A card: too big by ")
    assert said.endswith(
        "Choose a smaller model, let some layers run on the CPU, slowly, with --allow-partial, or "
        "let all of them with --gpu-layers 0."
    )
    assert plans.fit is not None
    assert not plans.fit.fits


def test_layers_stay_on_the_cpu_only_where_that_is_allowed(
    file_of: Callable[[Published], Path],
) -> None:
    plans = planner(file_of(QWEN_2_5_32B), allow_partial=True)

    config = plans.plan(cards(12))

    assert plans.fit is not None
    assert 0 < config.gpu_layers < plans.fit.layers
    assert "slowly" in plans.fit.reason


def test_no_layers_on_the_gpu_is_a_plan_for_the_cpu(
    file_of: Callable[[Published], Path],
) -> None:
    path = file_of(QWEN_2_5_32B)

    config = planner(path, by_hand={"gpu_layers": 0}).plan(cards(12))

    assert config.gpu_layers == 0
    with pytest.raises(ModelError, match=r"memory: it takes .* of 16\.0 GiB"):
        planner(path, by_hand={"gpu_layers": 0}).plan(cards(12, host=16))


def test_a_number_of_layers_is_kept_even_where_it_seems_too_much(
    file_of: Callable[[Published], Path],
) -> None:
    path = file_of(QWEN_2_5_32B)

    fitting = planner(path, by_hand={"gpu_layers": 20}).plan(cards(12))
    too_much = planner(path, by_hand={"gpu_layers": 60}).plan(cards(12))

    assert (fitting.gpu_layers, fitting.context) == (20, 16384)
    assert too_much.gpu_layers == 60


def test_a_context_that_is_asked_for_is_kept_or_refused(
    file_of: Callable[[Published], Path],
) -> None:
    path = file_of(QWEN_3_8B)

    assert planner(path, by_hand={"context": 4096}).plan(cards(8)).context == 4096
    with pytest.raises(ModelError, match=r"with 32k context\. .* ask for a shorter context"):
        planner(path, by_hand={"context": 32768}).plan(cards(8))
    with pytest.raises(ModelError, match=r"trained with 40,960"):
        planner(path, by_hand={"context": 99999}).plan(cards(8))


def test_keys_that_are_set_by_hand_stay_so(file_of: Callable[[Published], Path]) -> None:
    path = file_of(QWEN_3_8B)

    in_f16 = planner(path, choose_kv_type=False).plan(cards(8))
    in_q8_0 = planner(path, by_hand={"kv_type": "q8_0"}, choose_kv_type=False).plan(cards(24))

    assert in_f16.kv_type == "f16"
    assert in_f16.context < 16384
    assert (in_q8_0.kv_type, in_q8_0.context) == ("q8_0", 16384)


def test_what_other_programs_hold_is_not_planned_with_and_said(
    file_of: Callable[[Published], Path],
) -> None:
    path = file_of(QWEN_2_5_7B)
    shorter = planner(path)

    config = shorter.plan(cards(8, taken=2.5))

    assert config.context < 16384 or config.kv_type == "q8_0"
    assert shorter.fit is not None
    assert shorter.fit.reason.endswith("; other programs hold 2.5 of 8.0 GiB")
    with pytest.raises(ModelError, match=r"other programs hold 5\.0 of 8\.0 GiB\. .* close what"):
        planner(path).plan(cards(8, taken=5))


def test_what_a_desktop_holds_changes_nothing(file_of: Callable[[Published], Path]) -> None:
    plans = planner(file_of(QWEN_2_5_7B))

    config = plans.plan(cards(8, taken=0.7))

    assert (config.context, config.kv_type) == (16384, "f16")


def test_cards_are_planned_for_together(file_of: Callable[[Published], Path]) -> None:
    config = planner(file_of(QWEN_2_5_32B)).plan(cards(16, 16))

    assert (config.gpu_layers, config.context) == (-1, 16384)
    machine = machine_of(cards(16, 16))
    assert (machine.cards, machine.driver) == (2, 2 * DRIVER)


def test_a_gpu_that_does_not_tell_its_memory_gets_what_is_set(
    file_of: Callable[[Published], Path],
) -> None:
    plans = planner(file_of(QWEN_2_5_32B))

    assert plans.plan(cards(0)) == ModelConfig(path=str(file_of(QWEN_2_5_32B)))
    assert plans.fit is None


def test_without_a_gpu_a_small_models_shape_is_not_even_read(
    file_of: Callable[[Published], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    monkeypatch.setattr(starting, "shape_in", read.append)
    path = file_of(QWEN_2_5_7B)
    plans = planner(path)

    plans.prepare()
    config = plans.plan(cards(host=32))

    assert config == ModelConfig(path=str(path))
    assert read == []


def test_without_a_gpu_what_is_larger_than_the_memory_is_refused(
    file_of: Callable[[Published], Path],
) -> None:
    path = file_of(QWEN_2_5_32B)

    with pytest.raises(ModelError, match="Choose a smaller model, or a shorter context"):
        planner(path).plan(cards(host=16))
    # As large as it is, but its weights are mapped: the system may drop what is not used.
    assert planner(path).plan(cards(host=20)).context == 4096
    assert planner(path).plan(DeviceReport()) == ModelConfig(path=str(path))


def test_a_file_that_is_no_model_is_left_to_llama_cpp(tmp_path: Path) -> None:
    path = tmp_path / "none.gguf"

    assert planner(path).plan(cards(8)) == ModelConfig(path=str(path))
    path.write_bytes(b"GGUF, but no more than that")
    assert planner(path).plan(cards(8)) == ModelConfig(path=str(path))


# --- with less than usual -------------------------------------------------------------------------


def test_what_came_to_nothing_is_planned_with_less_until_there_is_no_less(
    file_of: Callable[[Published], Path],
) -> None:
    plans = planner(file_of(QWEN_2_5_7B))
    configs = [plans.plan(cards(8))]
    taken = [plans.fit.choice.parts.total_gpu]  # type: ignore[union-attr]
    assert plans.note == ""

    while plans.failed():
        configs.append(plans.plan(cards(8)))
        assert plans.fit is not None
        taken.append(plans.fit.choice.parts.total_gpu)
        assert plans.note == f"Qwen2.5-7B-Q4_K_M.gguf: {plans.fit.reason}."
        assert plans.fit.reason.endswith("; with more it did not run")

    assert (configs[1].context, configs[1].kv_type) == (16384, "q8_0")
    assert all(each.gpu_layers == -1 for each in configs)
    assert 3 <= len(taken) <= 8
    assert all(after <= 0.95 * before for before, after in itertools.pairwise(taken))
    # Whoever tries again then begins with everything again.
    assert plans.plan(cards(8)) == configs[0]
    assert plans.note == ""


def test_what_is_set_by_hand_is_not_made_less(file_of: Callable[[Published], Path]) -> None:
    by_hand = {"context": 8192, "kv_type": "q8_0"}
    plans = planner(file_of(QWEN_2_5_7B), by_hand=by_hand, choose_kv_type=False)
    config = plans.plan(cards(8))

    assert not plans.failed()
    assert plans.plan(cards(8)) == config


def test_where_less_does_not_fit_any_more_the_reason_is_what_holds_the_card(
    file_of: Callable[[Published], Path],
) -> None:
    plans = planner(file_of(QWEN_2_5_7B))
    plans.plan(cards(8))
    assert plans.failed()

    with pytest.raises(ModelError, match=r"other programs hold 5\.0 of 8\.0 GiB\. .* close what"):
        plans.plan(cards(8, taken=5))


def test_a_death_without_a_gpu_changes_no_plan(file_of: Callable[[Published], Path]) -> None:
    plans = planner(file_of(QWEN_2_5_32B))
    assert not plans.failed()

    config = plans.plan(cards(host=64))

    assert not plans.failed()
    assert plans.plan(cards(host=64)) == config


def test_less_than_usual_since_another_program_holds_the_card_is_said(
    file_of: Callable[[Published], Path],
) -> None:
    plans = planner(file_of(QWEN_2_5_7B))

    plans.plan(cards(8, taken=2.5))
    assert plans.note.endswith("; other programs hold 2.5 of 8.0 GiB.")
    plans.plan(cards(8, taken=0.7))
    assert plans.note == ""


def test_adapters_are_counted_where_the_weights_are(
    file_of: Callable[[Published], Path], tmp_path: Path
) -> None:
    voice = tmp_path / "voice.gguf"
    with voice.open("wb") as file:
        file.truncate(800 * MIB)
    path = file_of(QWEN_2_5_7B)
    plain = planner(path)
    usual = plain.plan(cards(7))
    with_voice = planner(path, by_hand={"adapters": (Adapter(path=str(voice)),)})

    config = with_voice.plan(cards(7))

    assert (usual.context, usual.kv_type) == (16384, "f16")
    assert (config.context, config.kv_type) != (16384, "f16")
    assert plain.fit is not None
    assert with_voice.fit is not None
    tried = with_voice.fit.tried[0].parts
    assert tried.weights_gpu - plain.fit.choice.parts.weights_gpu == 800 * MIB
    # What was chosen meanwhile counts, and an adapter at scale 0 does not work.
    assert with_voice.plan(cards(7), ()) == structs.replace(usual, adapters=())
    idle = (Adapter(path=str(voice), scale=0.0), Adapter(path=str(tmp_path / "gone.gguf")))
    assert with_voice.plan(cards(7), idle) == structs.replace(usual, adapters=idle)
    assert with_voice.plan(cards(host=8), (Adapter(path=str(voice)),)).adapters != ()


def test_a_card_that_does_not_tell_its_memory_leaves_the_plan_to_the_others(
    file_of: Callable[[Published], Path],
) -> None:
    path = file_of(QWEN_3_8B)

    assert planner(path).plan(cards(8, 0)) == planner(path).plan(cards(8))
    assert machine_of(cards(8, 0)) == machine_of(cards(8))


# --- what was measured ----------------------------------------------------------------------------


def loaded_info(path: Path, driver: int, report: DeviceReport, **more: Any) -> ModelInfo:
    """What a load on the first card says, of which the driver took so much."""
    buffers = (
        Buffer("weights", "CPU_Mapped", 300 * MIB),
        Buffer("weights", "CUDA0", 4168 * MIB),
        Buffer("kv", "CUDA0", 896 * MIB),
        Buffer("compute", "CUDA0", 304 * MIB),
        Buffer("compute", "CUDA_Host", 40 * MIB),
        Buffer("output", "CUDA_Host", 6 * MIB),
    )
    gone = (4168 + 896 + 304) * MIB + driver
    fields: dict[str, Any] = {
        "name": "A model",
        "path": str(path),
        "architecture": "qwen2",
        "context": 16384,
        "trained_context": 32768,
        "layers": 28,
        "gpu_layers": 29,
        "backend": "CUDA",
        "threads": 8,
        "chat_template": "gguf",
        "device": "A card",
        "flash_attention": True,
        "measured": Buffers(buffers, {"CUDA0": report.gpus[0].free - gone}),
    }
    return ModelInfo(**(fields | more))


def test_what_a_load_took_corrects_the_next_plan_of_that_model(
    file_of: Callable[[Published], Path], tmp_path: Path
) -> None:
    path, kept = file_of(QWEN_2_5_7B), tmp_path / "measured.json"
    first = planner(path, measurements=kept)
    first.plan(cards(8))
    first.loaded(cards(8), loaded_info(path, 150 * MIB, cards(8)))

    again = planner(path, measurements=kept)
    again.plan(cards(8))

    assert again.fit is not None
    assert again.fit.choice.measured
    parts = again.fit.choice.parts
    assert (parts.weights_gpu, parts.kv, parts.compute) == (4168 * MIB, 896 * MIB, 304 * MIB)
    assert parts.overhead == 150 * MIB + LATER
    assert parts.weights_host == 300 * MIB


def test_the_drivers_share_corrects_the_plans_of_other_models(
    file_of: Callable[[Published], Path], tmp_path: Path
) -> None:
    path, kept = file_of(QWEN_2_5_7B), tmp_path / "measured.json"
    before = planner(path, measurements=kept)
    before.loaded(cards(8), loaded_info(path, 1500 * MIB, cards(8)))

    other = planner(file_of(QWEN_3_8B), measurements=kept)
    config = other.plan(cards(8))

    assert other.fit is not None
    assert not other.fit.choice.measured
    assert other.fit.choice.parts.overhead == 1500 * MIB + LATER
    assert config.context < 16384


@pytest.mark.parametrize(
    "wrong",
    [
        {"weights_gpu": 0},
        {"weights_gpu": 40 * MIB},
        {"kv": 0},
        {"kv": 896 * MIB, "kv_host": 896 * MIB},
        {"compute": 0},
        {"weights_gpu": 500 * GIB},
        {"kv": 900 * GIB},
    ],
    ids=str,
)
def test_a_wrong_record_neither_makes_a_model_fit_nor_keeps_it_from_fitting(
    file_of: Callable[[Published], Path], tmp_path: Path, wrong: dict[str, int]
) -> None:
    path, kept = file_of(QWEN_2_5_7B), Measurements(tmp_path / "measured.json")
    planner(path, measurements=tmp_path / "measured.json").loaded(
        cards(8), loaded_info(path, 150 * MIB, cards(8))
    )
    [record] = kept.records()
    kept.keep(structs.replace(record, **wrong))
    assert len(kept.records()) == 1

    again = planner(path, measurements=tmp_path / "measured.json")
    assert again.plan(cards(8)).kv_type == "f16"
    assert again.fit is not None
    assert not again.fit.choice.measured
    with pytest.raises(ModelError, match="too big by"):
        planner(path, measurements=tmp_path / "measured.json").plan(cards(4.5))


def test_nothing_is_kept_of_a_file_that_went_while_it_was_loaded(
    file_of: Callable[[Published], Path], tmp_path: Path
) -> None:
    path, kept = file_of(QWEN_2_5_7B), tmp_path / "measured.json"
    plans = planner(path, measurements=kept)
    plans.plan(cards(8))
    gone = planner(tmp_path / "gone.gguf", measurements=kept)
    gone._shape = plans._shape
    gone.loaded(cards(8), loaded_info(path, 0, cards(8)))

    assert Measurements(kept).records() == []


def test_a_card_without_flash_attention_for_a_model_is_known_the_next_time(
    file_of: Callable[[Published], Path], tmp_path: Path
) -> None:
    path, kept = file_of(QWEN_3_8B), tmp_path / "measured.json"
    first = planner(path, measurements=kept)
    first.loaded(cards(8), loaded_info(path, 0, cards(8), flash_attention=False))

    assert planner(path, measurements=kept).plan(cards(8)).kv_type == "f16"


def test_the_shape_is_read_ahead_where_a_gpu_was_used_before(
    file_of: Callable[[Published], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, kept = file_of(QWEN_2_5_7B), tmp_path / "measured.json"
    planner(path, measurements=kept).loaded(cards(8), loaded_info(path, 0, cards(8)))
    read: list[Path] = []
    real = starting.shape_in
    monkeypatch.setattr(starting, "shape_in", lambda file: read.append(file) or real(file))
    plans = planner(path, measurements=kept)

    plans.prepare()
    assert read == [path]
    plans.plan(cards(8))
    plans.loaded(cards(8), loaded_info(path, 0, cards(8)))
    assert read == [path]


def test_a_file_that_was_measured_is_not_read_for_that_again(
    file_of: Callable[[Published], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, kept = file_of(QWEN_2_5_7B), tmp_path / "measured.json"
    planner(path, measurements=kept).loaded(cards(8), loaded_info(path, 0, cards(8)))
    monkeypatch.setattr(starting, "shape_in", lambda _file: pytest.fail("it was read"))

    planner(path, measurements=kept).loaded(
        cards(8), loaded_info(path, 7 * MIB, cards(8), context=8192)
    )

    assert [each.context for each in Measurements(kept).records()] == [16384, 8192]
