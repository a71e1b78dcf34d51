"""Data sets with a column of texts."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pyarrow
import pyarrow.parquet
import pytest

from storytui_train.data.documents import Gathered, Refusal
from storytui_train.data.sources import tables
from storytui_train.data.sources.extraction import extract
from storytui_train.data.sources.gathering import gather
from storytui_train.data.sources.place import Place
from storytui_train.recipe import DatasetSource

Write = Callable[[str, str | bytes], Path]
ROWS = [
    {"text": "It began.\r\nIt ended.", "title": "The Rope", "author": "Ada", "language": "en"},
    {"text": "It shone.", "title": "The Lamp", "author": ["Tom", "Ada"], "language": "de-AT"},
]
LINES = "".join(json.dumps(each) + "\n" for each in ROWS)


def found(place: Place, path: str, **options: Any) -> list[Gathered | Refusal]:
    return list(gather(DatasetSource(path=path, **options), place))


def as_zstandard(data: bytes) -> bytes:
    out = pyarrow.BufferOutputStream()
    with pyarrow.CompressedOutputStream(out, "zstd") as stream:
        stream.write(data)
    return bytes(out.getvalue())


def as_table(folder: Path) -> Path:
    path = folder / "rows.parquet"
    rows = [{**each, "author": str(each["author"])} for each in ROWS]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    return path


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz", "rows.jsonl.zst", "rows.ndjson"])
def test_each_row_is_a_text(place: Place, write: Write, name: str) -> None:
    data = LINES.encode()
    data = gzip.compress(data) if name.endswith("gz") else data
    data = as_zstandard(data) if name.endswith("zst") else data
    write(name, data)

    results = found(place, name, licence="CC0")

    assert [each.source.id for each in results if isinstance(each, Gathered)] == [
        "dataset-rows-1",
        "dataset-rows-2",
    ]
    for each, row in zip(results, ROWS, strict=True):
        assert isinstance(each, Gathered)
        assert extract(each, place.folder).text == row["text"]
        assert (place.folder / each.path).is_file()
        assert each.source.title == row["title"]
        assert (each.source.licence, each.source.private) == ("CC0", False)
    assert [each.source.author for each in results if isinstance(each, Gathered)] == ["Ada", "Tom"]
    assert [each.source.language for each in results if isinstance(each, Gathered)] == ["en", "de"]


def test_a_parquet_file(place: Place) -> None:
    as_table(place.recipe_folder)

    results = found(place, "rows.parquet")

    texts = [extract(each, place.folder).text for each in results if isinstance(each, Gathered)]
    assert texts == [each["text"] for each in ROWS]


def test_a_folder_of_files_counts_through(place: Place, write: Write) -> None:
    write("all/part-2.jsonl", '{"text": "Two."}\n')
    write("all/part-10.jsonl", '{"text": "Three."}\n')
    write("all/part-1.jsonl", '{"text": "One."}\n\n')
    write("all/README.md", "no")

    results = [each for each in found(place, "all") if isinstance(each, Gathered)]

    assert [extract(each, place.folder).text for each in results] == ["One.", "Two.", "Three."]
    assert [each.source.id for each in results] == [f"dataset-all-{n}" for n in (1, 2, 3)]


def test_a_data_set_that_was_saved(place: Place) -> None:
    saved = datasets.DatasetDict({"train": datasets.Dataset.from_list([{"text": "It began."}])})
    saved.save_to_disk(str(place.recipe_folder / "saved"))

    [one] = found(place, "saved")
    [refusal] = found(place, "saved", split="test")

    assert isinstance(one, Gathered)
    assert extract(one, place.folder).text == "It began."
    assert isinstance(refusal, Refusal)
    assert refusal.detail == "saved has no split test."


def test_a_data_set_on_the_hub(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, dict[str, Any]]] = []

    def load(name: str, **options: Any) -> datasets.IterableDataset:
        asked.append((name, options))
        return datasets.Dataset.from_list(ROWS[:1]).to_iterable_dataset()

    monkeypatch.setattr(datasets, "load_dataset", load)

    [one] = found(place, "ada/ropes", split="validation")

    assert isinstance(one, Gathered)
    assert one.source.url == "https://huggingface.co/datasets/ada/ropes"
    assert asked == [("ada/ropes", {"split": "validation", "streaming": True})]


def test_a_hub_that_cannot_be_reached(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str, **options: Any) -> Any:
        raise ConnectionError("Couldn't reach 'ada/ropes'\non the Hub")

    monkeypatch.setattr(datasets, "load_dataset", load)

    [refusal] = found(place, "ada/ropes")

    assert isinstance(refusal, Refusal)
    assert refusal.reason == "unreachable"
    assert "ada/ropes" in refusal.detail
    assert "\n" not in refusal.detail


def test_broken_lines_are_said_with_their_number_and_the_others_are_read(
    place: Place, write: Write
) -> None:
    write(
        "rows.jsonl",
        b'{"text": "One."}\n{"text": "Tw\n[1]\n\xff\xfe\n\n{"text": 7}\n{"text": " "}\n'
        b'{"other": 1}\n{"text": "a\\u0000b"}\n{"text": "Two."}',
    )

    results = found(place, "rows.jsonl")

    assert [each.source.id for each in results if isinstance(each, Gathered)] == [
        "dataset-rows-1",
        "dataset-rows-10",
    ]
    refusals = [each for each in results if isinstance(each, Refusal)]
    assert [each.reason for each in refusals] == [
        *("broken line", "broken line", "broken line", "empty", "empty", "empty", "binary")
    ]
    assert [each.detail[each.detail.index("line") :][:6] for each in refusals] == [
        "line 2",
        "line 3",
        "line 4",
        "line 6",
        "line 7",
        "line 8",
        "line 9",
    ]


def test_a_column_that_is_not_there_is_said_once(place: Place, write: Write) -> None:
    write("rows.jsonl", '{"story": "One.", "by": "Ada"}\n' * 5)

    [refusal] = found(place, "rows.jsonl")

    assert isinstance(refusal, Refusal)
    assert refusal.detail == (
        "rows.jsonl has no column text; it has by, story. Say which in `text`."
    )


def test_the_recipe_may_limit_them(place: Place, write: Write) -> None:
    write("rows.jsonl", "".join(f'{{"text": "Number {n}."}}\n' for n in range(9)))

    assert len(found(place, "rows.jsonl", limit=4)) == 4


def test_a_line_that_is_too_long_is_refused_and_the_next_is_read(
    place: Place, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "MAXIMUM_TEXT", 50)
    long = json.dumps({"text": "x" * 500})
    write("rows.jsonl", f'{{"text": "One."}}\n{long}\n{{"text": "Two."}}\n')

    results = found(place, "rows.jsonl")

    assert [each.reason if isinstance(each, Refusal) else each.source.id for each in results] == [
        "dataset-rows-1",
        "too big",
        "dataset-rows-3",
    ]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("rows.jsonl.gz", gzip.compress(LINES.encode())[:40], "unreadable"),
        ("rows.jsonl.gz", b"no gzip", "unreadable"),
        ("rows.jsonl.zst", as_zstandard(LINES.encode())[:20], "unreadable"),
        ("rows.parquet", b"PAR1 no", "unreadable"),
        ("rows.csv", b"a,b", "form"),
    ],
)
def test_damaged_files_are_refused(
    place: Place, write: Write, name: str, data: bytes, reason: str
) -> None:
    write(name, data)

    *_, refusal = found(place, name)

    assert isinstance(refusal, Refusal)
    assert refusal.reason == reason


def test_what_is_not_there(place: Place) -> None:
    [refusal] = found(place, "nowhere.jsonl")

    assert isinstance(refusal, Refusal)
    assert refusal.reason == "missing"


def test_gathering_again_writes_nothing(place: Place, write: Write) -> None:
    write("rows.jsonl", LINES)
    first = found(place, "rows.jsonl")
    files = sorted(each for each in place.folder.rglob("*") if each.is_file())
    before = [each.stat().st_mtime_ns for each in files]

    assert found(place, "rows.jsonl") == first
    assert [each.stat().st_mtime_ns for each in files] == before
    assert len(files) == 2


def test_a_full_disk_is_said(place: Place, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("rows.jsonl", LINES)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)

    results = found(place, "rows.jsonl")

    assert [each.reason for each in results if isinstance(each, Refusal)] == ["unwritten"] * 2
    assert not list(place.folder.rglob("*.txt"))
