"""The OpenAI Batch API: requests collected in rounds, handed in as files, fetched when done.

In a round every row is gone through with the replies there are; what is asked and not kept is
written down instead of sent. All of that is one batch; its replies are committed, and the next
round begins, until nothing is missing: a plan that could not be used is asked for again in the
round after. Then the rows are gone through once more, as with any teacher.

A batch is noted before it is created, with a name of its own in its metadata, so that a run after a
kill finds it again, whether the kill came before or after the endpoint's answer.
"""

import asyncio
import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import msgspec
import openai
from datatrove.data import Document
from datatrove.pipeline.inference.run_inference import InferenceConfig
from datatrove.pipeline.inference.servers import InferenceServer
from datatrove.pipeline.inference.types import InferenceResult, ServerError

from storytui.story.visible import visible
from storytui_train.data.examples import Row
from storytui_train.data.teacher.access import address_of, key_to
from storytui_train.data.teacher.endpoint import (
    KEPT,
    TURNED_AWAY,
    Unanswered,
    client_of,
    reason_of,
    stopping,
)
from storytui_train.data.teacher.reasoning import NoAnswer, NotAnswering, plan_row
from storytui_train.data.teacher.replies import KeptReplies
from storytui_train.data.teacher.running import TeacherRunner, trouble
from storytui_train.errors import TeacherError

MOST_REQUESTS = 50_000
MOST_BYTES = 190_000_000
"""Of one batch; OpenAI takes 50,000 and 200 MB (platform.openai.com/docs/guides/batch)."""
AT_ONCE = 500
"""Replies that are committed together."""
POLL_SECONDS = 60.0
FRUITLESS_ROUNDS = 3
"""So many rounds in a row without one reply are enough."""
ENDPOINT: Literal["/v1/chat/completions"] = "/v1/chat/completions"
MARK = "storytui"
"""Under this name a batch's metadata hold its own name."""
_RUNNING = ("validating", "in_progress", "finalizing", "cancelling")
_PER_REQUEST = (400, 403, 413, 422)
"""Statuses that the same request would meet again."""


class BatchNote(msgspec.Struct, kw_only=True):
    """A batch on its way: one JSON file, with the requests in a JSONL beside it."""

    name: str
    """Its own, by chance: the same requests may be handed in again."""
    rows: dict[str, str]
    """By request, the id of the row it is for."""
    id: str = ""
    """The endpoint's; empty: it is not known whether it was created."""


