"""A GGUF that is named, or exchanged, after training: what was trained is not lost by it."""

from pathlib import Path

import pytest
from msgspec import structs
from small_run import Bench

from storytui.engine.scores import Encoded
from storytui_train.training import base, row_source
from storytui_train.training.keeping import BEFORE
from storytui_train.training.row_making import read_rows_record
from storytui_train.training.tokenizers import HuggingFaceTokenizer


class Served:
    """The vocabulary of a GGUF that has the base's tokens, or has one of them otherwise."""

    def __init__(self, tokenizer: HuggingFaceTokenizer, odd: bool) -> None:
        self._tokenizer, self._odd = tokenizer, odd

    def encode(self, message: str, *pieces: str) -> Encoded:
        found = self._tokenizer.encode(message, *pieces)
        if not self._odd:
            return found
        first, *rest = found.tokens
        return structs.replace(found, tokens=(first + 1, *rest))

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def opened(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """GGUFs by name, whose vocabularies were asked for."""
    names: list[str] = []

    def vocabulary(path: Path) -> Served:
        names.append(path.name)
        return Served(HuggingFaceTokenizer.of(bench.base), path.name.startswith("odd"))

    for module in (base, row_source):
        monkeypatch.setattr(module, "model_file", Path)
    monkeypatch.setattr(row_source, "model_fingerprint", lambda path: path.name)
    monkeypatch.setattr(row_source, "open_vocabulary", vocabulary)
    return names


@pytest.mark.parametrize("name", ["a.gguf", "odd.gguf"])
def test_a_gguf_named_after_training_trains_nothing_anew(
    bench: Bench, opened: list[str], name: str
) -> None:
    first = bench.train(steps=2)
    adapter = bench.adapter

    assert bench.train(steps=2, gguf=name) == first

    assert bench.adapter == adapter
    assert any("nothing changed but gguf, skipped" in each for each in bench.said)
    assert not opened
    # What is trained anew is trained on the tokens that it is served with.
    other = bench.train(steps=2, gguf=name, rank=2)
    assert opened == [name]
    assert other.fingerprint != first.fingerprint
    rows = read_rows_record(bench.run.rows)
    assert rows is not None
    assert rows.vocabulary == f"gguf {name}"


def test_again_trains_on_the_tokens_of_the_gguf(bench: Bench, opened: list[str]) -> None:
    first = bench.train(steps=2)

    again = bench.train(again=True, steps=2, gguf="odd.gguf")

    assert opened == ["odd.gguf"]
    assert again.rows != first.rows


def test_another_file_with_the_same_tokens_changes_nothing(bench: Bench, opened: list[str]) -> None:
    first = bench.train(steps=2, gguf="a.gguf")

    assert bench.train(steps=2, gguf="b.gguf") == first
    assert any("nothing changed, skipped" in each for each in bench.said)
    rows = read_rows_record(bench.run.rows)
    assert bench.train(steps=2, gguf="a.gguf") == first
    assert read_rows_record(bench.run.rows) == rows
    assert opened == ["a.gguf", "b.gguf", "a.gguf"]


def test_a_trained_adapter_is_kept_where_another_takes_its_place(
    bench: Bench, opened: list[str]
) -> None:
    first = bench.train(steps=2, gguf="a.gguf")
    adapter, before = bench.adapter, bench.run.folder / BEFORE

    other = bench.train(steps=2, gguf="odd.gguf")

    assert opened == ["a.gguf", "odd.gguf"]
    assert other.fingerprint != first.fingerprint
    assert any("trained anew; the one before is in" in each for each in bench.said)
    assert (before / "adapter_model.safetensors").read_bytes() == adapter != bench.adapter
    assert (before / "run.json").is_file()
    adapter = bench.adapter
    bench.train(steps=2, gguf="odd.gguf", rank=2)
    assert (before / "adapter_model.safetensors").read_bytes() == adapter
