"""Where what a model has read of a manuscript is kept, and how much of it for all manuscripts.

Each manuscript has one such file for each model, in its home. They are large and only save time,
so all together take no more than a cap: the ones not used for longest go first.
"""

import contextlib
import hashlib
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SUFFIX = ".state"
"""How the files end."""
_PART = ".part"
_STALE_SECONDS = 600
"""Age at which a file that is being written counts as left by an interrupted write."""


@dataclass(frozen=True, slots=True)
class StatePlace:
    """Where one manuscript's state goes."""

    path: Path
    room: int
    """Bytes it may take."""


@dataclass(frozen=True, slots=True)
class _Kept:
    path: Path
    size: int
    used_ns: int


def place_for_state(
    root: Path, home: Path, model: str, cap: int, needed: int = 0
) -> StatePlace | None:
    """Where a manuscript's state for a model is kept; makes room for it among the others.

    Nothing is created. What cannot be deleted counts as taking its room.

    Args:
        root: the folder that holds the manuscripts' folders.
        home: the manuscript's own one.
        model: the model's path, or what else it is known by.
        cap: bytes that all states may take together; 0 deletes them and keeps none.
        needed: bytes that the state will take, where that is known; else it is guessed from
            the states that are there.

    Returns:
        The place; None where none is to be kept.
    """
    own = home / _name_for(model)
    found = list(_all_states(root))
    if cap <= 0:
        for each in found:
            _remove(each.path)
        return None
    others = sorted((each for each in found if each.path != own), key=lambda each: each.used_ns)
    expected = needed or _expected(found, own, cap)
    if expected > cap:
        # It cannot be kept anyhow, so nothing has to go for it.
        expected = 0
    taken = sum(each.size for each in others)
    for each in others:
        # One that is larger than the cap is of no use: its model would not be given the room.
        if (taken + expected > cap or each.size > cap) and _remove(each.path):
            taken -= each.size
    room = cap - taken
    for each in found:
        if each.path == own and each.size > room:
            _remove(own)
    return StatePlace(own, room) if room > 0 else None


def kept_states(home: Path) -> int:
    """Bytes of what models have read that are kept in a manuscript's folder."""
    return sum(each.size for each in _states_in(home))


def _expected(found: list[_Kept], own: Path, cap: int) -> int:
    """Bytes that a state may come to take: as much as this model's largest, or half of the cap."""
    sizes = [
        # The manuscript's own may have grown since.
        min(cap, each.size + each.size // 4) if each.path == own else each.size
        for each in found
        if each.path.name == own.name and each.size <= cap
    ]
    return max(sizes, default=cap // 2)


def _name_for(model: str) -> str:
    name = hashlib.blake2b(model.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return f"read-{name}{SUFFIX}"


def _all_states(root: Path) -> Iterator[_Kept]:
    """The states of all manuscripts; removes what interrupted writes have left."""
    with contextlib.suppress(OSError), os.scandir(root) as folders:
        for folder in folders:
            if folder.is_dir(follow_symlinks=False):
                for each in _states_in(Path(folder.path)):
                    stale = time.time_ns() - each.used_ns > _STALE_SECONDS * 1_000_000_000
                    if each.path.suffix == SUFFIX or not (stale and _remove(each.path)):
                        yield each


def _states_in(home: Path) -> Iterator[_Kept]:
    """The states in one folder, and those that are being written."""
    with contextlib.suppress(OSError), os.scandir(home) as files:
        for file in files:
            with contextlib.suppress(OSError):
                found = file.stat(follow_symlinks=False)
                if stat.S_ISREG(found.st_mode) and _is_state(file.name):
                    yield _Kept(Path(file.path), found.st_size, found.st_mtime_ns)


def _is_state(name: str) -> bool:
    return name.endswith(SUFFIX) or (f"{SUFFIX}." in name and name.endswith(_PART))


def _remove(path: Path) -> bool:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return False
    return True
