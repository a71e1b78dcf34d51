"""The adapter: on all linear layers, in float32, in peft's own form, loadable to be continued."""

import json
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from safetensors import safe_open

from storytui_train.errors import AdapterError, RecipeError, TrainError
from storytui_train.training.base import Base
from storytui_train.training.learner import Learner, forward_loss
from storytui_train.training.lora import (
    CONFIG,
    WEIGHTS,
    linear_layers,
    load_adapter,
    new_adapter,
    save_adapter,
)

ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def base_of(kind: str = "llama", **how: Any) -> Base:
    return tiny.base_of(tiny.model_of(kind), **how)


def weights_in(folder: Path) -> dict[str, torch.Tensor]:
    with safe_open(folder / WEIGHTS, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def trained(base: Base, **changed: Any) -> Any:
    """A model with an adapter that changes something."""
    model = new_adapter(base, tiny.options(**changed), seed=1)
    for number, (name, each) in enumerate(model.named_parameters()):
        if ".lora_B." in name:
            generator = torch.Generator().manual_seed(number)
            each.data.copy_(torch.randn(each.shape, generator=generator) * 0.1)
    return model


def loss_of(base: Base, model: Any) -> float:
    rows, begins = tiny.some_rows(2)
    with torch.no_grad():
        batch = tiny.batch_of(rows, begins, [[0, 1]])
        return forward_loss(Learner(base, model, tiny.options()), batch)[0].item()


@pytest.mark.parametrize("kind", tiny.ARCHITECTURES)
@pytest.mark.parametrize("quantised", [False, True])
def test_every_linear_layer_has_an_adapter_and_nothing_else_is_trained(
    kind: str, quantised: bool
) -> None:
    base = base_of(kind, quantised=quantised)

    model = new_adapter(base, tiny.options(), seed=1)

    changed = {name for name, each in model.named_parameters() if each.requires_grad}
    assert linear_layers(base) == ALL
    assert len(changed) == 2 * len(ALL) * tiny.SHAPE["num_hidden_layers"]
    assert all(".lora_A." in name or ".lora_B." in name for name in changed)
    assert {each.dtype for each in model.parameters() if each.requires_grad} == {torch.float32}


@pytest.mark.parametrize("quantised", [False, True])
def test_a_new_adapter_changes_nothing_and_comes_from_its_seed(quantised: bool) -> None:
    tokens = torch.arange(3, 23).reshape(1, 20)
    base = base_of(quantised=quantised)
    before = base.model(tokens).logits
    state = torch.get_rng_state()

    one = new_adapter(base, tiny.options(), seed=1)

    def numbers(model: Any) -> torch.Tensor:
        return torch.cat([p.reshape(-1) for n, p in model.named_parameters() if "lora_A" in n])

    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(one(input_ids=tokens).logits, before)
    again = new_adapter(base_of(quantised=quantised), tiny.options(), seed=1)
    other = new_adapter(base_of(quantised=quantised), tiny.options(), seed=2)
    assert torch.equal(numbers(again), numbers(one))
    assert not torch.equal(numbers(other), numbers(one))


@pytest.mark.parametrize("rslora", [False, True])
def test_ranks_and_alphas_are_those_of_the_patterns(rslora: bool) -> None:
    model = new_adapter(
        base_of(),
        tiny.options(
            rslora=rslora,
            rank_pattern={"q_proj": 9, "layers.1.mlp.down_proj": 2},
            alpha_pattern={"k_proj": 3.0},
        ),
        seed=1,
    )

    def of(name: str) -> tuple[int, float]:
        layer = model.base_model.model.model.get_submodule(name)
        return layer.r["default"], layer.scaling["default"]

    def scale(alpha: float, rank: int) -> float:
        return alpha / (rank**0.5 if rslora else rank)

    assert of("layers.0.self_attn.q_proj") == (9, pytest.approx(scale(8.0, 9)))
    assert of("layers.1.self_attn.k_proj") == (4, pytest.approx(scale(3.0, 4)))
    assert of("layers.1.mlp.down_proj") == (2, pytest.approx(scale(8.0, 2)))
    assert of("layers.0.mlp.down_proj") == (4, pytest.approx(scale(8.0, 4)))


@pytest.mark.parametrize("quantised", [False, True])
def test_what_is_saved_is_loaded_as_it_was(tmp_path: Path, quantised: bool) -> None:
    base = base_of(quantised=quantised)
    model = trained(base, rslora=True, rank_pattern={"q_proj": 7}, alpha_pattern={"v_proj": 3.0})
    loss = loss_of(base, model)
    save_adapter(model, tmp_path / "a", base)

    other = base_of(quantised=quantised)
    again = load_adapter(other, tmp_path / "a")
    save_adapter(again, tmp_path / "b", other)

    assert loss_of(other, again) == loss
    assert all(each.requires_grad for n, each in again.named_parameters() if ".lora_" in n)
    assert (tmp_path / "a" / WEIGHTS).read_bytes() == (tmp_path / "b" / WEIGHTS).read_bytes()
    assert sorted(each.name for each in (tmp_path / "a").iterdir()) == [CONFIG, WEIGHTS]


def test_what_is_saved_is_peft_s_own_form(tmp_path: Path) -> None:
    from peft import PeftModel

    base = base_of()
    model = trained(base, rslora=True)
    loss = loss_of(base, model)
    save_adapter(model, tmp_path, base)

    own = tiny.model_of("llama")
    theirs = PeftModel.from_pretrained(own, tmp_path)

    said = json.loads((tmp_path / CONFIG).read_text())
    assert (said["r"], said["lora_alpha"], said["use_rslora"]) == (4, 8.0, True)
    assert said["target_modules"] == sorted(ALL)
    assert said["base_model_name_or_path"] == "tiny"
    names = weights_in(tmp_path)
    assert "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight" in names
    assert {each.dtype for each in names.values()} == {torch.float32}
    rows, begins = tiny.some_rows(2)
    total = 0.0
    for row, begin in zip(rows, begins, strict=True):
        with torch.no_grad():
            logits = theirs(input_ids=torch.tensor([row])).logits[0, begin - 1 : -1]
        total += torch.nn.functional.cross_entropy(
            logits, torch.tensor(row[begin:]), reduction="sum"
        ).item()
    assert loss == pytest.approx(total, rel=1e-5)


def test_an_adapter_of_another_base_is_refused(tmp_path: Path) -> None:
    base = base_of()
    save_adapter(trained(base), tmp_path, base)
    from dataclasses import replace

    other = replace(base_of(), fingerprint="1" * 64)
    with pytest.raises(
        AdapterError, match="was trained for another base than /home/her/models/tiny"
    ):
        load_adapter(other, tmp_path)

    assert loss_of(other, load_adapter(other, tmp_path, other_base=True)) > 0


def test_an_adapter_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    base = base_of()
    save_adapter(trained(base), tmp_path, base)
    narrow = tiny.base_of(tiny.model_of("llama", intermediate_size=64))
    deep = tiny.base_of(tiny.model_of("llama", num_hidden_layers=3))

    for other in (narrow, deep):
        with pytest.raises(AdapterError, match="for another base, or damaged: base_model"):
            load_adapter(other, tmp_path)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"use_dora": True}, "has use_dora, which cannot be trained here"),
        ({"modules_to_save": ["lm_head"]}, "has modules_to_save, which"),
        ({"bias": "all"}, "trained biases, which"),
        ({"peft_type": "IA3"}, "another kind of adapter than LoRA"),
        (
            {"target_modules": ["c_attn"]},
            "it changes c_attn, which /home/her/models/tiny does not have",
        ),
        ({"r": -1}, "has a configuration that cannot be"),
    ],
)
def test_an_adapter_that_cannot_be_trained_is_a_sentence(
    tmp_path: Path, changed: dict[str, Any], said: str
) -> None:
    base = base_of()
    save_adapter(trained(base), tmp_path, base)
    config = json.loads((tmp_path / CONFIG).read_text()) | changed
    (tmp_path / CONFIG).write_text(json.dumps(config))

    with pytest.raises(AdapterError) as caught:
        load_adapter(base_of(), tmp_path)

    assert said in str(caught.value)


