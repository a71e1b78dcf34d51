"""The adapter that comes along: whole, small, for the built-in model, and with its card."""

from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from storytui.models.gguf import opened
from storytui.models.starter import INSTEAD, starter_adapter, starter_model
from storytui_train.gguf.deltas import read_deltas
from storytui_train.recipe import load

ROOT = Path(__file__).parents[3]
MOST_BYTES = 10_000_000


@pytest.fixture
def starter(monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(INSTEAD)
    found = starter_adapter()
    assert found is not None
    return found


def test_it_is_found_and_small(starter: Path) -> None:
    assert starter == ROOT / "assets" / "starter" / "starter-lora.gguf"
    assert starter.stat().st_size <= MOST_BYTES


def test_it_says_what_it_is(starter: Path) -> None:
    with opened(starter) as (contents, _):
        said = contents.values
    assert said["general.type"] == "adapter"
    assert said["storytui.prompt_format"] == "storytui-1"
    assert said["general.license"] == "apache-2.0"


@pytest.mark.skipif(starter_model() is None, reason="the small model is not installed")
def test_it_fits_the_built_in_model_on_all_its_linear_layers(starter: Path) -> None:
    base = starter_model()
    assert base is not None
    assert len(read_deltas(starter, base).pairs) == 210


def test_its_card_says_what_it_was_made_of(starter: Path) -> None:
    card = ModelCard((starter.parent / "README.md").read_text(encoding="utf-8"))
    assert card.data.base_model == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert card.data.license == "apache-2.0"
    assert "recipes/starter.toml" in card.text
    recipe = load(ROOT / "recipes" / "starter.toml")
    assert f"{recipe.train.steps:,} steps" in card.text
