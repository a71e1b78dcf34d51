"""Whether a model that is under way goes on with her texts as they were, or is trained anew.

She writes while it is made. What was trained by then goes with texts that have changed since, so
that the work of hours is not given up for a sentence: only what is complete is done anew, and she
is asked before.
"""

import msgspec

from storytui_train.data.pipeline.record import sha256_of
from storytui_train.data.pipeline.stages import STAGES
from storytui_train.data.pipeline.workplace import Workplace
from storytui_train.recipe import Recipe
from storytui_train.stages.work import DATASET

_ROWS = ("train.jsonl", "validation.jsonl")
"""What training reads of a data set."""


def goes_on_as_it_was(recipe: Recipe, place: Workplace) -> bool:
    """Whether something is under way on the rows that are there, and they are what the recipe asks
    for: her texts need not be looked at before it is complete.

    Args:
        recipe: which may have been changed by hand.
        place: the working folder.
    """
    if not _is_under_way(recipe, place) or is_on_other_rows(place):
        return False
    for stage in STAGES:
        record = place.record(stage.name)
        wanted = msgspec.json.decode(msgspec.json.encode(stage.settings(recipe)))
        if record is None or record.settings != wanted:
            return False
    return True


def is_on_other_rows(place: Workplace) -> bool:
    """Whether something was trained, wholly or in part, on other rows than those that are there."""
    from storytui_train.training.row_making import read_rows_record
    from storytui_train.training.run_folder import RunFolder

    folder = RunFolder(place.stage("train"))
    done = folder.record()
    if done is not None:
        before = done.dataset
    elif folder.states.latest() is not None:
        rows = read_rows_record(folder.rows)
        before = rows.inputs if rows else {}
    else:
        return False
    paths = [place.parts(DATASET) / "rows" / name for name in _ROWS]
    return before != {path.name: sha256_of(path) for path in paths if path.is_file()}


def what_is_lost(place: Workplace) -> str:
    """What of training is given up where it is done anew, in sentences; empty: nothing was done."""
    from storytui_train.training.run_folder import RunFolder

    folder = RunFolder(place.stage("train"))
    latest = folder.states.latest()
    if latest is not None:
        return f"Training stopped at step {latest[0].step:,}, and what it had learnt is given up."
    if folder.record() is not None:
        return (
            "What was trained before is given up. The model that the editor lists stays as it is, "
            "until the new one takes its place."
        )
    return ""


def _is_under_way(recipe: Recipe, place: Workplace) -> bool:
    """Whether something was trained, and is not in the editor's list yet."""
    from storytui_train.training.run_folder import RunFolder

    folder = RunFolder(place.stage("train"))
    if folder.states.latest() is not None:
        return True
    run, exported = folder.record(), place.record("export")
    if run is None:
        return False
    own = {f"train/{name}": each for name, each in run.outputs.items()}
    adapter = {path: each for path, each in own.items() if path.startswith("train/adapter/")}
    if exported is None or any(exported.inputs.get(path) != adapter[path] for path in adapter):
        return True
    if not recipe.export.add:
        return False
    evaluated, added = place.record("evaluate"), place.record("add")
    if added is None or not set(exported.outputs.values()) & set(added.inputs.values()):
        return True
    return added.inputs.get("evaluation", "") != (evaluated.fingerprint if evaluated else "")
