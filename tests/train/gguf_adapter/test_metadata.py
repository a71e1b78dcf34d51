"""What a file says of itself, held against gguf-py's keys and the specification's file names."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import gguf
import pytest
from made_by_hand import peft_folder, read_back, tiny_base
from msgspec import structs

from storytui_train.errors import GgufError
from storytui_train.gguf.adapter import convert_adapter
from storytui_train.gguf.base_file import read_base_file
from storytui_train.gguf.metadata import About, Source, entries, file_name

# The regular expression of the specification (ggml, docs/gguf.md).
CONVENTION = re.compile(
    r"^(?P<BaseName>[A-Za-z0-9\s]*(?:(?:-(?:(?:[A-Za-z\s][A-Za-z0-9\s]*)|(?:[0-9\s]*)))*))"
    r"-(?:(?P<SizeLabel>(?:\d+x)?(?:\d+\.)?\d+[A-Za-z](?:-[A-Za-z]+(\d+\.)?\d+[A-Za-z]+)?)"
    r"(?:-(?P<FineTune>[A-Za-z0-9\s-]+))?)?"
    r"-(?:(?P<Version>v\d+(?:\.\d+)*))(?:-(?P<Encoding>(?!LoRA|vocab)[\w_]+))?"
    r"(?:-(?P<Type>LoRA|vocab))?(?:-(?P<Shard>\d{5}-of-\d{5}))?\.gguf$"
)

FULL = About(
    name="Test Voice",
    prompt_format="storytui-1",
    finetune="Dracula & co.",
    version="v1.2",
    author="A writer",
    organisation="Home",
    description="A voice.",
    licence="cc0-1.0",
    address="home/test-voice",
    base=Source(name="SmolLM2 135M Instruct", address="HuggingFaceTB/SmolLM2-135M-Instruct"),
    datasets=(Source(name="Books", address="home/books"), Source(name="More", version="2")),
    languages=("en", "de"),
    tags=("fiction", "lora"),
    recipe="ab12",
)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("made")
    base = tiny_base(folder / "tiny.gguf")
    made = convert_adapter(peft_folder(folder / "adapter"), base, folder / "made.gguf", FULL)
    return read_back(made.path)[0]


def test_everything_that_is_known_is_in_the_file(said: dict[str, Any]) -> None:
    expected = {
        "general.type": "adapter",
        "general.architecture": "llama",
        "adapter.type": "lora",
        "adapter.lora.alpha": 8.0,
        "general.file_type": gguf.LlamaFileType.MOSTLY_F16.value,
        "general.name": "Test Voice",
        "general.author": "A writer",
        "general.version": "v1.2",
        "general.organization": "Home",
        "general.finetune": "Dracula-co",
        "general.basename": "Tiny",
        "general.description": "A voice.",
        "general.size_label": "19K",
        "general.license": "cc0-1.0",
        "general.repo_url": "https://huggingface.co/home/test-voice",
        "general.base_model.count": 1,
        "general.base_model.0.name": "SmolLM2 135M Instruct",
        "general.base_model.0.repo_url": (
            "https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct"
        ),
        "general.dataset.count": 2,
        "general.dataset.0.name": "Books",
        "general.dataset.0.repo_url": "https://huggingface.co/datasets/home/books",
        "general.dataset.1.name": "More",
        "general.dataset.1.version": "2",
        "general.tags": ["fiction", "lora"],
        "general.languages": ["en", "de"],
        "storytui.prompt_format": "storytui-1",
        "storytui.recipe": "ab12",
    }
    assert {key: value for key, value in said.items() if not key.startswith("GGUF.")} == expected


def test_its_keys_are_those_of_gguf_py(said: dict[str, Any]) -> None:
    known = {
        re.sub(r"\{id\}", r"\\d+", re.escape(value).replace(r"\{id\}", "{id}"))
        for part in (gguf.Keys.General, gguf.Keys.Adapter)
        for value in vars(part).values()
        if isinstance(value, str) and "." in value
    }
    for key in said:
        if key.startswith(("general.", "adapter.")):
            assert any(re.fullmatch(each, key) for each in known), key


def test_what_is_not_said_is_taken_from_the_base_or_left_out(small_model: Path) -> None:
    base = read_base_file(small_model)
    found = entries(About(name=" Mine ", prompt_format="cra-v1"), base)
    assert found == {
        "general.name": "Mine",
        "general.version": "v1.0",
        "general.finetune": "Mine",
        "general.basename": "smollm2",
        "general.size_label": "135M",
        "general.license": "apache-2.0",
        "general.base_model.count": 1,
        "general.base_model.0.name": "Smollm2 135M 8k Lc100K Mix1 Ep2",
        "general.base_model.0.organization": "HuggingFaceTB",
        "general.languages": ("en",),
        "storytui.prompt_format": "cra-v1",
    }


@pytest.mark.parametrize("kind", ["LoRA", ""])
@pytest.mark.parametrize("finetune", ["", "Dracula & co.", "v1", "…"])
def test_file_names_are_those_of_the_convention(
    small_model: Path, kind: Any, finetune: str
) -> None:
    about = structs.replace(FULL, finetune=finetune)
    name = file_name(about, read_base_file(small_model), "q4_k_m", kind)
    match = CONVENTION.fullmatch(name)
    assert match is not None, name
    assert match["SizeLabel"] == "135M"
    assert match["Version"] == "v1.2"
    assert match["Encoding"] == "Q4_K_M"
    assert (match["Type"] or "") == kind


def test_a_file_name_is_one_whatever_the_base_says_of_its_size(small_model: Path) -> None:
    base = read_base_file(small_model)
    base = replace(base, said={**base.said, "general.size_label": "../../1 M/b"})
    name = file_name(FULL, base, "../q4", "LoRA")
    assert Path(name).name == name
    assert re.fullmatch(r"[A-Za-z0-9_.-]+-LoRA\.gguf", name), name


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"name": " "}, "has no name"),
        ({"prompt_format": "other"}, "no prompt format 'other'"),
        ({"version": "1"}, "'1' is not like v1"),
    ],
)
def test_what_cannot_be_said_is_refused(
    small_model: Path, changed: dict[str, str], reason: str
) -> None:
    with pytest.raises(GgufError, match=reason):
        entries(structs.replace(FULL, **changed), read_base_file(small_model))
