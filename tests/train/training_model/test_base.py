"""A base comes from a folder or a GGUF with the weights that it has there, or with a sentence."""

import json
from pathlib import Path
from typing import Any

import gguf
import numpy
import pytest
import tiny
import torch
from torch import Tensor

from storytui_train.errors import BaseModelError
from storytui_train.recipe_training import TrainOptions
from storytui_train.training.base import assemble, compute_type, load_base
from storytui_train.training.gguf_base import GgufWeights, unpermuted

CPU = torch.device("cpu")
TOKENS = torch.arange(3, 33).reshape(1, 30)


def load(base: str | Path, **changed: Any) -> Any:
    made = {"quantisation": "none", **changed}
    return load_base(TrainOptions(base=str(base), **made), CPU)


def logits(model: Any) -> Tensor:
    with torch.no_grad():
        made: Tensor = model(input_ids=TOKENS, use_cache=False).logits
    return made


def close(ours: Tensor, theirs: Tensor) -> bool:
    return torch.allclose(ours, theirs, rtol=0, atol=1e-4)


def saved(model: Any, folder: Path, **how: Any) -> Path:
    model.save_pretrained(folder, **how)
    return folder


@pytest.mark.parametrize("kind", tiny.ARCHITECTURES)
def test_a_gguf_has_the_logits_of_the_model_that_it_was_made_of(kind: str, tmp_path: Path) -> None:
    # llama.cpp knows Mistral as llama, without a window.
    changed = {"sliding_window": None} if kind == "mistral" else {}
    model = tiny.model_of(kind, **changed)
    path = tiny.write_gguf(model, tmp_path / "tiny.gguf")

    base = load(path)

    assert (base.kind, base.gguf, base.source) == ("gguf", path, str(path))
    assert base.architecture == ("llama" if kind == "mistral" else kind)
    assert len(base.fingerprint) == 64
    assert close(logits(base.model), logits(model))


@pytest.mark.parametrize("kind", tiny.ARCHITECTURES)
def test_a_folder_has_the_logits_of_the_model_that_was_saved_to_it(
    kind: str, tmp_path: Path
) -> None:
    model = tiny.model_of(kind)

    base = load(saved(model, tmp_path / "model", max_shard_size="40KB"))

    assert len(list((tmp_path / "model").glob("*.safetensors"))) > 1
    assert (base.kind, base.gguf, base.architecture) == ("folder", None, kind)
    assert close(logits(base.model), logits(model))


@pytest.mark.parametrize("kind", ["gemma2", "gemma3_text"])
def test_norms_of_gemma_are_rounded_once_without_the_one_that_a_gguf_adds(
    kind: str, tmp_path: Path
) -> None:
    model = tiny.model_of(kind)
    with torch.no_grad():
        for each in model.parameters():
            # As the file that was converted had them.
            each.copy_(each.bfloat16().float())
    weights = GgufWeights(tiny.write_gguf(model, tmp_path / "tiny.gguf"))
    wanted = dict(model.named_parameters())

    found = dict(weights.read(wanted, torch.bfloat16))

    norms = [name for name in found if name.endswith("norm.weight")]
    assert len(norms) > 8
    for name in norms:
        assert found[name].dtype == torch.bfloat16
        assert torch.allclose(found[name].float(), wanted[name], rtol=0, atol=1e-6)


def test_a_divided_gguf_is_read_from_all_its_files(tmp_path: Path) -> None:
    model = tiny.model_of("llama")
    path = tiny.write_gguf(model, tmp_path / "tiny.gguf", part=6)

    assert len(list(tmp_path.glob("*.gguf"))) == 4
    assert close(logits(load(path).model), logits(model))


def test_permuted_rows_come_back_in_their_order() -> None:
    tensor = torch.arange(48.0).reshape(24, 2)

    assert not torch.equal(tiny.permuted(tensor, 3), tensor)
    assert torch.equal(unpermuted(tiny.permuted(tensor, 3), 3), tensor)


def test_blocks_of_a_few_rows_make_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tiny.write_gguf(tiny.model_of("llama"), tmp_path / "tiny.gguf", quantise=True)
    whole = load(path)
    monkeypatch.setattr("storytui_train.training.gguf_base.BLOCK", 200)

    in_blocks = load(path)

    assert torch.equal(logits(in_blocks.model), logits(whole.model))


def test_a_quantised_gguf_is_dequantised_as_the_gguf_package_does(tmp_path: Path) -> None:
    model = tiny.model_of("qwen3")
    path = tiny.write_gguf(model, tmp_path / "tiny.gguf", quantise=True)
    for each in model.parameters():
        if each.dim() == 2:
            kind = gguf.GGMLQuantizationType.Q8_0
            raw = gguf.quants.quantize(each.detach().numpy(), kind)
            each.data.copy_(torch.from_numpy(gguf.quants.dequantize(raw, kind)))

    assert close(logits(load(path).model), logits(model))


