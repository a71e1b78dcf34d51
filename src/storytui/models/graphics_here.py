"""Which GPUs are in this machine, and what drives them: files, the registry, at most `nvidia-smi`.

The looks are as the systems document them; those on Windows and macOS were not tried on one.
"""

import contextlib
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from storytui.models.graphics import Card, Machinery, Vendor, Version

SMI_SECONDS = 5.0
"""For `nvidia-smi`, which a broken driver lets hang."""
_VENDORS: dict[str, Vendor] = {"0x10de": "nvidia", "0x1002": "amd", "0x8086": "intel"}
"""By the number that each has from the PCI-SIG."""
_BY_ID: dict[str, Vendor] = {"ven_10de": "nvidia", "ven_1002": "amd", "ven_8086": "intel"}
_INTEL_INSIDE = "0000:00:02.0"
"""Where Intel's integrated GPUs are on the bus, and no card is."""
_OWN_MEMORY = 5 << 29
"""Bytes from which on AMD's memory is a card's: its integrated GPUs set up to 2 GiB apart."""
_DISPLAYS = r"SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}"
"""The registry's key of the display adapters."""

AskSmi = Callable[[list[str]], str]
"""Runs `nvidia-smi` with arguments; what it prints, empty where there is none."""


def ask_smi(arguments: list[str]) -> str:
    """What `nvidia-smi` prints; empty where it is not there or fails."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SMI_SECONDS,
            check=True,
        )
        return done.stdout.decode("utf-8", "replace")
    return ""


def look_around(
    root: Path = Path("/"), system: str = sys.platform, smi: AskSmi = ask_smi
) -> Machinery:
    """What is in this machine. Takes some milliseconds; with an NVIDIA card up to a second.

    Args:
        root: where `/proc`, `/sys` and `/dev` are.
        system: as `sys.platform` says.
        smi: asks NVIDIA's own tool.
    """
    processor = platform.machine().lower()
    if system == "linux":
        cards = tuple(_linux_cards(root))
    elif system == "darwin":
        cards = (Card("apple", "Apple Silicon"),) if processor == "arm64" else ()
    elif system == "win32":
        cards = tuple(_windows_cards())
    else:
        cards = ()
    if system == "linux" and not cards and (root / "dev/dxg").exists():
        # Under WSL the card is Windows's, and only NVIDIA's own tool names it.
        names = smi(["--query-gpu=name", "--format=csv,noheader"])
        cards = tuple(Card("nvidia", line.strip()) for line in names.splitlines() if line.strip())
    driver, cuda, compute = "", None, None
    if any(each.vendor == "nvidia" for each in cards):
        driver = _kernel_driver(root)
        told = smi(["--query-gpu=driver_version,compute_cap", "--format=csv,noheader"])
        lines = [line.split(",") for line in told.splitlines() if line.count(",") == 1]
        driver = lines[0][0].strip() if lines else driver
        versions = [found for each in lines if (found := _version(each[1])) is not None]
        compute = min(versions, default=None)
        match = re.search(r"CUDA Version: *([\d.]+)", smi([]))
        cuda = _version(match[1]) if match else None
    return Machinery(
        system=system,
        processor=processor,
        python=sys.executable or "python",
        python_version=(sys.version_info.major, sys.version_info.minor),
        cards=cards,
        driver=driver,
        cuda=cuda,
        compute=compute,
        rocm=(root / "dev/kfd").exists(),
    )


def _version(text: str) -> Version | None:
    match = re.fullmatch(r"\s*(\d+)\.(\d+)\s*", text)
    return (int(match[1]), int(match[2])) if match else None


# --- Linux ----------------------------------------------------------------------------------------


def _linux_cards(root: Path) -> Iterator[Card]:
    names = [
        _after(_read(each), "Model:")
        for each in sorted(root.glob("proc/driver/nvidia/gpus/*/information"))
    ]
    nvidia = 0
    for vendor_file in sorted(root.glob("sys/class/drm/card[0-9]*/device/vendor")):
        if not vendor_file.parent.parent.name.removeprefix("card").isdecimal():
            continue  # A connector of a card.
        vendor = _VENDORS.get(_read(vendor_file).strip())
        device = vendor_file.parent
        if vendor == "nvidia":
            yield Card(vendor, names[nvidia] if nvidia < len(names) else "")
            nvidia += 1
        elif vendor == "amd":
            size = _read(device / "mem_info_vram_total").strip()
            own = not size.isdecimal() or int(size) >= _OWN_MEMORY
            yield Card(vendor, _read(device / "product_name").strip(), own_memory=own)
        elif vendor == "intel":
            yield Card(vendor, own_memory=device.resolve().name != _INTEL_INSIDE)
    # Without a display the driver may be there and no entry above, on servers and under WSL.
    for name in names[nvidia:]:
        yield Card("nvidia", name)
    if not nvidia and not names and (root / "dev/nvidiactl").exists():
        yield Card("nvidia")


def _kernel_driver(root: Path) -> str:
    """Version of NVIDIA's kernel module; empty where it is not loaded."""
    match = re.search(
        r"Kernel Module.*? (\d+\.\d[\d.]*)", _read(root / "proc/driver/nvidia/version")
    )
    return match[1] if match else ""


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")[:4096]
    except OSError:
        return ""


def _after(text: str, label: str) -> str:
    return next(
        (line.removeprefix(label).strip() for line in text.splitlines() if line.startswith(label)),
        "",
    )


# --- Windows --------------------------------------------------------------------------------------


def _windows_cards() -> Iterator[Card]:
    if sys.platform != "win32":
        return
    import winreg

    with (
        contextlib.suppress(OSError),
        winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, _DISPLAYS) as displays,
    ):
        for number in range(winreg.QueryInfoKey(displays)[0]):
            with (
                contextlib.suppress(OSError),
                winreg.OpenKey(displays, winreg.EnumKey(displays, number)) as adapter,
            ):
                known = str(winreg.QueryValueEx(adapter, "MatchingDeviceId")[0]).lower()
                name = str(winreg.QueryValueEx(adapter, "DriverDesc")[0])
                size = 0
                with contextlib.suppress(OSError):
                    found = winreg.QueryValueEx(adapter, "HardwareInformation.qwMemorySize")[0]
                    size = found if isinstance(found, int) else 0
                for mark, vendor in _BY_ID.items():
                    if mark in known:
                        own = vendor == "nvidia" or size >= _OWN_MEMORY
                        yield Card(vendor, name, own_memory=own)