def test_an_adapter_that_is_not_there_or_damaged_is_a_sentence(tmp_path: Path) -> None:
    base = base_of()
    with pytest.raises(AdapterError, match="There is no adapter in"):
        load_adapter(base, tmp_path)
    save_adapter(trained(base), tmp_path, base)
    (tmp_path / WEIGHTS).write_bytes(b"nothing")
    with pytest.raises(AdapterError, match="is damaged"):
        load_adapter(base_of(), tmp_path)
    (tmp_path / CONFIG).write_text("{")
    with pytest.raises(AdapterError, match="cannot be read"):
        load_adapter(base_of(), tmp_path)


def test_a_full_disk_leaves_the_adapter_before_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = base_of()
    model = trained(base)
    save_adapter(model, tmp_path, base)
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(TrainError, match=r"cannot be written to .*: no space left on device"):
        save_adapter(model, tmp_path, base)

    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"rank_pattern": {"c_attn": 4}}, "rank_pattern says c_attn, and no layer's name ends so"),
        ({"rank_pattern": {"proj": 4}}, "no layer's name ends so"),
        ({"alpha_pattern": {"(q|k)": 4.0}}, "name a layer by the end of its name"),
        ({"rank": 0}, "A rank must be at least 1."),
        ({"rank_pattern": {"q_proj": 0}}, "A rank must be at least 1."),
        ({"dropout": 1.0}, "dropout must be"),
    ],
)
def test_options_that_cannot_be_are_sentences(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(RecipeError) as caught:
        new_adapter(base_of(), tiny.options(**changed), seed=1)

    assert said in str(caught.value)
