"""`storytui-train publish`: a dry run shows all, an upload resumes, what is private is refused."""

import argparse
import json
from pathlib import Path

import published_folder
import pytest
from example_rows import SOURCE, row
from hub_contents import TOKEN
from hub_stand_in import Failure, HubStandIn
from modelfile_grammar import read
from msgspec import structs

from storytui_train.commands import publish as command
from storytui_train.errors import PublishError, RecipeError


def publish(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    command.add_options(parser)
    return command.run(parser.parse_args([str(each) for each in arguments]))


def test_a_dry_run_shows_everything_and_sends_nothing(
    recipe: Path, hub: HubStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish(recipe, "--dry-run", "--parts", "adapter,gguf,dataset") == 0
    told = capsys.readouterr().out
    assert hub.seen == []
    for shown in (
        "owner/tales-adapter (model, private)",
        "owner/tales-GGUF (model, private)",
        "owner/tales-dataset (dataset, private)",
        "adapter_model.safetensors",
        "merged-Q4_K_M.gguf",
        "evaluation/report.md",
        "base_model: ",
        "FROM ./merged-Q4_K_M.gguf",
        "ADAPTER ./adapter.gguf",
        "Nothing was sent",
    ):
        assert shown in told


def test_a_dry_run_in_json_has_files_cards_and_modelfiles(
    recipe: Path, hub: HubStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish(recipe, "--dry-run", "--json", "--public") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["private"] is False
    assert [each["part"] for each in told["repositories"]] == ["adapter", "gguf"]
    (files,) = [each for each in told["repositories"] if each["part"] == "gguf"]
    sizes = {each["name"]: each["bytes"] for each in files["files"]}
    work = recipe.parent / "tales"
    assert sizes["adapter.gguf"] == (work / "gguf" / "adapter.gguf").stat().st_size
    assert set(files["modelfiles"]) == {"Modelfile-adapter", "Modelfile-merged-Q4_K_M"}
    for text in files["modelfiles"].values():
        assert read(text).one("FROM")
    assert hub.seen == []


def test_it_is_published_privately_unless_said_otherwise(
    recipe: Path, hub: HubStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish(recipe, "--parts", "dataset,adapter,gguf", "--json") == 0
    told = json.loads(capsys.readouterr().out)["published"]
    assert [each["repository"] for each in told] == [
        "owner/tales-dataset",
        "owner/tales-adapter",
        "owner/tales-GGUF",
    ]
    assert set(hub.repositories) == {
        "datasets/owner/tales-dataset",
        "owner/tales-adapter",
        "owner/tales-GGUF",
    }
    assert all(each.private for each in hub.repositories.values())
    work = recipe.parent / "tales"
    sent = hub.repositories["owner/tales-adapter"].files
    weights = (work / "train" / "adapter" / "adapter_model.safetensors").read_bytes()
    assert sent["adapter_model.safetensors"].part(0, 1 << 20) == weights
    assert sent["README.md"].part(0, 20).startswith(b"---\nlicense")
    assert len(hub.commits) == 3


def test_public_is_for_everybody(
    recipe: Path, hub: HubStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish(recipe, "--parts", "adapter", "--public") == 0
    assert not hub.repositories["owner/tales-adapter"].private
    assert "for everybody to see" in capsys.readouterr().out


def test_an_interrupted_publication_goes_on_where_it_was(recipe: Path, hub: HubStandIn) -> None:
    from hashlib import sha256

    work = recipe.parent / "tales"
    merged = (work / "gguf" / "merged-Q4_K_M.gguf").read_bytes()
    mark = sha256(merged).hexdigest()
    hub.failures = [Failure(mark, 413, times=99, method="PUT")]
    with pytest.raises(PublishError, match="owner/tales-adapter came there whole"):
        publish(recipe, "--parts", "adapter,gguf")
    assert not hub.repositories["owner/tales-GGUF"].files
    before = dict(hub.received)
    hub.failures = []
    assert publish(recipe, "--parts", "adapter,gguf") == 0
    assert {oid for oid, count in hub.received.items() if count != before.get(oid)} == {mark}
    assert {"adapter.gguf", "merged-Q4_K_M.gguf"} <= set(hub.repositories["owner/tales-GGUF"].files)
    assert len(hub.commits) == 2


def test_a_folder_finds_its_recipe(recipe: Path, hub: HubStandIn) -> None:
    assert publish(recipe.parent / "tales", "--parts", "adapter") == 0
    assert "owner/tales-adapter" in hub.repositories
    other = recipe.parent / "other.toml"
    other.write_text(recipe.read_text() + "\n[run]\n")
    other.write_text(other.read_text().replace('name = "Tales"', 'name = "T"\nfolder = "tales"', 1))
    recipe.unlink()
    assert (
        publish(recipe.parent / "tales", "--parts", "adapter", "--repository", "owner/again") == 0
    )
    assert "owner/again-adapter" in hub.repositories


def test_the_folder_here_and_the_root_are_folders_too(
    recipe: Path, hub: HubStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(recipe.parent / "tales")
    assert publish(".", "--parts", "adapter") == 0
    assert "owner/tales-adapter" in hub.repositories
    with pytest.raises(RecipeError, match="only a recipe says"):
        publish("/", "--repository", "owner/x")


def test_it_is_said_what_it_will_be_called(
    recipe: Path, hub: HubStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish(recipe, "--parts", "adapter", "--dry-run") == 0
    assert "It is called Tales 7B in cards, files and commits" in capsys.readouterr().out


def test_a_folder_without_a_recipe_is_refused(tmp_path: Path, hub: HubStandIn) -> None:
    with pytest.raises(RecipeError, match="only a recipe says"):
        publish(tmp_path, "--repository", "owner/x")
    assert hub.seen == []


@pytest.mark.parametrize("arguments", [(), ("--public",), ("--dry-run",)])
def test_a_private_recipe_is_refused(
    tmp_path: Path, hub: HubStandIn, arguments: tuple[str, ...]
) -> None:
    text = published_folder.RECIPE.replace(
        '{ type = "gutenberg", ids = [11] }', '{ type = "manuscripts", paths = ["novel"] }'
    )
    path = published_folder.make(tmp_path, text)
    with pytest.raises(PublishError, match="marked private"):
        publish(path, *arguments)
    assert hub.seen == []


def test_rows_that_were_private_when_they_were_made_are_refused(
    tmp_path: Path, hub: HubStandIn
) -> None:
    mine = structs.replace(SOURCE, private=True)
    path = published_folder.make(tmp_path, rows=[row(0), row(1, source=mine)])
    with pytest.raises(PublishError, match="private texts"):
        publish(path)
    assert hub.seen == []


def test_a_private_recipe_that_says_so_goes_into_a_private_place(
    tmp_path: Path, hub: HubStandIn
) -> None:
    text = published_folder.RECIPE.replace(
        '{ type = "gutenberg", ids = [11] }', '{ type = "manuscripts", paths = ["novel"] }'
    )
    path = published_folder.make(tmp_path, text + 'private_texts = "model"\n')
    assert publish(path, "--parts", "adapter") == 0
    assert hub.repositories["owner/tales-adapter"].private
    with pytest.raises(PublishError, match="--public is not enough"):
        publish(path, "--parts", "adapter", "--public")


def test_a_repository_is_asked_for(recipe: Path, hub: HubStandIn) -> None:
    recipe.write_text(recipe.read_text().replace('repository = "owner/tales"\n', ""))
    with pytest.raises(RecipeError, match="--repository OWNER/NAME"):
        publish(recipe)
    with pytest.raises(RecipeError, match="no name of a repository"):
        publish(recipe, "--repository", "../up")


def test_without_a_token_it_is_said(
    recipe: Path, hub: HubStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(PublishError, match="token"):
        publish(recipe, "--parts", "adapter")
    monkeypatch.setenv("HF_TOKEN", TOKEN[::-1])
    with pytest.raises(PublishError):
        publish(recipe, "--parts", "adapter")
    assert not hub.repositories
