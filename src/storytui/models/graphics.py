"""A GPU in the machine that llama-cpp-python was not built for: noticed, with what to install.

What is in the machine is looked up without heavy tools, what it means is decided purely. Which
wheels there are is as llama-cpp-python's README and its build workflows say (version 0.3.35); none
of these commands was run on a machine with a GPU.
"""

from dataclasses import dataclass
from typing import Literal

from storytui.engine.devices import DeviceReport
from storytui.story.visible import visible

Vendor = Literal["nvidia", "amd", "intel", "apple"]
Version = tuple[int, int]

WHEELS = "https://abetlen.github.io/llama-cpp-python/whl"
"""llama-cpp-python's own index of built packages."""
_CUDA_WHEELS: dict[Version, str] = {
    (11, 8): "cu118",
    (12, 1): "cu121",
    (12, 2): "cu122",
    (12, 3): "cu123",
    (12, 4): "cu124",
    (12, 5): "cu125",
    (13, 0): "cu130",
    (13, 2): "cu132",
}
_NOT_ON_WINDOWS = ("cu121", "cu122", "cu123")
_CUDA_13_NEEDS: Version = (7, 5)
"""Compute capability of the oldest cards that CUDA 13 has code for."""
_DRIVERS: tuple[tuple[int, Version], ...] = (
    (590, (13, 1)),
    (580, (13, 0)),
    (575, (12, 9)),
    (570, (12, 8)),
    (565, (12, 7)),
    (560, (12, 6)),
    (555, (12, 5)),
    (550, (12, 4)),
    (545, (12, 3)),
    (535, (12, 2)),
    (530, (12, 1)),
    (525, (12, 0)),
    (520, (11, 8)),
)
"""The newest CUDA that an NVIDIA driver of a series runs (CUDA's release notes)."""


@dataclass(frozen=True, slots=True)
class Card:
    """A GPU in the machine."""

    vendor: Vendor
    name: str = ""
    """As its maker calls it; empty where that is not known."""
    own_memory: bool = True
    """Whether it has memory of its own: one without gains little over the CPU."""


@dataclass(frozen=True, slots=True)
class Machinery:
    """What decides about the right build of llama-cpp-python."""

    system: str
    """`linux`, `darwin` or `win32`, as `sys.platform` says."""
    processor: str
    """`x86_64`, `arm64`, …, as `platform.machine` says, in small letters."""
    python: str = "python"
    """What is called to install into this program's environment."""
    python_version: Version = (3, 11)
    cards: tuple[Card, ...] = ()
    driver: str = ""
    """Version of NVIDIA's driver; empty: not known."""
    cuda: Version | None = None
    """The newest CUDA that it runs; None: not known."""
    compute: Version | None = None
    """Compute capability of the oldest NVIDIA card; None: not known."""
    rocm: bool = False
    """Whether AMD's compute driver is there."""


def advice(machinery: Machinery, report: DeviceReport) -> tuple[str, ...]:
    """Sentences about a GPU that is not used, with what to do; none where all is well.

    Fit to be shown.
    """
    if report.gpus:
        return ()
    for vendor, remedy in _REMEDIES.items():
        cards = [each for each in machinery.cards if each.vendor == vendor and each.own_memory]
        if cards:
            name = visible(cards[0].name, newlines=False) or _MAKERS[vendor]
            there = f"This machine has a GPU ({name}), but llama.cpp runs on the CPU"
            if report.offloads or _built_for_gpu(report):
                driver = "Update the graphics driver, and start storytui again."
                return (f"{there}: it was built for a GPU and finds none. {driver}",)
            said = f"{there}: llama-cpp-python was installed without support for it."
            return (said, *remedy(machinery))
    return ()


def _built_for_gpu(report: DeviceReport) -> bool:
    """Whether llama.cpp's own list of what it was built with names a GPU's backend."""
    parts = [each.split(":")[0].strip() for each in report.system.split("|")]
    return any(each in ("CUDA", "ROCm", "MTL", "Metal", "Vulkan", "SYCL") for each in parts)


