"""datatrove's inference runner with a teacher behind it: replies kept for good, rows in order.

datatrove's checkpoints are not used: a kill between dropping a chunk's replies and noting the chunk
loses them, and documents come out as they get ready. Here the kept replies are the checkpoint: a
task that was killed goes through its rows again, asks for what is not committed, and writes the
same file as if it had not been killed, in the order of the rows, under its name when it is whole.
"""

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from datatrove.data import Document
from datatrove.pipeline.inference.run_inference import InferenceConfig, InferenceRunner
from datatrove.pipeline.inference.servers import InferenceServer
from datatrove.pipeline.inference.types import InferenceError, InferenceResult, ServerError
from datatrove.pipeline.writers.disk_base import DiskWriter

from storytui.story.visible import visible
from storytui_train.data.examples import Row
from storytui_train.data.teacher.access import address_of, is_here
from storytui_train.data.teacher.costs import NOTHING, Purse
from storytui_train.data.teacher.endpoint import (
    TURNED_AWAY,
    TeacherServer,
    TurnedAway,
    Unanswered,
)
from storytui_train.data.teacher.reasoning import (
    Generate,
    NoAnswer,
    NotAnswering,
    Planned,
    plan_row,
)
from storytui_train.data.teacher.replies import KeptReplies, spent
from storytui_train.errors import TeacherError, TrainError
from storytui_train.recipe import TeacherOptions

RESULT = "planned"
"""Where a document's metadata has what came of its row."""
PLACE = "place"
"""Where it has the row's place among those of its task, from 0."""
SHOWN_ROWS = 3


def document_of(row: Row) -> Document:
    """A row as it travels through a pipeline."""
    return Document(text="", id=row.id, metadata={"row": msgspec.to_builtins(row)})


def config_of(options: TeacherOptions, folder: Path) -> InferenceConfig:
    """datatrove's configuration for a teacher.

    The key is not in it: executors write their pipelines down.
    """
    kinds = {"vllm": "vllm", "local": "custom"}
    return InferenceConfig(
        server_type=kinds.get(options.kind, "endpoint"),
        model_name_or_path=options.model,
        endpoint_url=address_of(options).url if options.kind in ("endpoint", "batch") else None,
        max_concurrent_generations=options.concurrency,
        # Plans of one row wait for each other, so that a few more rows keep the teacher busy.
        max_concurrent_documents=options.concurrency + 1,
        request_timeout=options.timeout,
        server_log_folder=str(folder / "server-logs") if options.kind == "vllm" else None,
    )


