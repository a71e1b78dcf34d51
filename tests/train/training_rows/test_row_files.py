"""Rows on the disk: made once of a data set, with what came of it, and read by their numbers."""

import pickle
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest
from example_rows import CONTEXT, row
from msgspec import structs
from row_tokenizers import ByteTokenizer

from storytui.engine.api import EngineDiedError, EngineError
from storytui.engine.scores import Encoded
from storytui.story.prompt import prompt_format
from storytui_train.data.dataset.rendering import choose
from storytui_train.data.documents import Refusal
from storytui_train.data.examples import Row
from storytui_train.errors import TrainError
from storytui_train.recipe import DatasetOptions, Recipe, TrainOptions
from storytui_train.training.row_files import RowFile
from storytui_train.training.row_making import (
    RowsRecord,
    prepare_rows,
    read_rows,
    read_rows_record,
    rows_of,
)
from storytui_train.training.rows import TokenRow, tokenise


def recipe(**train: object) -> Recipe:
    return Recipe(
        name="r.toml",
        seed=5,
        train=TrainOptions(**{"sequence": 1500, **train}),  # type: ignore[arg-type]
        dataset=DatasetOptions(later=0.5, direction=0.5, length=0.5),
    )


def dataset(folder: Path, train: Iterable[Row], validation: Iterable[Row] | None = ()) -> Path:
    (folder / "rows").mkdir(parents=True)
    for name, rows in (("train", train), ("validation", validation)):
        if rows is not None:
            data = b"".join(msgspec.json.encode(each) + b"\n" for each in rows)
            (folder / "rows" / f"{name}.jsonl").write_bytes(data)
    return folder


def mixed() -> list[Row]:
    """Rows that fit, one without a plan, two that are too long in front, two that cannot be."""
    return [
        *map(row, range(5)),
        row(5, reasoning=""),
        row(6, context="\n\n".join([CONTEXT] * 20)),
        row(7, context="\n\n".join([CONTEXT] * 30)),
        row(8, continuation=" He wrote </answer> on it."),
        row(9, continuation=" A very long way." * 200),
    ]


def made(tmp_path: Path, **train: object) -> tuple[RowsRecord, Path]:
    source = dataset(tmp_path / "dataset", mixed(), [row(20), row(21)])
    folder = tmp_path / "train" / "rows"
    return prepare_rows(
        source, folder, recipe(**train), ByteTokenizer(), vocabulary="bytes"
    ), folder


# --- made -----------------------------------------------------------------------------------------


def test_the_rows_are_those_that_tokenise_gives(tmp_path: Path) -> None:
    _, folder = made(tmp_path)

    found = RowFile.of(folder, "train")

    form, options = prompt_format("storytui-1"), recipe().dataset
    expected = [
        tokenise(each, form, choose(each, form, options, 5), ByteTokenizer(), 1500)
        for each in mixed()[:8]
    ]
    assert list(found) == expected
    assert len(RowFile.of(folder, "validation")) == 2


def test_what_came_of_it_is_counted(tmp_path: Path) -> None:
    record, folder = made(tmp_path)
    rows = list(RowFile.of(folder, "train"))

    counts = record.splits["train"]
    assert counts.rows == len(rows) == 8
    assert counts.tokens == sum(len(each.tokens) for each in rows)
    assert counts.trained == sum(each.trained for each in rows)
    assert counts.longest == max(len(each.tokens) for each in rows) <= 1500
    assert (counts.shortened, counts.without_plan) == (2, 1)
    assert counts.dropped_words == sum(each.dropped_words for each in rows) > 0
    assert counts.refused == {"tags": 1, "too long": 1}
    assert record.splits["validation"].rows == 2
    assert f"2 rows lost {counts.dropped_words:,} words" in record.sentence
    assert "left out: 1 tags, 1 too long" in record.sentence


def test_what_is_left_out_is_listed_with_its_reason(tmp_path: Path) -> None:
    _, folder = made(tmp_path)

    lines = (folder / "refused.jsonl").read_bytes().splitlines()
    refused = [msgspec.json.decode(each, type=Refusal) for each in lines]

    assert [(each.id, each.reason) for each in refused] == [
        (row(8).id, "tags"),
        (row(9).id, "too long"),
    ]
    assert all(each.detail for each in refused)


