"""A base and an adapter, made once."""

from pathlib import Path

import pytest
from small_models import make_adapter, write_model


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def adapter(folder: Path) -> Path:
    return make_adapter(folder / "voice.gguf")


@pytest.fixture(scope="session")
def plain(folder: Path) -> Path:
    """In float32."""
    return write_model(folder / "plain.gguf")


@pytest.fixture(scope="session")
def mixed(folder: Path) -> Path:
    """As Q4_K_M is: Q4_K, and Q6_K where it matters."""

    def kinds(name: str) -> str:
        return "q6_k" if "ffn_down" in name or name == "output.weight" else "q4_k"

    return write_model(folder / "mixed.gguf", kinds)
