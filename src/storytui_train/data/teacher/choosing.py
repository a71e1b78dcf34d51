"""PURE. Of a row's plans the best one, and what is left out because none helps.

A judge reads each plan and says by how many percent it lowers the perplexity of the true
continuation. The choice looks at the first half of the continuation only, and so does the question
whether a training row is dropped; the gain that is reported is that of the second half, which had
no part in the choice.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from storytui_train.data.documents import Refusal
from storytui_train.data.examples import Row
from storytui_train.data.teacher.reasoning import STAGE, Plan, Planned
from storytui_train.recipe import ScoreOptions


class Judged(Protocol):
    """What a judge found of a row's plans, in their order; percent of perplexity."""

    @property
    def choice(self) -> Sequence[float]:
        """Gain of each plan on the first half of the continuation."""

    @property
    def reported(self) -> Sequence[float]:
        """Gain of each plan on the second half."""


class KeptPlan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A plan with what became of it: one line of `plans.jsonl`."""

    row: str
    """The row's id."""
    plan: Plan
    chosen: bool = False
    choice: float | None = None
    """Its gain on the first half of the continuation; None: it was not judged."""
    reported: float | None = None


def best_plan(planned: Planned, judged: Judged | None) -> int | None:
    """The number of the plan that is kept: the first of the best, or the first one unjudged.

    Raises:
        ValueError: the judge looked at another number of plans.
    """
    if not planned.plans:
        return None
    if judged is None:
        return 0
    if not len(planned.plans) == len(judged.choice) == len(judged.reported):
        raise ValueError(f"{planned.row.id} has {len(planned.plans)} plans, and others are judged")
    return max(range(len(planned.plans)), key=lambda number: (judged.choice[number], -number))


def finish_row(planned: Planned, judged: Judged | None, options: ScoreOptions) -> Row | Refusal:
    """The row with its best plan and guidance, or why it is left out.

    A row whose source may not be sent, or that had a reasoning of its own, is left as it is: the
    dataset's options say what becomes of rows without one.

    Args:
        planned: a row and its plans.
        judged: what the judge found; None where the recipe has none.
        options: say from which gain on a training row is kept.
    """
    row = planned.row
    if planned.teacher is None:
        return row
    number = best_plan(planned, judged)
    if number is None:
        found = [each for each in planned.refusals if each.id == row.id]
        if row.split == "test" or not found:
            return msgspec.structs.replace(
                row, guidance=planned.guidance, teacher=planned.teacher, scores={"plans": 0.0}
            )
        return found[0]
    plan = planned.plans[number]
    scores = {"plans": float(len(planned.plans)), "leak": plan.leak, "retold": plan.retold}
    if judged is not None:
        gain = judged.choice[number]
        scores |= {"choice_gain": round(gain, 4), "gain": round(judged.reported[number], 4)}
        # `not >=`: a gain that is no number is none.
        if options.drop and row.split == "train" and not gain >= options.minimum_gain:
            return Refusal(
                stage=STAGE,
                id=row.id,
                title=row.source.title,
                reason="no gain",
                detail=f"The best of {len(planned.plans)} plans changes the perplexity of what "
                f"follows by {-gain:+.2f} percent; score.minimum_gain asks for "
                f"{options.minimum_gain:g} less. Set score.drop to false to keep such rows.",
            )
    return msgspec.structs.replace(
        row,
        reasoning=plan.text,
        guidance=planned.guidance,
        teacher=planned.teacher,
        scores={**row.scores, **scores},
    )


def left_out(planned: Planned, finished: Row | Refusal) -> list[Refusal]:
    """Everything that has to be listed of a row: what the teacher left out, and the choice."""
    found = list(planned.refusals)
    if isinstance(finished, Refusal) and finished not in found:
        found.append(finished)
    return found


def kept_plans(planned: Planned, judged: Judged | None) -> list[KeptPlan]:
    """All plans of a row, the chosen one marked, to be kept beside the rows."""
    number = best_plan(planned, judged)
    return [
        KeptPlan(
            row=planned.row.id,
            plan=plan,
            chosen=place == number,
            choice=None if judged is None else round(judged.choice[place], 4),
            reported=None if judged is None else round(judged.reported[place], 4),
        )
        for place, plan in enumerate(planned.plans)
    ]
