"""A reply that was committed is there for good."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from datatrove.pipeline.inference.types import ServerError

from storytui_train.data.teacher.costs import Usage
from storytui_train.data.teacher.replies import KeptReplies, kept_replies, key_of, spent
from storytui_train.errors import TeacherError

RESULT = {
    "text": "“So”, he thinks — 2\ud83d",
    "finish_reason": "stop",
    "usage": {"prompt_tokens": 10, "completion_tokens": 3, "cost": 0.25},
    "reasoning": "",
}


def using(folder: Path, rank: int, work: Callable[[KeptReplies], Coroutine[Any, Any, Any]]) -> Any:
    async def run() -> Any:
        replies = KeptReplies(folder)
        await replies.initialize(rank)
        try:
            return await work(replies)
        finally:
            await replies.close(delete_file=True)

    return asyncio.run(run())


def store(folder: Path, rank: int, *keys: str) -> None:
    async def work(replies: KeptReplies) -> None:
        for key in keys:
            await replies.store_result(0, "row", 0, RESULT, payload_hash=key)

    using(folder, rank, work)


def get(folder: Path, rank: int, key: str) -> tuple[dict[str, Any] | None, str | None]:
    found: tuple[dict[str, Any] | None, str | None] = using(
        folder, rank, lambda replies: replies.get_cached_response("other", 7, payload_hash=key)
    )
    return found


def test_a_reply_is_on_the_disk_when_storing_it_returns(tmp_path: Path) -> None:
    async def work(replies: KeptReplies) -> list[str]:
        await replies.store_result(0, "row", 0, RESULT, payload_hash="a")
        return [kept.key for kept in kept_replies(tmp_path)]  # by a connection of its own

    assert using(tmp_path, 0, work) == ["a"]


@pytest.mark.parametrize("rank", [0, 1, 5])
def test_any_task_finds_what_another_has_stored(tmp_path: Path, rank: int) -> None:
    store(tmp_path, 0, "a", "b")
    store(tmp_path, 5, "c")

    assert [get(tmp_path, rank, key)[0] for key in "abc"] == [RESULT] * 3
    assert get(tmp_path, rank, "d") == (None, None)


def test_nothing_that_datatrove_throws_away_is_lost(tmp_path: Path) -> None:
    async def work(replies: KeptReplies) -> Any:
        await replies.store_result(3, "row", 0, RESULT, payload_hash="a")
        await replies.flush()
        await replies.drop_chunk(3)
        await replies.mark_document_complete("row")
        return await replies.get_cached_response("row", 0, payload_hash="a")

    assert using(tmp_path, 0, work) == (RESULT, None)
    assert get(tmp_path, 0, "a") == (RESULT, None)


def test_a_final_error_is_kept_and_costs_nothing(tmp_path: Path) -> None:
    async def work(replies: KeptReplies) -> None:
        await replies.store_error(0, "row", 0, "too long", payload_hash="a")

    using(tmp_path, 0, work)

    assert get(tmp_path, 1, "a") == (None, "too long")
    assert spent(tmp_path) == Usage()


def test_what_was_spent_counts_each_reply_once(tmp_path: Path) -> None:
    store(tmp_path, 0, "a", "b", "a")
    store(tmp_path, 1, "c")

    assert spent(tmp_path) == Usage(3, 30, 9, 0.75)
    assert spent(tmp_path, without=tmp_path / "00000.sqlite3") == Usage(1, 10, 3, 0.25)
    assert spent(tmp_path / "nowhere") == Usage()


def test_a_request_is_named_by_all_that_is_in_it() -> None:
    payload = {"model": "m", "messages": [{"role": "user", "content": "é"}], "seed": 1}

    assert key_of(dict(reversed(payload.items()))) == key_of(payload)
    for change in ({"model": "n"}, {"seed": 2}, {"temperature": 0.5}, {"messages": []}):
        assert key_of({**payload, **change}) != key_of(payload)


KILLED = """
import asyncio, sys
from pathlib import Path
from storytui_train.data.teacher.replies import KeptReplies

async def run():
    replies = KeptReplies(Path(sys.argv[1]))
    await replies.initialize(0)
    for number in range(10_000):
        result = {"text": "x" * 20_000, "finish_reason": "stop", "usage": {}, "reasoning": ""}
        await replies.store_result(0, "row", 0, result, payload_hash=f"{number:05d}")
        print(f"{number:05d}", flush=True)

asyncio.run(run())
"""


def test_a_kill_takes_nothing_that_was_committed(tmp_path: Path) -> None:
    told: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            told.append(line.strip())
            if len(told) == 25:
                os.kill(child.pid, signal.SIGKILL)
                break
        told += [line.strip() for line in child.stdout if line.endswith("\n")]

    kept = [each.key for each in kept_replies(tmp_path)]
    assert set(told) <= set(kept)
    assert kept == sorted(kept)
    store(tmp_path, 0, "new")
    assert get(tmp_path, 3, "new")[0] == RESULT


def test_a_damaged_file_is_said_and_left_as_it_is(tmp_path: Path) -> None:
    store(tmp_path, 0, *(f"{number}" for number in range(40)))
    path = tmp_path / "00000.sqlite3"
    damaged = b"not a database, " * 600
    path.write_bytes(damaged)

    with pytest.raises(ServerError) as caught:
        store(tmp_path, 1, "b")

    assert isinstance(caught.value.error, TeacherError)
    assert "00000.sqlite3 cannot be read" in str(caught.value.error)
    assert path.read_bytes() == damaged
    with pytest.raises(TeacherError, match="Move the damaged file away"):
        spent(tmp_path)


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = sqlite3.connect

    def small(path: Any, **rest: Any) -> sqlite3.Connection:
        connection = connect(path, **rest)
        connection.execute("PRAGMA max_page_count = 4")  # SQLite's own way to have no room
        return connection

    monkeypatch.setattr(sqlite3, "connect", small)

    async def work(replies: KeptReplies) -> None:
        long = {**RESULT, "text": "x" * 40_000}
        await replies.store_result(0, "row", 0, long, payload_hash="a")

    with pytest.raises(ServerError) as caught:
        using(tmp_path, 0, work)

    assert isinstance(caught.value.error, TeacherError)
    assert "full" in str(caught.value.error)
    assert "Make room" in str(caught.value.error)
    assert list(kept_replies(tmp_path)) == []
