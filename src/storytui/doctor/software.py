"""Python and the packages that the editor is made of."""

import platform
import sys
from collections.abc import Callable, Iterator
from importlib import metadata

from storytui import __version__
from storytui.doctor.finding import Finding, ok, problem

LEAST_PYTHON = (3, 11)
NEEDED = {
    "textual": "8.2",
    "llama-cpp-python": "0.3.30",
    "msgspec": "0.19",
    "numpy": "1.26",
    "jinja2": "3.1.6",
    "pysbd": "0.3.4",
    "platformdirs": "4.3",
    "tomli-w": "1.1",
    "tomlkit": "0.13",
    "huggingface-hub": "2.4",
    "httpx2": "2.16",
}
"""Packages and the least version of each, as in pyproject.toml; jinja2 before 3.1.6 lets a chat
template out of its sandbox (CVE-2025-27516)."""


def check_software(
    python: tuple[int, ...] = sys.version_info[:3],
    version_of: Callable[[str], str] = metadata.version,
) -> Iterator[Finding]:
    """See to Python and the packages.

    Args:
        python: Python's version.
        version_of: a package's version; raises PackageNotFoundError.
    """
    shown = ".".join(map(str, python))
    if python < LEAST_PYTHON:
        yield problem(
            "Python",
            f"Python is {shown}, and storytui needs 3.11 or newer",
            "Install a newer Python and storytui in it.",
        )
    else:
        system = f"{platform.system()} {platform.release()} on {platform.machine()}"
        yield ok("Python", f"storytui {__version__} on Python {shown}, {system}")
    present = []
    for name, least in NEEDED.items():
        try:
            version = version_of(name)
        except metadata.PackageNotFoundError:
            yield problem("Packages", f"{name} is not installed", f"pip install '{name}>={least}'")
            continue
        if _numbers(version) < _numbers(least):
            yield problem(
                "Packages",
                f"{name} is {version}, and storytui needs {least} or newer",
                f"pip install --upgrade '{name}>={least}'",
            )
        else:
            present.append(f"{name} {version}")
    if present:
        yield ok("Packages", ", ".join(present))


def _numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version.

    >>> _numbers("3.1.6rc1")
    (3, 1, 6)
    """
    numbers: list[int] = []
    for part in version.split("."):
        digits = ""
        for character in part:
            if not character.isdecimal():
                break
            digits += character
        if not digits:
            break
        numbers.append(int(digits))
        if digits != part:
            break
    return tuple(numbers)
