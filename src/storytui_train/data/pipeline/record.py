"""What stands beside each artefact: what made it, so that its presence means complete."""

import hashlib
import os
import time
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec

VERSIONED = (
    "storytui",
    "datatrove",
    "pysbd",
    "ftfy",
    "py3langid",
    "mammoth",
    "lxml",
    "markdown-it-py",
)
"""Packages whose versions can change what a stage makes."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Written last, beside an artefact."""

    stage: str
    fingerprint: str
    """SHA-256 of inputs, settings and versions: where it is the same, nothing is to do."""
    inputs: dict[str, str]
    """SHA-256 of each input, by its name."""
    settings: Any
    """The sections of the recipe that the stage heeds."""
    versions: dict[str, str]
    counts: dict[str, int]
    outputs: dict[str, str]
    """SHA-256 of each file that the stage made, by its path below the working folder."""
    seconds: float
    """How long it took, over all runs that it was done in."""
    finished: str
    """When, in UTC."""


def versions() -> dict[str, str]:
    """The versions of what makes artefacts, by package."""
    found: dict[str, str] = {}
    for name in VERSIONED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def fingerprint(stage: str, inputs: dict[str, str], settings: object) -> str:
    """SHA-256 over what a stage's result depends on, in hexadecimal."""
    told = {
        "stage": stage,
        "inputs": inputs,
        "settings": msgspec.to_builtins(settings),
        "versions": versions(),
    }
    return hashlib.sha256(msgspec.json.encode(told, order="sorted")).hexdigest()


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hashes(paths: Iterable[Path], below: Path) -> dict[str, str]:
    """SHA-256 of each file, by its path below a folder; all are on the disk afterwards."""
    return {each.relative_to(below).as_posix(): _settled(each) for each in sorted(paths)}


def _settled(path: Path) -> str:
    """The hash of a file, which is on the disk then: a record must not outlive what it tells of."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomically(path: Path, data: bytes) -> None:
    """Put `data` into a file all at once; a crash leaves the old one or the new one."""
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def read_record(path: Path) -> Record | None:
    """The record at `path`; None where there is none, or it is no record."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Record)
    except (OSError, msgspec.MsgspecError):
        return None


def write_record(path: Path, record: Record) -> None:
    """Write a record, so that its artefact counts as complete."""
    write_atomically(path, msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")


def now() -> str:
    """The time, in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
