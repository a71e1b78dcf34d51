"""`storytui models fit`: whether a model fits; planned, and measured where it was loaded."""

import argparse
import json
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from storytui.commands.choices import library_for, measurements_file
from storytui.commands.ending import FAILURE
from storytui.commands.models_facts import size
from storytui.commands.printing import write
from storytui.engine.api import ModelError
from storytui.models.choosing import choose
from storytui.settings import Settings
from storytui.story.visible import visible

if TYPE_CHECKING:
    from storytui.commands.models_hub import OnTheHub
    from storytui.engine.messages import KvType
    from storytui.models.model_memory import Parts
    from storytui.models.shape import Shape
    from storytui.models.verdicts import Origin


def run_fit(options: argparse.Namespace, settings: Settings) -> int:
    """Say how a model would be loaded; returns 1 where it does not fit.

    Raises:
        EngineError: there is no such model, or llama.cpp does not tell its devices.
    """
    from storytui.engine.asking import ask_devices
    from storytui.models.fit import Machine, bytes_of, plan
    from storytui.models.measured import Measurements, driver_share, measured_ways
    from storytui.models.starting import machine_of, names_of

    looked = _look_at(options.model, settings)
    shape = looked.shape
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
        replace(machine, beside=looked.beside),
        context=options.context or 0,
        kv_type=kv_type,
        allow_partial=options.allow_partial,
    )
    choice = found.choice
    measured = known.get((choice.context, choice.kv_type, choice.gpu_layers))
    if options.json:
        answer = {
            "model": looked.where,
            "origin": looked.origin,
            "device": device,
            **found.as_json(),
            "measured": bytes_of(measured) if measured else None,
        }
        write(sys.stdout, json.dumps(answer) + "\n")
    else:
        where = f" on {visible(device, newlines=False)}" if device else ""
        lines = [f"{visible(looked.name, newlines=False)}{where}: {found.reason}."]
        lines += [looked.note] if looked.note else []
        lines += _rows(choice.parts, measured)
        write(sys.stdout, "\n".join(lines) + "\n")
    return 0 if found.fits else FAILURE


@dataclass(frozen=True, slots=True)
class _Looked:
    """A model's shape, and where it is from."""

    name: str
    where: str
    """Its file, or OWNER/NAME:FILE on the Hub."""
    shape: "Shape"
    origin: "Origin"
    note: str = ""
    beside: int = 0
    """Bytes of an adapter that is laid over it."""


def _look_at(model: str, settings: Settings) -> _Looked:
    """A model that is here, else one of the Hub's by its header there, else by what is published.

    Raises:
        ModelError: there is no such model, or its header cannot be read.
    """
    from storytui.commands.models_hub import on_the_hub
    from storytui.models.shape_of_file import shape_in

    wanted = on_the_hub(model)
    if wanted is not None and wanted.repository.casefold().endswith(".gguf"):
        wanted = None
    try:
        chosen = choose(model, lambda only: library_for(settings, only))
    except ModelError:
        if wanted is None:
            raise
    else:
        path = chosen.path
        if chosen.laid is not None:
            name, beside = chosen.name, chosen.laid.stat().st_size
            return _Looked(name, str(path), shape_in(path), "file", beside=beside)
        if wanted is None or path.exists():
            return _Looked(path.name, str(path), shape_in(path), "file")
    return _look_on_the_hub(model, wanted, settings)


def _look_on_the_hub(model: str, wanted: "OnTheHub", settings: Settings) -> _Looked:
    from storytui.commands.models_hub import place_of_hub
    from storytui.models.hub.asking import repository, shape_on_hub
    from storytui.models.hub.errors import HubError
    from storytui.models.published import build_shape, files_as_published

    place = place_of_hub(settings)
    try:
        record = repository(place, wanted.repository)
        files = record.chosen(wanted.patterns)
        name = files[0].name
        return _Looked(
            name, f"{wanted.repository}:{name}", shape_on_hub(place, record, files), "hub"
        )
    except HubError as error:
        published = files_as_published(model.strip().casefold())
        if not published:
            raise
        note = f"By what is published of its shape, since its own header was not to be had. {error}"
        shape = build_shape(published[0])
        return _Looked(model, wanted.repository, shape, "published", note)


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
            lines.append(f"  {name:24}" + "".join(f"{size(each):>10}" for each in sizes))
    return lines
