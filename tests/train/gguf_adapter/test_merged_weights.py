"""An adapter in a base's safetensors: what transformers reads is what peft would have merged."""

import json
from pathlib import Path
from typing import Any

import pytest
from made_adapters import MIXED, adapted, saved, torch_logits
from made_models import tiny_model

from storytui_train.errors import GgufError
from storytui_train.gguf.safetensors import read_table
from storytui_train.training import merged_weights
from storytui_train.training.merged_weights import merge_weights

torch = pytest.importorskip("torch")


def base_of(folder: Path, kind: str = "float32", **saving: Any) -> Any:
    """A tiny model, saved in a type of numbers; as it is read from there, in float32."""
    from transformers import AutoModelForCausalLM

    model = tiny_model("qwen3").to(getattr(torch, kind))
    model.save_pretrained(folder, **saving)
    (folder / "tokenizer.json").write_text("{}")
    (folder / "README.md").write_text("The base's card.")
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


def weights_of(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.safetensors"))


def read(folder: Path) -> dict[str, Any]:
    return {each.name: each for path in weights_of(folder) for each in read_table(path)}


@pytest.mark.parametrize("options", [{}, {"use_rslora": True}, MIXED], ids=["", "rslora", "mixed"])
@pytest.mark.parametrize("at_once", [1 << 22, 500])
def test_it_says_what_peft_says(
    options: dict[str, Any], at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import AutoModelForCausalLM

    monkeypatch.setattr(merged_weights, "_AT_ONCE", at_once)
    wrapped = adapted(base_of(tmp_path / "base"), **options)
    adapter = saved(wrapped, tmp_path / "adapter")
    told: list[tuple[int, int]] = []

    made = merge_weights(
        adapter,
        tmp_path / "base",
        weights_of(tmp_path / "base"),
        tmp_path / "out",
        tell=lambda done, of: told.append((done, of)),
    )

    found = torch_logits(AutoModelForCausalLM.from_pretrained(tmp_path / "out").eval())
    expected = torch_logits(wrapped)
    assert abs(found - expected).max() <= 1e-4 * abs(expected).max()
    assert abs(found - torch_logits(base_again(tmp_path))).max() > 0.1
    assert set(made) == set((tmp_path / "out").iterdir())
    assert told[-1][0] == told[-1][1]


def base_again(folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder / "base").eval()


@pytest.mark.parametrize("kind", ["bfloat16", "float16"])
def test_in_16_bits_every_sum_is_rounded_once(kind: str, tmp_path: Path) -> None:
    base = base_of(tmp_path / "base", kind)
    wrapped = adapted(base)
    adapter = saved(wrapped, tmp_path / "adapter")
    merged = wrapped.merge_and_unload().state_dict()

    merge_weights(adapter, tmp_path / "base", weights_of(tmp_path / "base"), tmp_path / "out")

    before = read(tmp_path / "base")
    for name, each in read(tmp_path / "out").items():
        exact = merged[name].to(getattr(torch, kind)).float()
        assert each.kind == before[name].kind
        # Sums in another order differ in the last digit, and may fall to the other side.
        step = torch.finfo(getattr(torch, kind)).eps * exact.abs() + 1e-8
        far = (torch.from_numpy(each.load()) - exact).abs()
        assert (far <= step).all()
        assert (far > 0).float().mean() < 0.01


def test_what_the_adapter_does_not_change_stays_to_the_byte(tmp_path: Path) -> None:
    base = base_of(tmp_path / "base", "bfloat16", max_shard_size="40KB")
    adapter = saved(adapted(base, targets=["q_proj"]), tmp_path / "adapter")
    files = weights_of(tmp_path / "base")
    assert len(files) > 2

    merge_weights(adapter, tmp_path / "base", files, tmp_path / "out")

    changed = 0
    for one, other in zip(files, weights_of(tmp_path / "out"), strict=True):
        old, new = one.read_bytes(), other.read_bytes()
        length = 8 + int.from_bytes(old[:8], "little")
        assert new[:length] == old[:length]
        for before, after in zip(read_table(one), read_table(other), strict=True):
            same = (before.load() == after.load()).all()
            assert same == ("q_proj" not in before.name)
            changed += not same
    assert changed == 2
    names = {each.name for each in (tmp_path / "out").iterdir()}
    assert {"config.json", "model.safetensors.index.json", "tokenizer.json"} <= names
    assert "README.md" not in names


def test_it_may_work_half_as_strongly(tmp_path: Path) -> None:
    adapter = saved(adapted(base_of(tmp_path / "base")), tmp_path / "adapter")
    files = weights_of(tmp_path / "base")

    merge_weights(adapter, tmp_path / "base", files, tmp_path / "whole")
    merge_weights(adapter, tmp_path / "base", files, tmp_path / "half", scale=0.5)

    before, whole, half = (read(tmp_path / each) for each in ("base", "whole", "half"))
    for name in before:
        mean = (before[name].load() + whole[name].load()) / 2
        assert abs(half[name].load() - mean).max() <= 1e-6


def test_what_another_merge_left_goes(tmp_path: Path) -> None:
    adapter = saved(adapted(base_of(tmp_path / "base")), tmp_path / "adapter")
    out = tmp_path / "out"
    out.mkdir()
    (out / "model-00001-of-00009.safetensors").write_bytes(b"old")
    (out / "model.safetensors.index.json").write_text("{}")
    (out / "notes.md").write_text("mine")

    merge_weights(adapter, tmp_path / "base", weights_of(tmp_path / "base"), out)

    names = {each.name for each in out.iterdir()}
    assert "model.safetensors" in names
    assert not names & {"model-00001-of-00009.safetensors", "model.safetensors.index.json"}
    assert (out / "notes.md").read_text() == "mine"


def test_a_configuration_does_not_tell_where_it_came_from(tmp_path: Path) -> None:
    adapter = saved(adapted(base_of(tmp_path / "base")), tmp_path / "adapter")
    config = tmp_path / "base" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"_name_or_path": "/home/her/x"}))

    merge_weights(adapter, tmp_path / "base", weights_of(tmp_path / "base"), tmp_path / "out")

    said = (tmp_path / "out" / "config.json").read_text()
    assert "/home/her" not in said
    assert json.loads(said)["model_type"] == "qwen3"


