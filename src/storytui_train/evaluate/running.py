"""Measures models on rows, one after the other; what is done is kept and not done again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from storytui.engine.api import Engine, EngineDiedError, EngineError, PromptTooLongError
from storytui.story.visible import visible
from storytui_train.data.examples import Row
from storytui_train.data.teacher.controls import shuffled
from storytui_train.data.teacher.judging import end_of
from storytui_train.errors import EvaluateError, TrainError
from storytui_train.evaluate.asking import Asked, planned
from storytui_train.evaluate.contestants import Contestant, OpenContestant, opening
from storytui_train.evaluate.kept import Kept, key
from storytui_train.evaluate.likelihood import Gain, Likelihood, gain, likelihood
from storytui_train.evaluate.progress import Progress
from storytui_train.evaluate.takes import Free, Take, free_request, write_free, write_take

VERSION = "evaluate-2"
"""Of how things are asked: others are other measurements."""
_WRITTEN = "evaluate-1"
"""The same, of what models write, which is asked as it was in the first version."""
CONTEXTS = (4096, 8192, 16_384)
"""Tokens that an engine is opened with, where the model allows it; longer contexts are cut. In few
steps, since what was measured with other ones is measured anew."""
_CHARACTERS = 3
"""Of a token, at the least, on average: more of English."""
_ROOM = 1536
"""Tokens for the format, a plan, and what the editor keeps free."""

Done = TypeVar("Done", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of one model, by rows' ids."""

    contestant: Contestant
    likelihoods: dict[str, Likelihood] = field(default_factory=dict)
    takes: dict[str, Take] = field(default_factory=dict)
    free: dict[str, Free] = field(default_factory=dict)
    gains: dict[str, Gain] = field(default_factory=dict)
    too_long: set[str] = field(default_factory=set)
    """Rows that do not fit its context: not all was done of them."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What came of all models."""

    found: tuple[Measured, ...]
    """Of those that could be measured, in their order."""
    failed: tuple["ModelFailedError", ...] = ()
    """Why the others could not."""


class ModelFailedError(EvaluateError):
    """One model cannot be measured; what others come to is as good."""

    def __init__(self, contestant: Contestant, sentence: str) -> None:
        """Say why, in a sentence."""
        super().__init__(sentence)
        self.contestant = contestant


class TooLongError(ModelFailedError):
    """What is asked does not fit a model's context."""


def context_for(rows: Sequence[Row], asked: Asked) -> int:
    """Tokens of context in which the rows fit."""
    longest = max((len(end_of(row.context, asked.context_words)) for row in rows), default=0)
    words = max([asked.words, *(len(row.continuation.split()) for row in rows)])
    wanted = longest // _CHARACTERS + 4 * words + _ROOM
    return next((each for each in CONTEXTS if each >= wanted), CONTEXTS[-1])


def measure(
    models: Sequence[Contestant],
    rows: Sequence[Row],
    asked: Asked,
    kept: Kept,
    *,
    takes: int,
    base: Contestant | None = None,
    open_engine: OpenContestant | None = None,
    progress: Progress | None = None,
) -> Measurement:
    """Measure models: score all rows, and have takes written for the first of them.

    Where one fails, the others are measured all the same.

    Args:
        models: in their order.
        rows: whose continuations are scored.
        asked: what all are asked alike.
        kept: what was done before, and what is done.
        takes: how many of the rows takes are written for.
        base: the one of them that nothing can be said without.
        open_engine: opens a model with so many tokens of context; None: the project's engine.
        progress: told of each step.

    Raises:
        EvaluateError: the base or every model fails, or nothing can be kept.
    """
    progress = progress or Progress(steps(len(models), len(rows), takes))
    open_engine = open_engine or opening()
    context = context_for(rows, asked)
    found: list[Measured] = []
    failed: list[ModelFailedError] = []
    try:
        for each in models:
            progress.begin(each.name)
            seat = Seat(each, asked, kept, context, open_engine, progress)
            try:
                found.append(_measure(seat, rows, takes))
            except ModelFailedError as error:
                if each == base:
                    raise
                failed.append(error)
            finally:
                seat.close()
    finally:
        progress.close()
    if failed and all(each.contestant == base for each in found):
        raise failed[0]
    return Measurement(tuple(found), tuple(failed))


def steps(models: int, rows: int, takes: int) -> dict[str, int]:
    """How many steps of each kind a measurement has."""
    takes = min(takes, rows)
    return {
        "rows": models * rows,
        "takes": models * takes,
        "free replies": models * takes,
        "plans": models * takes,
    }