def test_factors_of_positions_are_those_of_llama_3(tmp_path: Path) -> None:
    ropes = {
        "rope_type": "llama3",
        "rope_theta": 10_000.0,
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64,
    }
    model = tiny.model_of("llama", rope_parameters=ropes)
    plain = 10_000.0 ** (-torch.arange(0, 16, 2) / 16)
    factors = (plain / model.model.rotary_emb.inv_freq).numpy()
    path = tiny.write_gguf(model, tmp_path / "tiny.gguf", more={"rope_freqs.weight": factors})

    ours = logits(load(path).model)

    assert factors.max() > 7
    assert close(ours, logits(model))
    assert not close(ours, logits(tiny.model_of("llama")))


def test_gemma_with_eyes_is_read_without_them(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    model = tiny.model_of("gemma3_text")
    folder = saved(model, tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    seeing = {f"language_model.{name}": each for name, each in weights.items()}
    seeing["vision_tower.patch.weight"] = torch.zeros(3)
    save_file(seeing, folder / "model.safetensors", metadata={"format": "pt"})
    said = json.loads((folder / "config.json").read_text())
    whole = {"model_type": "gemma3", "text_config": said, "vision_config": {}}
    (folder / "config.json").write_text(json.dumps(whole))

    base = load(folder)

    assert base.architecture == "gemma3_text"
    assert close(logits(base.model), logits(model))


def test_a_fingerprint_is_that_of_the_weights(tmp_path: Path) -> None:
    model = tiny.model_of("llama")
    one = load(saved(model, tmp_path / "one")).fingerprint
    again = load(saved(model, tmp_path / "again", max_shard_size="40KB")).fingerprint
    with torch.no_grad():
        model.model.norm.weight[3] += 0.5

    assert again == one
    assert load(saved(model, tmp_path / "other")).fingerprint != one


def test_a_gguf_beside_a_folder_is_noted(tmp_path: Path) -> None:
    model = tiny.model_of("llama")
    path = tiny.write_gguf(model, tmp_path / "tiny.gguf")

    base = load(saved(model, tmp_path / "model"), gguf=str(path))

    assert (base.kind, base.gguf) == ("folder", path)


@pytest.mark.parametrize("kind", ["llama", "qwen2"])
def test_nothing_of_a_base_is_trained_or_held_twice(kind: str, tmp_path: Path) -> None:
    model = tiny.model_of(kind)
    base = load(saved(model, tmp_path / "model"))

    assert not any(each.requires_grad for each in base.model.parameters())
    table, head = base.model.model.embed_tokens.weight, base.model.lm_head.weight
    assert (table.data_ptr() == head.data_ptr()) == model.config.tie_word_embeddings


def test_a_repository_is_asked_for_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny.model_of("qwen2")
    folder = saved(model, tmp_path / "snapshot", max_shard_size="40KB")
    asked: list[tuple[str, str, str | None]] = []

    def cached(repository: str, name: str, revision: str | None, **_: Any) -> str | None:
        asked.append((repository, name, revision))
        return str(folder / name) if (folder / name).is_file() else None

    def shards(repository: str, index: str, revision: str | None) -> None:
        asked.append((repository, Path(index).name, revision))

    monkeypatch.setattr("transformers.utils.hub.cached_file", cached)
    monkeypatch.setattr("transformers.utils.hub.get_checkpoint_shard_files", shards)

    base = load("somebody/tiny-model", revision="v2")

    assert {each[0] for each in asked} == {"somebody/tiny-model"}
    assert {each[2] for each in asked} == {"v2"}
    assert (base.kind, base.source, base.revision) == ("hub", "somebody/tiny-model", "v2")
    assert close(logits(base.model), logits(model))


def test_a_repository_that_cannot_be_had_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def cached(*_: Any, **__: Any) -> None:
        raise OSError("somebody/none is not a local folder\nand a page of advice")

    monkeypatch.setattr("transformers.utils.hub.cached_file", cached)

    with pytest.raises(BaseModelError, match="cannot be had from the Hub: somebody/none is not"):
        load("somebody/none")


def test_a_cpu_computes_in_float32_unless_told_otherwise() -> None:
    assert compute_type(TrainOptions(), CPU) == torch.float32
    assert compute_type(TrainOptions(compute="bfloat16"), CPU) == torch.bfloat16


def test_progress_is_told_after_each_tensor(tmp_path: Path) -> None:
    path = tiny.write_gguf(tiny.model_of("qwen2"), tmp_path / "tiny.gguf")
    told: list[tuple[int, int]] = []

    load_base(
        TrainOptions(base=str(path), quantisation="none"),
        CPU,
        progress=lambda done, of: told.append((done, of)),
    )

    assert [done for done, _ in told] == list(range(1, len(told) + 1))
    assert told[-1][0] == told[-1][1] == 2 + 2 * 12


def refused(base: str | Path, **changed: Any) -> str:
    with pytest.raises(BaseModelError) as caught:
        load(base, **changed)
    return str(caught.value)


def test_no_base_is_a_sentence() -> None:
    assert refused("") == "No base is named. Say base under [train]: which model is trained."


def test_a_model_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    assert "There is no model" in refused(tmp_path / "none.gguf")


def test_an_architecture_that_is_not_trained_is_named(tmp_path: Path) -> None:
    model = tiny.model_of("llama")
    path = tiny.write_gguf(model, tmp_path / "tiny.gguf", kind="starcoder")

    said = refused(path)

    assert "of the architecture starcoder, which cannot be trained here" in said
    assert "llama, qwen2, qwen3, gemma2, gemma3" in said


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("llama.expert_count", 8, "a mixture of experts"),
        ("llama.rope.dimension_count", 8, "rope.dimension_count 8 where its heads have 16"),
        ("llama.rope.scaling.type", "longrope", "scales its positions by longrope"),
    ],
)
def test_what_the_model_cannot_be_is_refused(
    tmp_path: Path, key: str, value: Any, said: str
) -> None:
    says = {key: value, "llama.rope.scaling.factor": 4.0}
    path = tiny.write_gguf(tiny.model_of("llama"), tmp_path / "tiny.gguf", says=says)

    assert said in refused(path)


