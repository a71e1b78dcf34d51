"""An adapter for the real small model: torch, llama.cpp and the project's engine say the same."""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from llama_logits import Job, logits_of
from made_adapters import adapted, divergence, saved, torch_logits, with_settings
from made_models import read_llama, write_model
from numpy.typing import NDArray
from test_parity import ALLOWED, FORGOTTEN, MOVED, NOISE, rounded

from storytui.engine.messages import ModelConfig
from storytui.engine.model_info import Adapter
from storytui.engine.process import ProcessEngine
from storytui.engine.scores import Encoded, Passage
from storytui_train.gguf import permutation
from storytui_train.gguf.adapter import Made, convert_adapter
from storytui_train.gguf.deltas import read_deltas
from storytui_train.gguf.merge import merge
from storytui_train.gguf.metadata import About
from storytui_train.gguf.splits import read_model

MESSAGE = "### Context:\nThe lamp had been out for eleven minutes before anyone noticed."
TEXT = " Then the boats came in, one by one, and nobody spoke of it. “Where is he?” she asked."
MOST_FILE = 10_000_000
"""Bytes that the starter's adapter may have."""

Logits = NDArray[np.float32]


@dataclass(frozen=True)
class Found:
    folder: Path
    base: Path
    made: Made
    encoded: Encoded
    torch: Mapping[str, Logits]
    llama: Mapping[str, Logits]


@pytest.fixture(scope="module")
def found(
    small_model: Path, tmp_path_factory: pytest.TempPathFactory, one_core: None, about: About
) -> Iterator[Found]:
    folder = tmp_path_factory.mktemp("small")
    model = read_llama(small_model)
    base = write_model(folder / "base.gguf", model, like=small_model)
    engine = ProcessEngine(ModelConfig(path=str(base), context=512, threads=1))
    encoded = engine.encode(MESSAGE, TEXT)
    engine.close()
    said = {"base": torch_logits(model, encoded.tokens)}
    wrapped = adapted(
        model,
        strength=0.004,
        r=16,
        lora_alpha=32,
        use_rslora=True,
        rank_pattern={"k_proj": 8},
        alpha_pattern={"v_proj": 20.0},
    )
    adapter = saved(wrapped, folder / "adapter")
    said["adapted"] = torch_logits(wrapped, encoded.tokens)
    said["noise"] = torch_logits(rounded(wrapped), encoded.tokens)
    made = convert_adapter(adapter, base, folder / "f32.gguf", about, kind="f32")
    half = convert_adapter(adapter, small_model, folder / "f16.gguf", about)
    scale = with_settings(adapter, folder / "scale", use_rslora=False)
    scaled = convert_adapter(scale, base, folder / "scale.gguf", about, kind="f32")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(permutation, "PERMUTED", frozenset())
        rows = convert_adapter(adapter, base, folder / "rows.gguf", about, kind="f32")
    own = folder / "own.gguf"
    merge(read_model(base), read_deltas(made.path, base), own)
    merged = write_model(folder / "merged.gguf", wrapped.merge_and_unload(), like=small_model)
    jobs = {
        "base": Job(base, encoded.tokens),
        "adapted": Job(base, encoded.tokens, made.path),
        "half": Job(base, encoded.tokens, half.path),
        "no rslora": Job(base, encoded.tokens, scaled.path),
        "no permutation": Job(base, encoded.tokens, rows.path),
        "merged": Job(merged, encoded.tokens),
        "merged here": Job(own, encoded.tokens),
    }
    logits = dict(zip(jobs, logits_of(list(jobs.values()), folder), strict=True))
    merged.unlink()
    own.unlink()
    yield Found(folder, base, half, encoded, said, logits)
    shutil.rmtree(folder)


def test_torch_and_llama_cpp_agree(found: Found) -> None:
    assert divergence(found.torch["base"], found.llama["base"]) <= ALLOWED
    assert divergence(found.torch["adapted"], found.torch["base"]) >= MOVED
    assert divergence(found.torch["adapted"], found.llama["adapted"]) <= ALLOWED
    for merged in ("merged", "merged here"):
        assert divergence(found.torch["adapted"], found.llama[merged]) <= ALLOWED


def test_without_scale_or_permutation_it_is_another_model(found: Found) -> None:
    for forgotten in ("no rslora", "no permutation"):
        assert divergence(found.torch["adapted"], found.llama[forgotten]) >= FORGOTTEN


def test_in_float16_it_costs_what_rounding_costs(found: Found) -> None:
    floor = divergence(found.torch["adapted"], found.torch["noise"])
    assert divergence(found.torch["adapted"], found.llama["half"]) <= NOISE * floor


def test_at_rank_16_on_all_linear_layers_it_is_small_enough_to_come_along(found: Found) -> None:
    assert found.made.changes == 210
    assert found.made.size <= MOST_FILE


def test_the_engine_finds_a_text_as_likely_as_torch_does(found: Found) -> None:
    config = ModelConfig(
        path=str(found.base),
        context=512,
        threads=1,
        scores=True,
        adapters=(Adapter(path=str(found.made.path)),),
    )
    engine = ProcessEngine(config)
    (scored,) = engine.score([Passage(message=MESSAGE, text=TEXT)])
    engine.close()
    encoded = found.encoded
    assert scored.tokens == encoded.tokens[encoded.reply :]

    def likely(name: str) -> NDArray[np.float64]:
        rows = found.torch[name][encoded.reply - 1 : -1].astype(np.float64)
        rows -= rows.max(axis=-1, keepdims=True)
        rows -= np.log(np.exp(rows).sum(axis=-1, keepdims=True))
        return rows[np.arange(len(rows)), list(scored.tokens)]

    # The engine keeps keys and values in float16, so it is as near as those allow.
    away = np.abs(likely("adapted") - scored.logprobs).mean()
    assert away <= np.abs(likely("base") - scored.logprobs).mean() / 50
