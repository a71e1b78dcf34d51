"""`storytui models`: the models on this machine, those that suit fiction, and what fits."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storytui.commands.ending import FAILURE, fail
from storytui.commands.printing import write
from storytui.engine.api import EngineError, ModelError
from storytui.story.visible import visible

if TYPE_CHECKING:
    from storytui.engine.messages import KvType
    from storytui.models.found import Found
    from storytui.models.model_memory import Parts


def run_models(options: argparse.Namespace) -> int:
    """Do what was asked; returns the exit status: 1 also for a model that does not fit."""
    try:
        if options.verb == "table":
            from storytui.commands.verdicts import run_table

            return run_table(options)
        return _fit(options) if options.verb == "fit" else _list(options)
    except EngineError as error:
        return fail(error)


# --- what there is --------------------------------------------------------------------------------


def _search() -> "Found":
    from storytui.models.found import find_models

    return find_models(os.environ, Path.home(), sys.platform)


def _list(options: argparse.Namespace) -> int:
    from storytui.models.catalog import catalogue
    from storytui.models.starter import starter_model

    found = _search()
    built_in = starter_model()
    models: list[dict[str, Any]] = [
        {
            "name": each.name,
            "path": str(each.path),
            "source": each.source,
            "bytes": each.size_bytes,
            "repository": each.repository,
            "architecture": each.architecture,
        }
        for each in found.models
    ]
    if built_in is not None:
        models.insert(
            0,
            {
                "name": built_in.stem,
                "path": str(built_in),
                "source": "built in",
                "bytes": built_in.stat().st_size,
                "repository": "",
                "architecture": "llama",
            },
        )
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
        }
        for each in catalogue()
    ]
    if options.vram:
        from storytui.commands.verdicts import add_verdicts
        from storytui.models.fit import Machine

        add_verdicts(entries, Machine(gpu=options.vram))
    if options.json:
        listing = {"here": models, "catalogue": entries, "troubles": found.troubles}
        write(sys.stdout, json.dumps(listing, ensure_ascii=False) + "\n")
        return 0
    lines = ["On this machine:"]
    lines += [
        f"  {each['name']:40} {_size(each['bytes']):>9}  {each['source']:12}  {each['path']}"
        for each in models
    ] or ["  no model"]
    lines += ["", "For fiction, from the Hugging Face Hub:"]
    for each in entries:
        about = f"{each['parameters']:g}B, from {each['card']} GB on, {each['licence']}"
        lines += [f"  {each['name']:28} {each['repository']}", f"  {'':28} {about}"]
        lines += [f"  {'':28} {each['good_at']} {each['restrictions']}".rstrip()]
        if "verdict" in each:
            lines += [f"  {'':28} {each['verdict']['sentence']}"]
    write(sys.stdout, "\n".join(lines) + "\n")
    for trouble in found.troubles:
        write(sys.stderr, f"{trouble}\n")
    return 0


# --- what fits ------------------------------------------------------------------------------------


def _fit(options: argparse.Namespace) -> int:
    from storytui.commands.choices import measurements_file
    from storytui.engine.asking import ask_devices
    from storytui.models.fit import Machine, bytes_of, plan
    from storytui.models.measured import Measurements, driver_share, measured_ways
    from storytui.models.shape_of_file import shape_in
    from storytui.models.starting import machine_of, names_of

    path = _path_of(options.model)
    shape = shape_in(path)
    kv_type: KvType | None = options.kv_type
    machine = Machine(gpu=options.vram or 0)
    device, known = "", {}
    if not options.vram:
        report = ask_devices()
        on = report.gpus or tuple(filter(None, [report.cpu]))
        device = names_of(on)
        records = Measurements(measurements_file()).on(device, report.library)
        machine = machine_of(report, driver=driver_share(records) if report.gpus else None)
        known = measured_ways(records, shape, machine.driver, None)
    found = plan(
        shape,
        machine,
        context=options.context or 0,
        kv_type=kv_type,
        allow_partial=options.allow_partial,
    )
    choice = found.choice
    measured = known.get((choice.context, choice.kv_type, choice.gpu_layers))
    if options.json:
        answer = {
            "model": str(path),
            "device": device,
            **found.as_json(),
            "measured": bytes_of(measured) if measured else None,
        }
        write(sys.stdout, json.dumps(answer) + "\n")
    else:
        where = f" on {visible(device, newlines=False)}" if device else ""
        lines = [f"{path.name}{where}: {found.reason}."]
        lines += _rows(choice.parts, measured)
        write(sys.stdout, "\n".join(lines) + "\n")
    return 0 if found.fits else FAILURE


def _rows(planned: "Parts", measured: "Parts | None") -> list[str]:
    """The parts one below the other; beside what is planned, what was measured."""
    lines = [f"  {'':24}{'planned':>10}{'measured':>10}"] if measured else []
    for name, part in (
        ("weights on the GPU", "weights_gpu"),
        ("weights in host memory", "weights_host"),
        ("keys and values", "kv"),
        ("intermediate results", "compute"),
        ("the driver's share", "overhead"),
        ("together on the GPU", "total_gpu"),
    ):
        sizes = [getattr(each, part) for each in (planned, measured) if each is not None]
        if any(sizes):
            lines.append(f"  {name:24}" + "".join(f"{_size(size):>10}" for size in sizes))
    return lines


def _path_of(model: str) -> Path:
    """The file of a model that is named by its path, or as `storytui models list` names it.

    Raises:
        ModelError: there is none, or several.
    """
    path = Path(model).expanduser()
    if path.exists() or os.sep in model or model.endswith(".gguf"):
        return path
    from storytui.models.catalog import catalogue
    from storytui.models.starter import starter_model

    named = [each.path for each in _search().models if each.name.lower() == model.lower()]
    built_in = starter_model()
    if built_in is not None and built_in.stem.lower() == model.lower():
        named.append(built_in)
    if len(named) == 1:
        return named[0]
    if named:
        paths = ", ".join(map(str, named))
        raise ModelError(f"Several models are called {model}. Name one by its path: {paths}.")
    if any(each.id == model.lower() for each in catalogue()):
        raise ModelError(
            f"The model {model} is in the catalogue, but its file is not on this machine. "
            "Get the file, and name it by its path."
        )
    raise ModelError(f"There is no model {model}. storytui models list shows those that are here.")


def _size(size: int) -> str:
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"
