"""A merged model says what its base says with the adapter, through the editor's own engine."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from storytui.engine.messages import ModelConfig
from storytui.engine.model_info import Adapter
from storytui.engine.process import ProcessEngine
from storytui.engine.scores import Passage
from storytui_train.gguf.deltas import read_deltas
from storytui_train.gguf.merge import merge
from storytui_train.gguf.splits import read_model

TEXT = "it was the best of times it was the worst of times"


def scored(path: Path, adapters: Sequence[Adapter] = ()) -> np.ndarray:  # type: ignore[type-arg]
    """The logarithm of each token's probability."""
    engine = ProcessEngine(
        ModelConfig(path=str(path), context=512, threads=1, adapters=tuple(adapters))
    )
    try:
        (found,) = engine.score([Passage(message="go on", text=TEXT)])
    finally:
        engine.close()
    return np.array(found.logprobs)


def test_merged_is_what_the_adapter_makes_of_it(plain: Path, adapter: Path, tmp_path: Path) -> None:
    out = tmp_path / "merged.gguf"
    merge(read_model(plain), read_deltas(adapter, plain), out, scale=0.8)

    bare = scored(plain)
    adapted = scored(plain, [Adapter(path=str(adapter), scale=0.8)])
    merged = scored(out)

    assert np.abs(adapted - bare).max() > 0.05
    # What is left is the rounding of keys and values to sixteen bits.
    assert np.abs(merged - adapted).max() < 0.02 * np.abs(adapted - bare).max()