class BatchRunner(TeacherRunner):
    """Asks a batch API for the plans of all rows, round by round."""

    name = "Teacher, in batches"
    poll_seconds = POLL_SECONDS

    def run(self, data: Iterable[Document], rank: int = 0, world_size: int = 1) -> None:
        """Fetch every reply in batches, then write the task's file; raises as the runner's own."""
        if world_size != 1:
            raise TeacherError(
                "A teacher that is asked in batches works in one task; set run.tasks."
            )
        self._why = "no batch brought a reply"
        with _spooled(data, self.folder / "batches") as rows:
            with trouble():
                asyncio.run(self._rounds(rows, rank))
            super().run(rows(), rank, world_size)

    def _init_server(self, rank: int) -> InferenceServer:
        return _EmptyServer(self.config, rank, self._why)

    async def _rounds(self, rows: Callable[[], Iterator[Document]], rank: int) -> None:
        client = client_of(self.options, key_to(self.options))
        replies = KeptReplies(self.folder / "replies")
        try:
            await replies.initialize(rank)
            for note in self._notes():
                await self._finish(await self._found_again(note, client), client, replies)
            fruitless = 0
            while fruitless < FRUITLESS_ROUNDS:
                notes = await self._collect(rows(), replies, rank)
                if not notes:
                    break
                done = [await self._created(note, client) for note in notes]
                kept = sum([await self._finish(note, client, replies) for note in done])
                fruitless = 0 if kept else fruitless + 1
        except openai.OpenAIError as error:
            reason = reason_of(error, client.api_key)
            told = stopping(error, reason, self.options, reached=False)
            host = visible(address_of(self.options).shown)
            raise TeacherError(told or f"The batches at {host} failed: {reason}. {KEPT}") from error
        finally:
            await replies.close()
            await client.close()

    # --- a round ----------------------------------------------------------------------------------

    async def _collect(
        self, rows: Iterator[Document], replies: KeptReplies, rank: int
    ) -> list[BatchNote]:
        """Everything that is asked and not kept, as batches that are noted."""
        purse = self._purse(rank)
        notes: list[BatchNote] = []
        lines: dict[str, tuple[str, bytes]] = {}
        size = 0
        full: TeacherError | None = None
        for document in rows:
            row = msgspec.convert(document.metadata["row"], Row)
            wanted: list[dict[str, Any]] = []
            await plan_row(row, _collecting(row, replies, wanted), self.options, self.seed)
            for payload in wanted:
                key = replies.prepare_payload(payload)
                line = _line(key, payload)
                try:
                    purse.reserve(payload)
                except TeacherError as error:
                    full = error
                    break
                if len(lines) >= MOST_REQUESTS or size + len(line) > MOST_BYTES:
                    notes.append(self._noted(lines))
                    lines, size = {}, 0
                lines[key] = (row.id, line)
                size += len(line)
            if full is not None:
                break
        if lines:
            notes.append(self._noted(lines))
        if full is not None and not notes:
            raise full
        return notes

    def _noted(self, lines: dict[str, tuple[str, bytes]]) -> BatchNote:
        content = b"".join(line for _, line in lines.values())
        rows = {key: row for key, (row, _) in lines.items()}
        note = BatchNote(name=secrets.token_hex(12), rows=rows)
        _replace(self._requests(note), content)
        self._note(note)
        return note

    # --- a batch ----------------------------------------------------------------------------------

    async def _found_again(self, note: BatchNote, client: openai.AsyncOpenAI) -> BatchNote:
        """A batch that was noted before a kill, created then or now."""
        if not note.id:
            async for batch in client.batches.list(limit=100):
                if (batch.metadata or {}).get(MARK) == note.name:
                    note.id = batch.id
                    self._note(note)
                    return note
            return await self._created(note, client)
        return note

    async def _created(self, note: BatchNote, client: openai.AsyncOpenAI) -> BatchNote:
        """The batch, handed in at the endpoint."""
        content = self._requests(note).read_bytes()
        file = await client.files.create(file=("batch.jsonl", content), purpose="batch")
        batch = await client.batches.create(
            input_file_id=file.id,
            endpoint=ENDPOINT,
            completion_window="24h",
            metadata={MARK: note.name},
        )
        note.id = batch.id
        self._note(note)
        return note

    async def _finish(
        self, note: BatchNote, client: openai.AsyncOpenAI, replies: KeptReplies
    ) -> int:
        """Wait for a batch and commit its replies; gives how many."""
        batch = await client.batches.retrieve(note.id)
        while batch.status in _RUNNING:
            await asyncio.sleep(self.poll_seconds)
            batch = await client.batches.retrieve(note.id)
        if batch.status == "failed":
            self._forget(note)
            faults = (batch.errors.data if batch.errors else None) or []
            told = visible("; ".join(each.message or "" for each in faults[:3]))[:300]
            raise TeacherError(
                f"The endpoint did not take a batch of {len(note.rows)} requests: {told}. {KEPT}"
            )
        kept = 0
        for file in (batch.output_file_id, batch.error_file_id):
            if file:
                content = await client.files.content(file)
                lines = iter(content.text.splitlines())
                while some := [json.loads(line) for line in islice(lines, AT_ONCE)]:
                    kept += await self._keep(some, note, replies)
        self._forget(note)
        return kept

    async def _keep(
        self, lines: list[dict[str, Any]], note: BatchNote, replies: KeptReplies
    ) -> int:
        """Commit lines of a batch's files; gives how many had something to keep."""
        results: list[tuple[str, str, dict[str, Any]]] = []
        turned_away = 0
        for line in lines:
            key = line.get("custom_id", "")
            row = note.rows.get(key)
            response = line.get("response") or {}
            status, body = response.get("status_code"), response.get("body") or {}
            if row is None:
                continue
            result = _result(body) if status == 200 else None
            if result is not None:
                results.append((key, row, result))
                continue
            error = line.get("error") or body.get("error") or {}
            reason = str(error.get("message") if isinstance(error, dict) else error)
            self._why = visible(" ".join(reason.split()))[:300].rstrip(".")
            if status in _PER_REQUEST:
                told = f"{TURNED_AWAY}{self._why}"
                await replies.store_error(0, row, 0, told, payload_hash=key)
                turned_away += 1
        await replies.store_results(results)
        return len(results) + turned_away

    # --- what is noted of it ----------------------------------------------------------------------

    def _notes(self) -> list[BatchNote]:
        folder = self.folder / "batches"
        paths = sorted(folder.glob("*.json"))
        # A kill may leave requests whose batch was not noted yet, or is done with.
        for path in folder.glob("*.jsonl"):
            if path.with_suffix(".json") not in paths:
                path.unlink()
        return [msgspec.json.decode(path.read_bytes(), type=BatchNote) for path in paths]

    def _note(self, note: BatchNote) -> None:
        _replace(self.folder / "batches" / f"{note.name}.json", msgspec.json.encode(note))

    def _requests(self, note: BatchNote) -> Path:
        return self.folder / "batches" / f"{note.name}.jsonl"

    def _forget(self, note: BatchNote) -> None:
        (self.folder / "batches" / f"{note.name}.json").unlink(missing_ok=True)
        self._requests(note).unlink(missing_ok=True)