def test_an_adapter_for_another_base_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    base_of(tmp_path / "base")
    adapter = saved(adapted(tiny_model("gemma3")), tmp_path / "adapter")

    with pytest.raises(GgufError, match="It was trained on another base"):
        merge_weights(adapter, tmp_path / "base", weights_of(tmp_path / "base"), tmp_path / "out")

    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("fault", ["cut", "eight bits"])
def test_a_file_that_cannot_be_used_is_named(fault: str, tmp_path: Path) -> None:
    adapter = saved(adapted(base_of(tmp_path / "base")), tmp_path / "adapter")
    (file,) = weights_of(tmp_path / "base")
    raw = file.read_bytes()
    file.write_bytes(raw[:-100] if fault == "cut" else raw.replace(b'"F32"', b'"I8"   ', 1))

    with pytest.raises(GgufError, match=r"model\.safetensors .*Get the file again"):
        merge_weights(adapter, tmp_path / "base", [file], tmp_path / "out")


def test_what_float16_cannot_hold_is_refused(tmp_path: Path) -> None:
    base = base_of(tmp_path / "base", "float16")
    adapter = saved(adapted(base, lora_alpha=10**8), tmp_path / "adapter")

    with pytest.raises(GgufError, match="is no number of its type any more"):
        merge_weights(adapter, tmp_path / "base", weights_of(tmp_path / "base"), tmp_path / "out")

    assert not weights_of(tmp_path / "out")
    assert not (tmp_path / "out" / "config.json").exists()
