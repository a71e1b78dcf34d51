"""Cards: complete, true, and taken by huggingface_hub's own checks."""

import json
from pathlib import Path

import published_folder
import pytest
from example_rows import SOURCE, row
from hub_uploads import troubles_of
from huggingface_hub import DatasetCard, ModelCard
from msgspec import structs

from storytui_train.data.examples import WRITTEN, Teacher
from storytui_train.errors import PublishError
from storytui_train.publish.model_card import licence_of
from storytui_train.publish.publication import Bundle, Publication, make_publication
from storytui_train.recipe import load

PARTS = ("adapter", "gguf", "dataset")


def publication(recipe: Path, **more: object) -> Publication:
    options: dict[str, object] = {
        "recipe_path": recipe,
        "repository": "owner/tales",
        "parts": PARTS,
        "public": False,
    }
    return make_publication(load(recipe), recipe.parent / "tales", **(options | more))  # type: ignore[arg-type]


def bundle(made: Publication, part: str) -> Bundle:
    (found,) = [each for each in made.bundles if each.part == part]
    return found


def test_a_models_card_has_all_that_the_hub_reads(recipe: Path) -> None:
    made = publication(recipe)
    for part, relation, library in (
        ("adapter", "adapter", "peft"),
        ("gguf", "finetune", "llama.cpp"),
    ):
        text = bundle(made, part).card
        data = ModelCard(text).data
        assert troubles_of(text) == []
        assert data.base_model == "Qwen/Qwen2.5-7B-Instruct"
        assert data.to_dict()["base_model_relation"] == relation
        assert data.library_name == library
        assert data.license == "apache-2.0"
        assert data.datasets == ["owner/tales-dataset"]
        assert data.language == ["en"]
        assert data.pipeline_tag == "text-generation"
        assert {"storytui", "storytui-1", "gothic"} <= set(data.tags or [])


def test_the_evaluation_stands_in_the_card_as_table_and_as_metadata(recipe: Path) -> None:
    text = bundle(publication(recipe), "adapter").card
    results = ModelCard(text).data.eval_results or []
    assert {each.metric_type: each.metric_value for each in results} == {
        "bits_prompt": 1.1,
        "paragraphs": 1.9,
    }
    assert {each.dataset_type for each in results} == {"owner/tales-dataset"}
    assert (
        "| bits per byte of the true text, after the prompt | – | 1.2000 (1.1000 to 1.3000) | "
        in text
    )
    assert "Bare \\| model" in text
    assert "Tales 7B is better than" in text
    assert "120 rows of 3 books" in text


def test_a_card_says_how_it_was_trained_and_on_what(recipe: Path) -> None:
    text = bundle(publication(recipe), "gguf").card
    assert "rank 8" in text
    assert "| steps | 40 |" in text
    assert "2.5000 nats a token" in text
    assert "Rows: 4 train." in text
    assert "Public domain in the USA: 4 rows" in text
    assert "deepseek/deepseek-r1" in text
    assert "### Task: Continue the story" in text
    assert "### Direction: {one sentence: what comes next}" in text


def test_without_an_evaluation_the_card_says_so(recipe: Path) -> None:
    (recipe.parent / "tales" / "evaluation" / "report.json").unlink()
    text = bundle(publication(recipe), "adapter").card
    assert "Not measured." in text
    assert "model-index" not in text
    assert troubles_of(text) == []


def test_the_data_sets_card_is_its_own(recipe: Path) -> None:
    made = bundle(publication(recipe), "dataset")
    card = recipe.parent / "tales" / "dataset" / "parts" / "README.md"
    assert made.card == card.read_text()
    assert DatasetCard(made.card).data.license == "cc0-1.0"
    assert troubles_of(made.card) == []
    names = {each.name for each in made.files}
    assert {"README.md", "storytui-1/train.parquet", "storytui-1/train.jsonl"} <= names
    assert len(names) == len(made.files)


