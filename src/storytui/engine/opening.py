"""What the model's process has of llama.cpp, imported when it is needed and not before."""

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from storytui.engine.devices import DeviceReport
from storytui.engine.messages import ModelConfig

if TYPE_CHECKING:
    from storytui.engine.llama import LlamaModel

OpenModel = Callable[[ModelConfig, Callable[[float], None]], "LlamaModel"]
"""Loads a model, telling how far it is."""
LookAtDevices = Callable[[], DeviceReport]
"""Tells what there is to load a model on."""


def open_llama(config: ModelConfig, on_progress: Callable[[float], None]) -> "LlamaModel":
    """Load the model with llama.cpp, or its vocabulary only; raises ModelError."""
    if config.vocabulary_only:
        from storytui.engine.llama.vocabulary_only import VocabularyOnly

        # Nothing but questions on tokens is put to it.
        return cast("LlamaModel", VocabularyOnly(config, on_progress))
    from storytui.engine.llama import LlamaModel

    return LlamaModel(config, on_progress)


def llama_devices() -> DeviceReport:
    """What llama.cpp has to run on."""
    from storytui.engine.llama.devices import device_report

    return device_report()
