"""A disk without room: said before, or on the way, and what is left can be gone on from."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_fixtures import FILE, LARGE, QUICK, REPOSITORY, child_that, files_below, place_of
from hub_stand_in import HubStandIn

from storytui.models.hub.download import Download
from storytui.models.hub.errors import HubError
from storytui.models.hub.messages import MARGIN
from storytui.models.hub.place import HubPlace

ROOM = MARGIN + 20_000_000
"""Bytes of the small disk: enough for the file and what has to stay free."""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own; only root may make one."""
    folder = tmp_path / "small"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def trouble(running: Download) -> HubError:
    with pytest.raises(HubError) as caught:
        running.run()
    return caught.value


def partial(place: HubPlace) -> Path:
    (found,) = place.cache.glob("**/*.incomplete")
    return found


def test_too_little_room_is_said_before_anything_comes(hub: HubStandIn, small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(bytes(30_000_000))
    place = place_of(hub, small_disk)

    error = trouble(Download(place, REPOSITORY, [FILE]))

    assert error.trouble == "no-room"
    assert "5 MiB are still to come" in str(error)
    assert "HF_HOME" in str(error)
    assert hub.total_sent == 0
    assert not place.cache.exists()


def test_a_disk_that_fills_on_the_way(hub: HubStandIn, small_disk: Path) -> None:
    place = place_of(hub, small_disk)
    hub.rate = 1_000_000
    ballast = small_disk / "ballast"

    error = full_on_the_way(Download(place, REPOSITORY, [FILE], patience=QUICK), ballast)

    assert error.trouble == "no-room"
    assert "is full" in str(error)
    assert "goes on from there" in str(error)
    assert [name for name in files_below(place.cache) if not name.endswith(".incomplete")] == []
    stood = partial(place).read_bytes()
    assert stood == LARGE[: len(stood)]
    assert stood
    ballast.unlink()
    hub.rate = 0
    running = Download(place, REPOSITORY, [FILE])
    assert running.run().read_bytes() == LARGE
    assert running.bytes_fetched == len(LARGE) - len(stood)


def full_on_the_way(running: Download, ballast: Path) -> HubError:
    """Follow a download, and fill its disk once it has begun."""
    try:
        for step in running:
            if step.done and not ballast.exists():
                with ballast.open("wb", buffering=0) as file:
                    while _written(file.fileno(), bytes(1 << 16)) or _written(file.fileno(), b"."):
                        pass
    except HubError as error:
        return error
    pytest.fail("it came to its end on a full disk")


def _written(to: int, data: bytes) -> int:
    try:
        return os.write(to, data)
    except OSError:
        return 0


@pytest.mark.parametrize("number", ["ENOSPC", "EDQUOT"])
def test_a_full_disk_by_whatever_name(number: str, hub: HubStandIn, place: HubPlace) -> None:
    filling = child_that(
        "import errno, os, storytui.models.hub.fetching as f\n"
        "real = os.write\n"
        "def write(to, data):\n"
        "    room = 2_000_000 - os.fstat(to).st_size\n"
        f"    if room <= 0: raise OSError(errno.{number}, os.strerror(errno.{number}))\n"
        "    return real(to, data[:room])\n"
        "f.os = type('os', (), {**vars(os), 'write': staticmethod(write)})\n"
    )

    error = trouble(Download(place, REPOSITORY, [FILE], command=filling))

    assert error.trouble == "no-room"
    assert partial(place).read_bytes() == LARGE[:2_000_000]
    running = Download(place, REPOSITORY, [FILE])
    assert running.run().read_bytes() == LARGE
    assert running.bytes_fetched == len(LARGE) - 2_000_000


def test_a_disk_that_takes_no_file_so_large(hub: HubStandIn, place: HubPlace) -> None:
    limited = child_that(
        "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))"
    )

    error = trouble(Download(place, REPOSITORY, [FILE], command=limited))

    assert error.trouble == "no-room"
    assert "takes no file of this size" in str(error)
    assert partial(place).stat().st_size == 1_000_000


def test_room_is_reckoned_with_what_stands_already(hub: HubStandIn, place: HubPlace) -> None:
    hub.cuts = [4_000_000] * 9
    trouble(Download(place, REPOSITORY, [FILE], patience=QUICK))
    hub.cuts = []
    free = MARGIN + 1_500_000
    tight = child_that(
        "import shutil, collections\n"
        f"shutil.disk_usage = lambda path: collections.namedtuple('u', 'free')({free})"
    )

    assert Download(place, REPOSITORY, [FILE], command=tight).run().read_bytes() == LARGE


def test_all_parts_together_must_find_room(hub: HubStandIn, place: HubPlace) -> None:
    free = MARGIN + len(LARGE) + 1000
    tight = child_that(
        "import shutil, collections\n"
        f"shutil.disk_usage = lambda path: collections.namedtuple('u', 'free')({free})"
    )

    error = trouble(Download(place, REPOSITORY, [FILE, "Tale-Q8_0.gguf"], command=tight))

    assert error.trouble == "no-room"
    assert hub.total_sent == 0
