"""The working folder of a recipe: where each stage's files are, and who works there."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storytui.manuscript.lock import Lock
from storytui_train.data.pipeline.company import wait_for_others
from storytui_train.data.pipeline.record import Record, read_record, write_atomically
from storytui_train.errors import TrainError

BEGUN, LOCK, COMPANY = "begun", ".lock", ".processes"


class Workplace:
    """A working folder.

    Each stage has a folder of its own: `parts/` are its output, `logs/` what datatrove writes
    down (which pieces are done), `refused/` what was left out. `STAGE.json` beside the folder is
    written last.
    """

    def __init__(self, folder: Path, recipe_folder: Path) -> None:
        """Work in `folder`, which may not be there yet.

        Args:
            folder: of this recipe alone.
            recipe_folder: what paths in the recipe are relative to.
        """
        self.folder = folder
        self.recipe_folder = recipe_folder

    @property
    def company(self) -> Path:
        """Where the processes of a run have their names."""
        return self.folder / COMPANY

    def stage(self, name: str) -> Path:
        """The folder of a stage."""
        return self.folder / name

    def parts(self, name: str) -> Path:
        """The folder of a stage's output, one file a piece of the work."""
        return self.folder / name / "parts"

    def record_path(self, name: str) -> Path:
        """Where a stage's record stands."""
        return self.folder / f"{name}.json"

    def record(self, name: str) -> Record | None:
        """A stage's record; None where it is not complete."""
        return read_record(self.record_path(name))

    def begin(self, name: str, fingerprint: str) -> Path:
        """A stage's folder, ready to be worked in.

        What an earlier run left of the same work stays and is gone on with; anything else is
        removed first.
        """
        folder = self.stage(name)
        mark = folder / BEGUN
        self.record_path(name).unlink(missing_ok=True)
        if not (mark.is_file() and mark.read_text("utf-8", "replace") == fingerprint):
            if folder.exists():
                shutil.rmtree(folder)
            (folder / "parts").mkdir(parents=True)
            write_atomically(mark, fingerprint.encode())
        return folder

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep others out of the folder meanwhile.

        Raises:
            TrainError: somebody else works there, or the folder cannot be made.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = Lock(self.folder / LOCK)
            holder = lock.holder()
            if holder is not None:
                raise TrainError(
                    f"Another storytui-train works in {self.folder} ({holder.described}); wait "
                    "for it, or use another folder."
                )
            lock.take()
        except OSError as error:
            raise TrainError(
                f"Nothing can be written in {self.folder}: {error.strerror}."
            ) from error
        try:
            wait_for_others(self.company)
            yield
        finally:
            lock.release()
