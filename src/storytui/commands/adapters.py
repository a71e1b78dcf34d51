"""`storytui models adapter`: the LoRA adapters that are here, and the one laid over the model."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from storytui import folders
from storytui.commands.choices import model_chosen
from storytui.commands.ending import fail
from storytui.commands.printing import write
from storytui.engine.api import ModelError
from storytui.models.adapter_checking import examine_adapter
from storytui.models.adapter_offers import (
    Offer,
    adapter_file,
    adapters_cache,
    adapters_here,
    offers,
)
from storytui.models.adapters import AdapterHeader, matches, read_adapter, read_base
from storytui.settings import Settings, SettingsError, load_settings
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
    base = model_chosen(settings).path
    found = offers(adapters_here(settings.models.folders), base)
    chosen = _in_use(settings, found)
    if options.json:
        listing = {
            "model": str(base),
            "adapters": [
                {
                    "name": each.name,
                    "path": str(each.path),
                    "agrees": each.agrees,
                    "reason": each.sentence,
                    "in_use": each is chosen,
                    **(_as_json(each.header) if each.header else {}),
                }
                for each in found
            ],
        }
        write(sys.stdout, json.dumps(listing, ensure_ascii=False) + "\n")
        return 0
    lines = [f"For the model {visible(base.stem, newlines=False)}:"]
    for each in found:
        mark = "*" if each is chosen else " "
        lines.append(f"{mark} {each.name:32} {each.path}")
        lines.append(f"  {'':32} {_about(each)}")
    if not found:
        lines.append("  no adapter is here")
    elif chosen is not None:
        lines += ["", f"* is in use, at scale {settings.model.adapter_scale:g}."]
    write(sys.stdout, "\n".join(lines) + "\n")
    return 0


def _about(offer: Offer) -> str:
    if not offer.agrees or offer.header is None:
        return offer.sentence
    made_for = f", made for {' and '.join(offer.header.bases)}" if offer.header.bases else ""
    return f"goes with it: rank {offer.header.rank}, {_size(offer.header.size)}{made_for}"


def _in_use(settings: Settings, found: list[Offer]) -> Offer | None:
    """Which of the adapters the settings name."""
    wanted = settings.model.adapter
    if not wanted:
        return None
    path = os.path.abspath(Path(wanted).expanduser())
    return next((e for e in found if wanted == e.name or path == os.path.abspath(e.path)), None)


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
    set_in_settings(
        folders.settings_file(), {("model", "adapter"): None, ("model", "adapter_scale"): None}
    )
    said = "No adapter is used from now on." if settings.model.adapter else "No adapter was in use."
    write(sys.stdout, f"{said}\n")
    return 0


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
    }


def _size(size: int) -> str:
    return f"{size / 2**20:.1f} MiB" if size >= 2**20 else f"{size / 2**10:.0f} KiB"