def test_nothing_of_this_machine_is_told(recipe: Path) -> None:
    made = publication(recipe)
    adapter = bundle(made, "adapter")
    (config,) = [each for each in adapter.files if each.name == "adapter_config.json"]
    assert json.loads(config.text)["base_model_name_or_path"] == "Qwen/Qwen2.5-7B-Instruct"
    for each in made.bundles:
        told = "".join([each.card, *(file.text for file in each.files)])
        assert str(recipe.parent) not in told
        assert not any("kept.jsonl" in file.name for file in each.files)
    assert [each.name for each in adapter.files].count("README.md") == 1


def test_a_merged_models_files_name_it_as_their_base(recipe: Path) -> None:
    merged = recipe.parent / "tales" / "merged"
    merged.mkdir()
    (merged / "config.json").write_text("{}")
    (merged / "model.safetensors").write_bytes(b"weights")
    made = publication(recipe, parts=("merged", "gguf"))
    assert [each.repository for each in made.bundles] == ["owner/tales", "owner/tales-GGUF"]
    whole = ModelCard(bundle(made, "merged").card).data
    assert whole.to_dict()["base_model_relation"] == "finetune"
    assert whole.library_name == "transformers"
    files = ModelCard(bundle(made, "gguf").card).data
    assert (files.base_model, files.to_dict()["base_model_relation"]) == (
        "owner/tales",
        "quantized",
    )


def test_files_of_an_adapter_alone_are_an_adapter(recipe: Path) -> None:
    (recipe.parent / "tales" / "gguf" / "merged-Q4_K_M.gguf").unlink()
    published_folder.note(recipe.parent / "tales")
    made = bundle(publication(recipe, parts=("gguf",)), "gguf")
    assert ModelCard(made.card).data.to_dict()["base_model_relation"] == "adapter"
    assert [each.name for each in made.modelfiles] == ["Modelfile"]


@pytest.mark.parametrize(
    ("part", "gone"),
    [
        ("adapter", "train/adapter/adapter_model.safetensors"),
        ("dataset", "dataset/parts/README.md"),
        ("merged", "tales"),
    ],
)
def test_what_is_not_there_is_said(recipe: Path, part: str, gone: str) -> None:
    (recipe.parent / "tales" / gone).unlink(missing_ok=True)
    with pytest.raises(PublishError, match="out of the parts"):
        publication(recipe, parts=(part,))


def test_paths_of_this_machine_are_no_repositories(tmp_path: Path) -> None:
    text = published_folder.RECIPE.replace("Qwen/Qwen2.5-7B-Instruct", "weights/base.gguf")
    text = text.replace(
        '{ type = "gutenberg", ids = [11] }',
        '{ type = "dataset", path = "mine/novels" }, { type = "published", path = "a/b" },'
        ' { type = "dataset", path = "mine/gone.jsonl" }',
    )
    (tmp_path / "mine" / "novels").mkdir(parents=True)
    path = published_folder.make(tmp_path, text + 'base = "some/Base"\n')
    data = ModelCard(bundle(publication(path, parts=("adapter",)), "adapter").card).data
    assert (data.base_model, data.datasets) == ("some/Base", ["a/b"])
    path.write_text(text)
    with pytest.raises(PublishError, match="base"):
        publication(path)


def test_a_private_data_set_is_not_named(tmp_path: Path) -> None:
    text = published_folder.RECIPE.replace(
        '{ type = "gutenberg", ids = [11] }',
        '{ type = "dataset", path = "anna/secret", private = true },'
        ' { type = "dataset", path = "a/b" }',
    )
    path = published_folder.make(tmp_path, text + 'private_texts = "model"\n')
    card = bundle(publication(path, parts=("adapter",)), "adapter").card
    assert ModelCard(card).data.datasets == ["a/b"]
    assert "anna" not in card


def test_of_a_teacher_on_this_machine_the_files_name_is_told(tmp_path: Path) -> None:
    local = Teacher(model="/home/anna/models/Big-7B.gguf", prompt="")
    made = publication(published_folder.make(tmp_path, rows=[row(1, teacher=local), row(2)]))
    for part in ("adapter", "dataset"):
        card = bundle(made, part).card
        assert "Big-7B.gguf" in card
        assert "deepseek/deepseek-r1" in card
        assert "anna" not in card


