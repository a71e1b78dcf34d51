"""The teacher's replies, kept for good: what was committed is never asked for again.

datatrove's own cache is made to be thrown away with the task: it is dropped when a chunk is
complete, removed when the task ends, keyed by task and document, and its writer commits a reply
some time after it was handed on. This one stands in its place. A reply is committed before it is
handed on, is found by what was asked alone (so that another number of tasks finds it too), and
stays beside the stage's artefacts.

Each task writes one SQLite file of its own and reads all of them; no file has two writers, and
the rollback journal also works on the file systems that clusters share, where WAL does not.
"""

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from datatrove.pipeline.inference.checkpointing import RequestCache
from datatrove.pipeline.inference.types import ServerError

from storytui_train.data.teacher.costs import Usage, added, usage_of
from storytui_train.errors import TeacherError

_T = TypeVar("_T")
_BUSY_SECONDS = 60.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS replies (
    key TEXT PRIMARY KEY,
    row TEXT NOT NULL,
    result TEXT,
    error TEXT,
    prompt_tokens INTEGER NOT NULL DEFAULT 0,
    completion_tokens INTEGER NOT NULL DEFAULT 0,
    cost REAL NOT NULL DEFAULT 0
) WITHOUT ROWID
"""
_KEYS = "SELECT key FROM replies"
_ALL = "SELECT key, row, result, error FROM replies ORDER BY key"
_BY_ROW = "SELECT row, COUNT(*) FROM replies WHERE result IS NOT NULL GROUP BY row"
_SUMS = (
    "SELECT COUNT(*), COALESCE(SUM(prompt_tokens), 0), COALESCE(SUM(completion_tokens), 0), "
    "COALESCE(SUM(cost), 0.0) FROM replies WHERE result IS NOT NULL"
)


class Kept(NamedTuple):
    """One committed reply."""

    key: str
    row: str
    """The row's id."""
    result: dict[str, Any] | None
    """`text`, `finish_reason`, `usage`, `reasoning`; None where the request was turned away."""
    error: str | None


