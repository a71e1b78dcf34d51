"""A data set on the disk: its files, the same for the same rows, whole or not at all."""

import hashlib
import json
import os
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
from example_rows import CONTINUATION, SOURCE, row
from msgspec import structs

from storytui_train.data.dataset import writing
from storytui_train.data.dataset.chat import troubles
from storytui_train.data.dataset.marks import Mark, add_mark, load_marks
from storytui_train.data.dataset.reading import RowList
from storytui_train.data.dataset.spool import Spool
from storytui_train.data.dataset.writing import DatasetReport, write_dataset
from storytui_train.data.documents import Refusal
from storytui_train.data.examples import Row
from storytui_train.errors import TrainError
from storytui_train.recipe import DatasetOptions, Recipe

RECIPE = Recipe(name="old-stories", licence="cc0-1.0", seed=3)
SPLITS = ["train"] * 8 + ["validation", "test"]


def many(count: int = 40) -> list[Row]:
    return [row(each, split=SPLITS[each % 10]) for each in range(count)]


def written(
    folder: Path, rows: list[Row] | None = None, recipe: Recipe = RECIPE, **more: Any
) -> DatasetReport:
    return write_dataset(many() if rows is None else rows, folder, recipe, plots=False, **more)


def files(folder: Path) -> dict[str, bytes]:
    found = (each for each in folder.rglob("*") if each.is_file())
    return {each.relative_to(folder).as_posix(): each.read_bytes() for each in found}


def test_all_files_are_there_and_are_those_of_the_report(tmp_path: Path) -> None:
    report = written(tmp_path / "dataset")

    there = files(tmp_path / "dataset")
    formats, splits = ("cra-v1", "cra-v1-guided", "storytui-1"), ("train", "validation", "test")
    assert {*there} == {
        *(f"{form}/{split}.jsonl" for form in (*formats, "rows") for split in splits),
        *(f"{form}/{split}.parquet" for form in formats for split in splits),
        *("README.md", "statistics.md", "statistics.json", "report.json"),
    }
    assert [(each.name, each.sha256) for each in report.files] == [
        (name, hashlib.sha256(there[name]).hexdigest())
        for name in sorted(there)
        if name != "report.json"
    ]
    assert report.formats["storytui-1"] == {"train": 32, "validation": 4, "test": 4}
    assert json.loads(there["report.json"])["rows"] == 40


def test_the_same_rows_in_any_order_give_the_same_bytes(tmp_path: Path) -> None:
    rows = many()
    written(tmp_path / "one", rows)
    random.Random(5).shuffle(rows)
    written(tmp_path / "two", rows)

    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_the_pictures_are_the_same_too(tmp_path: Path) -> None:
    strange = structs.replace(SOURCE, author="Ann $x_{ \x1b[31m 物語", birth=None)
    rows = [*many(6), row(50, source=strange, reasoning="", split="test")]
    keeping = structs.replace(RECIPE, dataset=DatasetOptions(without_reasoning="keep"))
    for name in ("one", "two"):
        write_dataset(rows, tmp_path / name, keeping)

    pictures = {name: data for name, data in files(tmp_path / "one").items() if "plots/" in name}
    assert len(pictures) == 6
    assert all(data.startswith(b"\x89PNG") for data in pictures.values())
    assert pictures.items() <= files(tmp_path / "two").items()
    assert b"![lengths](plots/lengths.png)" in files(tmp_path / "one")["README.md"]


def test_rows_stand_in_the_order_of_their_sources(tmp_path: Path) -> None:
    written(tmp_path / "dataset", [row(10), row(2), row(1)])

    ids = RowList(tmp_path / "dataset").ids()
    assert ids == ["gutenberg-11:1000-1100", "gutenberg-11:2000-2100", "gutenberg-11:10000-10100"]


