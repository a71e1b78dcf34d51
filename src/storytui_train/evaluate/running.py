"""Measures models on rows, one after the other; what is done is kept and not done again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from storytui.engine.api import Engine, EngineDiedError, EngineError
from storytui.story.visible import visible
from storytui_train.data.examples import Row
from storytui_train.data.teacher.controls import shuffled
from storytui_train.data.teacher.judging import end_of
from storytui_train.errors import EvaluateError
from storytui_train.evaluate.asking import Asked, planned
from storytui_train.evaluate.contestants import Contestant, OpenContestant, opening
from storytui_train.evaluate.kept import Kept, key
from storytui_train.evaluate.likelihood import Gain, Likelihood, gain, likelihood
from storytui_train.evaluate.progress import Progress
from storytui_train.evaluate.takes import Free, Take, free_request, write_free, write_take

VERSION = "evaluate-1"
"""Of how things are asked: others are other measurements."""
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
    open_engine: OpenContestant | None = None,
    progress: Progress | None = None,
) -> list[Measured]:
    """Measure models: score all rows, and have takes written for the first of them.

    Args:
        models: in their order.
        rows: whose continuations are scored.
        asked: what all are asked alike.
        kept: what was done before, and what is done.
        takes: how many of the rows takes are written for.
        open_engine: opens a model with so many tokens of context; None: the project's engine.
        progress: told of each step.

    Raises:
        EvaluateError: a model cannot be loaded or fails, or nothing can be kept.
    """
    progress = progress or Progress(steps(len(models), len(rows), takes))
    open_engine = open_engine or opening()
    context = context_for(rows, asked)
    found = []
    try:
        for each in models:
            progress.begin(each.name)
            seat = Seat(each, asked, kept, context, open_engine, progress)
            try:
                found.append(_measure(seat, rows, takes))
            finally:
                seat.close()
    finally:
        progress.close()
    return found


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
        found.likelihoods[row.id] = seat.likelihood(row)
    chosen = rows[:takes]
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
        found.gains[row.id] = seat.gain(row, *plans)
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
        """How likely it finds a row's continuation."""
        what = "whole" if self.asked.whole else "bare"
        return self._done(
            *("rows", row, Likelihood, (what,)),
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
        what = "whole" if self.asked.whole else "bare"
        return self._done(
            *("plans", row, Gain, (what, own, other)),
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
        """What is kept, or else is done now and kept.

        Raises:
            EvaluateError: the engine failed twice.
        """
        model = self.contestant
        name = key(
            *(VERSION, kind, model.identity, model.format, model.trained, self._context),
            *(row.id, row.context, row.continuation, row.guidance, self.asked.context_words),
            *depends,
        )
        found = self._kept.found(name, of)
        if found is not None:
            self.progress.step(kind, kept=True)
            return found
        if self._engine is None:
            self._engine = self._open(model, self._context)
        try:
            try:
                made = do(self._engine)
            except EngineDiedError:
                # It starts its process again.
                made = do(self._engine)
        except EngineError as error:
            why = visible(str(error), newlines=False).rstrip(".")
            raise EvaluateError(
                f"{model.name} cannot be measured on the row {visible(row.id, newlines=False)}: "
                f"{why}. What was measured is kept."
            ) from error
        self._kept.keep(name, made)
        self.progress.step(kind)
        return made
