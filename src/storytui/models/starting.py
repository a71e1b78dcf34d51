"""How a model is loaded on the devices that its process tells of: the plan at every start.

Everything goes on the GPU, or nothing unless some layers are allowed to stay on the CPU; what is
set by hand is done as it is set. What memory was too small for, or ended the process before it had
computed anything, is planned with less the next time. Two editors that start at the same moment see
the same free memory; what llama.cpp refuses to the second is then planned anew. Plans for a GPU are
not verified on one.
"""

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from msgspec import structs

from storytui.engine.adapting import in_force
from storytui.engine.api import ModelError
from storytui.engine.devices import Device, DeviceReport
from storytui.engine.messages import ModelConfig
from storytui.engine.model_info import Adapter, ModelInfo
from storytui.engine.planning import with_adapters
from storytui.models.fit import CPU_CONTEXT, GIB, MARGIN, Fit, Machine, plan
from storytui.models.gguf import further_parts
from storytui.models.measured import (
    BETWEEN,
    Measurements,
    Record,
    driver_share,
    file_key,
    has_flash_attention,
    measured_ways,
    model_key,
    record_of,
)
from storytui.models.model_memory import DRIVER
from storytui.models.remembering import Marks, marks_of
from storytui.models.shape import Shape
from storytui.models.shape_of_file import shape_in


def machine_of(report: DeviceReport, *, on_gpu: bool = True, driver: int | None = None) -> Machine:
    """The memory that there is to plan for.

    Several cards are planned for as one: llama.cpp deals a model's layers out by their free memory.

    Args:
        report: of the devices.
        on_gpu: whether GPUs are used, where there are any.
        driver: bytes of the driver's share of each; None: as is assumed.
    """
    host = report.cpu.total if report.cpu else 0
    # One that does not tell its memory gets none of the layers, which go by what is free.
    gpus = tuple(each for each in report.gpus if each.total) if on_gpu else ()
    if not gpus:
        return Machine(host=host)
    return Machine(
        gpu=sum(each.total for each in gpus),
        host=host,
        driver=(DRIVER if driver is None else driver) * len(gpus),
        margin=MARGIN * len(gpus),
        free=sum(each.free for each in gpus),
        cards=len(gpus),
    )


def names_of(devices: tuple[Device, ...]) -> str:
    """Devices by the names that `ModelInfo.device` has."""
    return BETWEEN.join(each.description for each in devices)


LESS = 0.95
"""What a plan may take at the most of what the plan before it took, where that was too much."""


