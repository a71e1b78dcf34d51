"""What is kept of models that were trained here: whole, replaced by their own kind, forgotten."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from trained_files import MEASURED, adapter_file, merged_file, told

from storytui import folders
from storytui.engine.api import ModelError
from storytui.models import trained
from storytui.models.half_files import half_file
from storytui.models.trained import (
    files_to_run,
    forget_trained,
    in_short,
    keep_trained,
    read_trained,
    trained_models,
)


def test_what_is_kept_is_listed_with_all_that_is_known_of_it(tmp_path: Path) -> None:
    source = adapter_file(tmp_path / "adapter.gguf")
    wanted = told(
        prompt_format="storytui-1",
        sources=("A Tale", "Another \u2028 tale"),
        licence="cc0-1.0",
        private=True,
        measured=MEASURED,
    )
    kept = keep_trained(wanted, source)
    assert trained_models() == (kept,)
    assert kept == msgspec.structs.replace(wanted, adapter=kept.adapter)
    assert Path(kept.adapter) == folders.trained_models() / "mine.gguf"
    assert Path(kept.adapter).read_bytes() == source.read_bytes()


def test_nothing_is_listed_where_nothing_was_trained(home: Path) -> None:
    assert read_trained() == trained.Trained()
    assert not list(home.iterdir())


def test_a_merged_model_is_known_by_its_file(tmp_path: Path) -> None:
    kept = keep_trained(told(), merged_file(tmp_path / "merged.gguf"))
    assert (kept.adapter, Path(kept.model).name) == ("", "mine.gguf")
    assert files_to_run(kept) == (Path(kept.model), None)


def test_the_parts_of_a_divided_model_stay_together_and_go_together(tmp_path: Path) -> None:
    parts = [merged_file(tmp_path / f"{each}.gguf") for each in "ab"]
    kept = keep_trained(told(), parts)
    names = ["mine-00001-of-00002.gguf", "mine-00002-of-00002.gguf"]
    assert sorted(each.name for each in folders.trained_models().glob("*.gguf")) == names
    assert Path(kept.model).name == names[0]
    forget_trained("mine")
    assert not list(folders.trained_models().iterdir())


def test_whole_after_divided_leaves_no_part_behind(tmp_path: Path) -> None:
    parts = [merged_file(tmp_path / f"{each}.gguf") for each in "ab"]
    keep_trained(told(), parts)
    keep_trained(told(), parts[0])
    names = sorted(each.name for each in folders.trained_models().iterdir())
    assert names == ["mine.gguf", "mine.json"]


@pytest.mark.parametrize(
    "name", ["My Novel", "a/b", "../mine", "built-in", "none", "", "mine.gguf", ".mine"]
)
def test_a_name_that_cannot_be_typed_is_refused_with_one_that_can(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(ModelError, match="Take") as told_of:
        keep_trained(told(name=name), adapter_file(tmp_path / "a.gguf"))
    assert not folders.trained_models().exists()
    usable = str(told_of.value).partition("Take ")[2].partition(",")[0]
    assert keep_trained(told(name=usable), tmp_path / "a.gguf").name == usable


def test_a_recipe_replaces_its_own_and_no_other_one(tmp_path: Path) -> None:
    keep_trained(told(), adapter_file(tmp_path / "old.gguf"))
    newer = adapter_file(tmp_path / "new.gguf", rank=8)
    again = keep_trained(told(made="2026-02-01"), newer)
    assert trained_models() == (again,)
    assert Path(again.adapter).read_bytes() == newer.read_bytes()
    with pytest.raises(ModelError, match="Another trained model is called mine, made on 2026-02"):
        keep_trained(told(recipe="other"), tmp_path / "old.gguf")
    assert trained_models() == (again,)
    other = keep_trained(told(recipe="other"), tmp_path / "old.gguf", replace=True)
    assert trained_models() == (other,)


def test_without_a_recipe_nothing_is_replaced_unasked(tmp_path: Path) -> None:
    source = adapter_file(tmp_path / "a.gguf")
    keep_trained(told(recipe=""), source)
    with pytest.raises(ModelError, match="Another trained model"):
        keep_trained(told(recipe=""), source)


def test_what_is_no_model_is_not_kept(tmp_path: Path) -> None:
    source = tmp_path / "text.gguf"
    source.write_text("no model")
    with pytest.raises(ModelError, match="not a GGUF file"):
        keep_trained(told(), source)
    with pytest.raises(ModelError, match="not there"):
        keep_trained(told(), tmp_path / "nothing.gguf")
    assert trained_models() == ()


def test_a_full_disk_is_told_of_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = keep_trained(told(), adapter_file(tmp_path / "a.gguf"))

    def full(path: Path) -> Any:
        return type("Usage", (), {"free": 1000})

    monkeypatch.setattr(shutil, "disk_usage", full)
    with pytest.raises(ModelError, match="1,000 are free"):
        keep_trained(told(made="later"), adapter_file(tmp_path / "b.gguf", rank=8))
    assert trained_models() == (kept,)


@pytest.mark.parametrize("step", ["replace", "put"])
def test_what_ends_it_midway_leaves_no_record_of_other_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    keep_trained(told(), adapter_file(tmp_path / "a.gguf"))

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as during:
        during.setattr(trained.os if step == "replace" else trained, step, fail)
        with pytest.raises(ModelError, match="No space left on device"):
            keep_trained(told(made="later"), adapter_file(tmp_path / "b.gguf", rank=8))
    assert trained_models() == ()
    assert not list(folders.trained_models().glob(".*"))
    again = keep_trained(told(made="later"), tmp_path / "b.gguf")
    assert trained_models() == (again,)


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b'{"model": {"name": "mine"}}',
        b'{"model": {"name": "other", "base": "b", "base_name": "b", "adapter": "a"}}',
        b'{"model": {"name": "mine", "base": "b", "base_name": "b"}}',
    ],
)
def test_a_damaged_record_is_told_of_and_hides_no_other_model(
    tmp_path: Path, damage: bytes
) -> None:
    source = adapter_file(tmp_path / "a.gguf")
    keep_trained(told(), source)
    other = keep_trained(told(name="other"), source)
    (folders.trained_models() / "mine.json").write_bytes(damage)
    found = read_trained()
    assert found.models == (other,)
    assert len(found.troubles) == 1
    assert "storytui models remove mine" in found.troubles[0]
    forget_trained("mine")
    assert read_trained() == trained.Trained((other,))
    assert not (folders.trained_models() / "mine.gguf").exists()


def test_a_model_whose_record_is_damaged_can_be_made_again(tmp_path: Path) -> None:
    source = adapter_file(tmp_path / "a.gguf")
    keep_trained(told(), source)
    (folders.trained_models() / "mine.json").write_bytes(b"{")
    assert trained_models() == ()
    again = keep_trained(told(), source)
    assert trained_models() == (again,)


def test_forgetting_takes_the_files_and_never_the_base(tmp_path: Path) -> None:
    base = merged_file(tmp_path / "base.gguf")
    source = adapter_file(tmp_path / "a.gguf")
    keep_trained(told(base), source)
    like = keep_trained(told(base, name="mine-2"), source)
    assert forget_trained("mine") == source.stat().st_size
    assert trained_models() == (like,)
    assert base.exists()
    assert Path(like.adapter).exists()
    with pytest.raises(ModelError, match="No model mine was trained here"):
        forget_trained("mine")
    with pytest.raises(ModelError, match="No model"):
        forget_trained("../trained/mine-2")


@pytest.mark.parametrize("way", ["itself", "link", "part", "adapter"])
def test_a_model_is_not_put_over_the_one_that_it_was_made_from(tmp_path: Path, way: str) -> None:
    parts = [merged_file(tmp_path / f"{each}.gguf") for each in "ab"]
    first = keep_trained(told(), parts if way == "part" else parts[0])
    base = Path(first.model)
    if way == "link":
        base = tmp_path / "link.gguf"
        base.symlink_to(first.model)
    source = adapter_file(tmp_path / "a.gguf") if way == "adapter" else parts[1]
    with pytest.raises(ModelError, match=r"would be put over .*, which it was made from"):
        keep_trained(told(base), source, replace=True)
    assert trained_models() == (first,)
    assert Path(first.model).is_file()
    assert keep_trained(told(base, name="mine-2"), source).base == str(base)


@pytest.mark.parametrize("then", ["keep", "forget"])
def test_half_copies_of_processes_that_were_killed_go(tmp_path: Path, then: str) -> None:
    source = adapter_file(tmp_path / "a.gguf")
    keep_trained(told(), source)
    folder = folders.trained_models()
    code = (
        "import os, signal, sys; from pathlib import Path;"
        "from storytui.models import trained\n"
        "def half(source, to):\n"
        " to.write_bytes(b'half'); os.kill(os.getpid(), signal.SIGKILL)\n"
        "trained.copy = half\n"
        "model = trained.TrainedModel(name='mine', base='b.gguf', base_name='b', recipe='abc')\n"
        "trained.keep_trained(model, Path(sys.argv[1]), folder=Path(sys.argv[2]))"
    )
    subprocess.run([sys.executable, "-c", code, source, folder], check=False)
    left = [each for each in folder.iterdir() if each.suffix == ".part"]
    assert [each.read_bytes() for each in left] == [b"half"]
    # One of before: the number of a process alone.
    (folder / f".mine.gguf.{os.getpid()}.part").write_bytes(b"half")
    others = [half_file(folder / "mine.gguf"), folder / ".mine-2.gguf.1-1-1.part"]
    for each in others:
        each.write_bytes(b"of another model, or of a process that runs")

    if then == "forget":
        forget_trained("mine")
    else:
        others[0].unlink()
        keep_trained(told(), source)

    there = {each for each in folder.iterdir() if each.suffix == ".part"}
    assert there == set(others if then == "forget" else others[1:])


def test_what_is_loaded_is_the_base_with_the_adapter(tmp_path: Path) -> None:
    base = merged_file(tmp_path / "base.gguf")
    kept = keep_trained(told(base), adapter_file(tmp_path / "a.gguf"))
    assert files_to_run(kept) == (base, Path(kept.adapter))
    os.remove(kept.adapter)
    with pytest.raises(ModelError, match=r"The adapter of .* is not there any more: .*mine\.gguf"):
        files_to_run(kept)


def test_a_base_that_is_gone_is_named(tmp_path: Path) -> None:
    kept = keep_trained(told(tmp_path / "gone.gguf"), adapter_file(tmp_path / "a.gguf"))
    with pytest.raises(ModelError, match=r"is an adapter for base, whose file is not .*gone\.gguf"):
        files_to_run(kept)


def test_the_built_in_base_is_found_where_it_was_installed_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built_in = merged_file(tmp_path / "small.gguf")
    monkeypatch.setattr(trained, "starter_model", lambda: built_in)
    source = adapter_file(tmp_path / "a.gguf")
    kept = keep_trained(told("/old/python/small.gguf"), source)
    assert files_to_run(kept) == (built_in, Path(kept.adapter))
    other = keep_trained(told("/old/python/large.gguf", name="other"), source)
    with pytest.raises(ModelError, match=r"large\.gguf"):
        files_to_run(other)


def test_names_of_files_that_are_no_text_come_back(tmp_path: Path) -> None:
    base = os.fsdecode(b"/models/b\xff.gguf")
    keep_trained(told(base), adapter_file(tmp_path / "a.gguf"))
    assert trained_models()[0].base == base
    record = json.loads((folders.trained_models() / "mine.json").read_text("ascii"))
    assert record["version"] == 1


@pytest.mark.parametrize(
    ("change", "low", "high", "says"),
    [
        (-5.05, -6, -4, "0.94 bits a byte, 5.0 % below its base"),
        (2.0, 1.0, 3.0, "0.94 bits a byte, 2.0 % above its base"),
        (-0.3, -1.0, 0.4, "0.94 bits a byte, 0.3 % below its base, which may be chance"),
    ],
)
def test_the_evaluation_in_short(change: float, low: float, high: float, says: str) -> None:
    measured = msgspec.structs.replace(MEASURED, change=change, low=low, high=high)
    assert in_short(told(measured=measured)) == says
    assert in_short(told()) == "not measured"
