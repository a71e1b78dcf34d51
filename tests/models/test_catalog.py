"""The catalogue says what it must, and finds its own models by their repositories and files."""

import pytest

from storytui.engine.api import ModelError
from storytui.models.catalog import (
    CatalogueError,
    CatalogueModel,
    catalogue,
    entry_for,
    model_of,
    read_catalogue,
)
from storytui.story.prompt import FORMATS

PERMISSIVE = ("Apache-2.0", "MIT", "BSD-3-Clause")

ENTRY = """
[[model]]
id = "a-1b"
name = "A 1B"
repository = "who/A-1B-GGUF"
files = ["*q4_k_m*.gguf"]
base = "who/A-1B"
parameters = 1.2
licence = "Apache-2.0"
prompt_format = "cra-v1"
card = 6
good_at = "Short scenes."
"""


@pytest.mark.parametrize(
    ("id_", "repository", "form", "card"),
    [
        ("cra-v1-7b", "molbal/CRA-v1-7B", "cra-v1", 8),
        ("cra-v1-guided-7b", "molbal/CRA-v1-Guided-7B", "cra-v1-guided", 8),
        ("cra-v1-32b", "molbal/CRA-v1-32B", "cra-v1", 24),
    ],
)
def test_the_models_that_were_trained_on_its_formats_are_in_it(
    id_: str, repository: str, form: str, card: int
) -> None:
    model = model_of(id_)

    assert (model.repository, model.prompt_format, model.card) == (repository, form, card)
    assert model.trained


def test_eight_more_of_3_to_14_thousand_millions_have_permissive_terms() -> None:
    more = [
        model
        for model in catalogue()
        if not model.trained and 3 <= model.parameters <= 14.9 and model.licence in PERMISSIVE
    ]

    assert len(more) >= 8


@pytest.mark.parametrize("card", [6, 8, 12, 16, 24])
def test_there_is_a_model_for_each_card(card: int) -> None:
    assert any(model.card == card for model in catalogue())


@pytest.mark.parametrize("model", catalogue(), ids=lambda model: model.id)
def test_an_entry_says_what_it_must(model: CatalogueModel) -> None:
    assert model.prompt_format in FORMATS
    assert model.good_at.endswith(".")
    assert all(pattern.endswith(".gguf") for pattern in model.files)
    assert bool(model.restrictions) == (model.licence not in PERMISSIVE)


@pytest.mark.parametrize("model", catalogue(), ids=lambda model: model.id)
def test_an_entry_is_found_by_its_repository(model: CatalogueModel) -> None:
    assert entry_for(repository=model.repository.upper()) is model


@pytest.mark.parametrize(
    ("file_name", "id_"),
    [
        ("cra-v1-7b-q4_k_m.gguf", "cra-v1-7b"),
        ("CRA-v1-Guided-7B.Q6_K.gguf", "cra-v1-guided-7b"),
        ("Qwen3-8B-Q4_K_M.gguf", "qwen3-8b"),
        ("Qwen3-8B-UD-Q4_K_XL.gguf", "qwen3-8b"),
        ("Qwen_Qwen3-8B-IQ4_XS.gguf", "qwen3-8b"),
        ("models/Qwen3-14B-Q8_0.gguf", "qwen3-14b"),
        ("google_gemma-3-12b-it-Q4_K_M.gguf", "gemma-3-12b"),
        ("gemma-3-12b-it-bf16-00001-of-00002.gguf", "gemma-3-12b"),
        ("Mistral-Nemo-Gutenberg-Doppel-12B.i1-Q4_K_M.gguf", "gutenberg-doppel-12b"),
        ("Mistral-Small-3.2-24B-Instruct-2506-Q4_K_M.gguf", "mistral-small-3.2-24b"),
    ],
)
def test_an_entry_is_found_by_a_files_name(file_name: str, id_: str) -> None:
    found = entry_for(file_name=file_name)

    assert found is not None
    assert found.id == id_


def test_an_entry_is_found_by_its_name_in_ollama() -> None:
    assert entry_for(repository="molbal/cra-v1-guided-7b:q6_k") is model_of("cra-v1-guided-7b")


def test_another_makers_files_of_a_model_are_that_model() -> None:
    assert entry_for(repository="someone/Qwen3-8B-GGUF") is model_of("qwen3-8b")


@pytest.mark.parametrize(
    "file_name",
    ["", ".gguf", "DeepSeek-R1-0528-Qwen3-8B-Q4_K_M.gguf", "Qwen3-8B-heretic-Q4_K_M.gguf", "8b"],
)
def test_what_was_made_from_a_model_is_not_that_model(file_name: str) -> None:
    assert entry_for(file_name=file_name) is None


def test_the_catalogue_is_read_once() -> None:
    assert catalogue() is catalogue()


def test_an_unknown_id_names_those_there_are() -> None:
    with pytest.raises(ModelError, match=r"no model 'gpt-5'.*cra-v1-7b, "):
        model_of("gpt-5")


def test_an_entry_is_checked_unless_it_says_otherwise() -> None:
    (model,) = read_catalogue(ENTRY)

    assert model.checked
    assert not model.trained


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[[model]", "cannot be read"),
        (ENTRY + "stars = 5\n", "unknown field `stars`"),
        (ENTRY.replace("card = 6", "card = 7"), "Invalid enum value 7"),
        (ENTRY.replace('["*q4_k_m*.gguf"]', "[]"), "length >= 1"),
        (ENTRY.replace("who/A-1B-GGUF", "https://who/A"), "matching regex"),
        (ENTRY.replace('licence = "Apache-2.0"\n', ""), "missing required field `licence`"),
        (ENTRY.replace('"cra-v1"', '"cra-v9"'), "unknown prompt format cra-v9"),
        (ENTRY + ENTRY, "two models with the id a-1b"),
    ],
)
def test_a_catalogue_that_is_wrong_is_refused(text: str, fault: str) -> None:
    with pytest.raises(CatalogueError, match=fault):
        read_catalogue(text)
