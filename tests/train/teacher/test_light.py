"""What only thinks brings nothing that works."""

import subprocess
import sys

import pytest

HEAVY = {"datatrove", "openai", "httpx", "httpx2", "pyarrow", "datasets", "numpy", "sqlite3"}


@pytest.mark.parametrize(
    "module", ["prompts", "checks", "costs", "access", "reasoning", "choosing", "written"]
)
def test_nothing_heavy_comes_with_it(module: str) -> None:
    code = f"import sys, storytui_train.data.teacher.{module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert not HEAVY & {name.partition(".")[0] for name in done.stdout.split()}
