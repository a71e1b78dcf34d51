"""All stages of a recipe in a row: those from sources to a data set, then those of the model."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from storytui_train.data.pipeline.record import Record, sha256_of
from storytui_train.data.pipeline.workplace import Workplace
from storytui_train.errors import RecipeError, TrainError
from storytui_train.recipe import Recipe
from storytui_train.stages.work import DATASET, ModelWork

MODEL_STAGES = ("train", "export", "evaluate", "add")
"""Those behind the data set, in order; they are done where the recipe names a base."""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a recipe."""

    records: dict[str, Record] = field(default_factory=dict)
    """Of each stage that is complete now."""
    worse: bool = False
    """Whether a model that was made is worse than its base."""


def run_chain(
    recipe: Recipe,
    place: Workplace,
    told: Callable[[str], None],
    *,
    recipe_path: Path | None = None,
    until: str = "",
    again: str = "",
    began: Callable[[str], None] = lambda _stage: None,
    texts: bool = True,
) -> Done:
    """Do what is not yet done of a recipe.

    Args:
        recipe: what is to be done.
        place: its working folder, which nobody else works in.
        told: gets lines for the user.
        recipe_path: the recipe's file; None: it has none.
        until: the last stage; empty: all, those of the model where the recipe names a base.
        again: a stage that is done though nothing changed.
        began: is told when a stage of the model begins.
        texts: whether the sources are looked at; else the data set that is there is taken, however
            they changed since it was made. Heeded where the last stage is one of the model's.

    Raises:
        RecipeError: the recipe asks for what cannot be, or `again` comes behind `until`.
        TrainError: a stage could not be done; those before it are complete.
    """
    from storytui_train.data.pipeline.running import run_stages
    from storytui_train.data.pipeline.stages import STAGES

    names = [*(stage.name for stage in STAGES), *MODEL_STAGES]
    until = until or (MODEL_STAGES[-1] if recipe.train.base.strip() else DATASET)
    if again and names.index(again) > names.index(until):
        raise RecipeError(f"--again {again} comes after {until}, the last stage that is asked for.")
    of_model = until in MODEL_STAGES
    records: dict[str, Record] = {}
    # A data set that is there need not come from sources.
    if (recipe.sources and texts) or not of_model:
        last = DATASET if of_model else until
        records.update(
            run_stages(STAGES, recipe, place, told, until=last, again=again, explain=True)
        )
    if not of_model:
        return Done(records)
    digest = sha256_of(recipe_path) if recipe_path is not None and recipe_path.is_file() else ""
    work = ModelWork(recipe, place, told, digest)
    if until != MODEL_STAGES[0]:
        _warn(work)
    return _model(work, records, until, again, began)


def _model(
    work: ModelWork,
    records: dict[str, Record],
    until: str,
    again: str,
    began: Callable[[str], None],
) -> Done:
    from storytui_train.stages.training import train_stage

    began("train")
    trained = train_stage(replace(work, again=again == "train"))
    records["train"] = trained
    if until == "train":
        return Done(records)
    from storytui_train.stages.exporting import export_stage

    began("export")
    exported = export_stage(replace(work, again=again == "export"), trained)
    records["export"] = exported
    if until == "export":
        return Done(records)
    from storytui_train.stages.measuring import WORSE, evaluate_stage

    began("evaluate")
    evaluated = evaluate_stage(replace(work, again=again == "evaluate"), exported)
    if evaluated is not None:
        records["evaluate"] = evaluated
    worse = evaluated is not None and evaluated.counts.get(WORSE, 0) > 0
    if until == "evaluate":
        return Done(records, worse)
    from storytui_train.stages.adding import add_stage, listed_name

    began("add")
    added = add_stage(replace(work, again=again == "add"), exported, evaluated)
    if added is not None:
        records["add"] = added
        name = listed_name(work)
        work.told(f"add: the editor lists it as {name}; try it with: storytui --model {name}")
    return Done(records, worse)


def _warn(work: ModelWork) -> None:
    """Tell before training what will be missing behind it, and refuse what cannot be made."""
    from storytui_train.stages.exporting import check_export
    from storytui_train.stages.work import served_base

    if not work.recipe.train.base.strip():
        raise RecipeError("No base is named. Say base under [train]: which model is trained.")
    try:
        base = served_base(work)
    except TrainError as error:
        work.told(f"export: {error}")
        return
    check_export(work, base)
    if work.recipe.export.add:
        from storytui_train.stages.adding import listed_name, name_trouble

        trouble = name_trouble(listed_name(work), work.place.folder)
        if trouble:
            work.told(f"add: {trouble} The name is name under [export] in the recipe.")
