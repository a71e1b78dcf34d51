"""Which rows models are measured on."""

from pathlib import Path

import msgspec
import pytest
from msgspec import structs
from scripted_models import rows

from storytui_train.data.examples import Row
from storytui_train.data.pipeline.workplace import Workplace
from storytui_train.errors import EvaluateError
from storytui_train.evaluate import blind, evaluating
from storytui_train.evaluate.held_out import held_out, seed_of


def write(path: Path, given: list[Row]) -> Path:
    path.write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in given))
    return path


def test_books_give_rows_in_turn(tmp_path: Path) -> None:
    given = [each for each in rows(30, 3) if each.source.id != "book-2" or each.span[0] < 9000]
    found = held_out(write(tmp_path / "rows.jsonl", given), most=9)
    assert [each.source.id for each in found[:3]] == [each.source.id for each in found[3:6]]
    assert {each.source.id for each in found[:3]} == {"book-0", "book-1", "book-2"}
    assert len({each.id for each in found}) == 9


def test_a_recipes_data_set_is_found_in_the_folder_of_its_stage(tmp_path: Path) -> None:
    folder = tmp_path / "novels" / "dataset" / "parts" / "rows"
    folder.mkdir(parents=True)
    write(folder / "test.jsonl", rows(4))
    write(tmp_path / "novels" / "dataset" / "begun.jsonl", [])
    for path in (folder, folder.parent, folder.parent.parent, folder / "test.jsonl"):
        assert len(held_out(path)) == 4


def test_nothing_goes_into_the_folder_of_a_recipes_stage(tmp_path: Path) -> None:
    place = Workplace(tmp_path / "novels", tmp_path)
    with place.alone():
        parts = place.begin("dataset", "first") / "parts"
    write(parts / "rows.jsonl", rows(4))
    report, comparison = (
        {beside(path) for path in (parts / "rows.jsonl", parts, parts.parent, place.folder)}
        for beside in (evaluating.folder_beside, blind.folder_beside)
    )
    assert report == {place.folder / "evaluation-of-others"}
    assert comparison == {place.folder / "comparison"}
    for folder in report | comparison:
        folder.mkdir()
    place.begin("dataset", "second")
    assert not (parts / "rows.jsonl").exists()
    assert all(each.is_dir() for each in report | comparison)


def test_beside_other_rows_it_is_beside_them(tmp_path: Path) -> None:
    assert evaluating.folder_beside(tmp_path / "rows") == tmp_path / "evaluation"
    assert blind.folder_beside(tmp_path / "rows.jsonl") == tmp_path / "comparison"


def test_fewer_are_the_beginning_of_more_whatever_order_they_come_in(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", rows(20))
    whole = held_out(path)
    assert len(whole) == 20
    assert held_out(path, most=7) == whole[:7]
    assert held_out(write(tmp_path / "back.jsonl", rows(20)[::-1])) == whole
    assert held_out(path, seed=2) != whole


def test_only_test_rows_are_taken_unless_no_row_has_a_split(tmp_path: Path) -> None:
    given = [
        structs.replace(each, split="train" if number % 2 else "test")
        for number, each in enumerate(rows(8))
    ]
    path = write(tmp_path / "rows.jsonl", given)
    assert {each.split for each in held_out(path)} == {"test"}
    assert {each.split for each in held_out(path, split="train")} == {"train"}
    with pytest.raises(EvaluateError, match="No row is held out as validation"):
        held_out(path, split="validation")
    none = [structs.replace(each, split="") for each in given]
    assert len(held_out(write(tmp_path / "none.jsonl", none))) == 8


def test_empty_rows_and_the_same_row_twice_are_left_out(tmp_path: Path) -> None:
    one, two = rows(2)
    given = [one, one, structs.replace(two, continuation=" \n")]
    assert held_out(write(tmp_path / "rows.jsonl", given)) == [one]


def test_guidance_is_asked_for_where_it_is_needed(tmp_path: Path) -> None:
    one, two = rows(2)
    path = write(tmp_path / "rows.jsonl", [one, structs.replace(two, guidance=" ")])
    assert held_out(path, guided=True) == [one]
    bare = write(tmp_path / "bare.jsonl", [structs.replace(one, guidance="")])
    with pytest.raises(EvaluateError, match="no rows with guidance"):
        held_out(bare, guided=True)


def test_each_row_has_a_seed_of_its_own() -> None:
    seeds = {seed_of(seed, name) for seed in (1, 2) for name in ("a", "b", "\ud800")}
    assert len(seeds) == 6
    assert all(0 <= each < 2**31 for each in seeds)
