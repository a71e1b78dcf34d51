"""What cannot be expressed, does not fit, or is damaged: refused, with what and why."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from full_disk import no_file_above
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_by_hand import INNER, LAYER, RANK, WIDTH, Tensors, pair, peft_folder, tensors, tiny_base
from safetensors.numpy import save_file

from storytui_train.errors import GgufError
from storytui_train.gguf.adapter import convert_adapter
from storytui_train.gguf.metadata import About
from storytui_train.gguf.peft_adapter import read_adapter

Convert = Callable[..., Any]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base(tmp_path_factory.mktemp("base") / "tiny.gguf")


@pytest.fixture
def convert(base: Path, tmp_path: Path, about: About) -> Convert:
    def convert(weights: Tensors | None = None, *, to: Path = base, **said: Any) -> None:
        folder = peft_folder(tmp_path / "adapter", weights, **said)
        convert_adapter(folder, to, tmp_path / "made.gguf", about, kind="f32")

    return convert


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"use_dora": True}, "DoRA"),
        ({"modules_to_save": ["lm_head"]}, r"trained whole \(lm_head\)"),
        ({"trainable_token_indices": [1, 2]}, "embeddings were trained"),
        ({"lora_bias": True}, "biases beside its matrices"),
        ({"bias": "all"}, r"biases that were trained \(all\)"),
        ({"peft_type": "IA3"}, "type IA3, and only LORA"),
        ({"peft_type": "ADALORA"}, "type ADALORA"),
        ({"use_qalora": True}, "QALoRA"),
        ({"layer_replication": [[0, 1], [0, 1]]}, "repeats layers"),
        ({"fan_in_fan_out": True}, "the other way round"),
        ({"alora_invocation_tokens": [5]}, "activated LoRA"),
        ({"target_parameters": ["mlp.experts"]}, "no linear layers"),
        ({"init_lora_weights": "pissa_niter_4"}, "took something out of its base"),
        ({"init_lora_weights": "OLoRA"}, "took something out of its base"),
        ({"use_something_new": True}, "use_something_new, and what that means is not known"),
        ({"something_config": {"strength": 2}}, "something_config"),
        ({"lora_alpha": 0}, "changes nothing"),
        ({"r": 0}, "cannot be"),
        ({"r": "eight"}, "cannot be read"),
        ({"r": RANK + 1}, f"in rank {RANK}, and its adapter_config.json says {RANK + 1}"),
        ({"rank_pattern": {"q_proj": 2}}, f"q_proj in rank {RANK}, and its .* says 2"),
        ({"alpha_pattern": {"q_proj": 2, r".*q_proj": 3}}, r"several alphas .* \(2, 3\)"),
        ({"rank_pattern": {"q_(proj": 2}}, "a pattern that cannot be read"),
        (
            {"auto_mapping": {"base_model_class": "Qwen2ForCausalLM"}},
            "trained on a Qwen2ForCausalLM, and .* is of the architecture llama",
        ),
        ({"auto_mapping": {"base_model_class": "PhiForCausalLM"}}, "trained on a PhiForCausalLM"),
    ],
)
def test_settings_that_cannot_be_expressed(
    convert: Convert, said: dict[str, Any], reason: str
) -> None:
    with pytest.raises(GgufError, match=reason):
        convert(**said)


def test_settings_that_matter_in_training_only_are_taken(convert: Convert) -> None:
    convert(
        init_lora_weights="gaussian",
        lora_dropout=0.1,
        target_modules="all-linear",
        loftq_config={},
        megatron_core="megatron.core",
        use_dora=False,
        modules_to_save=None,
        a_later_number=16,
        a_later_switch=False,
        auto_mapping={"base_model_class": "MistralForCausalLM"},
    )


MATRIX = np.ones((WIDTH, WIDTH), np.float32)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (f"{LAYER}.self_attn.q_proj.lora_magnitude_vector", "lengths of DoRA"),
        ("model.embed_tokens.lora_embedding_A", "LoRA on the table of words"),
        ("model.embed_tokens.weight", "whole table of weights.*save_embedding_layers=False"),
        ("lm_head.weight", "whole table of weights"),
        ("lm_head.base_layer.weight", "whole table of weights"),
        (f"{LAYER}.self_attn.q_proj.bias", "biases that were trained"),
        (f"{LAYER}.self_attn.q_proj.lora_B.bias", "biases beside its matrices"),
        (f"{LAYER}.self_attn.q_proj.lora_E", "AdaLoRA"),
        (f"{LAYER}.input_layernorm.weight", "no half of a LoRA"),
        ("\x1b]52;c;bm8=\x07", "no half of a LoRA"),
    ],
)
def test_weights_that_are_no_low_rank_matrices(convert: Convert, name: str, reason: str) -> None:
    with pytest.raises(GgufError, match=reason) as caught:
        convert(tensors() | {f"base_model.model.{name}": MATRIX})
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    ("module", "shape", "reason"),
    [
        (f"{LAYER}.self_attn.qkv_proj", (96, WIDTH), "several layers in one"),
        (f"{LAYER}.mlp.gate_up_proj", (128, WIDTH), "several layers in one"),
        ("model.layers.1.mlp.up_proj", (INNER, WIDTH), "is in layer 2, and the base has 1"),
        (f"{LAYER}.mlp.experts.0.up_proj", (INNER, WIDTH), "is none of q_proj"),
        (f"{LAYER}.block_sparse_moe.gate", (8, WIDTH), "is none of q_proj"),
        ("model.vision_tower.layers.0.self_attn.q_proj", (8, 8), "sees pictures"),
        ("lm_head", (286, WIDTH), "they are tied"),
        (f"{LAYER}.mlp.up_proj", (WIDTH, WIDTH), "as 32 × 32, and in .* it is 64 × 32"),
    ],
)
def test_layers_that_the_base_has_not_or_otherwise(
    convert: Convert, module: str, shape: tuple[int, int], reason: str
) -> None:
    with pytest.raises(GgufError, match=reason):
        convert(tensors() | pair(module, shape))


def test_two_layers_that_are_one_are_refused(convert: Convert) -> None:
    again = pair("language_model.model.layers.0.self_attn.q_proj", (WIDTH, WIDTH))
    with pytest.raises(GgufError, match=r"changes blk\.0\.attn_q\.weight twice"):
        convert(tensors() | again)


def test_matrices_that_are_none(convert: Convert) -> None:
    name = f"base_model.model.{LAYER}.self_attn.q_proj.lora_%s.weight"
    for weights, reason in (
        ({}, "holds no weights"),
        ({name % "A": np.ones((RANK, WIDTH), np.float32)}, "lacks lora_B"),
        ({name % "B": np.ones((WIDTH, RANK), np.float32)}, "lacks lora_A"),
        (tensors() | {name % "B": np.ones((WIDTH, 3), np.float32)}, "cannot be multiplied"),
        (tensors() | {name % "A": np.ones((RANK, 2, 16), np.float32)}, "no matrix"),
        (tensors() | {name % "A": np.ones((RANK, WIDTH), np.int32)}, "numbers of the type"),
    ):
        with pytest.raises(GgufError, match=reason):
            convert(weights)


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers(convert: Convert, tmp_path: Path, number: float) -> None:
    weights = tensors()
    next(iter(weights.values()))[1, 2] = number
    with pytest.raises(GgufError, match=r"weights in .*q_proj.* that are no numbers"):
        convert(weights)
    assert list(tmp_path.iterdir()) == [tmp_path / "adapter"]


def test_numbers_too_large_for_sixteen_bits_are_said(
    base: Path, tmp_path: Path, about: About
) -> None:
    weights = {name: each * np.float32(1e6) for name, each in tensors().items()}
    folder = peft_folder(tmp_path / "adapter", weights)
    with pytest.raises(GgufError, match=r"too large for f16\. Convert it as f32"):
        convert_adapter(folder, base, tmp_path / "made.gguf", about)
    convert_adapter(folder, base, tmp_path / "made.gguf", about, kind="f32")


@pytest.mark.parametrize("kind", ["f16", "f32"])
def test_an_alpha_too_large_for_any_number_is_said(
    base: Path, tmp_path: Path, about: About, kind: Any
) -> None:
    folder = peft_folder(tmp_path / "adapter", lora_alpha=1e39)
    with pytest.raises(GgufError, match=rf"too large for {kind}\. Train it anew"):
        convert_adapter(folder, base, tmp_path / "made.gguf", about, kind=kind)


# --- bases ----------------------------------------------------------------------------------------


def test_bases_that_are_none(convert: Convert, base: Path, tmp_path: Path, about: About) -> None:
    for architecture in ("phi3", "qwen2moe", "mistral3"):
        with pytest.raises(GgufError, match=f"of the architecture {architecture}, and adapters"):
            convert(to=tiny_base(tmp_path / "other.gguf", architecture=architecture))
    with pytest.raises(GgufError, match="There is no model"):
        convert(to=tmp_path / "none.gguf")
    convert()
    with pytest.raises(GgufError, match="is an adapter"):
        convert(to=tmp_path / "made.gguf")
    (tmp_path / "text.gguf").write_text("no model", encoding="utf-8")
    with pytest.raises(GgufError, match="not a GGUF file"):
        convert(to=tmp_path / "text.gguf")


def test_an_architecture_without_the_permutation_takes_rows_as_they_are(
    convert: Convert, tmp_path: Path
) -> None:
    convert(to=tiny_base(tmp_path / "qwen.gguf", architecture="qwen2"))


# --- files ----------------------------------------------------------------------------------------


def test_folders_without_an_adapter(tmp_path: Path) -> None:
    with pytest.raises(GgufError, match="There is no adapter in"):
        read_adapter(tmp_path / "none")
    folder = peft_folder(tmp_path / "adapter")
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    with pytest.raises(GgufError, match=r"has adapter_model\.bin and no"):
        read_adapter(folder)
    (folder / "adapter_model.bin").unlink()
    with pytest.raises(GgufError, match=r"has no adapter_model\.safetensors"):
        read_adapter(folder)
    (folder / "adapter_config.json").write_bytes(b"\xff{")
    with pytest.raises(GgufError, match="cannot be read"):
        read_adapter(folder)


def test_two_tensors_in_one_place(tmp_path: Path) -> None:
    folder = peft_folder(tmp_path)
    path = folder / "adapter_model.safetensors"
    save_file({"a": np.ones((2, 2), np.float32), "b": np.ones((2, 2), np.float32)}, path)
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["b"]["data_offsets"] = header["a"]["data_offsets"]
    again = json.dumps(header).encode()
    path.write_bytes(len(again).to_bytes(8, "little") + again + data[8 + length :])
    with pytest.raises(GgufError, match="two tensors in the same place"):
        read_adapter(folder)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150
)
@given(st.data())
def test_whatever_is_changed_in_its_weights_it_is_read_or_refused(
    tmp_path: Path, data: st.DataObject
) -> None:
    folder = peft_folder(tmp_path)
    path = folder / "adapter_model.safetensors"
    whole = bytearray(path.read_bytes())
    header = 8 + int.from_bytes(whole[:8], "little")
    for _ in range(data.draw(st.integers(0, 3))):
        whole[data.draw(st.integers(0, header - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        for each in read_adapter(folder).pairs:
            each.matrices()
    except GgufError as error:
        assert str(error).endswith(".")  # noqa: PT017


@pytest.mark.parametrize("size", [100, 2_000])
def test_without_room_the_old_file_stays_whole(
    base: Path, tmp_path: Path, about: About, size: int
) -> None:
    folder, out = peft_folder(tmp_path / "adapter"), tmp_path / "out" / "made.gguf"
    convert_adapter(folder, base, out, about)
    before = out.read_bytes()
    changed = peft_folder(tmp_path / "changed", lora_alpha=3)
    with no_file_above(size), pytest.raises(GgufError, match=r"cannot be written: .*Make room"):
        convert_adapter(changed, base, out, about)
    assert out.read_bytes() == before
    assert list(out.parent.iterdir()) == [out]


def test_a_place_that_is_none_is_said(base: Path, tmp_path: Path, about: About) -> None:
    folder = peft_folder(tmp_path / "adapter")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(GgufError, match="cannot be written"):
        convert_adapter(folder, base, tmp_path / "file" / "made.gguf", about)
