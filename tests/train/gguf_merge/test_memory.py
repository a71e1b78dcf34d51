"""What merging takes of memory, in the shapes of a 7B model."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from make_adapters import write_adapter
from tiny_gguf import llama_pairs

from storytui_train.gguf import layout

COLUMNS, ROWS, RANK = 3584, 18944, 16
LARGEST = 4 * COLUMNS * ROWS
"""Bytes of Qwen2.5-7B's largest layer weight in float32."""
Q4_0 = 2
MEASURED = """
import json, re, sys
from pathlib import Path
from storytui_train.gguf.deltas import read_deltas
from storytui_train.gguf.merge import merge
from storytui_train.gguf.splits import read_model
base, adapter, out = map(Path, sys.argv[1:])

def most():
    # Not of getrusage, which begins with the most that the starting process had.
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) * 1024

before = most()
done = merge(read_model(base), read_deltas(adapter, base), out, threads=4)
print(json.dumps({"before": before, "peak": most(), "touched": done.touched}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peaks are read as Linux gives them")
def test_no_tensor_stands_in_memory_as_floats(tmp_path: Path) -> None:
    names = ["blk.0.ffn_up.weight", "blk.0.ffn_gate.weight"]
    pairs = [
        layout.text(each.key.decode()) + each.kind.to_bytes(4, "little") + each.value
        for each in llama_pairs()
    ]
    file = layout.arranged(
        pairs, [(name, (COLUMNS, ROWS), Q4_0) for name in names], version=3, alignment=32
    )
    base = tmp_path / "base.gguf"
    with base.open("wb") as target:
        target.write(file.head)
        target.truncate(file.size)  # sparse
    chance = np.random.default_rng(1)
    name = names[0]
    adapter = write_adapter(
        tmp_path / "adapter.gguf",
        {
            f"{name}.lora_a": chance.standard_normal((RANK, COLUMNS)).astype("f4"),
            f"{name}.lora_b": chance.standard_normal((ROWS, RANK)).astype("f4"),
        },
    )
    out = tmp_path / "out.gguf"

    ended = subprocess.run(
        [sys.executable, "-c", MEASURED, base, adapter, out],
        capture_output=True,
        text=True,
        check=True,
    )

    found = json.loads(ended.stdout)
    assert found["touched"] == 1
    assert out.stat().st_size == file.size
    assert found["peak"] <= 4 * LARGEST + 300_000_000
    # Far below that, and below a single float copy.
    assert found["peak"] - found["before"] < LARGEST / 3