def key_of(payload: dict[str, Any]) -> str:
    """What a reply is found by: SHA-256 of the whole request, 64 hexadecimal digits.

    Model, messages, sampling and seed are in it; so is the attempt, through the seed.
    """
    text = json.dumps(payload, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def spent(folder: Path, *, only: Path | None = None, without: Path | None = None) -> Usage:
    """What the committed replies in a folder took, each counted once.

    Args:
        folder: where `KeptReplies` keeps them; it need not be there.
        only: the one file that is counted.
        without: a file that is not counted.

    Raises:
        TeacherError: a file cannot be read.
    """
    total = Usage()
    for path in _files(folder):
        if path != without and only in (None, path):
            for row in _read(path, _SUMS):
                total = added((total, Usage(*row)))
    return total


def kept_by_row(folder: Path) -> Counter[str]:
    """How many replies are kept of each row, by its id.

    Raises:
        TeacherError: a file cannot be read.
    """
    found: Counter[str] = Counter()
    for path in _files(folder):
        for row, count in _read(path, _BY_ROW):
            found[row] += count
    return found


def kept_replies(folder: Path) -> Iterator[Kept]:
    """All committed replies in a folder, file by file, by key.

    Raises:
        TeacherError: a file cannot be read.
    """
    for path in _files(folder):
        for key, row, result, error in _read(path, _ALL):
            yield Kept(key, row, None if result is None else json.loads(result), error)


class KeptReplies(RequestCache):
    """The cache that a teacher's runner asks before it asks the teacher."""

    def __init__(self, folder: Path) -> None:
        """Nothing is opened before `initialize`, so that a runner can travel to its process.

        Args:
            folder: where the files are, beside the stage's artefacts; made if it is not there.
        """
        super().__init__(None)
        self.enabled = True
        self.folder = folder
        self.path: Path | None = None
        """The file this task writes to."""
        self._thread: ThreadPoolExecutor | None = None
        self._open: dict[Path, sqlite3.Connection] = {}
        self._where: dict[str, Path] = {}

    async def initialize(self, rank: int) -> None:
        """Open the files: that of the task for writing, those of others for reading.

        Raises:
            ServerError: with a `TeacherError` in it: one cannot be read or written.
        """
        self.path = self.folder / f"{rank:05d}.sqlite3"
        # SQLite's connections belong to the thread that made them; it is one, so that commits
        # come one after another and the event loop never waits for a disk.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="replies")
        await self._do(self._open_all)

    async def close(self, delete_file: bool = False) -> None:
        """Close the files; nothing is ever deleted, whatever `delete_file` says."""
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.wrap_future(thread.submit(self._close_all))
            thread.shutdown()

    def prepare_payload(self, payload: dict[str, Any]) -> str:
        """What the reply to a request is found by."""
        return key_of(payload)

    async def flush(self) -> None:
        """Nothing to do: what was stored is committed."""

    async def get_cached_response(
        self, doc_id: str, rollout_idx: int, *, payload_hash: str
    ) -> tuple[dict[str, Any] | None, str | None]:
        """The reply to a request, or why it was turned away; two None where it is not kept."""
        return await self._do(lambda: self._get(payload_hash))

    async def store_result(
        self,
        chunk_index: int,
        doc_id: str,
        rollout_idx: int,
        result: dict[str, Any],
        *,
        payload_hash: str,
    ) -> None:
        """Commit a reply; when this returns, it is on the disk.

        Raises:
            ServerError: with a `TeacherError` in it: the disk is full, or cannot be written to.
        """
        await self.store_results([(payload_hash, doc_id, result)])

    async def store_results(self, results: list[tuple[str, str, dict[str, Any]]]) -> None:
        """Commit several replies at once, by request and row; raises as `store_result` does."""
        values = []
        for key, row, result in results:
            _, *figures = usage_of(result.get("usage") or {})
            # Escaped: a reply may hold half of a character, which no file can.
            values.append((key, row, json.dumps(result, sort_keys=True), None, *figures))
        await self._do(lambda: self._put(values))

    async def store_error(
        self,
        chunk_index: int,
        doc_id: str,
        rollout_idx: int,
        error_message: str,
        *,
        payload_hash: str,
    ) -> None:
        """Commit that a request was turned away for good; raises as `store_result` does."""
        await self._do(lambda: self._put([(payload_hash, doc_id, None, error_message, 0, 0, 0.0)]))

    async def drop_chunk(self, chunk_index: int) -> None:
        """Nothing is dropped."""

    async def mark_document_complete(self, doc_id: str) -> None:
        """Nothing to do: replies are found by what was asked, not by their document."""

    async def _do(self, work: Callable[[], _T]) -> _T:
        assert self._thread is not None, "initialize comes first"
        try:
            # A commit that has begun is finished even if nobody waits for it any more.
            return await asyncio.shield(asyncio.wrap_future(self._thread.submit(work)))
        except (sqlite3.Error, OSError) as error:
            raise ServerError(_fault(self.folder, error)) from error
        except TeacherError as error:
            raise ServerError(error) from error

    def _open_all(self) -> None:
        assert self.path is not None
        self.folder.mkdir(parents=True, exist_ok=True)
        connection = self._connect(self.path)
        connection.execute("PRAGMA journal_mode=TRUNCATE")
        connection.execute("PRAGMA synchronous=FULL")
        with connection:
            connection.execute(_SCHEMA)
        for path in _files(self.folder):
            self._where |= dict.fromkeys((key for (key,) in _read(path, _KEYS)), path)

    def _close_all(self) -> None:
        for connection in self._open.values():
            connection.close()
        self._open.clear()
        self._where.clear()

    def _connect(self, path: Path) -> sqlite3.Connection:
        if path not in self._open:
            self._open[path] = sqlite3.connect(path, timeout=_BUSY_SECONDS)
        return self._open[path]

    def _get(self, key: str) -> tuple[dict[str, Any] | None, str | None]:
        path = self._where.get(key)
        if path is None:
            return None, None
        query = "SELECT result, error FROM replies WHERE key = ?"
        found = self._connect(path).execute(query, (key,)).fetchone()
        if found is None:
            return None, None
        result, error = found
        return (None if result is None else json.loads(result)), error

    def _put(self, values: list[tuple[Any, ...]]) -> None:
        assert self.path is not None
        connection = self._connect(self.path)
        with connection:
            connection.executemany(
                "INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?, ?, ?, ?)", values
            )
        self._where |= dict.fromkeys((key for key, *_ in values), self.path)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.sqlite3")) if folder.is_dir() else []


def _read(path: Path, query: str) -> list[tuple[Any, ...]]:
    """What a query finds in one file; a file without the table was killed before its first reply.

    Raises:
        TeacherError: it cannot be read.
    """
    try:
        # Not read-only: what a killed task left half-done is rolled back by who reads it first.
        with closing(sqlite3.connect(path, timeout=_BUSY_SECONDS)) as connection:
            known = "SELECT 1 FROM sqlite_master WHERE name = 'replies'"
            if connection.execute(known).fetchone() is None:
                return [] if query == _KEYS or "ORDER" in query else [(0, 0, 0, 0.0)]
            return connection.execute(query).fetchall()
    except sqlite3.Error as error:
        raise _fault(path, error) from error


def _fault(path: Path, error: Exception) -> TeacherError:
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
        return TeacherError(
            f"The teacher's replies in {path} cannot be read: {error}. Move the damaged file away; "
            "what it held will be asked for again."
        )
    return TeacherError(
        f"The teacher's replies cannot be kept in {path}: {error}. Make room, or allow writing "
        "there, and run again; what was committed before is kept."
    )
