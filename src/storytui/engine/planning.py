"""Who says how a model is loaded, once the model's process has told what there is to load it on."""

from typing import Protocol

from msgspec import structs

from storytui.engine.api import Adapter, ModelInfo
from storytui.engine.devices import DeviceReport
from storytui.engine.messages import ModelConfig


class Planner(Protocol):
    """Decides how a model is loaded. One thread at a time asks it, which may wait for it."""

    def prepare(self) -> None:
        """Do ahead what needs no devices, while the model's process starts; raises nothing."""
        ...

    def plan(self, report: DeviceReport) -> ModelConfig:
        """How the model is loaded on these devices; asked for each new process.

        Raises:
            ModelError: it cannot be, as things are.
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

    def prepare(self) -> None:
        """Do ahead what the other one can."""
        self._planner.prepare()

    def plan(self, report: DeviceReport) -> ModelConfig:
        """What the other one plans, with these adapters."""
        config = self._planner.plan(report)
        if self.adapters is None:
            return config
        return structs.replace(config, adapters=self.adapters)

    def loaded(self, report: DeviceReport, info: ModelInfo) -> None:
        """Tell the other one."""
        self._planner.loaded(report, info)


class AsAsked:
    """The planner who does as he was told."""

    def __init__(self, config: ModelConfig) -> None:
        self._config = config

    def prepare(self) -> None:
        """There is nothing to do."""

    def plan(self, _report: DeviceReport) -> ModelConfig:
        """What was asked for, whatever there is."""
        return self._config

    def loaded(self, _report: DeviceReport, _info: ModelInfo) -> None:
        """There is nothing to keep."""
