"""A program in a pseudo-terminal: bytes in, bytes out, and when they came. POSIX only."""

import fcntl
import os
import select
import signal
import struct
import termios
import time
from collections.abc import Mapping, Sequence

COLUMNS, ROWS = 120, 40


class TerminalError(Exception):
    """The program did not show what was waited for."""


class Terminal:
    """One program in a pseudo-terminal of 120 × 40."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.started = time.perf_counter()
        """When the program was started, by `time.perf_counter`."""
        self._descriptor, terminal = os.openpty()
        # Before the program starts: it must not see a terminal that changes its size.
        size = struct.pack("HHHH", ROWS, COLUMNS, 0, 0)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, size)
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._descriptor)
            os.login_tty(terminal)
            os.execvpe(command[0], list(command), dict(environment))
        os.close(terminal)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._descriptor)

    @property
    def pid(self) -> int:
        """The program's process number."""
        return self._pid

    def send(self, keys: bytes) -> None:
        """Type."""
        os.write(self._descriptor, keys)

    def wait_for(self, wanted: bytes, seconds: float = 60.0) -> float:
        """Wait until `wanted` came out; returns when, by `time.perf_counter`.

        Raises:
            TerminalError: it did not come within the time, or the program ended.
        """
        seen = b""
        deadline = time.perf_counter() + seconds
        while wanted not in seen:
            # A tail as long as what is wanted is enough to find it across two reads.
            seen = seen[-len(wanted) :] + self._read(deadline, wanted)
        return time.perf_counter()

    def settle(self, quiet: float = 1.0, seconds: float = 120.0) -> None:
        """Wait until nothing comes out for `quiet` seconds, or `seconds` are over."""
        deadline = time.perf_counter() + seconds
        while time.perf_counter() < deadline and self._readable(quiet):
            os.read(self._descriptor, 65536)

    def _readable(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._descriptor], [], [], max(0.0, seconds))
        return bool(ready)

    def _read(self, deadline: float, wanted: bytes) -> bytes:
        if not self._readable(deadline - time.perf_counter()):
            raise TerminalError(f"{wanted.decode()!r} did not appear on the screen")
        try:
            return os.read(self._descriptor, 65536)
        except OSError:
            raise TerminalError(f"the program ended before {wanted.decode()!r} appeared") from None
