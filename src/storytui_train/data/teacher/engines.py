"""The project's local engine for the stages: a GGUF by name or path, loaded as the editor does."""

from dataclasses import dataclass
from pathlib import Path

from storytui import folders
from storytui.engine.api import ModelError
from storytui.engine.messages import ModelConfig
from storytui.engine.model_info import Adapter
from storytui.engine.process import ProcessEngine
from storytui.models.adapter_checking import examine_adapter
from storytui.models.adapter_offers import adapter_file, adapters_cache, adapters_here
from storytui.models.checking import examine
from storytui.models.choosing import choose, resolve
from storytui.models.fingerprint import fingerprint
from storytui.models.library import library_here
from storytui.models.starting import StartPlanner
from storytui.story.visible import visible
from storytui_train.errors import TeacherError


def model_file(model: str) -> Path:
    """The file of a model.

    Args:
        model: a path, or a name that `storytui models list` shows; empty: the built-in model.

    Raises:
        TeacherError: there is none of that name, the file is no model, or what has the name is an
            adapter over one.
    """
    try:
        path = resolve(model, lambda only: library_here(only=only))
        examine(path, folders.models_checked())
    except ModelError as error:
        raise TeacherError(visible(str(error))) from error
    return path


@dataclass(frozen=True, slots=True)
class ModelToRun:
    """A model by its name: its file, and what belongs over it."""

    path: Path
    adapters: tuple[Adapter, ...] = ()
    """That which makes a model what it is that was trained here. No model gets another one unasked:
    the built-in one is bare."""


def model_to_run(model: str) -> ModelToRun:
    """What is loaded for a model that is named.

    Args:
        model: as `model_file`.

    Raises:
        TeacherError: there is none of that name, or a file is no model or not there.
    """
    try:
        found = choose(model, lambda only: library_here(only=only))
        examine(found.path, folders.models_checked())
        if found.laid is None:
            return ModelToRun(found.path)
        header = examine_adapter(found.laid, found.path, adapters_cache())
    except ModelError as error:
        raise TeacherError(visible(str(error))) from error
    own = Adapter(path=str(found.laid), prompt_format=header.prompt_format)
    return ModelToRun(found.path, (own,))


def adapter_for(adapter: str, base: Path) -> Path:
    """The file of an adapter that goes with a model.

    Args:
        adapter: a path, or a name that `storytui models adapter list` shows.
        base: the model's file.

    Raises:
        TeacherError: there is none of that name, or it does not go with the model.
    """
    try:
        path = adapter_file(adapter, adapters_here).absolute()
        examine_adapter(path, base, adapters_cache())
    except ModelError as error:
        raise TeacherError(visible(str(error))) from error
    return path


def open_engine(
    path: Path,
    *,
    adapters: tuple[Adapter, ...] = (),
    context: int = 0,
    threads: int = 0,
    scores: bool = False,
    log: Path | None = None,
) -> ProcessEngine:
    """An engine on a model's file; nothing is loaded before its first call.

    It is closed by whoever asked for it. Layers that do not fit on a GPU stay on the CPU: nobody
    waits for it.

    Args:
        path: the model's file.
        adapters: are laid over it; they were checked (`adapter_for`).
        context: tokens; 0: what the machine and the model allow.
        threads: on a CPU; 0: one for each physical core.
        scores: whether it is to score texts.
        log: a file for what llama.cpp says; None: nowhere.
    """
    config = ModelConfig(
        path=str(path),
        adapters=adapters,
        context=context,
        threads=threads,
        scores=scores,
        exact=True,
    )
    planner = StartPlanner(
        config, allow_partial=True, measurements=folders.remembered("measured.json")
    )
    return ProcessEngine(planner, log)


def open_vocabulary(path: Path, *, log: Path | None = None) -> ProcessEngine:
    """An engine that has a model's tokenizer and chat template only: it encodes and counts.

    It takes little memory whatever the model takes, and no GPU. It is closed by whoever asked for
    it.

    Args:
        path: the model's file.
        log: a file for what llama.cpp says; None: nowhere.
    """
    return ProcessEngine(ModelConfig(path=str(path), gpu_layers=0, vocabulary_only=True), log)


def fingerprint_of(model: ModelToRun) -> str:
    """What tells a model from others: the sha256 of its file, and those of what is laid over it.

    Raises:
        TeacherError: one cannot be read.
    """
    over = [f"+{model_fingerprint(Path(each.path))}@{each.scale:g}" for each in model.adapters]
    return "".join((model_fingerprint(model.path), *over))


def model_fingerprint(path: Path) -> str:
    """The sha256 of a model's file, worked out once a file.

    Raises:
        TeacherError: it cannot be read.
    """
    try:
        return fingerprint(path, folders.model_hashes())
    except ModelError as error:
        raise TeacherError(visible(str(error))) from error
