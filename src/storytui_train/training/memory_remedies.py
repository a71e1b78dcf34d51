"""PURE. What to change where training does not fit: found by planning again with each change."""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from storytui_train.training.memory_plan import Plan, Settings, plan_memory
from storytui_train.training.trained_shape import TrainedShape

SEQUENCE_STEP, LEAST_SEQUENCE = 256, 512
_RANKS = (64, 32, 16, 8, 4)
_LOSS_ROWS = (256, 128, 64, 32)


@dataclass(frozen=True, slots=True)
class Remedy:
    """One change."""

    settings: Mapping[str, str | int]
    """What is set, by the recipe's names; `base` is another model."""
    saves: int
    """Bytes of the device."""
    fits: bool
    """Whether it is enough by itself."""
    what: str
    """In words, fit to be shown."""


def remedies(plan: Plan, models: Mapping[str, TrainedShape] | None = None) -> tuple[Remedy, ...]:
    """What saves memory: the changes that cost the least first, then all that are needed at once.

    Args:
        plan: that does not fit.
        models: smaller models that could be trained instead, by name.

    Returns:
        Only what saves something. Of a setting with many values the first that is enough, else
        the one that saves most. Where no single change is enough, the last but the models takes
        them together as far as it has to.
    """
    found: list[Remedy] = []
    together = plan.settings
    for change in (*_CHEAP, _length, _rank):
        remedy = _best(plan, change, plan.settings)
        if remedy is not None:
            found.append(remedy)
    if found and not any(each.fits for each in found):
        changed: dict[str, str | int] = {}
        for change in (*_CHEAP, _length, _rank):
            step = _best(plan, change, together)
            if step is None:
                continue
            changed.update(step.settings)
            together = replace(together, **_fields(step.settings))
            if _again(plan, together).fits:
                break
        whole = _again(plan, together)
        found.append(_remedy(plan, whole, changed, "all of it together"))
    return (*found, *_models(plan, models or {}))


def _best(plan: Plan, change: "_Change", begun: Settings) -> Remedy | None:
    """The first value that is enough, else the one that saves most; None: none saves anything."""
    best: Remedy | None = None
    before = _again(plan, begun)
    name, values = change(begun)
    if isinstance(values, range) and values:
        # There may be thousands, each of which saves more than the one before it.
        first = bisect_left(
            values,
            True,
            key=lambda each: _again(plan, replace(begun, **_fields({name: each}))).fits,
        )
        values = (values[min(first, len(values) - 1)],)
    for value in values:
        choice = {name: value}
        after = _again(plan, replace(begun, **_fields(choice)))
        if after.total >= before.total:
            continue
        remedy = _remedy(plan, after, choice, _said(choice))
        if remedy.fits:
            return remedy
        if best is None or remedy.saves > best.saves:
            best = remedy
    return best


def _again(plan: Plan, settings: Settings) -> Plan:
    return plan_memory(plan.shape, settings, plan.limit, plan.factor)


def _remedy(plan: Plan, after: Plan, choice: Mapping[str, str | int], what: str) -> Remedy:
    return Remedy(dict(choice), plan.total - after.total, after.fits, what)


def _fields(choice: Mapping[str, str | int]) -> dict[str, Any]:
    return {**choice, **({"rank_pattern": {}} if "rank" in choice else {})}


def _models(plan: Plan, models: Mapping[str, TrainedShape]) -> list[Remedy]:
    """Smaller models that fit with these settings, the largest first; three at the most."""
    fitting = []
    for name, shape in models.items():
        after = plan_memory(shape, plan.settings, plan.limit)
        if after.fits and shape.parameters < plan.shape.parameters:
            size = f"{shape.parameters / 1e9:.1f} thousand million weights"
            remedy = _remedy(plan, after, {"base": name}, f"a smaller model, {size}")
            fitting.append((shape.parameters, remedy))
    fitting.sort(key=lambda each: -each[0])
    return [remedy for _, remedy in fitting[:3]]


def _checkpointing(settings: Settings) -> "_Values":
    order = ("off", "device", "host") if settings.device == "cuda" else ("off", "device")
    begun = order.index(settings.checkpointing) if settings.checkpointing in order else len(order)
    return "checkpointing", order[begun + 1 :]


def _optimizer(settings: Settings) -> "_Values":
    wanted = settings.device != "cpu" and settings.optimizer == "adamw"
    return "optimizer", ("paged_adamw_8bit",) if wanted else ()


def _embeddings(settings: Settings) -> "_Values":
    return "embeddings", ("host",) if settings.embeddings == "device" else ()


def _quantised(settings: Settings) -> "_Values":
    return "quantisation", ("nf4",) if settings.quantisation == "none" else ()


def _loss(settings: Settings) -> "_Values":
    return "loss_rows", [each for each in _LOSS_ROWS if each < settings.loss_rows]


def _lines(settings: Settings) -> "_Values":
    return "rows_at_once", range(settings.rows_at_once - 1, 0, -1)


def _length(settings: Settings) -> "_Values":
    longest = -(-settings.sequence // SEQUENCE_STEP) * SEQUENCE_STEP - SEQUENCE_STEP
    return "sequence", range(longest, LEAST_SEQUENCE - 1, -SEQUENCE_STEP)


def _rank(settings: Settings) -> "_Values":
    most = max((settings.rank, *settings.rank_pattern.values()))
    return "rank", [each for each in _RANKS if each < most]


_Values = tuple[str, Sequence[str | int]]
"""A setting, and what it may be changed to, the least change first; a range is searched."""
_Change = Callable[[Settings], _Values]
_CHEAP: tuple[_Change, ...] = (_checkpointing, _optimizer, _embeddings, _quantised, _loss, _lines)
"""Those that change nothing of what is learned."""
_SAID = {
    "checkpointing": "keep the layers' inputs elsewhere",
    "optimizer": "keep the optimizer's state in 8 bits",
    "embeddings": "keep the embeddings in host memory",
    "quantisation": "keep the frozen weights in NF4",
    "loss_rows": "compute the loss in smaller blocks",
    "rows_at_once": "compute fewer rows together",
    "sequence": "shorter rows, whose contexts begin later",
    "rank": "adapters of a lower rank, which learn less",
}


def _said(choice: Mapping[str, str | int]) -> str:
    return "; ".join(_SAID[each] for each in choice)
