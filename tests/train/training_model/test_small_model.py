"""The small model, out of its GGUF: what transformers makes of it, in less memory."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from storytui.models.starter import starter_model
from storytui_train.recipe_training import TrainOptions
from storytui_train.training.base import load_base
from storytui_train.training.gguf_base import GgufWeights
from storytui_train.training.memory import parts

CPU = torch.device("cpu")
LOAD = """
import json, resource, sys
import bitsandbytes, gguf.quants, peft, torch, transformers
from transformers.models.llama import modeling_llama
from storytui_train.recipe_training import TrainOptions
from storytui_train.training.base import load_base
from storytui_train.training.memory import parts

torch.set_num_threads(1)

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

before = peak()
base = load_base(TrainOptions(base="built-in", quantisation=sys.argv[1]), torch.device("cpu"))
held = sum(each.bytes for each in parts(base.model))
print(json.dumps({"peak": peak() - before, "held": held}))
"""


@pytest.fixture(scope="module")
def path() -> Path:
    found = starter_model()
    if found is None:
        pytest.skip("the small model is not installed")
    return found


def test_logits_are_those_of_transformers_own_loader(path: Path) -> None:
    from transformers import AutoModelForCausalLM

    tokens = torch.arange(500, 548).reshape(1, 48)
    with torch.no_grad():
        base = load_base(TrainOptions(base="built-in", quantisation="none"), CPU)
        ours = base.model(input_ids=tokens, use_cache=False).logits
        theirs = AutoModelForCausalLM.from_pretrained(
            path.parent, gguf_file=path.name, dtype=torch.float32
        )(input_ids=tokens).logits

    assert (base.kind, base.gguf, base.architecture) == ("gguf", path, "llama")
    assert ours.abs().max() > 5
    assert torch.allclose(ours, theirs, rtol=0, atol=1e-4)


def test_quantised_it_is_close_to_itself_and_much_smaller(path: Path) -> None:
    tokens = torch.arange(500, 548).reshape(1, 48)
    made: list[Any] = []
    for how in ("none", "nf4"):
        base = load_base(TrainOptions(base=str(path), quantisation=how), CPU)  # type: ignore[arg-type]
        with torch.no_grad():
            shares = base.model(input_ids=tokens, use_cache=False).logits.log_softmax(-1)
        layers = sum(each.bytes for each in parts(base.model) if each.name == "layers")
        made.append((shares, layers))

    (plain, floats), (rough, nf4) = made
    kl = (plain.exp() * (plain - rough)).sum(-1).mean().item()
    assert 0.001 < kl < 0.5
    assert nf4 < floats / 7


@pytest.mark.skipif(sys.platform != "linux", reason="peaks are read as Linux gives them")
def test_the_host_holds_the_model_and_a_few_times_its_largest_tensor(path: Path) -> None:
    largest = GgufWeights(path).largest * 4

    done = subprocess.run(
        [sys.executable, "-c", LOAD, "nf4"], capture_output=True, text=True, check=True
    )
    said = json.loads(done.stdout.splitlines()[-1])

    assert said["held"] > largest
    assert said["peak"] < said["held"] + 2 * largest
