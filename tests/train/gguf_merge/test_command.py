"""`storytui-train merge`, from its options to the file."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest
from small_models import read, values

from storytui_train.commands.merge import add_options, run
from storytui_train.errors import GgufError, RecipeError


def parsed(*arguments: object) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return parser.parse_args([str(each) for each in arguments])


def test_it_merges_into_the_base(
    mixed: Path, adapter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.gguf"

    status = run(parsed("--base", mixed, "--adapter", adapter, "--out", out, "--threads", 1))

    assert status == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "4 tensors changed, 17 as they were" in said.err
    assert read(out).keys() == read(mixed).keys()
    assert values(out)["general.name"] == "Small Test voice"


def test_it_says_in_json_what_it_wrote(
    mixed: Path, adapter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--base", mixed, "--adapter", adapter, "--out", tmp_path / "o.gguf", "--json")

    run(parsed(*options, "--split", "300K", "--scale", "0.5"))

    said = json.loads(capsys.readouterr().out)
    assert len(said["files"]) > 1
    assert said["type"] == "same"
    assert values(Path(said["files"][0]))["storytui.adapter_scale"] == 0.5


def test_a_type_goes_through_llama_cpp(plain: Path, adapter: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.gguf"

    run(parsed("--base", plain, "--adapter", adapter, "--out", out, "--type", "q5_0"))

    assert values(out)["general.file_type"] == 8


@pytest.mark.parametrize(
    ("more", "kind", "words"),
    [
        (("--split", "many"), RecipeError, "is no size"),
        (("--split", "0GB"), RecipeError, "is no size"),
        (("--split", "4GB", "--type", "Q4_K_M"), RecipeError, "--type same only"),
        (("--type", "Q9"), GgufError, "There is no type Q9"),
        (("--imatrix", "none.dat"), GgufError, r"none\.dat"),
        (("--adapter", "."), GgufError, "is a folder"),
        (("--adapter", "none.gguf"), GgufError, "There is no adapter"),
        (("--base", "./none.gguf"), GgufError, "none"),
    ],
)
def test_what_cannot_be_done_is_said(
    more: tuple[str, ...],
    kind: type[Exception],
    words: str,
    mixed: Path,
    adapter: Path,
    tmp_path: Path,
) -> None:
    options = ("--base", mixed, "--adapter", adapter, "--out", tmp_path / "out.gguf")

    with pytest.raises(kind, match=words):
        run(parsed(*options, *more))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("more", [("--scale", "much"), ("--scale", "1e9"), ("--threads", "0")])
def test_numbers_are_numbers(more: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parsed("--base", "b", "--adapter", "a", "--out", "o", *more)
    assert ended.value.code == 2
    assert more[1] in capsys.readouterr().err


def test_its_module_brings_nothing_heavy() -> None:
    code = "import sys, storytui_train.commands.merge; print('numpy' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"
