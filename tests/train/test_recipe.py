"""Recipes: what `init` writes is what the program reads, and what cannot be read is said."""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from storytui_train import cli
from storytui_train.errors import RecipeError
from storytui_train.recipe import Recipe, load
from storytui_train.recipe_template import TEMPLATE

SECTIONS = (
    *("clean", "choose", "chunk", "split", "teacher", "score", "dataset"),
    *("train", "export", "evaluate", "publish", "run"),
)


def uncommented() -> dict[str, object]:
    return tomllib.loads(re.sub(r"(?m)^# (?=\w+ = |\[\[sources)", "", TEMPLATE))


@pytest.mark.parametrize("section", SECTIONS)
def test_the_template_shows_every_key_with_its_default(section: str) -> None:
    told = uncommented()[section]
    default = getattr(Recipe(name="x"), section)
    assert set(told) == set(type(default).__struct_fields__)
    assert msgspec.convert(told, type(default)) == default


def test_the_template_shows_every_kind_of_source_with_all_its_keys() -> None:
    told = uncommented()
    recipe = msgspec.convert(told, Recipe)
    kinds = {each["type"] for each in told["sources"]}
    assert kinds == {"manuscripts", "gutenberg", "dataset", "published", "takes"}
    for given, made in zip(told["sources"], recipe.sources, strict=True):
        assert set(given) - {"type"} == set(type(made).__struct_fields__)


def test_init_writes_a_recipe_that_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "novels.toml"
    assert cli.main(["init", str(path)]) == 0
    recipe = load(path)
    assert recipe.name == "novels"
    assert recipe.sources[0].paths == ("manuscripts",)


def test_init_never_writes_over_a_recipe(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "novels.toml"
    path.write_text("mine")
    assert cli.main(["init", str(path)]) == 2
    assert path.read_text() == "mine"
    assert "is there already" in capsys.readouterr().err
    assert cli.main(["init", str(path), "--force"]) == 0
    assert path.read_text() != "mine"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('name = "x"\n[chunk]\ncontext_sentence = 3', "context_sentence"),
        ('name = "x"\n[chunk]\ncontext_sentences = "many"', r"\$\.chunk\.context_sentences"),
        ('name = "x"\n[[sources]]\ntype = "web"', "web"),
        ("name = ", "not valid TOML"),
        ("", "name"),
    ],
)
def test_what_a_recipe_has_wrong_is_said(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=said):
        load(path)


def test_a_recipe_that_is_not_there_or_no_text_is_said(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        load(tmp_path / "none.toml")
    (tmp_path / "odd.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match="not UTF-8"):
        load(tmp_path / "odd.toml")


@pytest.mark.parametrize(
    "argv",
    [
        *([name, "none.toml"] for name in ("run", "train", "export", "evaluate", "add", "publish")),
        ["plan", "--recipe", "none.toml"],
        ["prepare", "none.txt", "--out", "x"],
        ["personal", "none.txt", "--out", "x"],
    ],
)
def test_what_is_not_there_ends_a_command_with_one_sentence(
    argv: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(argv) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert told.startswith("storytui-train: ")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("section", "key", "value", "bound"),
    [
        ("evaluate", "confidence", "95", "< 1"),
        ("evaluate", "confidence", "0", "> 0"),
        ("evaluate", "words", "0", ">= 1"),
        ("evaluate", "rows", "-1", ">= 0"),
        ("evaluate", "takes", "-1", ">= 0"),
        ("evaluate", "context_words", "-1", ">= 0"),
        ("train", "rank", "0", ">= 1"),
        ("train", "batch", "0", ">= 1"),
        ("train", "steps", "-1", ">= 0"),
        ("train", "dropout", "1.0", "< 1"),
        ("train", "learning_rate", "0", "> 0"),
        ("train", "warmup", "1.5", "<= 1"),
        ("train", "rank_pattern", "{ q_proj = 0 }", ">= 1"),
    ],
)
def test_a_number_that_cannot_be_is_refused_when_the_recipe_is_read(
    section: str, key: str, value: str, bound: str, tmp_path: Path
) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(f'name = "x"\n[{section}]\n{key} = {value}\n')
    with pytest.raises(RecipeError, match=rf"`(int|float)` {bound}.* at `\$\.{section}\.{key}"):
        load(path)
