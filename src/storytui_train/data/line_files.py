"""Files of JSON lines that are added to now and then; a line that was cut off says nothing.

Errors of the system are raised as they are: whoever calls knows what the file holds.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

Line = TypeVar("Line", bound=msgspec.Struct)


def read_kept_lines(path: Path, kind: type[Line]) -> Iterator[Line]:
    """What a file holds, in its order; nothing where there is none.

    Raises:
        OSError: it cannot be read.
    """
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        try:
            yield msgspec.json.decode(line, type=kind)
        except (msgspec.MsgspecError, ValueError):
            continue


def add_line(path: Path, line: msgspec.Struct) -> None:
    """Add a line behind those that are there.

    Raises:
        OSError: it cannot be written.
    """
    with path.open("ab+") as file:
        if file.tell():
            file.seek(-1, 2)
            # A line that a crash cut off must not swallow the next one.
            if file.read(1) != b"\n":
                file.write(b"\n")
        file.write(msgspec.json.encode(line) + b"\n")
