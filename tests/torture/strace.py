"""Runs a program under strace with one of its system calls made to fail, or to be its last."""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ERRORS = ("ENOSPC", "EIO", "EROFS", "EXDEV", "EACCES")

needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None, reason="needs strace: apt install strace"
)


@dataclass(frozen=True)
class Fault:
    """What is to happen to the Nth call of a system call."""

    call: str
    number: int
    error: str = ""
    """An errno's name; empty: the process is killed."""

    @property
    def injection(self) -> str:
        """The fault as strace's -e inject=."""
        what = f"error={self.error}" if self.error else "signal=KILL"
        return f"inject={self.call}:{what}:when={self.number}"


def run(
    command: Sequence[str | Path], *, paths: Sequence[Path], log: Path, fault: Fault | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a Python program; only calls on exactly these paths (and what is open there) count.

    Args:
        command: the script and its arguments.
        paths: files and folders; a file need not exist yet.
        log: where strace writes the calls on these paths.
        fault: what goes wrong; None: nothing.
    """
    chosen = [part for path in paths for part in ("-P", str(path))]
    injected = ["-e", fault.injection] if fault is not None else []
    # -S and a path by hand: a start without site-packages' machinery takes half the time.
    code = (
        f"import sys, runpy; sys.path[:0] = {[each for each in sys.path if each]!r}; "
        f"sys.argv = {[str(each) for each in command]!r}; "
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    python = [sys.executable, "-P", "-S", "-E", "-c", code]
    return subprocess.run(
        ["strace", "-f", "-qq", "-o", log, *chosen, *injected, *python],
        capture_output=True,
        text=True,
        check=False,
    )


def calls(log: Path) -> dict[str, int]:
    """How often each system call was made, by what strace wrote."""
    found: dict[str, int] = {}
    for line in log.read_text(errors="replace").splitlines():
        _, _, call = line.partition(" ")
        name, bracket, _ = call.strip().partition("(")
        if bracket and name.isidentifier():
            found[name] = found.get(name, 0) + 1
    return found


def faults(counted: dict[str, int], of: Sequence[str]) -> Iterator[Fault]:
    """Every fault of these calls: each call killed, and each failing with each error."""
    for call in of:
        for number in range(1, counted.get(call, 0) + 1):
            yield Fault(call, number)
            yield from (Fault(call, number, error) for error in ERRORS)


def fired(log: Path) -> bool:
    """Whether the fault happened."""
    text = log.read_text(errors="replace")
    return "(INJECTED)" in text or "killed by SIGKILL" in text
