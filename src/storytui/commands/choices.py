"""Settings and command line become what the program runs with; the command line wins."""

import argparse
import contextlib
import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from storytui import folders
from storytui.commands.server import server_engine, server_settings
from storytui.engine.api import AdapterError, Engine, Sampling
from storytui.engine.model_info import Adapter
from storytui.settings import NO_ADAPTER, SamplingSettings, Settings, load_settings
from storytui.story.prompt import AUTO, prompt_format

if TYPE_CHECKING:  # the editor needs the model's side only after its first paint
    from storytui.continuing import Options
    from storytui.engine.messages import ModelConfig
    from storytui.models.choosing import Chosen
    from storytui.models.library import Library

_Struct = TypeVar("_Struct", bound=msgspec.Struct)


def settings_in_force(options: argparse.Namespace) -> Settings:
    """The settings file with the command line's options put over it.

    Raises:
        SettingsError: the settings file cannot be used.
        UnknownFormatError: `--format` names no prompt format.
        WrongUseError: options do not go together.
    """
    settings = load_settings(folders.settings_file())
    if getattr(options, "format", None) not in (None, AUTO):
        prompt_format(options.format)
    return msgspec.structs.replace(
        settings,
        model=_over(
            settings.model,
            path=options.model,
            adapter=_adapter_asked_for(options),
            adapter_scale=getattr(options, "adapter_scale", None),
            context=options.context,
            gpu_layers=options.gpu_layers,
            threads=options.threads,
            kv_type=options.kv_type,
            allow_partial=options.allow_partial or None,
        ),
        remote=server_settings(settings.remote, options),
        continuing=_over(
            settings.continuing,
            format=getattr(options, "format", None),
            words=getattr(options, "words", None),
            reasoning_tokens=getattr(options, "reasoning_tokens", None),
            candidates=getattr(options, "candidates", None),
        ),
        sampling=_over(
            settings.sampling,
            seed=getattr(options, "seed", None),
            temperature=getattr(options, "temperature", None),
        ),
    )


def _adapter_asked_for(options: argparse.Namespace) -> str | None:
    """What the command line says of the adapter; None: nothing."""
    adapter: str | None = getattr(options, "adapter", None)
    if adapter is None and options.model is not None:
        return ""  # the settings' adapter was chosen for the settings' model
    return adapter


def _over(table: _Struct, **given: object) -> _Struct:
    changes = {key: value for key, value in given.items() if value is not None}
    return msgspec.structs.replace(table, **changes)


def model_chosen(settings: Settings) -> "Chosen":
    """The model that the settings name; the disk is searched only where they do so by a name.

    Raises:
        ModelError: no model is chosen and none built in, or a name is that of none or of several.
    """
    from storytui.models.choosing import choose

    return choose(settings.model.path, lambda only: library_for(settings, only))


def library_for(settings: Settings, only: "Collection[str] | None" = None) -> "Library":
    """The models and adapters on this machine, those in the folders that the settings name too."""
    from storytui.models.library import library_here

    return library_here(settings.models.folders, only=only)


def model_config(settings: Settings) -> "ModelConfig":
    """The model to run, its file looked at.

    Raises:
        ModelError: no model is chosen and none built in, a name is that of none or of several, or
            the file is no model.
    """
    from storytui.engine.messages import ModelConfig
    from storytui.models.checking import examine

    chosen = model_chosen(settings)
    examine(chosen.path, folders.models_checked())
    return ModelConfig(
        path=str(chosen.path),
        adapters=adapters_chosen(settings, chosen),
        context=settings.model.context,
        gpu_layers=settings.model.gpu_layers,
        threads=settings.model.threads,
        exact=settings.model.exact,
        kv_type="q8_0" if settings.model.kv_type == "q8_0" else "f16",
        whole_windows=_WHOLE[settings.model.whole_windows],
    )


def adapters_chosen(settings: Settings, chosen: "Chosen") -> tuple[Adapter, ...]:
    """What is laid over the model, each held against it.

    The adapter that makes a trained model what it is, then the one that the settings name; where
    they name none, the starter adapter over the built-in model.

    Raises:
        AdapterError: there is no such adapter, or it cannot be used with the model.
    """
    from storytui.models.adapter_checking import examine_adapter
    from storytui.models.adapter_offers import adapter_file, adapters_cache, adapters_here
    from storytui.models.starter import is_built_in, starter_adapter

    wanted, scale = settings.model.adapter, settings.model.adapter_scale

    def laid(path: Path, scale: float = 1.0) -> Adapter:
        header = examine_adapter(path, chosen.path, adapters_cache())
        return Adapter(path=os.path.abspath(path), scale=scale, prompt_format=header.prompt_format)

    own = () if chosen.laid is None else (laid(chosen.laid),)
    starter = None if own or wanted or not is_built_in(chosen.path) else starter_adapter()
    if starter is not None:
        # It may not go with another release of the model.
        with contextlib.suppress(AdapterError):
            return (laid(starter, scale),)
    if wanted in ("", NO_ADAPTER):
        return own
    try:
        path = adapter_file(wanted, lambda: adapters_here(settings.models.folders))
        return (*own, laid(path, scale))
    except AdapterError as error:
        raise AdapterError(
            f"{error} To go on without it: --adapter none, or storytui models adapter off."
        ) from error


def adapters_that_can_be(settings: Settings, chosen: "Chosen") -> tuple[Adapter, ...]:
    """As `adapters_chosen`; where the settings' own cannot be used, which a start says, nothing.

    Raises:
        AdapterError: the adapter that makes a trained model what it is cannot be used.
    """
    try:
        return adapters_chosen(settings, chosen)
    except AdapterError:
        if chosen.laid is not None:
            own = msgspec.structs.replace(settings.model, adapter=NO_ADAPTER)
            return adapters_chosen(msgspec.structs.replace(settings, model=own), chosen)
        return ()


_WHOLE = {"auto": None, "yes": True, "no": False}


def start_engine(settings: Settings) -> Engine:
    """The engine that the settings ask for; the model is loaded by its first call.

    Raises:
        ModelError: no model is chosen and none built in, or the file is no model.
        EngineError: the address of a server is none.
    """
    if settings.remote.address:
        return server_engine(settings.remote)
    from storytui.engine.process import ProcessEngine
    from storytui.models.starting import StartPlanner

    planner = StartPlanner(
        model_config(settings),
        choose_kv_type=settings.model.kv_type == "auto",
        allow_partial=settings.model.allow_partial,
        measurements=measurements_file(),
    )
    return ProcessEngine(planner, log_path=folders.engine_log())


def measurements_file() -> Path | None:
    """Where it is kept what models really took on this machine; None where nothing can be."""
    return folders.remembered("measured.json")


def sampling(settings: SamplingSettings) -> Sampling:
    """How tokens are drawn; a seed of -1 becomes a new one."""
    values = msgspec.structs.asdict(settings)
    if settings.seed < 0:
        values["seed"] = int.from_bytes(os.urandom(4), "little") >> 1
    return Sampling(**values)


def continuation(
    settings: Settings, direction: str = "", notes: str = "", candidates: int = 1
) -> "Options":
    """What is asked of the model; several candidates are for whoever asks for them."""
    from storytui.continuing import Options

    return Options(
        format=settings.continuing.format,
        direction=direction,
        notes=notes,
        words=settings.continuing.words,
        reasoning_tokens=settings.continuing.reasoning_tokens,
        lead_words=settings.continuing.lead_words,
        candidates=candidates,
        sampling=sampling(settings.sampling),
    )