def test_a_tensor_that_is_missing_is_named(tmp_path: Path) -> None:
    path = tiny.write_gguf(
        tiny.model_of("llama"), tmp_path / "tiny.gguf", without=("blk.1.attn_k.weight",)
    )

    assert "lacks the tensors model.layers.1.self_attn.k_proj.weight. Get it" in refused(path)


def test_a_tensor_without_a_place_is_named(tmp_path: Path) -> None:
    more = {"blk.0.attn_sinks.weight": numpy.zeros(4, numpy.float32)}
    path = tiny.write_gguf(tiny.model_of("llama"), tmp_path / "tiny.gguf", more=more)

    assert "holds the tensor blk.0.attn_sinks.weight, which a model" in refused(path)


def test_a_tensor_of_another_shape_is_named(tmp_path: Path) -> None:
    says = {"llama.feed_forward_length": 80}
    path = tiny.write_gguf(tiny.model_of("llama"), tmp_path / "tiny.gguf", says=says)

    said = refused(path)

    assert "mlp" in said
    assert "where its configuration wants" in said


def test_a_gguf_that_breaks_off_is_a_sentence(tmp_path: Path) -> None:
    path = tiny.write_gguf(tiny.model_of("llama"), tmp_path / "tiny.gguf")
    path.write_bytes(path.read_bytes()[:-100])

    assert "breaks off" in refused(path)


def test_a_gguf_that_breaks_off_while_it_is_read_is_a_sentence(tmp_path: Path) -> None:
    path = tiny.write_gguf(tiny.model_of("llama"), tmp_path / "tiny.gguf")
    weights = GgufWeights(path)
    path.write_bytes(path.read_bytes()[:-100])

    with pytest.raises(BaseModelError, match=r"tiny\.gguf cannot be read: it breaks off"):
        assemble(weights, CPU, torch.float32, quantised=False)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"model_type": "gpt2"}, "of the type gpt2, which cannot be trained here"),
        ({"quantization_config": {"bits": 4}}, "is quantised already. Name the model that it"),
        ({"hidden_size": "wide"}, "has a configuration that cannot be read"),
        ({"hidden_size": 32, "head_dim": 8}, "where its configuration wants"),
        ({"num_hidden_layers": 3}, "lacks the tensors model.layers.2."),
        ({"num_hidden_layers": 1}, "holds the tensor model.layers.1."),
    ],
)
def test_a_folder_that_cannot_be_trained_is_a_sentence(
    tmp_path: Path, changed: dict[str, Any], said: str
) -> None:
    folder = saved(tiny.model_of("llama"), tmp_path / "model")
    config = json.loads((folder / "config.json").read_text()) | changed
    (folder / "config.json").write_text(json.dumps(config))

    assert said in refused(folder)


def test_a_folder_without_files_is_a_sentence(tmp_path: Path) -> None:
    assert "has no config.json. Name a folder that a model was saved to" in refused(tmp_path)
    folder = saved(tiny.model_of("llama"), tmp_path / "model")
    (folder / "model.safetensors").unlink()

    assert "has no model.safetensors. Weights are read from safetensors alone" in refused(folder)


@pytest.mark.parametrize("named", ["../../secret.safetensors", "weights.bin", 7])
def test_an_index_that_names_other_files_is_refused(tmp_path: Path, named: Any) -> None:
    folder = saved(tiny.model_of("llama"), tmp_path / "model")
    index = {"weight_map": {"model.norm.weight": named}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))

    assert "names no files" in refused(folder)


def test_damaged_safetensors_are_a_sentence(tmp_path: Path) -> None:
    folder = saved(tiny.model_of("llama"), tmp_path / "model")
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:5000])

    assert "model.safetensors" in refused(folder)