def test_a_hosted_trainer_takes_the_lines_as_they_are(tmp_path: Path) -> None:
    report = written(tmp_path / "dataset")

    lines = (tmp_path / "dataset" / "cra-v1" / "train.jsonl").read_bytes().splitlines()
    assert len(lines) == 32
    assert list(troubles(lines)) == []
    for line in lines:
        data = json.loads(line)
        assert {*data} == {"messages"}
        assert [each["role"] for each in data["messages"]] == ["user", "assistant"]
        assert data["messages"][1]["content"].endswith(f"<answer>{CONTINUATION.strip()}</answer>")
    assert "cra-v1/train.jsonl" not in report.troubles
    assert "There are 4 examples" in report.troubles["cra-v1/test.jsonl"][0]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"{", "is no chat"),
        (b'{"messages": [], "id": "x"}', "is no chat"),
        (b'{"messages": [{"role": "user", "content": "Go on."}]}', "does not end with"),
        (b'{"messages": [{"role": "assistant", "content": "So."}]}', "no user message"),
        (
            b'{"messages": [{"role":"user","content":" "},{"role":"assistant","content":"x"}]}',
            "empty message",
        ),
        (
            b'{"messages": [{"role":"human","content":"a"},{"role":"assistant","content":"x"}]}',
            "a role that is none of",
        ),
    ],
)
def test_what_a_hosted_trainer_turns_away_is_said(line: bytes, said: str) -> None:
    good = b'{"messages": [{"role":"user","content":"a"},{"role":"assistant","content":"x"}]}'
    lines = [good] * 10

    assert list(troubles(lines)) == []
    (trouble,) = troubles([*lines[:4], line, *lines])
    assert said in trouble
    assert trouble.startswith("Line 5 ")


def test_parquet_has_every_field_of_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from datasets import load_dataset

    odd = row(3, teacher=None, scores={}, edits=(), source=structs.replace(SOURCE, birth=None))
    written(tmp_path / "dataset", [row(1), odd, *many()[4:]])
    cache = str(tmp_path / "cache")

    loaded = load_dataset(str(tmp_path / "dataset"), "storytui-1", cache_dir=cache)

    sizes = {name: len(each) for name, each in loaded.items()}
    assert sizes == {"train": 30, "validation": 4, "test": 4}
    first, second = loaded["train"][0], loaded["train"][1]
    original = row(1)
    for name in ("id", "context", "continuation", "after", "reasoning", "guidance", "words"):
        assert first[name] == getattr(original, name)
    assert (tuple(first["span"]), tuple(first["sentences"])) == (original.span, (4, 2))
    assert first["edits"] == [{"start": 1017, "end": 1018, "text": "\n\n"}]
    assert first["source"]["gutenberg_id"] == 11
    assert first["source"]["authors"] == ["Carroll, Lewis"]
    assert first["teacher"]["cost"] == 0.001
    assert first["scores"] == [{"name": "gain", "value": 3.5}, {"name": "leak", "value": 0.0}]
    assert first["prompt"] + first["completion"] == first["messages"]
    assert (second["teacher"], second["scores"], second["source"]["birth"]) == (None, [], None)


def test_only_what_the_recipe_asks_for_is_written(tmp_path: Path) -> None:
    options = DatasetOptions(formats=("cra-v1",), files=("jsonl",))
    written(tmp_path / "dataset", recipe=structs.replace(RECIPE, dataset=options))

    assert {each for each in files(tmp_path / "dataset") if "/" in each} == {
        *(f"cra-v1/{split}.jsonl" for split in ("train", "validation", "test")),
        *(f"rows/{split}.jsonl" for split in ("train", "validation", "test")),
    }


# --- what is left out -----------------------------------------------------------------------------


def test_what_is_left_out_is_counted_and_told(tmp_path: Path) -> None:
    told: list[Refusal] = []
    rows = [
        *(row(1), row(1), row(2, split=""), row(3, reasoning=""), row(4), row(5, guidance="")),
        row(6, continuation=" He wrote </answer> on it."),
    ]

    report = written(tmp_path / "dataset", rows, bad={row(4).id}, refused=told.append)

    assert (report.taken, report.rows) == (7, 2)
    assert report.left_out == {
        **{"id twice": 1, "no split": 1, "no reasoning": 1, "marked bad": 1, "in no format": 1},
    }
    assert report.left_out_of["cra-v1-guided"] == {"no guidance": 1, "tags": 1}
    assert report.left_out_of["cra-v1"] == {"tags": 1}
    reasons = sorted((each.id, each.reason) for each in told)
    assert (row(5).id, "no guidance") in reasons
    assert {each.stage for each in told} == {"dataset"}
    assert len(told) == 3 + 1 + 3
    assert "marked bad: 1 rows" in (tmp_path / "dataset" / "README.md").read_text("utf-8")


