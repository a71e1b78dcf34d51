"""Whether the machine runs on mains power: what is made ahead on a battery shortens the day."""

import sys
from pathlib import Path

_SUPPLIES = Path("/sys/class/power_supply")


def on_mains() -> bool:
    """Whether the machine is on mains power; True where that cannot be told."""
    if sys.platform == "win32":
        return _windows()
    return mains_of(_SUPPLIES)


def mains_of(supplies: Path) -> bool:
    """As Linux tells it: a folder for each supply, with what it is and how it is doing.

    A charger that is plugged in counts before a battery that is being emptied all the same.
    Batteries of mice and headphones are not the machine's.

    Source: Linux, Documentation/ABI/testing/sysfs-class-power.
    """
    discharging = False
    try:
        folders = list(supplies.iterdir())
    except OSError:
        return True
    for folder in folders:
        if _read(folder / "scope") == "Device":
            continue
        if _read(folder / "type") != "Battery":
            if _read(folder / "online") == "1":
                return True
        elif _read(folder / "status") == "Discharging":
            discharging = True
    return not discharging


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def _windows() -> bool:
    """Ask Windows; source: GetSystemPowerStatus and SYSTEM_POWER_STATUS in winbase.h."""
    import ctypes

    offline = 0
    # The first byte of the structure says whether the machine is on mains power.
    status = (ctypes.c_ubyte * 12)()
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009
    return not kernel.GetSystemPowerStatus(status) or status[0] != offline
