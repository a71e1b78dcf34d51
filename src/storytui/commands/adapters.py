"""`storytui models adapter`: the LoRA adapters that are here, and the one laid over the model."""

import argparse
import json
import os
import sys
from typing import Any

from storytui import folders
from storytui.commands.choices import adapters_chosen, model_chosen
from storytui.commands.ending import fail
from storytui.commands.printing import write
from storytui.engine.adapting import adapter_name
from storytui.engine.api import AdapterError, ModelError
from storytui.models.adapter_checking import examine_adapter
from storytui.models.adapter_offers import (
    Offer,
    adapter_file,
    adapters_cache,
    adapters_here,
    offers,
)
from storytui.models.adapters import AdapterHeader, matches, read_adapter, read_base
from storytui.models.choosing import Chosen
from storytui.models.starter import is_built_in, starter_adapter
from storytui.models.walking import shown
from storytui.settings import NO_ADAPTER, Settings, SettingsError, load_settings
from storytui.settings_writing import set_in_settings
from storytui.story.visible import visible


def run_adapter(options: argparse.Namespace) -> int:
    """Do what was asked; returns the exit status."""
    run = {"list": _list, "info": _info, "use": _use, "off": _off}[options.adapter_verb]
    try:
        return run(options, load_settings(folders.settings_file()))
    except (ModelError, SettingsError) as error:
        return fail(error)


def _list(options: argparse.Namespace, settings: Settings) -> int:
    model = model_chosen(settings)
    base = model.path
    found = offers(adapters_here(settings.models.folders), base)
    laid = _laid(settings, model)
    if options.json:
        listing = {
            "model": str(base),
            "adapters": [
                {
                    "name": each.name,
                    "path": str(each.path),
                    "agrees": each.agrees,
                    "reason": each.sentence,
                    "in_use": os.path.abspath(each.path) in laid,
                    **(_as_json(each.header) if each.header else {}),
                }
                for each in found
            ],
        }
        write(sys.stdout, json.dumps(listing, ensure_ascii=False) + "\n")
        return 0
    lines = [f"For the model {visible(base.stem, newlines=False)}:"]
    for each in found:
        mark = "*" if os.path.abspath(each.path) in laid else " "
        lines.append(f"{mark} {each.name:32} {each.path}")
        lines.append(f"  {'':32} {_about(each)}")
    if not found:
        lines.append("  no adapter is here")
    for path, scale in laid.items():
        which = f"{adapter_name(path)} is" if len(laid) > 1 else "* is"
        lines += ["", f"{which} in use, at scale {scale:g}."]
    write(sys.stdout, "\n".join(lines) + "\n")
    return 0


def _about(offer: Offer) -> str:
    if not offer.agrees or offer.header is None:
        return offer.sentence
    made_for = f", made for {' and '.join(offer.header.bases)}" if offer.header.bases else ""
    return f"goes with it: rank {offer.header.rank}, {_size(offer.header.size)}{made_for}"


def _laid(settings: Settings, model: Chosen) -> dict[str, float]:
    """The files that are laid over the model, with how strongly; none where one is no use."""
    try:
        return {each.path: each.scale for each in adapters_chosen(settings, model)}
    except AdapterError as error:
        write(sys.stderr, f"{error}\n")
        return {}


def _info(options: argparse.Namespace, settings: Settings) -> int:
    path = adapter_file(options.adapter, lambda: adapters_here(settings.models.folders))
    adapter = read_adapter(path)
    base = model_chosen(settings).path
    verdict = matches(adapter, read_base(base))
    header = adapter.header
    if options.json:
        found = {
            "path": str(path),
            **_as_json(header),
            "model": str(base),
            "agrees": verdict.agrees,
            "reason": verdict.sentence,
        }
        write(sys.stdout, json.dumps(found, ensure_ascii=False) + "\n")
        return 0
    rows = [
        ("calls itself", header.own_name),
        ("architecture", header.architecture),
        ("made for", " and ".join(header.bases)),
        ("changes", f"{header.pairs:,} weights, rank {header.rank}, alpha {header.alpha:g}"),
        ("size", _size(header.size)),
        ("for the task", header.task),
        ("wants before a prompt", header.prompt_prefix),
        ("prompt format", header.prompt_format),
        ("file", str(path)),
    ]
    lines = [header.name]
    lines += [f"  {name:22} {value}" for name, value in rows if value]
    write(sys.stdout, "\n".join([*lines, verdict.sentence]) + "\n")
    return 0


def _use(options: argparse.Namespace, settings: Settings) -> int:
    path = adapter_file(options.adapter, lambda: adapters_here(settings.models.folders))
    base = model_chosen(settings).path
    header = examine_adapter(path, base, adapters_cache())
    scale: float = 1.0 if options.scale is None else options.scale
    file = folders.settings_file()
    set_in_settings(
        file,
        {
            ("model", "adapter"): os.path.abspath(path),
            ("model", "adapter_scale"): None if scale == 1 else scale,
        },
    )
    model = visible(base.stem, newlines=False)
    write(
        sys.stdout,
        f"{header.name} is laid over {model} from now on, at scale {scale:g}.\n"
        f"Kept as adapter under [model] in {file}.\n",
    )
    return 0


def _off(options: argparse.Namespace, settings: Settings) -> int:
    """Lay it aside; over the built-in model that is said, since an empty setting means another."""
    model, before = _model_or_none(settings), settings.model.adapter
    starter = model is not None and is_built_in(model.path) and starter_adapter() is not None
    set_in_settings(
        folders.settings_file(),
        {("model", "adapter"): NO_ADAPTER if starter else None, ("model", "adapter_scale"): None},
    )
    used = before != NO_ADAPTER and (before != "" or starter)
    lines = ["No adapter is used from now on." if used else "No adapter was in use."]
    if model is not None and model.laid is not None:
        lines = [
            f"No adapter is used from now on but that of {model.name} itself. Choose its base "
            f"with: storytui models use {shown(model.path)}"
        ]
    write(sys.stdout, "\n".join(lines) + "\n")
    return 0


def _model_or_none(settings: Settings) -> Chosen | None:
    try:
        return model_chosen(settings)
    except ModelError:
        return None


def _as_json(header: AdapterHeader) -> dict[str, Any]:
    return {
        "own_name": header.own_name,
        "architecture": header.architecture,
        "bases": list(header.bases),
        "pairs": header.pairs,
        "rank": header.rank,
        "alpha": header.alpha,
        "bytes": header.size,
        "task": header.task,
        "prompt_prefix": header.prompt_prefix,
        "prompt_format": header.prompt_format,
    }


def _size(size: int) -> str:
    return f"{size / 2**20:.1f} MiB" if size >= 2**20 else f"{size / 2**10:.0f} KiB"
