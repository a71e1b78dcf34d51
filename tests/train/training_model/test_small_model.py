"""The small model, out of its GGUF: what transformers makes of it, in less memory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from storytui.models.starter import starter_model
from storytui_train.recipe_training import TrainOptions
from storytui_train.training.base import Base, load_base
from storytui_train.training.gguf_base import GgufWeights
from storytui_train.training.memory import parts

CPU = torch.device("cpu")
TOKENS = torch.arange(500, 548).reshape(1, 48)
LOAD = """
import json, pathlib, re, sys
import bitsandbytes, gguf.quants, peft, torch, transformers
from transformers.models.llama import modeling_llama
from storytui_train.recipe_training import TrainOptions
from storytui_train.training.base import load_base
from storytui_train.training.device_memory import hold_no_freed_memory
from storytui_train.training.memory import parts

torch.set_num_threads(1)

def peak():
    # Not of getrusage, which begins with the most that the starting process had.
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) * 1024

hold_no_freed_memory()
before = peak()
base = load_base(TrainOptions(base=sys.argv[1]), torch.device("cpu"))
peak = peak() - before
with torch.no_grad():
    logits = base.model(input_ids=torch.arange(500, 548).reshape(1, 48), use_cache=False).logits
torch.save(logits, sys.argv[2])
held = {each.name: each.bytes for each in parts(base.model)}
print(json.dumps({"peak": peak, "held": held}))
"""


@pytest.fixture(scope="module")
def path() -> Path:
    found = starter_model()
    if found is None:
        pytest.skip("the small model is not installed")
    return found


@pytest.fixture(scope="module")
def base(path: Path) -> Base:
    return load_base(TrainOptions(base=str(path), quantisation="none"), CPU)


@pytest.fixture(scope="module")
def logits(base: Base) -> Tensor:
    with torch.no_grad():
        made: Tensor = base.model(input_ids=TOKENS, use_cache=False).logits
    return made


def test_logits_are_those_of_transformers_own_loader(
    base: Base, logits: Tensor, path: Path
) -> None:
    from transformers import AutoModelForCausalLM

    with torch.no_grad():
        theirs = AutoModelForCausalLM.from_pretrained(
            path.parent, gguf_file=path.name, dtype=torch.float32
        )(input_ids=TOKENS).logits

    assert (base.kind, base.gguf, base.architecture) == ("gguf", path, "llama")
    assert logits.abs().max() > 5
    assert torch.allclose(logits, theirs, rtol=0, atol=1e-4)


@pytest.mark.skipif(sys.platform != "linux", reason="peaks are read as Linux gives them")
def test_quantised_it_is_close_to_itself_and_takes_little_more_than_it_holds(
    base: Base, logits: Tensor, path: Path, tmp_path: Path
) -> None:
    largest = GgufWeights(path).largest * 4
    floats = {each.name: each.bytes for each in parts(base.model)}

    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(path), str(tmp_path / "logits")],
        capture_output=True,
        text=True,
        check=True,
    )
    said = json.loads(done.stdout.splitlines()[-1])
    rough = torch.load(tmp_path / "logits").log_softmax(-1)

    held = sum(said["held"].values())
    assert said["held"]["head"] == floats["head"] == largest
    assert said["held"]["layers"] < floats["layers"] / 7
    # What it keeps, and its largest tensor once or twice; never a float copy of the whole.
    assert said["peak"] < held + 2 * largest < sum(floats.values())
    plain = logits.log_softmax(-1)
    assert 0.001 < (plain.exp() * (plain - rough)).sum(-1).mean() < 0.5
