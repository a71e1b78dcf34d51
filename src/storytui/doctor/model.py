"""llama.cpp and its devices, the chosen model, its adapter, whether it fits, one continuation."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from storytui import folders
from storytui.doctor.continuation import check_continuation
from storytui.doctor.finding import Finding, ok, problem, warning
from storytui.doctor.server import check_server
from storytui.engine.adapting import adapter_name
from storytui.engine.api import Engine, EngineError, ModelError
from storytui.engine.asking import ask_devices
from storytui.engine.devices import Device, DeviceReport
from storytui.engine.model_info import Adapter
from storytui.models.checking import examine
from storytui.models.fit import plan
from storytui.models.graphics import advice
from storytui.models.graphics_here import look_around
from storytui.models.shape_of_file import shape_in
from storytui.models.starting import machine_of
from storytui.settings import Settings

_GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the settings ask for, made by whoever knows how."""

    path: Callable[[], Path]
    """The file of the model; raises ModelError."""
    adapters: Callable[[], Sequence[Adapter]]
    """What is laid over the model; raises EngineError."""
    start: Callable[[], Engine]
    """Makes the engine."""
    agreed: Callable[[str], bool]
    """Whether she agreed that story text goes to a host."""


def check_devices() -> tuple[DeviceReport | None, list[Finding]]:
    """Ask llama.cpp what it is and what it can run on; None where it does not say."""
    try:
        report = ask_devices()
    except EngineError as error:
        return None, [problem("llama.cpp", str(error), "pip install --force-reinstall storytui")]
    built = "for a GPU" if report.offloads else "for the CPU only"
    findings = [ok("llama.cpp", f"llama-cpp-python {report.library}, built {built}")]
    says, *remedies = advice(look_around(), report) or ("",)
    if says:
        findings.append(warning("Graphics card", says, " ".join(remedies)))
    findings += [ok("Device", _described(each)) for each in report.devices]
    return report, findings


def check_model(
    settings: Settings,
    chosen: Chosen,
    report: DeviceReport | None,
    *,
    continuation: bool = True,
) -> Iterator[Finding]:
    """See to the model, and that it writes.

    Args:
        settings: those in force.
        chosen: what they ask for.
        report: what there is to run it on; None where that is not known.
        continuation: whether the model is loaded and writes a few words.
    """
    server = None
    if settings.remote.address:
        server, finding = check_server(settings.remote, chosen.agreed)
        yield finding
        if server is None:
            return
    else:
        file, finding = _check_file(chosen.path, settings)
        yield finding
        if file is None:
            return
        if report is not None:
            yield _check_fit(file, report, settings)
        for finding in _check_adapters(chosen):
            yield finding
            if finding.level != "ok":
                return
    if continuation:
        yield from check_continuation(chosen.start, settings.continuing.format, server=server)


def _check_file(path: Callable[[], Path], settings: Settings) -> tuple[Path | None, Finding]:
    another = "Choose one in the editor, or with: storytui models use NAME"
    try:
        file = path()
        header = examine(file, folders.models_checked())
    except ModelError as error:
        return None, problem("Model", str(error), another)
    chosen = "" if settings.model.path else ", the built-in one, which is too small to write well"
    says = f"{file.stem} ({header.architecture}) in {file}{chosen}"
    return file, ok("Model", says)


def _check_adapters(chosen: Chosen) -> Iterator[Finding]:
    try:
        adapters = chosen.adapters()
    except EngineError as error:
        yield problem(
            "Adapter",
            str(error),
            "Choose another (storytui models adapter list), or none: storytui models adapter off",
        )
        return
    for each in adapters:
        strength = "" if each.scale == 1 else f", at {each.scale:g} of its strength"
        yield ok("Adapter", f"{adapter_name(each.path)} goes with the model{strength}")


def _check_fit(file: Path, report: DeviceReport, settings: Settings) -> Finding:
    try:
        fit = plan(
            shape_in(file),
            machine_of(report, on_gpu=settings.model.gpu_layers != 0),
            context=settings.model.context,
            allow_partial=settings.model.allow_partial,
        )
    except ModelError as error:
        return problem("Fit", str(error), "Change [model] in the settings.")
    if fit.fits:
        return ok("Fit", fit.reason)
    return warning(
        "Fit", fit.reason, "Choose a smaller model (storytui models list), or a shorter context."
    )


def _described(device: Device) -> str:
    memory = ""
    if device.total:
        memory = f", {device.total / _GIB:.1f} GiB"
        # llama.cpp calls all of the machine's own memory free.
        known = device.free and device.kind != "cpu"
        memory += f" of which {device.free / _GIB:.1f} are free" if known else ""
    return f"{device.backend}: {device.description or device.name}{memory}"
