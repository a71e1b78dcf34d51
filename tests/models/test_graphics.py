"""A GPU that is not used: found in made-up machines, with the command that would help."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from storytui.engine.devices import Device, DeviceReport
from storytui.models.graphics import (
    WHEELS,
    Card,
    Machinery,
    Version,
    advice,
    cuda_of_driver,
    cuda_wheel,
)
from storytui.models.graphics_here import look_around

ON_CPU = DeviceReport(
    devices=(Device(name="CPU", description="A processor", kind="cpu"),),
    system="CPU : SSE3 = 1 | AVX2 = 1",
)
SMI = """\
Wed Nov 25 12:00:00 2026
| NVIDIA-SMI 570.86.15    Driver Version: 570.86.15    CUDA Version: 12.8     |
"""


def machinery(
    *cards: Card,
    system: str = "linux",
    processor: str = "x86_64",
    python: str = "python",
    python_version: Version = (3, 11),
    driver: str = "",
    cuda: Version | None = None,
    compute: Version | None = None,
    rocm: bool = False,
) -> Machinery:
    return Machinery(system, processor, python, python_version, cards, driver, cuda, compute, rocm)


NVIDIA = Card("nvidia", "NVIDIA GeForce RTX 3060")


def test_a_gpu_that_is_used_needs_no_advice() -> None:
    gpu = Device(name="CUDA0", description="A card", kind="gpu", total=8 << 30)
    report = DeviceReport(devices=(gpu,), offloads=True)

    assert advice(machinery(NVIDIA, cuda=(12, 8)), report) == ()


def test_a_machine_without_a_gpu_needs_no_advice() -> None:
    assert advice(machinery(), ON_CPU) == ()
    assert advice(machinery(Card("intel", own_memory=False)), ON_CPU) == ()


def test_an_nvidia_card_gets_the_newest_wheel_that_its_driver_runs() -> None:
    said = advice(machinery(NVIDIA, cuda=(12, 8), compute=(8, 6)), ON_CPU)

    assert said == (
        "This machine has a GPU (NVIDIA GeForce RTX 3060), but llama.cpp runs on the CPU: "
        "llama-cpp-python was installed without support for it.",
        "Run: python -m pip install --force-reinstall --no-cache-dir --only-binary "
        f"llama-cpp-python llama-cpp-python --extra-index-url {WHEELS}/cu125",
    )


@pytest.mark.parametrize(
    ("cuda", "compute", "system", "wheel"),
    [
        ((11, 8), None, "linux", "cu118"),
        ((12, 2), None, "linux", "cu122"),
        ((12, 2), None, "win32", "cu118"),
        ((12, 4), None, "win32", "cu124"),
        ((12, 9), None, "linux", "cu125"),
        ((13, 0), (8, 9), "linux", "cu130"),
        ((13, 1), (12, 0), "win32", "cu130"),
        ((13, 5), (12, 0), "linux", "cu132"),
        ((13, 0), (6, 1), "linux", "cu125"),
        ((11, 4), None, "linux", None),
        (None, None, "linux", None),
    ],
)
def test_the_cuda_wheel_suits_driver_card_and_system(
    cuda: Version | None, compute: Version | None, system: str, wheel: str | None
) -> None:
    assert cuda_wheel(machinery(NVIDIA, cuda=cuda, compute=compute, system=system)) == wheel


@pytest.mark.parametrize(
    ("driver", "cuda"),
    [
        ("580.65.06", (13, 0)),
        ("572.16", (12, 8)),
        ("535.183.01", (12, 2)),
        ("470.256.02", None),
        ("", None),
        ("none", None),
    ],
)
def test_a_driver_tells_the_newest_cuda_that_it_runs(driver: str, cuda: Version | None) -> None:
    assert cuda_of_driver(driver) == cuda


def test_a_driver_that_is_too_old_comes_first() -> None:
    said = advice(machinery(NVIDIA, driver="470.256.02"), ON_CPU)

    assert "NVIDIA's driver (470.256.02) is too old, or was not found" in said[-1]


@pytest.mark.parametrize(
    ("there", "command"),
    [
        (machinery(NVIDIA, processor="aarch64", cuda=(13, 0)), 'CMAKE_ARGS="-DGGML_CUDA=on"'),
        (machinery(Card("amd", "Radeon RX 7800 XT")), f"{WHEELS}/vulkan"),
        (machinery(Card("amd"), rocm=True), 'CMAKE_ARGS="-DGGML_HIP=on"'),
        (machinery(Card("intel", "Arc B580"), system="win32"), f"{WHEELS}/vulkan"),
        (machinery(Card("apple"), system="darwin", processor="arm64"), f"{WHEELS}/metal"),
        (
            machinery(Card("apple"), system="darwin", processor="arm64", python_version=(3, 13)),
            'CMAKE_ARGS="-DGGML_METAL=on"',
        ),
        (
            machinery(NVIDIA, system="win32", processor="arm64", cuda=(13, 0)),
            '$env:CMAKE_ARGS="-DGGML_CUDA=on"; python -m pip',
        ),
    ],
)
def test_each_makers_gpu_has_its_command(there: Machinery, command: str) -> None:
    assert command in advice(there, ON_CPU)[-1]


def test_the_command_names_this_programs_own_python() -> None:
    plain = machinery(NVIDIA, cuda=(12, 4), python="/home/her/env/bin/python")
    spaced = machinery(
        NVIDIA, cuda=(12, 4), system="win32", python="C:\\Program Files\\Python\\python.exe"
    )

    assert "Run: /home/her/env/bin/python -m pip install" in advice(plain, ON_CPU)[-1]
    assert '& "C:\\Program Files\\Python\\python.exe" -m pip' in advice(spaced, ON_CPU)[-1]


def test_a_build_for_a_gpu_that_finds_none_wants_another_driver() -> None:
    report = DeviceReport(system="CUDA : ARCHS = 750,860 | USE_GRAPHS = 1 | CPU : AVX2 = 1")

    (said,) = advice(machinery(NVIDIA, cuda=(12, 4)), report)

    assert "built for a GPU and finds none. Update the graphics driver" in said


def test_a_name_that_speaks_to_the_terminal_is_made_visible() -> None:
    said = advice(machinery(Card("nvidia", "\x1b]0;x\x07"), cuda=(12, 4)), ON_CPU)

    assert not any("\x1b" in each for each in said)


# --- looking around -------------------------------------------------------------------------------


@pytest.fixture
def put(tmp_path: Path) -> Callable[[str, str], None]:
    def put(path: str, text: str) -> None:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    return put


def no_smi(_arguments: Sequence[str]) -> str:
    return ""


def test_a_machine_without_anything_has_no_cards(tmp_path: Path) -> None:
    found = look_around(tmp_path, "linux", no_smi)

    assert found.cards == ()
    assert (found.driver, found.cuda, found.rocm) == ("", None, False)


def test_an_nvidia_card_is_named_by_its_driver(
    tmp_path: Path, put: Callable[[str, str], None]
) -> None:
    put("sys/class/drm/card1/device/vendor", "0x10de\n")
    put("sys/class/drm/card1-DP-1/device/vendor", "0x10de\n")
    put("proc/driver/nvidia/gpus/0000:01:00.0/information", "Model: \t NVIDIA RTX\nIRQ: 1\n")
    put(
        "proc/driver/nvidia/version",
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22 2024\n",
    )

    found = look_around(tmp_path, "linux", no_smi)

    assert found.cards == (Card("nvidia", "NVIDIA RTX"),)
    assert found.driver == "550.54.14"
    assert found.cuda is None
    assert cuda_wheel(found) == "cu124" or found.processor not in ("x86_64", "amd64")


def test_nvidias_own_tool_says_more(tmp_path: Path, put: Callable[[str, str], None]) -> None:
    put("dev/nvidiactl", "")

    def smi(arguments: Sequence[str]) -> str:
        return "570.86.15, 8.6\n570.86.15, 6.1\n" if arguments else SMI

    found = look_around(tmp_path, "linux", smi)

    assert found.cards == (Card("nvidia"),)
    assert (found.driver, found.cuda, found.compute) == ("570.86.15", (12, 8), (6, 1))


@pytest.mark.parametrize("nonsense", ["", "No devices were found\n", "a, b\n", "\x00,\x00\n"])
def test_a_tool_that_answers_nonsense_is_not_believed(
    tmp_path: Path, put: Callable[[str, str], None], nonsense: str
) -> None:
    put("sys/class/drm/card0/device/vendor", "0x10de\n")

    found = look_around(tmp_path, "linux", lambda _arguments: nonsense)

    assert found.cards == (Card("nvidia"),)
    assert (found.cuda, found.compute) == (None, None)


def test_under_wsl_the_tool_names_the_card(tmp_path: Path, put: Callable[[str, str], None]) -> None:
    put("dev/dxg", "")

    found = look_around(
        tmp_path, "linux", lambda arguments: "RTX 4070\n" if "name" in str(arguments) else ""
    )

    assert found.cards == (Card("nvidia", "RTX 4070"),)
    assert look_around(tmp_path, "linux", no_smi).cards == ()


def test_amds_integrated_gpus_are_told_from_its_cards_by_their_memory(
    tmp_path: Path, put: Callable[[str, str], None]
) -> None:
    put("sys/class/drm/card0/device/vendor", "0x1002\n")
    put("sys/class/drm/card0/device/mem_info_vram_total", f"{512 << 20}\n")
    put("sys/class/drm/card1/device/vendor", "0x1002\n")
    put("sys/class/drm/card1/device/mem_info_vram_total", f"{16 << 30}\n")
    put("dev/kfd", "")

    found = look_around(tmp_path, "linux", no_smi)

    assert [each.own_memory for each in found.cards] == [False, True]
    assert found.rocm


def test_intels_integrated_gpus_are_told_from_its_cards_by_their_place(
    tmp_path: Path, put: Callable[[str, str], None]
) -> None:
    for card, place in (("card0", "0000:00:02.0"), ("card1", "0000:03:00.0")):
        put(f"sys/devices/pci/{place}/vendor", "0x8086\n")
        (tmp_path / "sys/class/drm" / card).mkdir(parents=True)
        (tmp_path / "sys/class/drm" / card / "device").symlink_to(
            tmp_path / "sys/devices/pci" / place
        )

    found = look_around(tmp_path, "linux", no_smi)

    assert [each.own_memory for each in found.cards] == [False, True]


def test_a_machine_that_is_not_known_has_no_cards(tmp_path: Path) -> None:
    assert look_around(tmp_path, "plan9", no_smi).cards == ()


def test_this_machine_can_be_looked_at() -> None:
    found = look_around()

    assert found.processor
    assert all(each.vendor in ("nvidia", "amd", "intel", "apple") for each in found.cards)
