"""What adapters mean for a model: which of them do anything, and what the model is then called."""

from collections.abc import Sequence
from pathlib import Path

from msgspec import structs

from storytui.engine.model_info import Adapter, ModelInfo


def in_force(adapters: Sequence[Adapter]) -> tuple[Adapter, ...]:
    """The adapters that change anything: none at scale 0, and of one file the last scale only."""
    last = {each.path: each for each in adapters}
    return tuple(each for each in last.values() if each.scale != 0)


def adapted(info: ModelInfo, adapters: Sequence[Adapter]) -> ModelInfo:
    """What is known of a model, with adapters laid over it."""
    return structs.replace(
        info,
        adapter=" + ".join(adapter_name(each.path) for each in adapters),
        adapter_scale=adapters[-1].scale if adapters else 1.0,
        adapters=in_force(adapters),
    )


def adapter_name(path: str | Path) -> str:
    """An adapter's name for people: its file's, which they chose."""
    return Path(path).stem or str(path)