def test_rows_without_a_plan_are_kept_where_the_recipe_says_so(tmp_path: Path) -> None:
    keeping = structs.replace(RECIPE, dataset=DatasetOptions(without_reasoning="keep"))

    report = written(tmp_path / "dataset", [row(1, reasoning="")], keeping)

    assert report.rows == 1
    line = (tmp_path / "dataset" / "cra-v1" / "train.jsonl").read_text("utf-8")
    assert "<reasoning>" not in line


def test_no_rows_at_all_are_a_data_set_without_rows(tmp_path: Path) -> None:
    report = write_dataset([], tmp_path / "dataset", RECIPE)

    assert (report.rows, report.formats["cra-v1"]) == (0, {})


def test_marks_are_kept_beside_and_the_last_one_counts(tmp_path: Path) -> None:
    path = tmp_path / "marks.jsonl"
    assert load_marks(path) == set()
    for id, bad in (("a", True), ("b", True), ("a", False), ("c", True)):
        add_mark(path, Mark(id, bad))

    assert load_marks(path) == {"b", "c"}


def test_a_mark_that_a_crash_cut_off_swallows_no_other(tmp_path: Path) -> None:
    path = tmp_path / "marks.jsonl"
    add_mark(path, Mark("a", True))
    with open(path, "ab") as file:
        file.write(b'{"id":"b","ba')

    add_mark(path, Mark("c", True))

    assert load_marks(path) == {"a", "c"}


# --- whole or not at all --------------------------------------------------------------------------


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "dataset")
    before = files(tmp_path / "dataset")

    def full(rendered: object) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "chat_line", full)
    with pytest.raises(TrainError, match=r"No space left on device\. Make room"):
        written(tmp_path / "dataset", [row(1)])

    assert files(tmp_path / "dataset") == before
    assert [each.name for each in tmp_path.iterdir()] == ["dataset"]


def test_a_new_data_set_takes_the_old_ones_place(tmp_path: Path) -> None:
    written(tmp_path / "dataset")
    (tmp_path / "dataset" / "left.txt").write_text("old")
    written(tmp_path / "dataset", [row(1)])

    assert "left.txt" not in files(tmp_path / "dataset")
    assert [each.name for each in tmp_path.iterdir()] == ["dataset"]


@pytest.mark.parametrize("stopped_at", [1, 2])
def test_killed_between_two_renames_the_next_run_makes_it_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped_at: int
) -> None:
    written(tmp_path / "one")
    written(tmp_path / "dataset", [row(1)])
    calls, real = [0], os.replace

    def killed(old: Path, new: Path) -> None:
        calls[0] += 1
        if calls[0] == stopped_at:
            raise KeyboardInterrupt
        real(old, new)

    monkeypatch.setattr(writing.os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        written(tmp_path / "dataset")
    monkeypatch.undo()
    written(tmp_path / "dataset")

    assert files(tmp_path / "dataset") == files(tmp_path / "one")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["dataset", "one"]


def test_rows_are_put_in_order_on_the_disk(tmp_path: Path) -> None:
    rows = many()
    random.Random(1).shuffle(rows)
    with Spool(iter(rows), tmp_path) as spool:
        assert [*spool] == many()
        assert (len(spool), spool.taken) == (40, 40)
    assert [*tmp_path.iterdir()] == []


def test_of_two_rows_with_one_id_the_same_is_kept_in_any_order(tmp_path: Path) -> None:
    pair = [row(1), row(1, reasoning="Another plan.")]
    kept = []
    for rows in (pair, pair[::-1]):
        with Spool(rows, tmp_path) as spool:
            kept.append([*spool])

    assert kept[0] == kept[1]
    assert len(kept[0]) == 1


def test_the_rows_are_written_as_they_came(tmp_path: Path) -> None:
    written(tmp_path / "dataset")

    lines = (tmp_path / "dataset" / "rows" / "test.jsonl").read_bytes().splitlines()
    assert [msgspec.json.decode(each, type=Row) for each in lines] == [
        each for each in many() if each.split == "test"
    ]