class TeacherRunner(InferenceRunner):
    """Asks the teacher for the plans of each row of a task."""

    name = "Teacher"

    def __init__(
        self,
        options: TeacherOptions,
        folder: Path,
        seed: int,
        *,
        output: Path,
        local: Callable[[InferenceConfig, int], InferenceServer] | None = None,
    ) -> None:
        """See `reasoning.reason_block`."""
        self.options = options
        self.folder = folder
        self.seed = seed
        super().__init__(
            rollout_fn=self._roll_out,
            config=config_of(options, folder),
            output_writer=PlannedWriter(output),
            metadata_key=RESULT,
        )
        self.request_cache = KeptReplies(folder / "replies")
        self._local = local
        self._world = 1
        self._undone: list[tuple[str, str]] = []
        self._stopping = False

    def run(self, data: Iterable[Document], rank: int = 0, world_size: int = 1) -> None:
        """Ask for the rows of one task and write its file.

        Args:
            data: documents with a row in their metadata.
            rank: of the task.
            world_size: how many tasks there are.

        Raises:
            TrainError: the teacher cannot be asked, does not answer, or the budget is used up;
                every reply that came is kept.
        """
        self._world = world_size
        self._undone.clear()
        self._stopping = False
        self.output_writer.rank = rank
        with trouble():
            super().run(_numbered(data), rank, world_size)

    async def run_async(self, data_gen: Iterable[Document], rank: int = 0) -> None:
        """datatrove's own, after which rows without an answer are told."""
        self._slots = asyncio.Semaphore(self.options.concurrency)
        await super().run_async(data_gen, rank)
        if self._undone:
            names = ", ".join(visible(name) for name, _ in self._undone[:SHOWN_ROWS])
            more = len(self._undone) - SHOWN_ROWS
            raise ServerError(
                TeacherError(
                    f"The teacher did not answer for {len(self._undone)} rows ({names}"
                    f"{f' and {more} more' if more > 0 else ''}): {self._undone[0][1]}. Every "
                    'reply that came is kept; run again, or set teacher.unanswered to "list" to '
                    "go on without them."
                )
            )

    async def _cached_request(
        self, payload: dict[str, Any], *args: Any, **rest: Any
    ) -> InferenceResult:
        """datatrove's own, but a request keeps its slot until its reply is committed.

        A kill costs what is not committed; there is never more of that than there are slots.
        """
        async with self._slots:
            return await super()._cached_request(payload, *args, **rest)

    def _init_server(self, rank: int) -> InferenceServer:
        if self.options.kind == "local":
            if self._local is None:
                raise ServerError(TeacherError("There is no local engine to teach."))
            return self._local(self.config, rank)
        if self.options.kind == "vllm":
            return super()._init_server(rank)
        return TeacherServer(self.config, rank, self.options, self._purse(rank))

    def _purse(self, rank: int) -> Purse:
        folder = self.folder / "replies"
        own = folder / f"{rank:05d}.sqlite3"
        # Other tasks spend meanwhile; a single one knows what all have spent before it.
        others = spent(folder, without=own)
        return Purse(
            self.options,
            here=is_here(self.options),
            own=spent(folder, only=own) if own.exists() else NOTHING,
            others=(lambda: spent(folder, without=own)) if self._world > 1 else lambda: others,
            tasks=self._world,
        )

    async def _roll_out(
        self, document: Document, generate: Callable[[dict[str, Any]], Any]
    ) -> dict[str, Any]:
        row = msgspec.convert(document.metadata["row"], Row)
        try:
            planned = await plan_row(row, _answering(generate), self.options, self.seed)
        except ServerError:
            self._stopping = True
            raise
        if planned.unanswered and self.options.unanswered == "stop":
            self._undone.append((row.id, planned.unanswered[0]))
            self.output_writer.abandon()
        built: dict[str, Any] = msgspec.to_builtins(planned)
        return built

    async def _cleanup(self, metrics_task: Any, tasks_pool: set[Any], **rest: Any) -> None:
        """datatrove's own, after what is on its way came in: it has been paid for.

        Not after Ctrl-C, which is not to wait.
        """
        if self._stopping and tasks_pool:
            await asyncio.wait(tasks_pool, timeout=self.options.timeout)
        await super()._cleanup(metrics_task, tasks_pool, **rest)

    @staticmethod
    def _is_bad_request_error(error: str | Exception) -> bool:
        """Whether an error is kept: one that this request will always meet."""
        if isinstance(error, TurnedAway):
            return error.final
        told = str(error.error) if isinstance(error, InferenceError) else str(error)
        return told.startswith(TURNED_AWAY)

    async def _save_document(
        self,
        document: Document,
        output_writer_context: DiskWriter,
        rank: int,
        chunk_index: int,
        count_processed_stat: bool = True,
    ) -> None:
        """Hand a row to the writer; datatrove's own only logs it when that fails."""
        try:
            output_writer_context.write(document, rank)
        except OSError as error:
            raise ServerError(_unwritten(self.output_writer.folder, error)) from error
        self.stat_update("documents_processed", value=1, unit="document")


