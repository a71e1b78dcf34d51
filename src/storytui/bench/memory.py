"""What the editor and the model's process take of the machine's memory. Linux only."""

from contextlib import suppress
from pathlib import Path


def resident_bytes(process: int) -> int | None:
    """Bytes of memory that a process holds; None where the system does not say."""
    with suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return None


def children_of(process: int) -> list[int]:
    """The processes that a process has started and that still run, and what those started."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError):
            # The name in brackets may hold anything, brackets too.
            fields = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            parents[int(folder.name)] = int(fields[1])
    found: list[int] = []
    wanted = [process]
    while wanted:
        parent = wanted.pop()
        children = [child for child, its in parents.items() if its == parent]
        found += children
        wanted += children
    return found
