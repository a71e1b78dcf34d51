"""`storytui models`: the models on this machine, those that suit fiction, and what fits."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storytui import folders
from storytui.commands.choices import adapters_chosen, library_for
from storytui.commands.ending import fail
from storytui.commands.models_facts import size
from storytui.commands.printing import write
from storytui.commands.trained_facts import in_a_line, trained_as_json
from storytui.engine.api import EngineError, ModelError
from storytui.models.choosing import Chosen, choose
from storytui.models.walking import shown
from storytui.settings import Settings, SettingsError, load_settings

if TYPE_CHECKING:
    from storytui.models.library import Library
    from storytui.models.library_model import LibraryModel


def run_models(options: argparse.Namespace) -> int:
    """Do what was asked; returns the exit status: 1 also for a model that does not fit."""
    from storytui.commands.models_choice import run_add, run_use
    from storytui.commands.models_facts import run_info, run_verify
    from storytui.commands.models_fit import run_fit
    from storytui.commands.models_hub import run_search
    from storytui.commands.models_removal import run_remove
    from storytui.commands.verdicts import run_table

    verbs: dict[str, Callable[[argparse.Namespace, Settings], int]] = {
        "search": run_search,
        "list": _list,
        "fit": run_fit,
        "table": lambda options, _settings: run_table(options),
        "use": run_use,
        "add": run_add,
        "info": run_info,
        "verify": run_verify,
        "remove": run_remove,
    }
    try:
        return verbs[options.verb](options, load_settings(folders.settings_file()))
    except (EngineError, SettingsError) as error:
        return fail(error)


# --- what there is --------------------------------------------------------------------------------


def _list(options: argparse.Namespace, settings: Settings) -> int:
    from storytui.commands.verdicts import add_verdicts
    from storytui.engine.asking import ask_devices
    from storytui.models.catalog import catalogue
    from storytui.models.fit import Machine
    from storytui.models.starting import machine_of

    library = library_for(settings)
    chosen, trouble = _in_use(library, settings)
    path = None if chosen is None else chosen.path
    used = None if chosen is None else _of(library, chosen)
    laid, wrong = ([], "") if chosen is None else _laid(settings, chosen)
    troubles = [*library.troubles, *filter(None, (trouble, wrong))]
    models: list[dict[str, Any]] = [
        {
            "name": each.name,
            "also_named": list(each.also_named),
            "path": str(each.path),
            "source": each.source,
            "bytes": each.size_bytes,
            "repository": each.repository,
            "architecture": each.architecture,
            "catalogue": each.entry,
            "in_use": each is used,
            "trained": None if each.trained is None else trained_as_json(each.trained),
        }
        for each in library.models
    ]
    adapters: list[dict[str, Any]] = [
        {"name": each.name, "path": str(each.path), "architecture": each.architecture}
        for each in library.adapters
    ]
    here = {each.entry for each in library.models}
    entries: list[dict[str, Any]] = [
        {
            "id": each.id,
            "name": each.name,
            "repository": each.repository,
            "licence": each.licence,
            "restrictions": each.restrictions,
            "parameters": each.parameters,
            "card": each.card,
            "prompt_format": each.prompt_format,
            "good_at": each.good_at,
            "here": each.id in here,
        }
        for each in catalogue()
    ]
    try:
        machine = Machine(gpu=options.vram) if options.vram else machine_of(ask_devices())
        add_verdicts(entries, machine)
    except EngineError as error:
        troubles.append(str(error))
    if options.json:
        listing = {
            "here": models,
            "adapters": adapters,
            "in_use": None if path is None else str(path),
            "laid_over_it": laid,
            "server": settings.remote.address,
            "catalogue": entries,
            "troubles": troubles,
        }
        write(sys.stdout, json.dumps(listing, ensure_ascii=False) + "\n")
        return 0
    lines = ["On this machine (* is used):"]
    for each, model in zip(models, library.models, strict=True):
        mark = "*" if each["in_use"] else " "
        lines += [
            f"{mark} {each['name']:40} {size(each['bytes']):>9}  {each['source']:12}  {model.own}"
        ]
        lines += [f"  {'':40} {in_a_line(model.trained)}"] if model.trained else []
        lines += [f"  {'':40} also {', '.join(each['also_named'])}"] if each["also_named"] else []
    lines += [] if models else ["  no model"]
    if path is not None and used is None:
        lines += [f"* {path}"]
    lines += [f"Over the model that is used: {shown(Path(each))}" for each in laid]
    if settings.remote.address:
        lines += [f"Replies come from {settings.remote.address}, and from no model here."]
    if adapters:
        lines += ["", "Adapters:"]
        lines += [
            f"  {each['name']:40} {each['architecture']:>9}  {each['path']}" for each in adapters
        ]
    lines += ["", "For fiction, from the Hugging Face Hub:"]
    for each in entries:
        about = f"{each['parameters']:g}B, from {each['card']} GB on, {each['licence']}"
        lines += [f"  {each['id']:28} {each['name']}{', here' if each['here'] else ''}"]
        lines += [f"  {'':28} {each['repository']}", f"  {'':28} {about}"]
        lines += [f"  {'':28} {each['good_at']} {each['restrictions']}".rstrip()]
        if "verdict" in each:
            lines += [f"  {'':28} {each['verdict']['sentence']}"]
    write(sys.stdout, "\n".join(lines) + "\n")
    for sentence in troubles:
        write(sys.stderr, f"{sentence}\n")
    return 0


def _laid(settings: Settings, chosen: Chosen) -> tuple[list[str], str]:
    """The files of what is laid over the chosen model, or why it cannot be told."""
    try:
        return [each.path for each in adapters_chosen(settings, chosen)], ""
    except EngineError as error:
        return [], str(error)


def _of(library: "Library", chosen: Chosen) -> "LibraryModel | None":
    """The model of the library that was chosen; None for one beside it."""
    return library.model_at(chosen.path) if chosen.laid is None else library.model(chosen.name)


def _in_use(library: "Library", settings: Settings) -> tuple[Chosen | None, str]:
    """The model that the settings name, or why there is none."""
    if settings.remote.address:
        return None, ""
    try:
        return choose(settings.model.path, lambda _only: library), ""
    except ModelError as error:
        return None, f"The chosen model cannot be had: {error}"