# --- what to install ------------------------------------------------------------------------------


def _nvidia(machinery: Machinery) -> tuple[str, ...]:
    if machinery.processor not in ("x86_64", "amd64"):
        return (_build(machinery, "GGML_CUDA", "which needs NVIDIA's CUDA toolkit"),)
    wheel = cuda_wheel(machinery)
    if wheel is None:
        version = f" ({machinery.driver})" if machinery.driver else ""
        return (
            f"NVIDIA's driver{version} is too old, or was not found: install version 550 or "
            "newer first, then look here again.",
        )
    return (_wheel(machinery, wheel),)


def cuda_wheel(machinery: Machinery) -> str | None:
    """The newest CUDA wheel that driver and card run; None: there is none, or none is known.

    A driver runs what was built for an older CUDA, but CUDA 13 has no code for the oldest cards.
    """
    cuda = machinery.cuda or cuda_of_driver(machinery.driver)
    if cuda is None:
        return None
    old = machinery.compute is not None and machinery.compute < _CUDA_13_NEEDS
    fitting = [
        name
        for version, name in _CUDA_WHEELS.items()
        if version <= cuda
        and not (old and version >= (13, 0))
        and not (machinery.system == "win32" and name in _NOT_ON_WINDOWS)
    ]
    return fitting[-1] if fitting else None


def cuda_of_driver(driver: str) -> Version | None:
    """The newest CUDA that a version of NVIDIA's driver runs; None where it is not known."""
    series = driver.partition(".")[0]
    if not series.isdecimal():
        return None
    return next((cuda for least, cuda in _DRIVERS if int(series) >= least), None)


def _amd(machinery: Machinery) -> tuple[str, ...]:
    if machinery.processor not in ("x86_64", "amd64"):
        return (_build(machinery, "GGML_VULKAN", "which needs the Vulkan SDK"),)
    if machinery.rocm:
        rocm = _build(machinery, "GGML_HIP", "which needs AMD's ROCm")
        return (_wheel(machinery, "vulkan"), rocm.replace("Run:", "Or, often faster, run:"))
    return (_wheel(machinery, "vulkan"),)


def _intel(machinery: Machinery) -> tuple[str, ...]:
    if machinery.processor not in ("x86_64", "amd64"):
        return ()
    return (_wheel(machinery, "vulkan"),)


def _apple(machinery: Machinery) -> tuple[str, ...]:
    if (3, 9) <= machinery.python_version <= (3, 12):
        return (_wheel(machinery, "metal"),)
    return (_build(machinery, "GGML_METAL", "which needs Apple's command line tools"),)


_REMEDIES = {"nvidia": _nvidia, "apple": _apple, "amd": _amd, "intel": _intel}
_MAKERS: dict[str, str] = {"nvidia": "NVIDIA", "apple": "Apple", "amd": "AMD", "intel": "Intel"}


def _wheel(machinery: Machinery, name: str) -> str:
    """A command that installs a built package, and never builds one for the CPU in its place."""
    return (
        f"Run: {_quoted(machinery)} -m pip install --force-reinstall --no-cache-dir "
        f"--only-binary llama-cpp-python llama-cpp-python --extra-index-url {WHEELS}/{name}"
    )


def _build(machinery: Machinery, switch: str, needs: str) -> str:
    install = (
        f"{_quoted(machinery)} -m pip install --force-reinstall --no-cache-dir "
        "--no-binary llama-cpp-python llama-cpp-python"
    )
    if machinery.system == "win32":
        return f'Run: $env:CMAKE_ARGS="-D{switch}=on"; {install} (in PowerShell, {needs})'
    return f'Run: CMAKE_ARGS="-D{switch}=on" {install} ({needs})'


def _quoted(machinery: Machinery) -> str:
    python = visible(machinery.python, newlines=False)
    if " " not in python:
        return python
    return f'& "{python}"' if machinery.system == "win32" else f"'{python}'"
