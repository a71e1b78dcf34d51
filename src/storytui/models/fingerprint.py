"""The sha256 of a model file, by which a take tells what wrote it; worked out once a file."""

from hashlib import sha256
from pathlib import Path

from storytui.engine.api import ModelError
from storytui.models.remembering import Marks, marks_of, recall, remember

BLOCK = 1 << 20
"""Bytes read at a time."""

_VERSION = "sha256-1"


def known(path: Path, cache: Path | None) -> str | None:
    """The fingerprint of a model file where it was worked out before; quick.

    Args:
        path: the model; of a divided one, its first file.
        cache: the JSON file that fingerprints are kept in; None: there is none.
    """
    try:
        return recall(cache, _VERSION, path, marks_of([path]), str)
    except OSError:
        return None


def note(path: Path, cache: Path | None, marks: Marks, digest: str) -> None:
    """Keep a fingerprint that was worked out elsewhere, of a file that nobody writes any more.

    Args:
        path: the model.
        cache: as for `known`.
        marks: the file's, taken before its bytes were read.
        digest: its sha256 in hexadecimal digits.
    """
    remember(cache, _VERSION, path, marks, digest, settled=True)


def fingerprint(path: Path, cache: Path | None) -> str:
    """The fingerprint of a model file: its sha256 in hexadecimal digits.

    Reads the whole file where it is not known yet, some gigabytes: for a thread that may wait.

    Args:
        path: the model; of a divided one, its first file.
        cache: the JSON file that fingerprints are kept in; None keeps nothing.

    Raises:
        ModelError: the file cannot be read, or changes while it is.
    """
    found = known(path, cache)
    if found is not None:
        return found
    digest = sha256()
    try:
        marks = marks_of([path])
        with path.open("rb", buffering=0) as file:
            while block := file.read(BLOCK):
                digest.update(block)
        changed = marks_of([path]) != marks
    except FileNotFoundError:
        raise ModelError(f"There is no model {path}. Check the path.") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ModelError(f"The model {path} cannot be read: {reason}.") from error
    if changed:
        raise ModelError(f"The model {path} changed while it was read. Wait until it is complete.")
    remember(cache, _VERSION, path, marks, digest.hexdigest())
    return digest.hexdigest()