class PlannedWriter(DiskWriter):
    """Writes the rows of a task in their order; the file has its name only when it is whole."""

    default_output_filename = "${rank}.jsonl"
    name = "Plans"

    def __init__(self, folder: Path) -> None:
        """Write to a folder, which is made if it is not there."""
        super().__init__(str(folder), compression=None)
        self.folder = folder
        self.rank = 0
        self._waiting: dict[int, bytes] = {}
        self._next = 0
        self._file: Any = None
        self._whole = True

    def __enter__(self) -> "PlannedWriter":
        self._waiting.clear()
        self._next, self._whole = 0, True
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._file = self._unfinished().open("wb")
        except OSError as error:
            raise ServerError(_unwritten(self.folder, error)) from error
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            with self._file as file:
                file.flush()
                os.fsync(file.fileno())
            if kind is None and self._whole:
                os.replace(self._unfinished(), self.folder / f"{self.rank:05d}.jsonl")
            else:
                self._unfinished().unlink(missing_ok=True)
        except OSError as fault:
            self._unfinished().unlink(missing_ok=True)
            raise ServerError(_unwritten(self.folder, fault)) from fault

    def abandon(self) -> None:
        """Give up the file of this run: a row in it is not done."""
        self._whole = False

    def write(self, document: Document, rank: int = 0, **_: Any) -> None:
        """Take a row; it is written when all before it are.

        Raises:
            OSError: it cannot be.
        """
        result = document.metadata[RESULT]
        line = msgspec.json.encode(msgspec.convert(result[0], Planned)) + b"\n"
        self._waiting[document.metadata[PLACE]] = line
        while (line := self._waiting.pop(self._next, b"")) != b"":
            self._file.write(line)
            self._next += 1
        self.stat_update("total")

    def _write(self, document: dict[str, Any], file_handler: Any, filename: str) -> None:
        raise NotImplementedError  # `write` does it all

    def _unfinished(self) -> Path:
        return self.folder / f"{self.rank:05d}.jsonl.part"


def read_planned(folder: Path) -> Iterator[Planned]:
    """The lines of all tasks' files, in order."""
    for path in sorted(folder.glob("*.jsonl")):
        with path.open("rb") as file:
            for line in file:
                yield msgspec.json.decode(line, type=Planned)


@contextmanager
def trouble() -> Iterator[None]:
    """Turn datatrove's errors into the wing's own.

    Raises:
        TrainError: what ended the run.
    """
    try:
        yield
    except (InferenceError, ServerError) as error:
        raise _cause(error) from error
    except ImportError as error:
        raise TeacherError(f"The teacher cannot be started: {visible(str(error))}") from error


def _numbered(data: Iterable[Document]) -> Iterator[Document]:
    for place, document in enumerate(data):
        document.metadata[PLACE] = place
        yield document


def _answering(generate: Callable[[dict[str, Any]], Any]) -> Generate:
    """datatrove's callback in the rollout's words."""

    async def answer(payload: dict[str, Any]) -> InferenceResult:
        try:
            return await generate(payload)
        except Unanswered as error:
            raise NoAnswer(error.reason) from error
        except TurnedAway as error:
            raise NotAnswering(error.reason) from error
        except InferenceError as error:
            # From the kept replies, the local engine, or a server that datatrove has started.
            told = visible(str(error.error))
            if TURNED_AWAY.rstrip(": ") in told:
                raise NotAnswering(told.removeprefix(TURNED_AWAY)) from error
            raise NoAnswer(visible(str(error.__cause__ or told))) from error

    return answer


def _cause(error: BaseException | None) -> TrainError:
    """What ended the run, in our own words where it was ours."""
    first = error
    while error is not None:
        if isinstance(error, TrainError):
            return error
        inner = getattr(error, "error", None)
        if isinstance(inner, TrainError):
            return inner
        error = error.__cause__ or (inner if isinstance(inner, Exception) else None)
    return TeacherError(
        f"The teacher could not be asked: {visible(str(getattr(first, 'error', first)))[:300]}. "
        "Every reply that came is kept."
    )


def _unwritten(folder: Path, error: OSError) -> TeacherError:
    return TeacherError(
        f"The plans cannot be written to {visible(str(folder))}: {error.strerror}. Make room, or "
        "allow writing there, and run again; the replies are kept."
    )
