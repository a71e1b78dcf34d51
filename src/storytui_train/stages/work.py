"""What a stage behind the data set is given, and how its record is kept and believed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import msgspec

from storytui.engine.api import ModelError
from storytui.folders import as_typed
from storytui.story.visible import visible
from storytui_train.data.pipeline.progress import in_words
from storytui_train.data.pipeline.record import Record, fingerprint, now, versions, write_record
from storytui_train.data.pipeline.workplace import Workplace
from storytui_train.errors import BaseModelError, TeacherError, TrainError
from storytui_train.recipe import Recipe
from storytui_train.recipe_training import TrainOptions

DATASET = "dataset"
_EVERY = 0.1


@dataclass(frozen=True)
class ModelWork:
    """What a stage behind the data set is given."""

    recipe: Recipe
    place: Workplace
    told: Callable[[str], None]
    """A line for the user."""
    recipe_hash: str = ""
    """SHA-256 of the recipe's file; empty: it has none."""
    again: bool = False
    """Whether it is done though nothing changed."""

    @property
    def dataset(self) -> Path:
        """The data set's folder."""
        return self.place.parts(DATASET)

    @property
    def train(self) -> TrainOptions:
        """How the model is trained, with paths as they are seen from the recipe."""
        from storytui_train.training.qlora import located

        return located(self.recipe.train, self.place.recipe_folder)

    def named(self, model: str) -> str:
        """A model that the recipe names, by name, or by its path as it is seen from the recipe.

        Args:
            model: as `evaluate --model` takes it; what an adapter is behind a plus sign.
        """
        whole = self._path(model)
        if whole:
            return whole
        for at in reversed([at for at, sign in enumerate(model) if sign == "+"]):
            adapter, at_sign, scale = model[at + 1 :].rpartition("@")
            own = self._path(model[at + 1 :])
            scaled = self._path(adapter)
            if own or scaled:
                base = self._path(model[:at]) or model[:at]
                return f"{base}+{own or scaled + at_sign + scale}"
        return model

    def _path(self, named: str) -> str:
        """The path of a file that is seen from the recipe; empty: there is none."""
        path = self.place.recipe_folder / as_typed(named)
        return str(path.absolute()) if named.strip() and path.is_file() else ""


class Sitting:
    """One stage that is being done: knows what it depends on, and when it began."""

    def __init__(
        self, work: ModelWork, name: str, inputs: Mapping[str, str], settings: object
    ) -> None:
        """Begin.

        Args:
            work: what the stage is given.
            name: the stage's.
            inputs: what it depends on, with hashes.
            settings: what of the recipe it heeds.
        """
        self._work, self._name = work, name
        self._inputs, self._settings = dict(inputs), settings
        self._began = monotonic()
        self.wanted = fingerprint(name, self._inputs, settings)
        """The fingerprint of what it makes."""

    def done(self) -> Record | None:
        """The record of the same work, where that is complete and all files are there; it is told.
        None: the work is to be done, and no record says otherwise any more."""
        work, path = self._work, self._work.place.record_path(self._name)
        record = work.place.record(self._name)
        if record is not None and record.fingerprint == self.wanted and not work.again:
            there = all((work.place.folder / each).is_file() for each in record.outputs)
            if there:
                work.told(f"{self._name}: nothing changed, skipped ({counted(record.counts)})")
                return record
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise unwritten(self._name, error) from error
        return None

    def finish(self, counts: Mapping[str, int], outputs: Mapping[str, str]) -> Record:
        """Write the record, by which the work counts as complete."""
        record = Record(
            stage=self._name,
            fingerprint=self.wanted,
            inputs=self._inputs,
            settings=msgspec.to_builtins(self._settings),
            versions=versions(),
            counts=dict(counts),
            outputs=dict(outputs),
            seconds=round(monotonic() - self._began, 3),
            finished=now(),
        )
        try:
            write_record(self._work.place.record_path(self._name), record)
        except OSError as error:
            raise unwritten(self._name, error) from error
        self._work.told(f"{self._name}: {counted(counts)} in {in_words(record.seconds)}")
        return record


def unwritten(name: str, error: OSError) -> TrainError:
    """What is said where a stage cannot write."""
    where = f" ({visible(str(error.filename), newlines=False)})" if error.filename else ""
    return TrainError(
        f"{name} could not go on: {error.strerror or error}{where}. Run it again to go on from "
        "here."
    )


def served_base(work: ModelWork) -> Path:
    """The GGUF file that the model is served with: the one named beside the base, or the base.

    Raises:
        BaseModelError: there is none.
    """
    from storytui_train.data.teacher.engines import model_file
    from storytui_train.training.base import base_place

    options = work.train
    kind, source = base_place(options)
    if not options.gguf.strip():
        if kind == "gguf":
            return Path(source)
        raise BaseModelError(
            f"The base {visible(options.base, newlines=False)} is no GGUF file, and adapters are "
            "made into GGUF files for one. Name a GGUF of the same base as gguf under [train] in "
            f"the recipe, by name or path. What was trained is in "
            f"{visible(str(work.place.stage('train') / 'adapter'), newlines=False)}, and stays."
        )
    try:
        return model_file(options.gguf)
    except (TeacherError, ModelError) as error:
        raise BaseModelError(f"The GGUF of the base cannot be used. {error}") from error


def counted(counts: Mapping[str, int]) -> str:
    """Counts for people."""
    return ", ".join(f"{number:,} {name}" for name, number in counts.items()) or "done"


def shares(told: Callable[[str], None], what: str) -> Callable[[int, int], None]:
    """Tells of each tenth of some work.

    Args:
        told: gets a line.
        what: is done.

    Returns:
        What is to be called with what is done, and with all there is.
    """
    last = [0]

    def tell(done: int, of: int) -> None:
        share = int(done / max(1, of) / _EVERY)
        if share > last[0] and share * _EVERY < 1:
            last[0] = share
            told(f"{what}: {round(100 * share * _EVERY)} %")

    return tell