class StartPlanner:
    """Plans each load of one model, and keeps what it really took."""

    def __init__(
        self,
        config: ModelConfig,
        *,
        choose_kv_type: bool = True,
        allow_partial: bool = False,
        measurements: Path | None = None,
    ) -> None:
        """Nothing is read yet.

        Args:
            config: what is set by hand; 0 tokens of context and -1 layers are for the plan.
            choose_kv_type: whether the keys' type is for the plan too.
            allow_partial: whether some layers may stay on the CPU.
            measurements: the file of what was measured; None: none is kept.
        """
        self._config = config
        self._choose_kv_type = choose_kv_type
        self._allow_partial = allow_partial
        self._measurements = Measurements(measurements)
        self._shape: Shape | None = None
        self._marks: Marks = ()
        """Of the files that the shape was read from."""
        self.fit: Fit | None = None
        """The last plan, also where it does not fit; None: there is none, as for a model that is
        small beside the memory that it runs in without a GPU."""
        self._machine = Machine()
        """What the last plan was for."""
        self._decide: Callable[[Machine], Fit] | None = None
        """Makes that plan for another machine."""
        self._most = 0
        """What a plan may take of the card, since one that took more came to nothing; 0: all."""

    @property
    def note(self) -> str:
        """Why the last plan is less than usual: other programs, or a plan that came to nothing."""
        fit, machine = self.fit, self._machine
        less = fit is not None and fit.fits and ((machine.crowded and fit.tried) or machine.most)
        return f"{Path(self._config.path).name}: {fit.reason}." if fit is not None and less else ""

    def prepare(self) -> None:
        """Read the model's shape, where a GPU was used before; a CPU seldom needs it."""
        if any(each.gpu_layers for each in self._measurements.records()):
            self._read_shape()

    def plan(self, report: DeviceReport, adapters: Sequence[Adapter] | None = None) -> ModelConfig:
        """How the model is loaded on these devices.

        A model that cannot be planned for, and a GPU that does not tell its memory, get what is
        set by hand: llama.cpp then says whether it can be.

        Raises:
            ModelError: it does not fit; the message says by how much, and what to do.
        """
        self.fit = None
        config = with_adapters(self._config, adapters)
        gpus = report.gpus if config.gpu_layers else ()
        silent = gpus and not any(each.total for each in gpus)
        if silent or (not gpus and self._is_small(report)):
            return config
        shape = self._read_shape()
        if shape is None:
            return config
        records = self._records(report, gpus)
        share = driver_share(records) if gpus else None
        machine = machine_of(report, on_gpu=bool(gpus), driver=share)
        machine = replace(
            machine,
            flash_attention=has_flash_attention(records, shape),
            beside=_bytes_of(config.adapters),
        )
        self._decide = partial(
            plan,
            shape,
            context=config.context,
            kv_type=config.kv_type if gpus and not self._choose_kv_type else None,
            allow_partial=self._allow_partial,
            gpu_layers=config.gpu_layers if config.gpu_layers > 0 else None,
            whole_windows=config.whole_windows is True,
            measured=measured_ways(records, shape, machine.driver, config.whole_windows),
        )
        self._machine = replace(machine, most=self._most)
        fit = self._decide(self._machine)
        if self._most and not fit.fits:
            # Other programs hold more by now: what was too much then is no measure any more.
            self._most, self._machine = 0, machine
            fit = self._decide(machine)
        self.fit = fit
        self._refuse(fit, machine, gpus)
        if not gpus:
            return structs.replace(config, context=fit.choice.context)
        there = fit.choice.gpu_layers
        return structs.replace(
            config,
            context=fit.choice.context,
            gpu_layers=-1 if there == fit.layers else there,
            kv_type=fit.choice.kv_type,
        )

    def failed(self) -> bool:
        """Plan for less of the card from now on; returns whether there is less to be had."""
        taken = 0 if self.fit is None else self.fit.choice.parts.total_gpu
        less = replace(self._machine, most=int(taken * LESS))
        there_is = bool(taken and self._decide is not None and self._decide(less).fits)
        # Where there is not, the next start begins with everything again.
        self._most = less.most if there_is else 0
        return there_is

    def loaded(self, report: DeviceReport, info: ModelInfo) -> None:
        """Keep what the model took; its shape is read for that once, then its file is known."""
        file = file_key(self._marks_now())
        if not file:
            return

        def model() -> str | None:
            for each in self._measurements.records():
                if each.file == file:
                    return each.model
            shape = self._read_shape()
            return model_key(shape) if shape is not None else None

        record = record_of(report, info, self._config.whole_windows, file, model)
        if record is not None:
            self._measurements.keep(record)

    def _marks_now(self) -> Marks:
        path = Path(self._config.path)
        with contextlib.suppress(OSError):
            return marks_of([path, *(each for each in further_parts(path) if each.exists())])
        return ()

    def _read_shape(self) -> Shape | None:
        """The model's shape, read anew where its file changed; None where it has none."""
        marks = self._marks_now()
        if self._shape is None or marks != self._marks:
            self._shape, self._marks = None, marks
            with contextlib.suppress(ModelError):
                self._shape = shape_in(Path(self._config.path))
        return self._shape

    def _is_small(self, report: DeviceReport) -> bool:
        """Whether a model surely fits in the machine's memory, however it is built."""
        host = report.cpu.total if report.cpu else 0
        size = sum(each.size for each in self._marks_now())
        return not host or (self._config.context <= CPU_CONTEXT and 2 * size + 2 * GIB <= host)

    def _records(self, report: DeviceReport, gpus: tuple[Device, ...]) -> list[Record]:
        on = gpus or ((report.cpu,) if report.cpu else ())
        return self._measurements.on(names_of(on), report.library)

    def _refuse(self, fit: Fit, machine: Machine, gpus: tuple[Device, ...]) -> None:
        """Say that it does not fit, unless what is set by hand is to be done all the same.

        Raises:
            ModelError: it does not.
        """
        name = Path(self._config.path).name
        parts = fit.choice.parts
        if not gpus:
            # What is mapped from the file, the system may drop: only what cannot be is refused.
            if machine.host and parts.total_host > machine.host:
                raise ModelError(
                    f"{name} does not fit in this machine's memory: it takes "
                    f"{parts.total_host / GIB:.1f} of {machine.host / GIB:.1f} GiB. Choose a "
                    "smaller model, or a shorter context."
                )
            return
        if fit.fits or self._config.gpu_layers > 0:
            return
        ways = ["Choose a smaller model"]
        if self._config.context:
            ways.append("ask for a shorter context")
        if machine.crowded:
            ways.append("close what else uses the card, another storytui for instance")
        if not self._allow_partial:
            ways.append("let some layers run on the CPU, slowly, with --allow-partial")
        ways.append("let all of them with --gpu-layers 0")
        raise ModelError(
            f"{name} does not fit on {names_of(gpus)}: {fit.reason}. "
            f"{', '.join(ways[:-1])}, or {ways[-1]}."
        )


def _bytes_of(adapters: Sequence[Adapter]) -> int:
    """What adapters take of memory: about their files' sizes."""
    size = 0
    for each in in_force(adapters):
        with contextlib.suppress(OSError, ValueError):
            size += os.stat(each.path).st_size
    return size