class _EmptyServer(InferenceServer):
    """Stands where a server would be when every reply has been fetched; it has none."""

    def __init__(self, config: InferenceConfig, rank: int, why: str) -> None:
        super().__init__(config, rank)
        self._why = why

    async def start_server(self) -> None:
        """There is nothing to start."""

    async def monitor_health(self) -> None:
        """Nothing can fall ill."""
        await asyncio.Event().wait()

    async def is_ready(self) -> bool:
        """Always."""
        return True

    async def make_request(self, payload: dict[str, Any]) -> dict[str, Any]:
        """A request that no batch brought a reply to."""
        raise Unanswered(self._why)


def _collecting(row: Row, replies: KeptReplies, wanted: list[dict[str, Any]]) -> Any:
    """What the rollout asks instead of a teacher: the kept replies, else it is written down."""

    async def answer(payload: dict[str, Any]) -> InferenceResult:
        key = replies.prepare_payload(payload)
        result, error = await replies.get_cached_response(row.id, 0, payload_hash=key)
        if error is not None:
            raise NotAnswering(error.removeprefix(TURNED_AWAY))
        if result is None:
            wanted.append(payload)
            raise NoAnswer("not asked yet")
        return InferenceResult(result["text"], result["finish_reason"], result["usage"])

    return answer


@contextmanager
def _spooled(data: Iterable[Document], folder: Path) -> Iterator[Callable[[], Iterator[Document]]]:
    """Documents that can be gone through several times, from a file for as long as that takes."""
    path = folder / "rows.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for document in data:
                file.write(msgspec.json.encode((document.id, document.metadata)) + b"\n")
    except OSError as error:
        told = f"The rows cannot be written to {visible(str(folder))}: {error.strerror}. Make room."
        raise TeacherError(told) from error

    def again() -> Iterator[Document]:
        with path.open("rb") as file:
            for line in file:
                name, metadata = msgspec.json.decode(line)
                yield Document(text="", id=name, metadata=metadata)

    try:
        yield again
    finally:
        path.unlink(missing_ok=True)


def _line(key: str, payload: dict[str, Any]) -> bytes:
    line = {"custom_id": key, "method": "POST", "url": ENDPOINT, "body": payload}
    return json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def _result(body: dict[str, Any]) -> dict[str, Any] | None:
    """A reply as the runner keeps it; None where it is none."""
    choice = (body.get("choices") or [{}])[0]
    message = choice.get("message")
    if not isinstance(message, dict):
        return None
    return {
        "text": message.get("content") or "",
        "finish_reason": choice.get("finish_reason") or "",
        "usage": body.get("usage") or {},
        "reasoning": message.get("reasoning") or message.get("reasoning_content") or "",
    }


def _replace(path: Path, content: bytes) -> None:
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        told = f"{visible(str(path))} cannot be written: {error.strerror}. Make room."
        raise ServerError(TeacherError(told)) from error