def test_no_more_rows_without_a_plan_are_drawn_than_are_wanted(tmp_path: Path) -> None:
    source = dataset(
        tmp_path / "dataset",
        [row(number, reasoning="" if number % 4 else "He waits.") for number in range(40)],
        [row(50, reasoning=""), row(51, reasoning="")],
    )

    def drawn(share: float) -> tuple[RowsRecord, list[str]]:
        folder = tmp_path / f"rows-{share}"
        record = prepare_rows(
            source, folder, recipe(answers_per_plan=share), ByteTokenizer(), vocabulary="bytes"
        )
        return record, [each.id for each in RowFile.of(folder, "train")]

    few, some, every = drawn(0.5), drawn(2), drawn(0)

    assert [len(ids) for _, ids in (few, some, every)] == [10 + 5, 10 + 20, 40]
    planned = {row(number).id for number in range(0, 40, 4)}
    assert planned < set(few[1]) < set(some[1]) < set(every[1])
    # In the data set's order still.
    assert few[1] == [each for each in every[1] if each in set(few[1])]
    assert [each.splits["train"].not_drawn for each, _ in (few, some, every)] == [25, 10, 0]
    assert few[0].splits["validation"].rows == 2
    assert "25 rows without a plan were not drawn" in few[0].sentence


def test_without_reasoning_replies_are_answers_alone(tmp_path: Path) -> None:
    record, folder = made(tmp_path, reasoning=False)

    tokenizer = ByteTokenizer()
    texts = [tokenizer.read(each.tokens[each.reply :]) for each in RowFile.of(folder, "train")]
    assert all(each.startswith("<answer>") for each in texts)
    assert record.splits["train"].without_plan == len(texts)


def test_the_same_again_gives_the_same_bytes_and_costs_nothing_where_it_is_there(
    tmp_path: Path,
) -> None:
    first, folder = made(tmp_path / "one")
    _, other = made(tmp_path / "two")
    for name in ("train.jsonl", "validation.jsonl", "refused.jsonl"):
        assert (folder / name).read_bytes() == (other / name).read_bytes()

    tokenizer = ByteTokenizer()
    source = tmp_path / "one" / "dataset"
    again = prepare_rows(source, folder, recipe(), tokenizer, vocabulary="bytes")

    assert again == first
    assert tokenizer.encoded == 0


@pytest.mark.parametrize("change", ["sequence", "vocabulary", "data set", "file", "record"])
def test_what_has_changed_is_made_anew(tmp_path: Path, change: str) -> None:
    first, folder = made(tmp_path)
    source, vocabulary, wanted = tmp_path / "dataset", "bytes", recipe()
    if change == "sequence":
        wanted = recipe(sequence=1400)
    elif change == "vocabulary":
        vocabulary = "other"
    elif change == "data set":
        (source / "rows" / "train.jsonl").write_bytes(msgspec.json.encode(row(1)) + b"\n")
    elif change == "file":
        (folder / "train.jsonl").write_bytes(b"")
    else:
        (folder / "record.json").write_bytes(b"{}")
    tokenizer = ByteTokenizer()

    again = prepare_rows(source, folder, wanted, tokenizer, vocabulary=vocabulary)

    assert tokenizer.encoded > 0
    # Another vocabulary that gives the same tokens is no other one.
    same = change in ("file", "record", "vocabulary")
    assert (again.fingerprint == first.fingerprint) == same
    assert read_rows_record(folder) == again
    assert len(RowFile.of(folder, "train")) == again.splits["train"].rows > 0


class Shifted(ByteTokenizer):
    """Gives every byte another token."""

    def encode(self, message: str, *pieces: str) -> Encoded:
        found = super().encode(message, *pieces)
        return structs.replace(found, tokens=tuple(each + 1 for each in found.tokens))


