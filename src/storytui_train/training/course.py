"""A training under way: step by step, with validations, states to go on from, and what ends it."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from math import ceil, exp, isfinite
from typing import TYPE_CHECKING

import msgspec
import torch

from storytui_train.errors import TrainError
from storytui_train.recipe_training import TrainOptions
from storytui_train.training.base import Base
from storytui_train.training.device_memory import MemoryWatch
from storytui_train.training.lora import save_adapter
from storytui_train.training.optimizers import new_optimizer, rates, restore, set_rate, state_of
from storytui_train.training.packing import Steps
from storytui_train.training.progress import Moment, Progress
from storytui_train.training.row_files import RowFile
from storytui_train.training.run_folder import RunFolder
from storytui_train.training.run_log import Line, RunLog
from storytui_train.training.spreading import Spread
from storytui_train.training.states import Best, State, read_optimizer
from storytui_train.training.stepping import (
    InterruptedStep,
    NotANumberError,
    Stepping,
    clip,
)
from storytui_train.training.stopping import Stop, not_a_number

if TYPE_CHECKING:
    from pathlib import Path

    from peft import PeftModel

SMOOTHING = 0.9
"""Of the loss that is shown: how much of the one before stays."""
VALIDATIONS = 10
"""In a run, where the recipe does not say."""


@dataclass(slots=True)
class Course:
    """A training, from a state to its end."""

    options: TrainOptions
    folder: RunFolder
    spread: Spread
    base: Base
    model: "PeftModel"
    stepping: Stepping
    steps: Steps
    rows: RowFile
    validation: RowFile | None
    """None: there is nothing to validate with."""
    watch: MemoryWatch
    progress: Progress
    state: State
    """Where it stands."""
    clock: Callable[[], float] = time.monotonic

    def run(self, come_from: "Path | None", stop: Stop) -> str:
        """Train to the end; returns what ended it: `steps`, or `patience`.

        Args:
            come_from: the folder of the state that it goes on from.
            stop: whether somebody has asked to stop.

        Raises:
            KeyboardInterrupt: somebody has; a state was saved.
            TrainError: the loss is no number, or nothing can be written.
        """
        optimizer = new_optimizer(self.stepping.trained, self.options, self.base.device)
        if come_from is not None:
            found = read_optimizer(come_from)
            restore(optimizer, self.stepping.trained, found, self.state.numbers)
        rate_of = rates(self.options, len(self.steps))
        saved = self.state.step if come_from is not None else -1
        sitting = _Sitting(
            began=self.clock(),
            before=self.state.seconds,
            tokens=self.state.tokens,
            stepping=self.state.stepping,
            step=self.state.step,
        )
        log = None
        try:
            if self.spread.first:
                log = RunLog(self.folder, size=self.state.log, step=self.state.step)
            if come_from is None:
                self._before(log, sitting)
            while self.state.step < len(self.steps) and not self._has_stalled:
                step = self.state.step
                if self.spread.any(stop()):
                    raise InterruptedStep
                began = self.clock()
                alone = stop if self.spread.processes == 1 else _never
                figures = self.stepping.gradients(self.rows, self.steps[step], step, alone)
                norm = clip(self.stepping.trained, self.options.max_grad_norm)
                rate = rate_of(step)
                set_rate(optimizer, rate)
                optimizer.step()
                stepped = self.clock() - began
                self._count(figures.loss, figures.tokens, figures.trained, stepped)
                self._show(figures.loss, rate, sitting)
                better = self._validate() if self._is_due(self._validate_every) else None
                line = Line(
                    step=self.state.step,
                    loss=figures.loss,
                    learning_rate=rate,
                    gradient=norm,
                    tokens=figures.tokens,
                    trained=figures.trained,
                    seconds=round(self.clock() - sitting.began + sitting.before, 3),
                    validation=None if better is None else self.state.loss,
                )
                self._log(log, line)
                # Before the adapter is put where the best one is: that is always a state's.
                if better or self._is_due(self._save_every):
                    self._save(optimizer, log, sitting)
                    saved = self.state.step
                if better and self.spread.first:
                    save_adapter(self.model, self.folder.adapter, self.base)
        except InterruptedStep:
            if saved != self.state.step:
                self._save(optimizer, log, sitting)
            self.progress.tell(
                f"The state of step {self.state.step:,} of {len(self.steps):,} is saved; the same "
                "command goes on from there."
            )
            raise KeyboardInterrupt from None
        except NotANumberError as error:
            if self.spread.first and saved == self.state.step:
                # What came of it at once may be its own fault.
                best = self.state.best
                with suppress(OSError):
                    self.folder.drop(saved, adapter=best is not None and best.step == saved)
            latest = self.folder.states.latest()
            kept = None if latest is None else latest[0].step
            raise not_a_number(str(error), self.state.step + 1, kept, self.options) from error
        except OSError as error:
            raise self._unwritten(error) from error
        finally:
            if log is not None:
                log.close()
            self.state = msgspec.structs.replace(
                self.state, seconds=self.clock() - sitting.began + sitting.before
            )
            self.progress.close()
        return "patience" if self._has_stalled else "steps"

    @property
    def _has_stalled(self) -> bool:
        """Whether nothing has become better for so long that it ends."""
        return bool(self.options.patience) and self.state.worse >= self.options.patience

    @property
    def _validate_every(self) -> int:
        return self.options.validate_every or max(1, ceil(len(self.steps) / VALIDATIONS))

    @property
    def _save_every(self) -> int:
        return self.options.save_every or self._validate_every

    def _is_due(self, every: int) -> bool:
        return self.state.step % every == 0 or self.state.step == len(self.steps)

    def _before(self, log: RunLog | None, sitting: "_Sitting") -> None:
        """Validate what nothing was learnt of yet."""
        if self.validation is None:
            return
        loss = self._validation_loss(self.validation)
        self.progress.tell(f"before training: {_perplexity(loss)}")
        self._set(before=loss)
        seconds = round(self.clock() - sitting.began + sitting.before, 3)
        self._log(log, Line(step=0, validation=loss, seconds=seconds))

    def _validate(self) -> bool | None:
        """Whether the adapter is better than all before; None: there is nothing to find out by."""
        if self.validation is None:
            return None
        loss = self._validation_loss(self.validation)
        best = self.state.best
        if not isfinite(loss):
            raise NotANumberError("the validation's loss")
        better = best is None or loss < best.loss
        if better:
            self._set(best=Best(self.state.step, loss), worse=0, loss=loss)
        else:
            self._set(worse=self.state.worse + 1, loss=loss)
        verdict = "the best so far" if better else f"not better for {self.state.worse}"
        self.progress.tell(f"step {self.state.step:,}: {_perplexity(loss)}, {verdict}")
        return better

    def _validation_loss(self, rows: RowFile) -> float:
        return self.stepping.losses(rows, rows.spread(self.options.validation_rows)).loss

    def _count(self, loss: float, tokens: int, trained: int, seconds: float) -> None:
        state = self.state
        # The first ones are weighed alike.
        share = max(1 - SMOOTHING, 1 / (state.step + 1))
        self._set(
            step=state.step + 1,
            smooth=loss if state.smooth is None else state.smooth + share * (loss - state.smooth),
            tokens=state.tokens + tokens,
            trained=state.trained + trained,
            stepping=state.stepping + seconds,
            peak=max(state.peak, self.watch.peak()),
        )

    def _show(self, loss: float, rate: float, sitting: "_Sitting") -> None:
        done, state = self.state.step - sitting.step, self.state
        passed = self.clock() - sitting.began
        moment = Moment(
            step=state.step,
            steps=len(self.steps),
            loss=state.smooth if state.smooth is not None else loss,
            rate=rate,
            speed=(state.tokens - sitting.tokens) / max(state.stepping - sitting.stepping, 1e-9),
            memory=self.watch.peak(),
            memory_of=self.watch.short,
            left=passed / done * (len(self.steps) - state.step),
        )
        self.progress.step(moment, loss)

    def _log(self, log: RunLog | None, line: Line) -> None:
        if log is not None:
            self._set(log=log.add(line))

    def _save(
        self, optimizer: torch.optim.Optimizer, log: RunLog | None, sitting: "_Sitting"
    ) -> None:
        if log is None:
            return
        log.settle()
        tensors, numbers = state_of(optimizer, self.stepping.trained)
        self._set(numbers=numbers, seconds=self.clock() - sitting.began + sitting.before)
        self.folder.states.save(
            self.state, tensors, lambda folder: save_adapter(self.model, folder, self.base)
        )

    def _set(self, **changed: object) -> None:
        self.state = msgspec.structs.replace(self.state, **changed)

    def _unwritten(self, error: OSError) -> TrainError:
        latest = None
        with suppress(OSError):
            latest = self.folder.states.latest()
        kept = f"the state of step {latest[0].step:,}" if latest else "the beginning"
        return TrainError(
            f"Nothing can be written to {self.folder.folder} any more: {error.strerror or error}. "
            f"Make room, and the same command goes on from {kept}."
        )


@dataclass(slots=True)
class _Sitting:
    """From when a program goes on with a run to when it ends."""

    began: float
    before: float
    """Seconds of the run before that."""
    tokens: int
    """Of the run before that."""
    stepping: float
    """Seconds of steps before that."""
    step: int
    """Steps that were done before that."""


def _perplexity(loss: float) -> str:
    words = f"perplexity {exp(min(loss, 700.0)):,.2f}"
    return f"{words} on the validation's replies"


def _never() -> bool:
    return False
