"""Who has a manuscript open: a file with process and machine, told from those left behind."""

import contextlib
import os
import socket
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

import msgspec


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """A running storytui that has the manuscript open."""

    pid: int
    host: str
    since: datetime
    boot: str = ""
    """Which start of the machine the process belongs to; empty where that cannot be known."""
    started: str = ""
    """When the process started, in the system's own unit; a number used again has another."""
    token: str = ""

    @property
    def here(self) -> bool:
        """Whether it runs on this machine."""
        return self.host == socket.gethostname()

    @property
    def described(self) -> str:
        """Which process, where, since when, for the writer."""
        where = "on this machine" if self.here else f"on {self.host}"
        return f"process {self.pid} {where}, since {self.since.astimezone():%H:%M on %d %B}"


class Lock:
    """One session's claim to a manuscript.

    The newest claim counts: two sessions that find a stale one at the same moment both write
    theirs, and the earlier of the two learns before it next saves that it is not the holder.
    """

    def __init__(self, path: Path) -> None:
        """Nothing is claimed yet."""
        self._path = path
        self._mine = _myself()

    def holder(self) -> Holder | None:
        """The other session that has the manuscript open; None where there is none alive."""
        found = read_holder(self._path)
        if found is None or found.token == self._mine.token or not _alive(found):
            return None
        return found

    def take(self) -> None:
        """Claim the manuscript, whoever had it.

        Raises:
            OSError: the claim cannot be written.
        """
        temporary = self._path.with_name(f"{self._path.name}.{self._mine.token[:8]}")
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(msgspec.json.encode(self._mine))
        os.replace(temporary, self._path)

    @property
    def mine(self) -> bool:
        """Whether this session's claim still stands."""
        found = read_holder(self._path)
        return found is not None and found.token == self._mine.token

    def release(self) -> None:
        """Give the claim up, where it still stands."""
        if self.mine:
            with contextlib.suppress(OSError):
                self._path.unlink()


def read_holder(path: Path) -> Holder | None:
    """Who wrote the lock at `path`, alive or not; None where there is none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Holder)
    except (OSError, msgspec.MsgspecError):
        return None


def living_holder(path: Path) -> Holder | None:
    """The running storytui that holds the lock at `path`; None where there is none."""
    found = read_holder(path)
    return found if found is not None and _alive(found) else None


def session_name() -> str:
    """A name for this process that no other, before or after, has on this machine."""
    return f"{_boot()[:8]}-{_started(os.getpid())}-{os.getpid()}"


def session_runs(name: str) -> bool:
    """Whether the process that has this session's name still runs on this machine."""
    boot, _, rest = name.partition("-")
    started, _, pid = rest.rpartition("-")
    if boot != _boot()[:8] or not pid.isdecimal():
        return False
    return _runs(int(pid)) and started == _started(int(pid))


def _myself() -> Holder:
    return Holder(
        pid=os.getpid(),
        host=socket.gethostname(),
        since=datetime.now(UTC),
        boot=_boot(),
        started=_started(os.getpid()),
        token=uuid.uuid4().hex,
    )


def _alive(holder: Holder) -> bool:
    """Whether a holder still runs; one on another machine is believed."""
    if not holder.here:
        return True
    if holder.boot != _boot() or not _runs(holder.pid):
        return False
    return holder.started == _started(holder.pid)


def _runs(pid: int) -> bool:
    if sys.platform == "win32":
        import ctypes

        query_limited_information = 0x1000
        kernel = ctypes.windll.kernel32
        handle = kernel.OpenProcess(query_limited_information, False, pid)
        if handle:
            kernel.CloseHandle(handle)
        return bool(handle)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _started(pid: int) -> str:
    """The process's start, in clock ticks since the machine's (proc(5), stat, field 22).

    Empty where that cannot be known; `ended` for one that has ended and was not yet waited for.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return ""
    # The second field is the program's name in parentheses and may hold anything.
    fields = stat.rpartition(b")")[2].split()
    return "ended" if fields[0] in (b"Z", b"X") else fields[19].decode("ascii")
