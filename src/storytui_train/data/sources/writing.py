"""Files that gathering puts into the working folder: whole, or not there."""

import os
from pathlib import Path

from storytui_train.data.sources.reading import RefusedError


def write_file(path: Path, data: bytes, *, private: bool) -> None:
    """Write a file, unless it is there with these bytes already.

    Args:
        path: the file; folders that are missing are made.
        data: its bytes.
        private: whether it is the owner's alone to read.

    Raises:
        RefusedError: it cannot be written.
    """
    temporary = path.with_name(f"{path.name}.part")
    try:
        if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)
        mode = 0o600 if private else 0o666
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    except OSError as error:
        raise RefusedError(
            "unwritten",
            f"{path.name} cannot be written into the working folder: "
            f"{error.strerror or type(error).__name__}. Make room, or name another folder.",
        ) from error
