"""The editor takes what is made: its checks, its list, and the engine with the built-in model."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from made_by_hand import Tensors, pair, peft_folder

from storytui import folders
from storytui.models.adapter_checking import check_adapter_for, examine_adapter
from storytui.models.adapters import read_base
from storytui.models.formats import stored_format
from storytui.settings import load_settings
from storytui_train.gguf.adapter import Made, convert_adapter
from storytui_train.gguf.metadata import About


@pytest.fixture(scope="module")
def made(small_model: Path, tmp_path_factory: pytest.TempPathFactory, about: About) -> Made:
    """An adapter for the built-in model, on two of its layers."""
    folder = tmp_path_factory.mktemp("made")
    sizes = read_base(small_model).shapes
    weights: Tensors = {}
    for layer in (0, 29):
        for module, name in (("self_attn.q_proj", "attn_q"), ("mlp.down_proj", "ffn_down")):
            inputs, outputs = sizes[f"blk.{layer}.{name}.weight"]
            weights |= pair(f"model.layers.{layer}.{module}", (outputs, inputs), seed=layer)
    adapter = peft_folder(folder / "adapter", weights, use_rslora=True)
    return convert_adapter(adapter, small_model, folder / "voice.gguf", about)


def storytui(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "storytui.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_its_checks_take_it(made: Made, small_model: Path) -> None:
    header = check_adapter_for(made.path, small_model)
    assert (header.name, header.own_name) == ("voice", "Test Voice")
    assert (header.architecture, header.pairs, header.rank) == ("llama", 4, 4)
    assert header.alpha == made.alpha == 16.0
    assert header.bases == ("Smollm2 135M 8k Lc100K Mix1 Ep2",)
    assert header.size == made.size
    assert examine_adapter(made.path, small_model, None) == header


def test_it_says_its_prompt_format_as_models_do(made: Made) -> None:
    assert stored_format(made.path) == "storytui-1"


def test_its_commands_take_it(made: Made, small_model: Path) -> None:
    told = storytui("models", "adapter", "info", str(made.path), "--json")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["agrees"] is True
    used = storytui("models", "adapter", "use", str(made.path))
    assert used.returncode == 0, used.stderr
    assert load_settings(folders.settings_file()).model.adapter == str(made.path)
