"""The log of a run where the disk is full: what was said is said once, by whoever trains."""

import threading
from pathlib import Path
from typing import Any

import pytest

from storytui_train.training.run_folder import RunFolder
from storytui_train.training.run_log import Line, RunLog

Heard = list[threading.ExceptHookArgs]


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard:
    """What threads that end with an error would have printed."""
    found: Heard = []
    monkeypatch.setattr(threading, "excepthook", found.append)
    return found


def no_room(*_: Any) -> None:
    raise OSError(28, "No space left on device")


def worker_of(log: RunLog) -> Any:
    return log._board.file_writer.event_writer._async_writer._worker


def test_the_thread_that_writes_for_tensorboard_prints_nothing(
    tmp_path: Path, heard: Heard
) -> None:
    before = threading.excepthook
    log = RunLog(RunFolder(tmp_path), size=0, step=0)
    worker = worker_of(log)
    worker._record_writer.write = no_room

    log.add(Line(step=1, loss=1.0))
    with pytest.raises(OSError, match="No space left"):
        log.settle()
    log.close()

    assert not worker.is_alive()
    assert heard == []
    assert threading.excepthook is before


def test_it_has_ended_too_where_it_was_not_the_one_that_failed(tmp_path: Path) -> None:
    log = RunLog(RunFolder(tmp_path), size=0, step=0)
    worker = worker_of(log)
    log.add(Line(step=1, loss=1.0))
    log.settle()
    worker._record_writer.flush = no_room

    log.close()

    assert not worker.is_alive()


def test_what_other_threads_fail_with_is_still_printed(tmp_path: Path, heard: Heard) -> None:
    log = RunLog(RunFolder(tmp_path), size=0, step=0)
    other = threading.Thread(target=no_room)
    other.start()
    other.join()
    log.close()

    assert [each.thread for each in heard] == [other]
