"""What there is to run a model on: asked in a process of its own."""

import sys
from pathlib import Path

import faulty_child
import pytest
from faulty_child import REPORT

from storytui.engine.about import describe
from storytui.engine.api import EngineError
from storytui.engine.asking import ask_devices
from storytui.engine.devices import Device, DeviceReport, Kind
from storytui.engine.model_info import ModelInfo
from storytui.engine.process import ProcessEngine


def asked(moment: int, fault: str, seconds: float = 60.0) -> DeviceReport:
    command = [sys.executable, "-P", faulty_child.__file__, str(moment), fault]
    return ask_devices(command=command, seconds=seconds)


def report(*kinds: Kind, offloads: bool = True) -> DeviceReport:
    devices = [
        Device(name=f"X{number}", description="", kind=kind) for number, kind in enumerate(kinds)
    ]
    return DeviceReport(devices=tuple(devices), offloads=offloads)


def test_this_machines_own_devices_are_told_without_a_model() -> None:
    found = ask_devices()

    assert found.cpu is not None
    assert found.cpu.name == found.cpu.backend == "CPU"
    assert found.cpu.description
    assert found.cpu.total >= found.cpu.free > 0
    assert found.library.count(".") == 2
    assert "CPU : " in found.system
    assert bool(found.gpus) == found.offloads


def test_what_the_process_tells_is_what_is_returned() -> None:
    assert asked(-1, "") == REPORT


@pytest.mark.parametrize("fault", ["SIGKILL", "exit-3", "noise", "close", "huge", "native-print"])
def test_a_process_that_fails_before_it_has_told_is_said(fault: str) -> None:
    with pytest.raises(EngineError, match="before it told what it can run on"):
        asked(2, fault, seconds=2.0 if fault == "close" else 60.0)


def test_a_process_that_hangs_is_ended() -> None:
    with pytest.raises(EngineError, match="SIGKILL"):
        asked(2, "sleep", seconds=0.5)


def test_a_process_that_cannot_be_started_is_said(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="no process can be started"):
        ask_devices(command=[str(tmp_path / "none")])


@pytest.mark.parametrize(
    ("kinds", "used"),
    [
        (("cpu", "gpu", "gpu"), ["X1", "X2"]),
        (("integrated", "gpu", "cpu"), ["X1"]),
        (("integrated", "integrated", "cpu"), ["X0"]),
        (("accelerator", "cpu"), []),
    ],
)
def test_layers_go_where_llama_cpp_puts_them(kinds: tuple[Kind, ...], used: list[str]) -> None:
    assert [each.name for each in report(*kinds).gpus] == used
    assert not report(*kinds, offloads=False).gpus


@pytest.mark.parametrize(
    ("name", "backend"),
    [("CUDA0", "CUDA"), ("MTL0", "Metal"), ("Vulkan11", "Vulkan"), ("ROCm0", "ROCm")],
)
def test_a_backend_has_the_name_that_people_know(name: str, backend: str) -> None:
    assert Device(name=name, description="", kind="gpu").backend == backend


def test_what_runs_is_one_line(engine: ProcessEngine) -> None:
    info = engine.load()

    line = describe(info)

    assert line.startswith(f"SmolLM2-135M-Instruct runs on {info.backend}")
    assert "2,048 tokens of context, keys and values in f16, flash attention off" in line
    assert "its own chat template" in line
    assert info.device in line


def test_a_name_that_speaks_to_the_terminal_is_made_visible() -> None:
    info = ModelInfo(
        name="\x1b]52;c;aGk=\x07",
        path="x.gguf",
        architecture="llama",
        context=16384,
        trained_context=32768,
        layers=28,
        gpu_layers=20,
        backend="CUDA",
        threads=8,
        chat_template="default",
        stored_format="storytui-1",
        device="A card",
        kv_type="q8_0",
        flash_attention=True,
    )

    line = describe(info)

    assert "\x1b" not in line
    assert line.endswith(
        " runs on CUDA (A card), 20 of 29 layers on it, the rest on the CPU, 16,384 tokens of "
        "context, keys and values in q8_0, flash attention on, no chat template, its file names "
        "the prompt format storytui-1"
    )
