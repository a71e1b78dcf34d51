"""What a merged model says of itself."""

from pathlib import Path

import gguf
import pytest
from importance_files import MEANS, write_matrix
from small_models import entries, halves, make_adapter, values, write_model

from storytui.models.formats import stored_format
from storytui.models.glimpse import glimpse
from storytui_train.gguf.deltas import read_deltas
from storytui_train.gguf.importance import read_importance
from storytui_train.gguf.layout import pair
from storytui_train.gguf.merge import merge
from storytui_train.gguf.provenance import Entry, merged_pairs
from storytui_train.gguf.splits import read_model

SAID = {
    "general.name": "Small Voice",
    "general.finetune": "Voice",
    "general.license": "cc-by-4.0",
    "general.base_model.0.name": "Small",
    "general.base_model.0.repo_url": "https://example.org/makers/first",
    "general.dataset.0.name": "Novels",
    "general.dataset.0.repo_url": "https://example.org/novels",
    "storytui.prompt_format": "storytui-1",
    "storytui.recipe": "abc123",
}


def merged(base: Path, folder: Path, said_by_adapter: dict[str, str], **more: object) -> Path:
    adapter = make_adapter(folder / "voice_one.gguf", halves(), strings=said_by_adapter)
    model, deltas = read_model(base), read_deltas(adapter, base)
    out = folder / "out.gguf"
    merge(model, deltas, out, pairs=merged_pairs(model, deltas, **more))  # type: ignore[arg-type]
    return out


def test_what_the_adapter_says_is_said_of_the_model(mixed: Path, tmp_path: Path) -> None:
    found = values(merged(mixed, tmp_path, SAID))

    for key in SAID.keys() - {"general.dataset.0.name", "general.dataset.0.repo_url"}:
        assert found[key] == SAID[key]
    assert found["general.type"] == "model"
    assert found["general.base_model.count"] == 1
    assert "adapter.lora.alpha" not in found
    assert "adapter.type" not in found


def test_the_base_is_no_longer_what_it_calls_itself(mixed: Path, tmp_path: Path) -> None:
    found = values(merged(mixed, tmp_path, {}))

    assert found["general.name"] == "Small Test voice one"
    assert found["general.finetune"] == "voice-one"
    assert found["general.base_model.0.name"] == "Small Test"
    assert found["general.base_model.0.organization"] == "Makers"
    assert found["general.base_model.0.repo_url"] == "https://example.org/makers/small"
    assert "general.repo_url" not in found
    assert "general.organization" not in found


def test_datasets_stand_behind_those_of_the_base(mixed: Path, tmp_path: Path) -> None:
    found = values(merged(mixed, tmp_path, SAID))

    assert found["general.dataset.count"] == 2
    assert found["general.dataset.0.name"] == "Old texts"
    assert found["general.dataset.1.name"] == "Novels"
    assert found["general.dataset.1.repo_url"] == "https://example.org/novels"


def test_all_other_entries_are_the_bases_bytes_in_its_order(mixed: Path, tmp_path: Path) -> None:
    before, after = entries(mixed), entries(merged(mixed, tmp_path, SAID))

    same = [
        key
        for key in before
        if not key.startswith("general.")
        or key in ("general.basename", "general.size_label", "general.file_type")
    ]
    assert {key: after[key] for key in same} == {key: before[key] for key in same}
    assert [key for key in after if key in same] == same
    assert "tokenizer.chat_template" in same
    assert "test.truths" in same


def test_what_is_said_now_goes_before(mixed: Path, tmp_path: Path) -> None:
    said: dict[str, Entry] = {
        "general.name": "By Recipe",
        "general.tags": ("fiction", "text-generation"),
        "general.dataset.count": 2,
        "general.dataset.1.name": "More",
    }

    found = values(merged(mixed, tmp_path, SAID, said=said, scale=0.5))

    assert found["general.name"] == "By Recipe"
    assert found["general.tags"] == ["fiction", "text-generation"]
    assert found["general.dataset.count"] == 3
    assert found["general.dataset.2.name"] == "More"
    assert found["storytui.adapter_scale"] == 0.5


def test_another_licence_takes_the_old_ones_name_along(tmp_path: Path) -> None:
    base = write_model(tmp_path / "base.gguf")
    model = read_model(base)
    pairs = dict(model.pairs)
    adapter = make_adapter(tmp_path / "voice.gguf", halves(), strings=SAID)
    deltas = read_deltas(adapter, base)

    pairs["general.license.link"] = pair("general.license.link", "https://example.org/terms")
    odd = type(model)(model.parts, pairs, model.values, model.version, model.alignment)

    assert not any(b"general.license.link" in each for each in merged_pairs(odd, deltas))
    kept = merged_pairs(odd, deltas, said={"general.license": "apache-2.0"})
    assert any(b"general.license.link" in each for each in kept)


def test_the_editor_knows_the_model(mixed: Path, tmp_path: Path) -> None:
    out = merged(mixed, tmp_path, SAID)

    assert stored_format(out) == "storytui-1"
    seen = glimpse(out)
    assert (seen.kind, seen.name) == ("writer", "Small Voice")


@pytest.mark.parametrize("text", ["books.txt", "/home/anna/books.txt", "C:\\anna\\books.txt"])
def test_an_importance_matrix_is_named_as_llama_cpp_names_it_without_paths(
    text: str, mixed: Path, tmp_path: Path
) -> None:
    matrix = read_importance(write_matrix(tmp_path / "m.gguf", MEANS, dataset=text))

    out = merged(mixed, tmp_path, SAID, importance=matrix)

    found = values(out)
    assert found["quantize.imatrix.file"] == "m.gguf"
    assert found["quantize.imatrix.dataset"] == "books.txt"
    assert found["quantize.imatrix.entries_count"] == 2
    assert found["quantize.imatrix.chunks_count"] == 12
    assert isinstance(gguf.GGUFReader(out).fields["quantize.imatrix.file"], gguf.ReaderField)