def test_what_quotes_private_texts_stays_with_them(tmp_path: Path) -> None:
    text = published_folder.RECIPE.replace(
        '{ type = "gutenberg", ids = [11] }', '{ type = "manuscripts", paths = ["novel"] }'
    )
    path = published_folder.make(tmp_path, text + 'private_texts = "model"\n')
    made = bundle(publication(path, parts=("adapter",)), "adapter")
    assert not any(each.name.startswith("evaluation") for each in made.files)
    assert "1.1000 (1.0000 to 1.2000)" in made.card
    assert "report.md" not in made.card
    path.write_text(text + 'private_texts = "rows"\n')
    made = bundle(publication(path, parts=("adapter",)), "adapter")
    assert any(each.name == "evaluation/report.md" for each in made.files)


def test_a_base_or_a_licence_that_nobody_knows_is_asked_for(tmp_path: Path) -> None:
    unnamed = published_folder.RECIPE.replace('base = "Qwen/Qwen2.5-7B-Instruct"\n', "")
    path = published_folder.make(tmp_path, unnamed)
    with pytest.raises(PublishError, match=r"base = .owner/name. under \[publish\]"):
        publication(path)
    path.write_text(unnamed + 'base = "some/Base"\n')
    data = ModelCard(bundle(publication(path), "adapter").card).data
    assert data.base_model == "some/Base"
    path.write_text(unnamed.replace('licence = "apache-2.0"\n', "") + 'base = "some/Base"\n')
    with pytest.raises(PublishError, match=r"Say licence under \[publish\]"):
        publication(path)


def test_the_built_in_models_adapter_names_its_base(tmp_path: Path) -> None:
    text = published_folder.RECIPE.replace("Qwen/Qwen2.5-7B-Instruct", "built-in")
    text = text.replace('licence = "apache-2.0"\n', "").replace(
        'gguf = "base/Tiny-Q4_K_M.gguf"\n', ""
    )
    made = publication(published_folder.make(tmp_path, text), parts=("gguf",))
    data = ModelCard(bundle(made, "gguf").card).data
    assert data.base_model == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert data.license == "apache-2.0"
    (modelfile,) = [
        each for each in bundle(made, "gguf").modelfiles if each.name == "Modelfile-adapter"
    ]
    assert "FROM ./SmolLM2-135M-Instruct.Q4_1.gguf" in modelfile.text
    assert "ADAPTER ./adapter.gguf" in modelfile.text


@pytest.mark.parametrize(
    ("words", "name", "other"),
    [
        ("Apache-2.0", "apache-2.0", ""),
        ("MIT", "mit", ""),
        ("Qwen RESEARCH license", "other", "qwen-research-license"),
        ("llama3.1", "llama3.1", ""),
    ],
)
def test_licences_are_named_as_the_hub_does(words: str, name: str, other: str) -> None:
    assert licence_of(words) == (name, other)


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    text = published_folder.RECIPE.replace(
        'name = "Tales 7B"', 'name = "T\\n---\\u001b[2J [x](y) |"'
    )
    source = structs.replace(SOURCE, licence="a | b\n# c")
    path = published_folder.make(tmp_path, text, rows=[row(1, source=source)])
    card = bundle(publication(path, parts=("adapter",)), "adapter").card
    assert "\x1b" not in card
    assert troubles_of(card) == []
    assert ModelCard(card).data.base_model == "Qwen/Qwen2.5-7B-Instruct"
    assert "\n# c" not in card


def test_plans_that_people_wrote_are_no_models_words(tmp_path: Path) -> None:
    people = Teacher(model=WRITTEN, prompt="")
    rows = [row(1, teacher=people), row(2, teacher=people)]
    own = bundle(publication(published_folder.make(tmp_path, rows=rows)), "adapter").card
    assert "Plans were written by people" in own
    assert "provider" not in own

    both = bundle(publication(published_folder.make(tmp_path, rows=[rows[0], row(2)])), "adapter")
    assert "Plans were written by people" in both.card
    assert "written by deepseek/deepseek-r1, which saw" in both.card
