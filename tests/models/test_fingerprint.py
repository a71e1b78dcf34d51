"""By its fingerprint a take tells which model wrote it."""

import hashlib
import os
from pathlib import Path

import pytest

from storytui.engine.api import ModelError
from storytui.models.fingerprint import BLOCK, fingerprint, known
from storytui.models.remembering import MOST_ENTRIES

LONG_AGO = 1_000_000_000


def model(path: Path, data: bytes = b"weights") -> Path:
    path.write_bytes(data)
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, 2 * BLOCK + 1])
def test_it_is_the_sha256_of_the_whole_file(tmp_path: Path, size: int) -> None:
    data = bytes(each % 251 for each in range(size))

    assert fingerprint(model(tmp_path / "a", data), None) == hashlib.sha256(data).hexdigest()


def test_it_is_known_once_it_was_worked_out(tmp_path: Path) -> None:
    path, cache = model(tmp_path / "a"), tmp_path / "cache.json"
    assert known(path, cache) is None

    found = fingerprint(path, cache)

    assert known(path, cache) == found


def test_what_is_known_is_not_read_again(tmp_path: Path) -> None:
    path, cache = model(tmp_path / "a"), tmp_path / "cache.json"
    found = fingerprint(path, cache)
    with path.open("r+b") as file:
        file.write(b"W")
    os.utime(path, (LONG_AGO, LONG_AGO))

    assert fingerprint(path, cache) == found


@pytest.mark.parametrize("data", [b"other", b"heights"])
def test_a_file_that_changed_is_not_known(tmp_path: Path, data: bytes) -> None:
    path, cache = model(tmp_path / "a"), tmp_path / "cache.json"
    fingerprint(path, cache)
    path.write_bytes(data)

    assert known(path, cache) is None
    assert fingerprint(path, cache) == hashlib.sha256(data).hexdigest()


def test_each_of_several_models_is_known(tmp_path: Path) -> None:
    cache = tmp_path / "cache.json"
    paths = [model(tmp_path / name, name.encode()) for name in "abc"]
    found = [fingerprint(path, cache) for path in paths]

    assert [known(path, cache) for path in paths] == found


def test_the_cache_forgets_the_oldest(tmp_path: Path) -> None:
    cache = tmp_path / "cache.json"
    paths = [model(tmp_path / str(number)) for number in range(MOST_ENTRIES + 1)]
    for path in paths:
        fingerprint(path, cache)

    assert known(paths[0], cache) is None
    assert known(paths[1], cache)


def test_a_missing_file_is_not_known_and_has_none(tmp_path: Path) -> None:
    assert known(tmp_path / "gone", None) is None
    assert known(tmp_path / "a\0b", None) is None
    with pytest.raises(ModelError, match="There is no model"):
        fingerprint(tmp_path / "gone", None)
    with pytest.raises(ModelError, match="cannot be read"):
        fingerprint(tmp_path, None)
