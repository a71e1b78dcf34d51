"""Who says how a model is loaded, once the model's process has told what there is to load it on."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import structs

from storytui.engine.devices import DeviceReport
from storytui.engine.messages import ModelConfig
from storytui.engine.model_info import Adapter, ModelInfo


class Planner(Protocol):
    """Decides how a model is loaded. One thread at a time asks it, which may wait for it."""

    @property
    def note(self) -> str:
        """What is to be said of the last plan, as a sentence: why it is less than usual; or empty.

        It may hold a file's name.
        """
        ...

    def prepare(self) -> None:
        """Do ahead what needs no devices, while the model's process starts; raises nothing."""
        ...

    def plan(self, report: DeviceReport, adapters: Sequence[Adapter] | None = None) -> ModelConfig:
        """How the model is loaded on these devices; asked for each new process.

        Args:
            report: of the devices.
            adapters: what is laid over the model; None: as the planner was told before.

        Raises:
            ModelError: it cannot be, as things are.
        """
        ...

    def failed(self) -> bool:
        """The last plan took more memory than there was, or its process died before it had computed
        anything; returns whether the next plan takes less. Raises nothing, and waits for nothing.
        """
        ...

    def loaded(self, report: DeviceReport, info: ModelInfo) -> None:
        """The model was loaded as planned, and this came of it; raises nothing."""
        ...


class WithAdapters:
    """Another planner, whose model gets other adapters once somebody asks for them."""

    def __init__(self, planner: Planner) -> None:
        self._planner = planner
        self.adapters: tuple[Adapter, ...] | None = None
        """What is laid over the model; None: as the other planner says."""

    @property
    def note(self) -> str:
        """What the other one says."""
        return self._planner.note

    def prepare(self) -> None:
        """Do ahead what the other one can."""
        self._planner.prepare()

    def plan(self, report: DeviceReport, adapters: Sequence[Adapter] | None = None) -> ModelConfig:
        """What the other one plans, with these adapters."""
        return self._planner.plan(report, self.adapters if adapters is None else adapters)

    def failed(self) -> bool:
        """Ask the other one."""
        return self._planner.failed()

    def loaded(self, report: DeviceReport, info: ModelInfo) -> None:
        """Tell the other one."""
        self._planner.loaded(report, info)


class AsAsked:
    """The planner who does as he was told."""

    note = ""

    def __init__(self, config: ModelConfig) -> None:
        self._config = config

    def prepare(self) -> None:
        """There is nothing to do."""

    def plan(self, _report: DeviceReport, adapters: Sequence[Adapter] | None = None) -> ModelConfig:
        """What was asked for, whatever there is."""
        return with_adapters(self._config, adapters)

    def failed(self) -> bool:
        """What was asked for is what is done."""
        return False

    def loaded(self, _report: DeviceReport, _info: ModelInfo) -> None:
        """There is nothing to keep."""


def with_adapters(config: ModelConfig, adapters: Sequence[Adapter] | None) -> ModelConfig:
    """The same model under these adapters; None: under its own."""
    return config if adapters is None else structs.replace(config, adapters=tuple(adapters))
