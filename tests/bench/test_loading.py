"""Loading beside the bare load."""

from pathlib import Path

import pytest

from storytui.bench.loading import measure_loading
from storytui.engine.api import EngineError
from storytui.engine.messages import ModelConfig
from storytui.engine.process import ProcessEngine
from storytui.models.starter import starter_model


def test_both_ways_load_the_model() -> None:
    path = starter_model()
    assert path is not None
    said: list[str] = []

    found = measure_loading(
        lambda _context=0: ProcessEngine(ModelConfig(path=str(path), context=512, threads=1)),
        1,
        said.append,
    )

    assert found["rounds"] == 1
    assert found["child_ms"] > 0
    assert found["ratio"] == found["worst_ratio"] == round(found["child_ms"] / found["bare_ms"], 3)
    assert said == ["loading: 0 of 1", "loading: 1 of 1"]


def test_a_model_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"none\.gguf"):
        measure_loading(
            lambda _context=0: ProcessEngine(ModelConfig(path=str(tmp_path / "none.gguf"))),
            1,
            lambda _text: None,
        )