def test_the_same_bytes_by_another_vocabulary_keep_their_fingerprint(tmp_path: Path) -> None:
    first, folder = made(tmp_path)
    source = tmp_path / "dataset"

    def again(tokenizer: ByteTokenizer, vocabulary: str) -> RowsRecord:
        return prepare_rows(source, folder, recipe(), tokenizer, vocabulary=vocabulary)

    other = again(ByteTokenizer(), "other")
    assert other.fingerprint == first.fingerprint
    assert (other.vocabulary, len(other.also)) == ("other", 1)
    for name in ("bytes", "other"):
        unused = ByteTokenizer()
        assert again(unused, name) == other
        assert unused.encoded == 0
        assert rows_of(source, folder, recipe(), name) == other
    assert rows_of(source, folder, recipe(), "third") is None

    shifted = again(Shifted(), "shifted")
    assert shifted.fingerprint not in (first.fingerprint, *other.also)
    assert not shifted.also
    assert again(ByteTokenizer(), "bytes").fingerprint == first.fingerprint


def test_rows_that_are_there_stay_until_others_are_whole(tmp_path: Path) -> None:
    first, folder = made(tmp_path)
    before = {each.name: each.read_bytes() for each in folder.iterdir()}

    with pytest.raises(TrainError, match="died"):
        prepare_rows(
            tmp_path / "dataset",
            folder,
            recipe(),
            Failing(EngineDiedError("It died."), 2),
            vocabulary="other",
        )

    assert {each.name: each.read_bytes() for each in folder.iterdir()} == before
    assert read_rows_record(folder) == first


def test_it_is_told_how_far_it_is(tmp_path: Path) -> None:
    source = dataset(tmp_path / "dataset", mixed(), [row(20)])
    told: list[tuple[int, int]] = []

    prepare_rows(
        source,
        tmp_path / "rows",
        recipe(),
        ByteTokenizer(),
        vocabulary="bytes",
        told=lambda done, total: told.append((done, total)),
    )

    assert told == [(n, 11) for n in range(1, 12)]


def test_a_data_set_without_validation_has_none(tmp_path: Path) -> None:
    source = dataset(tmp_path / "dataset", [row()], None)

    record = prepare_rows(source, tmp_path / "rows", recipe(), ByteTokenizer(), vocabulary="bytes")

    assert list(record.splits) == ["train"]


# --- what goes wrong ------------------------------------------------------------------------------


class Failing(ByteTokenizer):
    def __init__(self, error: Exception, at: int) -> None:
        super().__init__()
        self._error, self._at = error, at

    def encode(self, message: str, *pieces: str) -> Encoded:
        found = super().encode(message, *pieces)
        if self.encoded == self._at:
            raise self._error
        return found


def test_a_row_that_the_vocabulary_cannot_take_is_left_out(tmp_path: Path) -> None:
    source = dataset(tmp_path / "dataset", map(row, range(3)))
    tokenizer = Failing(EngineError("It cannot."), 2)

    record = prepare_rows(source, tmp_path / "rows", recipe(), tokenizer, vocabulary="v")

    assert record.splits["train"].rows == 2
    assert record.splits["train"].refused == {"vocabulary": 1}


def test_an_engine_that_died_ends_it_and_the_next_run_makes_the_rows(tmp_path: Path) -> None:
    source = dataset(tmp_path / "dataset", map(row, range(3)))
    folder = tmp_path / "rows"

    with pytest.raises(TrainError, match="died"):
        prepare_rows(
            source, folder, recipe(), Failing(EngineDiedError("It died."), 2), vocabulary="v"
        )

    assert read_rows_record(folder) is None
    record = prepare_rows(source, folder, recipe(), ByteTokenizer(), vocabulary="v")
    assert record.splits["train"].rows == 3


def test_no_data_set_no_rows_and_none_that_fits_are_said(tmp_path: Path) -> None:
    def prepare(source: Path) -> None:
        prepare_rows(source, tmp_path / "rows", recipe(), ByteTokenizer(), vocabulary="v")

    with pytest.raises(TrainError, match="There is no data set"):
        prepare(tmp_path / "nowhere")
    with pytest.raises(TrainError, match="the data set is empty"):
        prepare(dataset(tmp_path / "empty", []))
    with pytest.raises(TrainError, match=r"1 too long.*refused\.jsonl"):
        prepare(dataset(tmp_path / "long", [mixed()[-1]]))


