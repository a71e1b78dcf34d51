"""The stage that puts a model into the editor's list, with what was measured and where it is from.

add.json       what was put there under which name; written last
listed.json    hashes of the recipes that this folder's models were listed with: all of them are its
               own, however the recipe was changed since
"""

from contextlib import suppress
from pathlib import Path

import msgspec

from storytui.engine.api import ModelError
from storytui.models.details import details_of
from storytui.models.names import BUILT_IN, typeable
from storytui.models.trained import TrainedModel, keep_trained, trained_models
from storytui.story.visible import visible
from storytui_train.data.dataset.reading import RowList
from storytui_train.data.pipeline.record import Record, now, write_atomically
from storytui_train.errors import TrainError
from storytui_train.stages.exporting import files_of, model_name
from storytui_train.stages.measuring import measured
from storytui_train.stages.work import ModelWork, Sitting, served_base, unwritten

NAME, LISTED = "add", "listed.json"


def add_stage(work: ModelWork, exported: Record, evaluated: Record | None) -> Record | None:
    """Put the first of the files that were made into the editor's list.

    Args:
        work: the recipe and its folder.
        exported: the record of the GGUF files.
        evaluated: that of what was measured; None: nothing was.

    Returns:
        The record; None where the recipe does not want it, or there is nothing to put there.

    Raises:
        TrainError: it cannot be put there, or another model has the name.
    """
    files = files_of(work, exported)
    if not work.recipe.export.add or not files:
        return None
    path = next(iter(files.values()))
    base = served_base(work)
    name = listed_name(work)
    inputs = {path.name: exported.outputs[path.relative_to(work.place.folder).as_posix()]}
    if evaluated is not None:
        inputs["evaluation"] = evaluated.fingerprint
    settings = {"name": name, "base": str(base)}
    sitting = Sitting(work, NAME, inputs, settings)
    there = next((each for each in trained_models() if each.name == name), None)
    recipe = work.recipe_hash or sitting.wanted
    if there is not None and Path(there.adapter or there.model).is_file():
        done = sitting.done()
        if done is not None:
            return done
    before = _listed(work, recipe)
    own = there is not None and there.recipe in before
    model = TrainedModel(
        name=name,
        base=str(base),
        base_name=details_of(base).own_name,
        prompt_format=work.recipe.train.format,
        recipe=recipe,
        sources=titles(work.dataset),
        made=now()[:10],
        licence=work.recipe.publish.licence,
        private=_is_private(work),
        measured=None if evaluated is None else measured(work, path),
    )
    try:
        keep_trained(model, [path], replace=own)
    except ModelError as error:
        raise TrainError(
            f"{visible(str(error))} The model's name is name under [export] in the recipe."
        ) from error
    return sitting.finish({"models": 1}, {})


def name_trouble(name: str, folder: Path) -> str:
    """Why a working folder cannot list a model by a name, found before anything is trained.

    Args:
        name: as the editor would list it.
        folder: the working folder.

    Returns:
        A sentence; empty where it can.
    """
    if name in (BUILT_IN, "none"):
        return f"A model cannot be called {name}; that means another one."
    there = next((each for each in trained_models() if each.name == name), None)
    if there is None or there.recipe in _read_listed(folder / LISTED):
        return ""
    return (
        f"Another trained model is called {name}, made on {there.made or 'another day'}. It stays; "
        "choose another name."
    )


def listed_name(work: ModelWork) -> str:
    """The name that the editor lists the model by."""
    return typeable(model_name(work))


def titles(dataset: Path) -> tuple[str, ...]:
    """The titles of the texts that were trained on."""
    rows = RowList(dataset, split="train")
    found = dict.fromkeys(
        visible(row.source.title or row.source.id, newlines=False)
        for row in (rows[number] for number in range(len(rows)))
    )
    return tuple(found)


def _is_private(work: ModelWork) -> bool:
    from storytui_train.publish.permission import private_sources

    return work.recipe.publish.never or bool(private_sources(work.recipe))


def _listed(work: ModelWork, recipe: str) -> list[str]:
    """The recipes that models of this folder were listed with before; this one is one from now."""
    path = work.place.folder / LISTED
    before = _read_listed(path)
    if recipe not in before:
        try:
            write_atomically(path, msgspec.json.encode([*before, recipe]) + b"\n")
        except OSError as error:
            raise unwritten(NAME, error) from error
    return before


def _read_listed(path: Path) -> list[str]:
    with suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode(path.read_bytes(), type=list[str])
    return []
