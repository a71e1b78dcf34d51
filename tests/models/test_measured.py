"""The file of what models really took: bounded, whole or not at all, of no harm when broken."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from storytui.engine.devices import Buffer, Buffers, Device, DeviceReport
from storytui.engine.messages import ModelConfig
from storytui.engine.model_info import ModelInfo
from storytui.engine.process import ProcessEngine
from storytui.models.beside_plan import beside_plan
from storytui.models.measured import (
    LATER,
    MOST_DRIVER,
    MOST_RECORDS,
    Measurements,
    Record,
    driver_share,
    measured_ways,
    model_key,
    record_of,
)
from storytui.models.model_memory import MIB
from storytui.models.shape_of_file import shape_in
from storytui.models.starter import starter_model
from storytui.models.starting import StartPlanner, names_of

RECORD = Record(
    device="A card",
    library="0.3.36",
    model="a-model",
    file="12-34",
    context=16384,
    kv_type="f16",
    flash_attention=True,
    whole_windows=None,
    gpu_layers=29,
    weights_gpu=4000,
    weights_host=300,
    kv=900,
    kv_host=0,
    compute=300,
    output=6,
    driver=200,
)
REPORT = DeviceReport(
    devices=(
        Device(name="CUDA0", description="A card", kind="gpu", total=10_000, free=9_000),
        Device(name="CPU", description="A processor", kind="cpu", total=50_000, free=50_000),
    ),
    offloads=True,
    library="0.3.36",
)
INFO = ModelInfo(
    name="A model",
    path="a.gguf",
    architecture="llama",
    context=16384,
    trained_context=32768,
    layers=28,
    gpu_layers=29,
    backend="CUDA",
    threads=8,
    chat_template="gguf",
    device="A card",
    flash_attention=True,
    measured=Buffers(
        (
            Buffer("weights", "CPU_Mapped", 300),
            Buffer("weights", "CUDA0", 4000),
            Buffer("kv", "CUDA0", 900),
            Buffer("compute", "CUDA0", 300),
            Buffer("compute", "CUDA_Host", 40),
            Buffer("output", "CUDA_Host", 6),
        ),
        {"CUDA0": 9_000 - 4000 - 900 - 300 - 200},
    ),
)


def record(info: ModelInfo, report: DeviceReport = REPORT) -> Record | None:
    return record_of(report, info, None, "12-34", lambda: "a-model")


def test_what_is_kept_is_what_the_log_says_by_where_it_is() -> None:
    assert record(INFO) == RECORD


def test_on_a_cpu_all_of_it_is_in_host_memory() -> None:
    info = structs.replace(
        INFO,
        gpu_layers=0,
        measured=Buffers(
            (
                Buffer("weights", "CPU_Mapped", 300),
                Buffer("weights", "CPU_REPACK", 250),
                Buffer("kv", "CPU", 900),
                Buffer("compute", "CPU", 30),
            )
        ),
    )

    found = record(info)

    assert found is not None
    assert (found.weights_gpu, found.weights_host, found.compute) == (0, 550, 30)
    assert (found.kv, found.kv_host, found.driver) == (900, 900, None)
    assert found.parts(driver=7).overhead == 0


def test_memory_that_another_program_gave_back_meanwhile_is_not_less_than_nothing() -> None:
    measured = structs.replace(INFO.measured, free={"CUDA0": 8_000})

    found = record(structs.replace(INFO, measured=measured))

    assert found is not None
    assert found.driver == 0


def test_a_log_that_was_not_understood_is_not_kept() -> None:
    assert record(structs.replace(INFO, measured=Buffers())) is None


def test_a_card_that_did_not_tell_its_free_memory_leaves_the_drivers_share_open() -> None:
    found = record(structs.replace(INFO, measured=structs.replace(INFO.measured, free={})))

    assert found is not None
    assert found.driver is None
    assert found.parts(driver=7).overhead == 7


def test_the_newest_figures_of_a_load_take_the_place_of_the_older(tmp_path: Path) -> None:
    kept = Measurements(tmp_path / "measured.json")
    kept.keep(RECORD)
    kept.keep(structs.replace(RECORD, context=8192))
    kept.keep(structs.replace(RECORD, driver=500))

    assert [(each.context, each.driver) for each in kept.records()] == [(8192, 200), (16384, 500)]


def test_the_file_stays_small(tmp_path: Path) -> None:
    kept = Measurements(tmp_path / "measured.json")
    for number in range(MOST_RECORDS + 9):
        kept.keep(structs.replace(RECORD, context=number))

    assert [each.context for each in kept.records()] == list(range(9, MOST_RECORDS + 9))
    assert [each.name for each in tmp_path.iterdir()] == ["measured.json"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"version": "measured-0", "records": []}',
        b'{"version": "measured-1", "records": [{}]}',
        b'{"version": "measured-1", "records": [], "more": ' + b"[" * 100_000,
        b"[1]",
    ],
)
def test_a_broken_file_is_ignored_and_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "measured.json"
    path.write_bytes(content)
    kept = Measurements(path)

    assert kept.records() == []
    kept.keep(RECORD)
    assert kept.records() == [RECORD]


@pytest.mark.parametrize(
    "wrong",
    [
        {"driver": -(8 << 30)},
        {"weights_gpu": -1},
        {"kv": -(1 << 40)},
        {"kv_host": 1 << 60},
        {"compute": 1 << 62},
        {"context": 0},
        {"gpu_layers": -1},
    ],
    ids=str,
)
def test_figures_that_cannot_be_are_no_record(tmp_path: Path, wrong: dict[str, int]) -> None:
    kept = Measurements(tmp_path / "measured.json")
    kept.keep(structs.replace(RECORD, **wrong))
    kept.keep(structs.replace(RECORD, context=4096))

    assert [each.context for each in kept.records()] == [4096]


def test_what_another_program_took_meanwhile_is_not_the_drivers_share() -> None:
    game = structs.replace(RECORD, driver=MOST_DRIVER + 1)

    assert driver_share([game]) is None
    assert driver_share([game, RECORD]) == 200 + LATER
    assert game.parts(driver=7).overhead == 7
    two = structs.replace(game, device="A card + A card")
    assert driver_share([two]) == MOST_DRIVER + 1 + LATER


def test_a_folder_that_cannot_be_written_costs_nothing(tmp_path: Path) -> None:
    kept = Measurements(tmp_path / "none" / "measured.json")
    kept.keep(RECORD)
    assert kept.records() == []
    nowhere = Measurements(None)
    nowhere.keep(RECORD)
    assert nowhere.records() == []


def test_another_device_or_library_is_another_matter(tmp_path: Path) -> None:
    kept = Measurements(tmp_path / "measured.json")
    kept.keep(RECORD)

    assert kept.on("A card", "0.3.36") == [RECORD]
    assert kept.on("Another card", "0.3.36") == []
    assert kept.on("A card", "0.3.37") == []


def test_the_drivers_share_is_the_largest_of_the_last_few() -> None:
    shares = [9000, *range(100, 900, 100)]
    records = [structs.replace(RECORD, driver=share) for share in shares]

    assert driver_share(records) == 800 + LATER
    assert driver_share([structs.replace(RECORD, driver=None)]) is None


def test_the_real_small_model_is_measured_and_known_again(tmp_path: Path) -> None:
    path = starter_model()
    assert path is not None
    config = ModelConfig(path=str(path), context=512, threads=1)
    planner = StartPlanner(config, measurements=tmp_path / "measured.json")
    engine = ProcessEngine(planner)
    try:
        info = engine.load()
        child = engine._child
        assert child is not None
        report = child.report
        assert report is not None
    finally:
        # The thread that keeps the figures ends with the child.
        engine.close()
    planner.loaded(report, info)

    kept = Measurements(tmp_path / "measured.json").on(info.device, report.library)
    assert report.cpu is not None or report.gpus
    assert info.device == names_of(report.gpus or (report.cpu,))  # type: ignore[arg-type]
    shape = shape_in(path)
    ways = measured_ways(kept, shape, 0, None)
    assert kept[0].model == model_key(shape)
    assert ways[info.context, "f16", info.gpu_layers].kv == 512 * 30 * 3 * 64 * 2 * 2


def test_a_loaded_model_takes_what_was_planned(small_model_info: ModelInfo) -> None:
    beside = beside_plan(small_model_info)
    assert beside is not None
    assert not beside.on_gpu
    assert abs(beside.planned - beside.measured) <= max(0.05 * beside.measured, 8 * MIB)
    assert beside_plan(structs.replace(small_model_info, remote=True)) is None
    assert beside_plan(structs.replace(small_model_info, measured=Buffers())) is None
    assert beside_plan(structs.replace(small_model_info, path="/gone.gguf")) is None


@pytest.fixture
def small_model_info() -> Iterator[ModelInfo]:
    path = starter_model()
    assert path is not None
    engine = ProcessEngine(ModelConfig(path=str(path), context=512, threads=1))
    yield engine.load()
    engine.close()
