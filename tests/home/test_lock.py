"""A second storytui learns of the first; a claim left behind by a dead one does not count."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from storytui.manuscript import lock as module
from storytui.manuscript.lock import (
    Holder,
    Lock,
    living_holder,
    read_holder,
    session_name,
    session_runs,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


def forge(path: Path, **changes: object) -> None:
    """Leave the claim of another session."""
    mine = Lock(path)
    mine.take()
    found = read_holder(path)
    assert found is not None
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(found, token="other", **changes)))


def test_nobody_holds_what_was_never_claimed(path: Path) -> None:
    assert Lock(path).holder() is None
    assert living_holder(path) is None


def test_another_session_learns_who_has_it(path: Path) -> None:
    Lock(path).take()

    holder = Lock(path).holder()

    assert holder is not None
    assert holder.pid == os.getpid()
    assert holder.here
    assert str(os.getpid()) in holder.described
    assert path.stat().st_mode & 0o777 == 0o600


def test_taking_over_ends_the_other_claim(path: Path) -> None:
    first, second = Lock(path), Lock(path)
    first.take()
    second.take()

    assert (first.mine, second.mine) == (False, True)
    first.release()
    assert second.mine
    second.release()
    assert not path.exists()


def test_a_process_that_has_ended_holds_nothing(path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    forge(path, pid=ended.pid)

    assert Lock(path).holder() is None


def test_a_process_that_has_ended_and_was_not_waited_for_holds_nothing(path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    started = module._started(ended.pid)
    assert ended.stdout is not None
    ended.stdout.read()
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    forge(path, pid=ended.pid, started=started)

    assert Lock(path).holder() is None
    ended.wait()


def test_a_number_that_was_given_to_another_process_holds_nothing(path: Path) -> None:
    forge(path, pid=os.getppid(), started="1")

    assert Lock(path).holder() is None


def test_a_claim_from_before_the_machine_started_holds_nothing(path: Path) -> None:
    forge(path, boot="another")

    assert Lock(path).holder() is None


def test_another_machine_is_believed(path: Path) -> None:
    forge(path, host="another-machine", pid=1, boot="another")

    holder = Lock(path).holder()

    assert holder is not None
    assert "another-machine" in holder.described


@pytest.mark.parametrize("data", [b"", b"{", b'{"pid": "x"}', b"\xff"])
def test_a_damaged_claim_holds_nothing(path: Path, data: bytes) -> None:
    path.write_bytes(data)

    assert Lock(path).holder() is None


def test_this_session_runs_and_an_earlier_one_does_not() -> None:
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            "from storytui.manuscript.lock import session_name; print(session_name())",
        ],
        capture_output=True,
        text=True,
        check=True,
    )

    assert session_runs(session_name())
    assert not session_runs(ended.stdout.strip())
    assert not session_runs("nothing of the kind")


def test_a_claim_says_since_when(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    holder = Holder(pid=7, host="elsewhere", since=datetime(2026, 11, 3, 12, 5, tzinfo=UTC))

    assert "process 7 on elsewhere" in holder.described
    assert module.read_holder(path) is None
