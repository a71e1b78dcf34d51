"""What an adapter does in torch it does in llama.cpp, for tiny models of each architecture."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from llama_logits import Job, logits_of
from made_adapters import MIXED, TOKENS, adapted, divergence, saved, torch_logits, with_settings
from made_models import ARCHITECTURES, tiny_model, write_model
from numpy.typing import NDArray

from storytui_train.gguf import permutation
from storytui_train.gguf.adapter import Made, convert_adapter
from storytui_train.gguf.deltas import read_deltas
from storytui_train.gguf.merge import merge
from storytui_train.gguf.metadata import About
from storytui_train.gguf.splits import read_model

ALLOWED = 1e-5
"""Nats between peft and llama.cpp; what of it there is, is rounding."""
MOVED = 0.1
"""Nats that the adapter moves its model by, at the least."""
FORGOTTEN = 100 * ALLOWED
"""Nats at the least where something is left out."""
NOISE = 3.0
"""How many times the rounding to float16 may cost what the same rounding costs in torch."""

KINDS: Mapping[str, Mapping[str, Any]] = {
    "plain": {},
    "rslora": {"use_rslora": True},
    "mixed": MIXED,
}
PERMUTED = ("llama", "mistral")

Logits = NDArray[np.float32]


@dataclass(frozen=True)
class Found:
    """What each says of the same tokens."""

    made: Made
    base: Logits
    peft: Logits
    noise: Logits
    """peft's, with weights and inputs of the adapter rounded to float16."""
    llama: Mapping[str, Logits]
    """llama.cpp's, by what it was given."""


@pytest.fixture(
    scope="module", params=[(each, kind) for each in ARCHITECTURES for kind in KINDS], ids="-".join
)
def found(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, one_core: None
) -> Found:
    architecture, kind = request.param
    folder = tmp_path_factory.mktemp(f"{architecture}-{kind}")
    return compared(tiny_model(architecture), folder, targets="all-linear", **KINDS[kind])


def compared(model: Any, folder: Path, *, targets: Any, **options: Any) -> Found:
    """Have torch and llama.cpp read the same, with and without an adapter."""
    about = About(name="Test", prompt_format="storytui-1")
    base = write_model(folder / "base.gguf", model)
    bare = torch_logits(model)
    wrapped = adapted(model, targets=targets, **options)
    adapter = saved(wrapped, folder / "adapter")
    peft = torch_logits(wrapped)
    noise = torch_logits(rounded(wrapped))
    made = convert_adapter(adapter, base, folder / "f32.gguf", about, kind="f32")
    jobs = {
        "base": Job(base, TOKENS),
        "f32": Job(base, TOKENS, made.path),
        "f16": Job(base, TOKENS, convert_adapter(adapter, base, folder / "f16.gguf", about).path),
    }
    scale = with_settings(adapter, folder / "scale", use_rslora=False)
    forgotten = convert_adapter(scale, base, folder / "scale.gguf", about, kind="f32")
    jobs["no rslora"] = Job(base, TOKENS, forgotten.path)
    same = with_settings(adapter, folder / "same", alpha_pattern={})
    forgotten = convert_adapter(same, base, folder / "same.gguf", about, kind="f32")
    jobs["one alpha"] = Job(base, TOKENS, forgotten.path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(permutation, "PERMUTED", frozenset())
        forgotten = convert_adapter(adapter, base, folder / "rows.gguf", about, kind="f32")
    jobs["no permutation"] = Job(base, TOKENS, forgotten.path)
    own = folder / "own.gguf"
    merge(read_model(base), read_deltas(made.path, base), own)
    jobs["merged here"] = Job(own, TOKENS)
    merged = write_model(folder / "merged.gguf", wrapped.merge_and_unload())
    jobs["merged"] = Job(merged, TOKENS)
    logits = dict(zip(jobs, logits_of(list(jobs.values()), folder), strict=True))
    return Found(made, bare, peft, noise, logits)


def rounded(wrapped: Any) -> Any:
    """A copy whose adapter computes as llama.cpp does with float16 weights on a CPU."""
    found = copy.deepcopy(wrapped)
    for name, module in found.named_modules():
        if name.endswith((".lora_A.default", ".lora_B.default")):
            module.weight.data = module.weight.data.half().float()
            module.register_forward_pre_hook(lambda _, inputs: (inputs[0].half().float(),))
    return found


def test_the_base_is_the_same_model_in_both(found: Found) -> None:
    assert divergence(found.base, found.llama["base"]) <= ALLOWED


def test_the_adapter_does_in_llama_cpp_what_it_does_in_peft(found: Found) -> None:
    assert divergence(found.peft, found.base) >= MOVED
    assert divergence(found.peft, found.llama["f32"]) <= ALLOWED


def test_merged_it_is_the_same_too(found: Found) -> None:
    assert divergence(found.peft, found.llama["merged"]) <= ALLOWED
    assert divergence(found.llama["merged"], found.llama["f32"]) <= ALLOWED
    assert divergence(found.peft, found.llama["merged here"]) <= ALLOWED


def test_in_float16_it_costs_what_rounding_costs(found: Found) -> None:
    floor = divergence(found.peft, found.noise)
    assert 0 < divergence(found.peft, found.llama["f16"]) <= NOISE * floor
    assert floor <= MOVED / 100


def test_without_what_is_folded_in_it_is_another_model(
    found: Found, request: pytest.FixtureRequest
) -> None:
    architecture, kind = request.node.callspec.params["found"]
    scaled = divergence(found.peft, found.llama["no rslora"])
    assert scaled <= ALLOWED if kind == "plain" else scaled >= FORGOTTEN
    alphas = divergence(found.peft, found.llama["one alpha"])
    assert alphas >= FORGOTTEN if kind == "mixed" else alphas <= ALLOWED
    rows = divergence(found.peft, found.llama["no permutation"])
    assert rows >= FORGOTTEN if architecture in PERMUTED else rows <= ALLOWED


def test_only_what_differs_from_the_files_alpha_is_multiplied_in(
    found: Found, request: pytest.FixtureRequest
) -> None:
    _, kind = request.node.callspec.params["found"]
    if kind == "mixed":
        assert 0 < found.made.folded < found.made.changes
        assert found.made.rank == 6
    else:
        assert found.made.folded == 0
        assert found.made.alpha == pytest.approx(12 * (6**0.5 if kind == "rslora" else 1))


def test_a_head_of_its_own_is_changed_too(tmp_path: Path, one_core: None) -> None:
    targets = ["lm_head", "q_proj", "down_proj"]
    found = compared(tiny_model("qwen2", tied=False), tmp_path, targets=targets)
    assert found.made.changes == 5
    assert divergence(found.peft, found.base) >= MOVED
    assert divergence(found.peft, found.llama["f32"]) <= ALLOWED


def test_a_base_whose_head_is_its_table_of_words_is_changed_too(
    tmp_path: Path, one_core: None
) -> None:
    found = compared(tiny_model("llama", tied=True), tmp_path, targets="all-linear")
    assert divergence(found.peft, found.base) >= MOVED
    assert divergence(found.peft, found.llama["f32"]) <= ALLOWED