def test_a_data_set_of_another_form_is_named_with_its_line(tmp_path: Path) -> None:
    source = dataset(tmp_path / "dataset", [row()])
    path = source / "rows" / "train.jsonl"
    path.write_bytes(path.read_bytes() + b'{"messages": []}\n')

    with pytest.raises(TrainError, match=r"Line 2 of .*train\.jsonl is no row of a data set"):
        prepare_rows(source, tmp_path / "rows", recipe(), ByteTokenizer(), vocabulary="v")
    with pytest.raises(TrainError, match="cannot be read"):
        list(read_rows(tmp_path / "missing.jsonl"))


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    source = dataset(tmp_path / "dataset", [row()])
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(TrainError, match="cannot be written to"):
        prepare_rows(source, tmp_path / "file" / "rows", recipe(), ByteTokenizer(), vocabulary="v")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk to write to")
def test_a_full_disk_is_said(tmp_path: Path) -> None:
    source = dataset(tmp_path / "dataset", [row()])
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / "train.jsonl.part").symlink_to("/dev/full")

    with pytest.raises(
        TrainError, match=r"cannot be written .* No space left on device. Make room"
    ):
        prepare_rows(source, tmp_path / "rows", recipe(), ByteTokenizer(), vocabulary="v")
    assert read_rows_record(tmp_path / "rows") is None


# --- read -----------------------------------------------------------------------------------------


def written(path: Path, rows: Iterable[TokenRow]) -> RowFile:
    path.write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in rows))
    return RowFile(path)


def tokens(number: int, length: int = 5, book: str = "a") -> TokenRow:
    return TokenRow(id=f"é{number}", book=book, tokens=tuple(range(1, length + 1)), reply=2)


def test_rows_are_read_by_number_in_any_order(tmp_path: Path) -> None:
    rows = [tokens(n, 3 + n % 7, book="ab"[n % 2]) for n in range(30)]
    found = written(tmp_path / "rows.jsonl", rows)

    assert [found[n] for n in reversed(range(30))] == rows[::-1]
    assert list(found.lengths) == [len(each.tokens) for each in rows]
    assert list(found.replies) == [2] * 30
    assert found.trained == sum(each.trained for each in rows)
    assert found.books == [each.book for each in rows]
    with pytest.raises(IndexError):
        found[30]


def test_a_row_file_goes_to_other_processes(tmp_path: Path) -> None:
    found = written(tmp_path / "rows.jsonl", map(tokens, range(4)))

    assert list(pickle.loads(pickle.dumps(found))) == list(found)


@pytest.mark.parametrize(
    "line",
    [
        b"no JSON",
        b'{"id": "a"}',
        msgspec.json.encode(structs.replace(tokens(1), reply=0)),
        msgspec.json.encode(structs.replace(tokens(1), reply=5)),
        msgspec.json.encode(structs.replace(tokens(1), tokens=(), reply=0)),
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(msgspec.json.encode(tokens(1)) + b"\n" + line + b"\n")

    with pytest.raises(TrainError, match=r"Line 2 of .* is no row in tokens"):
        RowFile(path)


def test_a_file_that_changed_meanwhile_is_not_read_as_another_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    found = written(path, [tokens(1, 9), tokens(2, 9)])
    path.write_bytes(b"".join(msgspec.json.encode(tokens(n, 8)) + b"\n" for n in (1, 2)))

    with pytest.raises(TrainError, match="is no row in tokens"):
        found[0]
    with pytest.raises(TrainError, match="cannot be read"):
        RowFile(tmp_path / "missing.jsonl")


def test_a_few_rows_are_taken_from_all_books(tmp_path: Path) -> None:
    found = written(tmp_path / "rows.jsonl", [tokens(n, book=f"{n // 10}") for n in range(50)])

    assert found.spread(5) == [5, 15, 25, 35, 45]
    assert found.spread(0) == list(range(50))
