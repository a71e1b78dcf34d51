"""Trains an adapter for a recipe, from its data set to `train/run.json`.

The loop is this program's own, on torch, with accelerate's processes, transformers' schedules,
peft's adapters, bitsandbytes' optimizer and TensorBoard's files. transformers' Trainer was looked
at first, and would have had to be overridden in each part that matters here:

- A step is a fixed number of rows. Packing makes of them as many sequences as it takes, other
  ones each step, and Trainer accumulates a fixed number of batches.
- Any step's rows are known without those before, so going on skips nothing and needs no state of
  a data loader; Trainer reads its way forward.
- The model takes sequences and gives a sum of losses, never logits, which Trainer's evaluation is
  made of; and several processes share the sequences of one step, not batches.
- Trainer's states are pickles, written into place piece by piece. Here no file holds code, and
  each state is complete or not there.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
import torch

from storytui.folders import as_typed
from storytui.story.visible import visible
from storytui_train.data.pipeline.workplace import Workplace
from storytui_train.errors import RecipeError, TrainError
from storytui_train.recipe import Recipe
from storytui_train.recipe_training import TrainOptions
from storytui_train.training.base import Base, compute_type, load_base
from storytui_train.training.beforehand import foreseen, said_of_beginning
from storytui_train.training.course import Course
from storytui_train.training.device_memory import (
    MemoryWatch,
    hold_no_freed_memory,
    use_freed_memory_again,
)
from storytui_train.training.elsewhere import done_elsewhere, resolved
from storytui_train.training.finishing import keep_what_it_took, said_of, write_outcome
from storytui_train.training.keeping import keep_adapter
from storytui_train.training.learner import Learner
from storytui_train.training.lora import load_adapter, new_adapter
from storytui_train.training.packing import Steps
from storytui_train.training.progress import Progress, counted
from storytui_train.training.row_files import RowFile, rows_path
from storytui_train.training.row_making import RowsRecord, read_rows_record
from storytui_train.training.row_source import base_identity, make_rows, rows_before_gguf
from storytui_train.training.run_folder import (
    Begun,
    Change,
    RunFolder,
    TrainRecord,
    course_of,
    fingerprint_of,
    steering_of,
)
from storytui_train.training.separate import keeps_apart
from storytui_train.training.sharding import shard
from storytui_train.training.spreading import Spread
from storytui_train.training.states import State, adapter_of
from storytui_train.training.stepping import Stepping
from storytui_train.training.stopping import is_out_of_memory, out_of_memory, stop_when_asked

STAGE, DATASET = "train", "dataset"


def train(
    recipe: Recipe,
    place: Workplace,
    told: Callable[[str], None],
    *,
    again: bool = False,
    progress: Progress | None = None,
) -> TrainRecord:
    """Train a recipe's adapter, or go on with it; what is done and did not change is skipped.

    Several processes that `accelerate launch` has started each call it, with one folder that all
    of them see; the first writes and speaks.

    Args:
        recipe: its section train, and what made its data set.
        place: its working folder, which nobody else works in.
        told: gets lines for the user.
        again: whether it is trained anew though nothing changed, or a state is there.
        progress: shows how far it is; None: on standard error.

    Raises:
        RecipeError: the recipe asks for what cannot be.
        TrainError: there is no data set, or training cannot go on; it says from where it can.
        KeyboardInterrupt: Ctrl-C; a state was saved.
    """
    options = located(recipe.train, place.recipe_folder)
    check(options)
    spread = Spread()
    if progress is None or not spread.first:
        progress = Progress(told if spread.first else _silent)
    return _Run(recipe, options, place, spread, progress).whole(again=again)


def check(options: TrainOptions) -> None:
    """See that the numbers of the recipe's section train can be.

    Raises:
        RecipeError: one cannot.
    """
    if not options.base.strip():
        raise RecipeError("No base is named. Say base under [train]: which model is trained.")
    for name, least in (
        *(("sequence", 1), ("batch", 1), ("rows_at_once", 1), ("loss_rows", 1), ("rank", 1)),
        *(("steps", 0), ("validate_every", 0), ("validation_rows", 0), ("patience", 0)),
        *(("save_every", 0), ("keep_states", 1), ("weight_decay", 0), ("max_grad_norm", 0)),
        ("answers_per_plan", 0),
    ):
        if not getattr(options, name) >= least:
            raise RecipeError(f"{name} under [train] must be at least {least}.")
    if not options.learning_rate > 0:
        raise RecipeError("learning_rate under [train] must be more than 0.")
    if not 0 <= options.warmup <= 1:
        raise RecipeError("warmup under [train] is a share of the steps, from 0 to 1.")
    if not (options.epochs > 0 or options.steps):
        raise RecipeError("epochs under [train] must be more than 0.")


class _Run:
    """One call of `train`."""

    def __init__(
        self,
        recipe: Recipe,
        options: TrainOptions,
        place: Workplace,
        spread: Spread,
        progress: Progress,
    ) -> None:
        self._asked = recipe
        self._options = options
        self._recipe = msgspec.structs.replace(recipe, train=options)
        self._place = place
        self._spread = spread
        self._progress = progress
        self._folder = RunFolder(place.stage(STAGE), recipe.train.keep_states)

    def whole(self, *, again: bool) -> TrainRecord:
        """All of it."""
        done = None if again else self._folder.record()
        steering = steering_of(self._options)
        identity = base_identity(self._options)
        here = resolved(self._options, self._spread.device)

        def course_of_rows(rows: RowsRecord, kind: str) -> str:
            return course_of(
                self._options,
                base=identity,
                rows=rows.fingerprint,
                seed=self._recipe.seed,
                resolved=kind,
            )

        if done is not None:
            made = rows_before_gguf(self._place.parts(DATASET), self._folder.rows, self._recipe)
            # A GGUF that is named afterwards, to be served with, is no reason to train anew.
            if made and done.fingerprint == fingerprint_of(course_of_rows(made, here), steering):
                self._progress.tell(
                    f"{STAGE}: nothing changed but gguf, skipped: it is trained on the tokens of "
                    f"the base's own tokenizer ({said_of(done)})"
                )
                return done
        rows = self._rows()
        course = course_of_rows(rows, here)
        wanted = fingerprint_of(course, steering)
        if not again:
            how = "nothing changed"
            if done is None or done.fingerprint != wanted:
                how = "nothing but the device changed (--again trains anew on this one)"
                done = done_elsewhere(
                    *(self._folder, self._options, self._spread.device),
                    partial(course_of_rows, rows),
                )
            if done is not None:
                self._progress.tell(f"{STAGE}: {how}, skipped ({said_of(done)})")
                return done
        # Nobody changes the folder before all have looked.
        self._spread.wait()
        if self._spread.first:
            self._begin(course, steering, again=again)
        self._spread.wait()
        return self._train(rows, course, wanted)

    def _rows(self) -> RowsRecord:
        if self._spread.first:
            made = make_rows(
                self._place.parts(DATASET),
                self._folder.rows,
                self._recipe,
                counted(self._progress, "rows in tokens"),
            )
            self._progress.tell(f"rows: {made.sentence}")
        self._spread.wait()
        record = read_rows_record(self._folder.rows)
        if record is None:
            raise TrainError(
                f"This process does not see the rows in {visible(str(self._folder.rows))}. All "
                "processes need one working folder, on a disk that they share."
            )
        return record

    def _begin(self, course: str, steering: dict[str, object], *, again: bool) -> None:
        """Make the folder ready: go on with what it is at work on, or begin anew."""
        begun = self._folder.begun()
        latest = self._folder.states.latest()
        try:
            if begun is None or begun.course != course or again:
                if latest is not None and not again:
                    self._progress.tell(
                        f"{STAGE}: rows, base or settings changed since step {latest[0].step:,}, "
                        "and training begins anew"
                    )
                elif self._folder.record() is not None and not again:
                    kept = visible(str(keep_adapter(self._folder)), newlines=False)
                    self._progress.tell(
                        f"{STAGE}: rows, base or settings changed since the adapter was trained, "
                        f"and it is trained anew; the one before is in {kept}"
                    )
                self._folder.clear()
                begun = Begun(course=course, steering=steering)
            elif begun.steering != steering:
                changed = {
                    name: value
                    for name, value in steering.items()
                    if begun.steering.get(name) != value
                }
                step = latest[0].step if latest else 0
                if step:
                    told = ", ".join(f"{name} = {value}" for name, value in changed.items())
                    self._progress.tell(
                        f"{STAGE}: goes on from step {step:,} with {told}; --again begins anew"
                    )
                changes = [*begun.changes, Change(step, changed)] if step else []
                begun = Begun(course=course, steering=steering, changes=changes)
            self._folder.begin(begun)
        except OSError as error:
            raise TrainError(
                f"Nothing can be written to {visible(str(self._folder.folder))}: "
                f"{error.strerror or error}."
            ) from error

    def _train(self, rows: RowsRecord, course: str, wanted: str) -> TrainRecord:
        step: int | None = None
        under_way: Course | None = None
        try:
            under_way, come_from = self._load(rows, course)
            with stop_when_asked(self._progress.tell) as stop:
                ended = under_way.run(come_from, stop)
            return self._finish(under_way, rows, ended, wanted)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            if under_way is not None:
                step = under_way.state.step + 1
            raise out_of_memory(self._options, self._spread.device.type, step) from error

    def _load(self, rows: RowsRecord, course: str) -> "tuple[Course, Path | None]":
        """The model with its adapter, and the state that it goes on from."""
        options, spread, folder = self._options, self._spread, self._folder
        train_rows = RowFile.of(folder.rows, "train")
        validation = None
        if rows_path(folder.rows, "validation").is_file() and rows.splits["validation"].rows:
            validation = RowFile.of(folder.rows, "validation")
        steps = Steps(
            len(train_rows),
            batch=options.batch,
            seed=self._recipe.seed,
            epochs=options.epochs,
            steps=options.steps,
        )
        hold_no_freed_memory()
        watch = MemoryWatch(spread.device)
        progress = counted(self._progress, "the base's tensors")
        for line in foreseen(options, spread):
            self._progress.tell(f"{STAGE}: {line}")
        base = self._base(progress)
        found = folder.states.latest()
        if found is not None and (found[0].base != base.fingerprint or found[0].course != course):
            raise TrainError(
                f"The base {visible(base.source)} is not what it was when training began. Train "
                "anew with --again."
            )
        if found is None:
            model = new_adapter(base, options, seed=self._recipe.seed)
            state = State(step=0, course=course, base=base.fingerprint, log=0, numbers=[])
        else:
            state = found[0]
            model = load_adapter(base, adapter_of(found[1]))
            self._progress.tell(f"{STAGE}: goes on from step {state.step:,} of {len(steps):,}")
            state = self._with_best(state, found[1])
        if spread.sharded:
            base = shard(base, model, spread.device, spread.processes)
        learner = Learner(base, model, options)
        use_freed_memory_again()
        packing = options.packing and keeps_apart(base)
        stepping = Stepping(
            learner,
            options,
            spread,
            vocabulary=base.config.vocab_size,
            seed=self._recipe.seed,
            packing=packing,
        )
        count = sum(each.numel() for each in stepping.trained)
        for line in said_of_beginning(base, options, spread, steps=len(steps), trained=count):
            self._progress.tell(f"{STAGE}: {line}")
        watch.again()
        under_way = Course(
            options=options,
            folder=folder,
            spread=spread,
            base=base,
            model=model,
            stepping=stepping,
            steps=steps,
            rows=train_rows,
            validation=validation,
            watch=watch,
            progress=self._progress,
            state=state,
        )
        return under_way, None if found is None else found[1]

    def _base(self, progress: Callable[[int, int], None]) -> Base:
        """The base, on this process's device, or in host memory if it is to be shared out."""
        device, options = self._spread.device, self._options
        if not self._spread.sharded:
            return load_base(options, device, progress=progress)
        half = compute_type(options, device) == torch.bfloat16
        options = msgspec.structs.replace(options, compute="bfloat16" if half else "float32")
        return load_base(options, torch.device("cpu"), progress=progress)

    def _with_best(self, state: State, come_from: Path) -> State:
        """See that `adapter/` is of the best validation that the state knows of.

        All processes find the same: none writes an adapter before all have taken a step.
        """
        if state.best is None:
            return state
        if state.best.step == state.step:
            # It may have ended between the state and this.
            if self._spread.first:
                self._folder.take_adapter(adapter_of(come_from))
        elif not self._folder.adapter.is_dir():
            return msgspec.structs.replace(state, best=None, worse=0)
        return state

    def _finish(self, under_way: Course, rows: RowsRecord, ended: str, wanted: str) -> TrainRecord:
        """Write what was made, and its record last."""
        state, folder = under_way.state, self._folder
        record = None
        if self._spread.first:
            try:
                record = write_outcome(
                    under_way, self._asked, rows, ended=ended, fingerprint=wanted
                )
                folder.finish(record)
            except OSError as error:
                raise TrainError(
                    f"What was trained cannot be written to {visible(str(folder.folder))}: "
                    f"{error.strerror or error}. Make room, and the same command goes on."
                ) from error
            keep_what_it_took(under_way)
            self._progress.tell(f"{STAGE}: {said_of(record)}")
            if state.before is not None and state.best and state.best.loss >= state.before:
                self._progress.tell(
                    f"{STAGE}: no validation was better than before training. Lower learning_rate, "
                    "or train on more rows."
                )
        self._spread.wait()
        record = record or folder.record()
        if record is None:
            raise TrainError(f"This process does not see {visible(str(folder.folder))}.")
        return record


def located(options: TrainOptions, folder: Path) -> TrainOptions:
    """The same with paths as they are seen from the recipe's folder."""
    changed = {}
    for name in ("base", "gguf"):
        value = getattr(options, name).strip()
        path = folder / as_typed(value)
        if value and path.exists():
            changed[name] = str(path.absolute())
    return msgspec.structs.replace(options, **changed)


def _silent(_line: str) -> None:
    """Nothing is said: another process does."""
