"""The versions and the takes of the open manuscript, kept by a thread of their own.

The editor hands over and goes on; what it asks for comes back on its loop. The databases are
opened with the first thing that is to be kept or read.
"""

import asyncio
import contextlib
import contextvars
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from storytui.manuscript.home import Home

if TYPE_CHECKING:  # sqlite3 and what goes with it are not needed to paint a page
    from storytui.manuscript.history import History, Why
    from storytui.takes.store import TakeStore
    from storytui.takes.take import Take

END_SECONDS = 10.0
"""How long the editor waits at its end for what is still to be kept."""

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Keep:
    """How much is kept, and for how long."""

    history_bytes: int
    take_days: int
    """0: for ever."""
    model_hashes: Path | None = None
    """The file that remembers the hashes of models; None: none does."""


class Archive:
    """Keeps versions and takes; every method returns at once."""

    def __init__(self, home: Home, keep: Keep, problem: Callable[[str], None]) -> None:
        """Open nothing yet.

        Args:
            home: the manuscript's home.
            keep: how much is kept.
            problem: called on the loop with a sentence when something could not be kept.
        """
        self._home = home
        self._keep = keep
        self._problem = problem
        self._loop = asyncio.get_running_loop()
        # Textual finds the app that runs in the context; a thread's own has none.
        self._context = contextvars.copy_context()
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._history: History | None = None
        self._takes: TakeStore | None = None
        self._troubled = ""

    # --- to be kept -------------------------------------------------------------------------------

    def version(self, text: str, why: "Why", form: str = "", *, words: int | None = None) -> None:
        """Keep a version of the text, where it is another than the last."""

        def keep() -> None:
            self._open_history().add(text, why, form, words=words)

        self._put(keep)

    def take(self, take: "Take") -> None:
        """Keep a take as it is now."""
        kept = replace(take, accepted=list(take.accepted))
        self._put(lambda: self._open_takes().keep(kept))

    def fingerprint(self, model: str, then: Callable[[str], None]) -> None:
        """Find the hash of a model's file, which may take a while; `then` is called on the loop."""
        cache = self._keep.model_hashes

        def find() -> None:
            from storytui.engine.api import ModelError
            from storytui.models.fingerprint import fingerprint

            # A model that has just gone is the engine's affair.
            with contextlib.suppress(ModelError):
                self._answer(then, fingerprint(Path(model), cache))

        threading.Thread(target=find, name="fingerprint", daemon=True).start()

    # --- to be read -------------------------------------------------------------------------------

    def ask_history(
        self, question: "Callable[[History], _Answer]", then: Callable[[_Answer], None]
    ) -> None:
        """Ask the history; `then` is called on the loop with the answer, unless it failed."""
        self._put(lambda: self._answer(then, question(self._open_history())))

    def ask_takes(
        self, question: "Callable[[TakeStore], _Answer]", then: Callable[[_Answer], None]
    ) -> None:
        """Ask for takes; `then` is called on the loop with the answer, unless it failed."""
        self._put(lambda: self._answer(then, question(self._open_takes())))

    def text_of(self, number: int) -> str:
        """The text of a version; waits for it, so it is not called on the loop.

        Raises:
            StorageError, ManuscriptError: it cannot be read.
        """
        answer: Future[str] = Future()

        def read() -> None:
            try:
                answer.set_result(self._open_history().text(number))
            except BaseException as error:
                answer.set_exception(error)
                raise

        self._put(read)
        return answer.result()

    def takes_by_id(self, ids: list[str], then: "Callable[[dict[str, Take]], None]") -> None:
        """Takes that were kept, by their id; `then` is called on the loop."""
        self.ask_takes(lambda store: store.by_ids(ids), then)

    def close(self) -> None:
        """Finish what is to be kept, and close the databases."""
        if self._thread is not None:
            self._jobs.put(self._shut)
            self._jobs.put(None)
            self._thread.join(END_SECONDS)

    # --- the thread -------------------------------------------------------------------------------

    def _put(self, job: Callable[[], None]) -> None:
        self._jobs.put(job)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="archive", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        from storytui.manuscript.file import ManuscriptError
        from storytui.storage.database import StorageError

        while (job := self._jobs.get()) is not None:
            try:
                job()
                self._troubled = ""
            except (StorageError, ManuscriptError) as error:
                # Said once: the same full disk would be told of with every sentence taken.
                if str(error) != self._troubled:
                    self._troubled = str(error)
                    self._answer(self._problem, str(error))

    def _answer(self, then: Callable[[_Answer], None], answer: _Answer) -> None:
        # The loop may already be gone when the editor is closing.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(then, answer, context=self._context)

    def _open_history(self) -> "History":
        if self._history is None:
            from storytui.manuscript.history import History

            self._history = History(self._home.history_path, cap_bytes=self._keep.history_bytes)
            self._tell_of_damage("earlier versions", self._history.moved_aside)
        return self._history

    def _open_takes(self) -> "TakeStore":
        if self._takes is None:
            from storytui.takes.store import TakeStore

            self._takes = TakeStore(self._home.takes_path)
            self._takes.retain(self._keep.take_days)
            self._tell_of_damage("takes", self._takes.moved_aside)
        return self._takes

    def _tell_of_damage(self, what: str, moved_aside: Path | None) -> None:
        if moved_aside is not None:
            sentence = f"The {what} of this story were damaged; what there was is in {moved_aside}."
            self._answer(self._problem, sentence)

    def _shut(self) -> None:
        if self._history is not None:
            self._history.close()
        if self._takes is not None:
            self._takes.close()
