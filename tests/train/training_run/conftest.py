"""A tiny base, made once."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from small_run import Bench, make_base


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return make_base(tmp_path_factory.mktemp("base") / "tiny-llama")


@pytest.fixture
def bench(tmp_path: Path, tiny_base: Path) -> Bench:
    torch.set_num_threads(1)
    return Bench(tmp_path, tiny_base)


@pytest.fixture
def benches(tmp_path: Path, tiny_base: Path) -> Callable[[str], Bench]:
    torch.set_num_threads(1)

    def make(name: str) -> Bench:
        (tmp_path / name).mkdir()
        return Bench(tmp_path / name, tiny_base)

    return make