def _measure(seat: "Seat", rows: Sequence[Row], takes: int) -> Measured:
    found = Measured(seat.contestant)
    for row in rows:
        try:
            found.likelihoods[row.id] = seat.likelihood(row)
        except TooLongError:
            found.too_long.add(row.id)
    chosen = [row for row in rows[:takes] if row.id not in found.too_long]
    for kind in ("takes", "free replies", "plans"):
        seat.progress.step(kind, kept=True, count=len(rows[:takes]) - len(chosen))
    for row in chosen:
        found.takes[row.id] = seat.take(row)
        found.free[row.id] = seat.free(row)
    planned_rows = {
        row.id: row.source.id for row in chosen if found.takes[row.id].reasoning.strip()
    }
    others = shuffled(planned_rows, seat.asked.seed)
    for row in chosen:
        other = others.get(row.id, "")
        if not other or other == row.id:
            seat.progress.step("plans", kept=True)
            continue
        plans = found.takes[row.id].reasoning, found.takes[other].reasoning
        try:
            found.gains[row.id] = seat.gain(row, *plans)
        except TooLongError:
            found.too_long.add(row.id)
    return found


class Seat:
    """A model at its place: its engine is opened for the first thing that is not kept."""

    def __init__(
        self,
        contestant: Contestant,
        asked: Asked,
        kept: Kept,
        context: int,
        open_engine: OpenContestant,
        progress: Progress,
    ) -> None:
        """Open nothing yet.

        Args:
            contestant: the model.
            asked: what it is asked.
            kept: what was done before, and what is done.
            context: tokens.
            open_engine: opens it.
            progress: told of each step.
        """
        self.contestant = contestant
        self.asked = asked
        self.progress = progress
        self._kept = kept
        self._context = context
        self._open = open_engine
        self._engine: Engine | None = None

    def likelihood(self, row: Row) -> Likelihood:
        """How likely it finds a row's continuation.

        Raises: as all of these.
            TooLongError: the row does not fit its context.
            ModelFailedError: it cannot be opened, or fails.
            EvaluateError: nothing can be kept.
        """
        return self._done(
            *("rows", row, Likelihood, ()),
            lambda engine: likelihood(engine, self.contestant, row, self.asked),
        )

    def take(self, row: Row) -> Take:
        """What it writes behind a row's context."""
        words = self.asked.words

        def write(engine: Engine) -> Take:
            plan = planned(engine, self.contestant, row, self.asked, words=words)
            return write_take(engine, plan.request)

        return self._done("takes", row, Take, (words, self.asked.seed), write)

    def free(self, row: Row) -> Free:
        """What it writes there when it is left alone."""
        words = self.asked.words

        def write(engine: Engine) -> Free:
            plan = planned(engine, self.contestant, row, self.asked, words=words)
            return write_free(engine, free_request(plan.request))

        return self._done("free replies", row, Free, (words, self.asked.seed), write)

    def gain(self, row: Row, own: str, other: str) -> Gain:
        """What its plan gains of a row's continuation, beside one of its plans for another row."""
        return self._done(
            *("plans", row, Gain, (own, other)),
            lambda engine: gain(engine, self.contestant, row, own, other, self.asked),
        )

    def close(self) -> None:
        """Give the engine back."""
        if self._engine is not None:
            self._engine.close()

    def _done(
        self,
        kind: str,
        row: Row,
        of: type[Done],
        depends: Sequence[object],
        do: Callable[[Engine], Done],
    ) -> Done:
        """What is kept, or else is done now and kept."""
        model = self.contestant
        version = VERSION if kind in ("rows", "plans") else _WRITTEN
        name = key(
            *(version, kind, model.identity, model.format, model.trained, self._context),
            *(row.id, row.context, row.continuation, row.guidance, self.asked.context_words),
            *depends,
        )
        found = self._kept.found(name, of)
        if found is not None:
            self.progress.step(kind, kept=True)
            return found
        if self._engine is None:
            try:
                self._engine = self._open(model, self._context)
            except TrainError as error:
                raise ModelFailedError(model, str(error)) from error
        try:
            try:
                made = do(self._engine)
            except EngineDiedError:
                # It starts its process again.
                made = do(self._engine)
        except PromptTooLongError as error:
            self.progress.step(kind)
            raise TooLongError(model, self._sentence(row, str(error))) from error
        except EngineError as error:
            raise ModelFailedError(model, self._sentence(row, str(error))) from error
        self._kept.keep(name, made)
        self.progress.step(kind)
        return made

    def _sentence(self, row: Row, why: str) -> str:
        why = visible(why, newlines=False).rstrip(".")
        return (
            f"{self.contestant.name} cannot be measured on the row "
            f"{visible(row.id, newlines=False)}: {why}. What was measured is kept."
        )
