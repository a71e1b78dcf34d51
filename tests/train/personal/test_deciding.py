"""What is decided of a model of her own: sizes, splits, steps, and who writes plans."""

import tomllib
from dataclasses import dataclass

import msgspec
import pytest
import tomli_w
from hypothesis import example, given, settings
from hypothesis import strategies as st

from storytui_train.data.documents import Source
from storytui_train.data.examples import Row
from storytui_train.errors import RecipeError
from storytui_train.personal import deciding
from storytui_train.personal.deciding import Base, Wishes
from storytui_train.personal.telling import Steps, minutes
from storytui_train.recipe import Recipe, SplitOptions

WISHES = Wishes(paths=("/her/novels",), base="built-in", name="novels")
SMALL, LARGE = Base(135_000_000, True), Base(7_600_000_000, True)


def rows(books: int, chapters: int, of_chapter: int, book_words: int = 200) -> list[Row]:
    made = []
    for book in range(books):
        source = Source(
            id=f"book-{book}", kind="manuscript", file="a", sha256="0" * 64, title=f"Book {book}"
        )
        for number in range(chapters * of_chapter):
            start = number * book_words * 6
            made.append(
                Row(
                    id=f"{book}:{number}",
                    source=source,
                    chapter_number=1 + number // of_chapter,
                    span=(start, start + 1),
                    context="c",
                    continuation="d",
                )
            )
    return made


@pytest.mark.parametrize(
    ("books", "chapters", "of_chapter", "by"),
    [
        (2, 20, 10, "chapter"),
        (1, 12, 8, "chapter"),
        (1, 1, 200, "place"),
        (3, 1, 80, "place"),
        (12, 10, 5, "book"),
    ],
)
def test_what_is_held_out_depends_on_how_her_texts_are_divided(
    books: int, chapters: int, of_chapter: int, by: str
) -> None:
    found = deciding.splits(rows(books, chapters, of_chapter), 1)
    assert found is not None
    assert found.by == by


@settings(deadline=None)
@given(st.integers(1, 12), st.integers(1, 20), st.integers(1, 20))
@example(9, 1, 18)
@example(9, 2, 15)
def test_there_is_enough_to_learn_from_and_to_measure_with_or_nothing(
    books: int, chapters: int, of_chapter: int
) -> None:
    from storytui_train.data.split import count_books, plan_splits

    made = rows(books, chapters, of_chapter)
    found = deciding.splits(made, 1)
    if found is None:
        assert len(made) < 4 * (deciding.LEAST_TRAINED + deciding.LEAST_MEASURED) + 80
        return
    counted = count_books(made, "place" if found.by == "place" else "chapter")
    counts = plan_splits(counted, found, 1).report.rows
    assert counts["train"] >= deciding.LEAST_TRAINED
    assert counts["test"] >= deciding.LEAST_MEASURED
    assert counts["train"] > counts["test"]


@settings(deadline=None)
@given(st.integers(20, 2_000), st.integers(100, 2_000), st.floats(10, 1e5), st.floats(0.5, 500))
def test_training_takes_the_minutes_that_she_named_at_the_most(
    count: int, tokens: int, rate: float, wanted: float
) -> None:
    lengths = [tokens] * count
    whole = deciding.effort(lengths, rate, WISHES)
    short = deciding.effort(lengths, rate, msgspec.structs.replace(WISHES, minutes=wanted))
    assert short.all_steps <= whole.all_steps
    one = whole.seconds / whole.all_steps
    assert short.seconds <= max(60 * wanted, one) * 1.0001
    if short.all_steps < whole.all_steps:
        assert short.seconds + one > 60 * wanted * 0.9999


def test_validations_are_part_of_the_time() -> None:
    rows, looked = [500] * 100, [500] * 50
    without = deciding.effort(rows, 100, WISHES)
    found = deciding.effort(rows, 100, WISHES, looked)
    most = deciding.VALIDATION_ROWS * (deciding.VALIDATIONS + 1) * 500 / 100
    assert without.seconds < found.seconds < without.seconds + most
    wishes = msgspec.structs.replace(WISHES, minutes=10)
    shorter = deciding.effort(rows, 100, wishes, looked)
    assert shorter.all_steps < deciding.effort(rows, 100, wishes).all_steps
    assert shorter.seconds <= 600
    assert shorter.all_steps // shorter.options["validate_every"] <= deciding.VALIDATIONS + 1


@pytest.mark.parametrize("minutes", [2, 5, 30, 500])
def test_validations_take_a_small_part_of_a_short_training(minutes: int) -> None:
    wishes = msgspec.structs.replace(WISHES, minutes=minutes)
    found = deciding.effort([400] * 200, 100, wishes, [400] * 20)
    every = found.options["validate_every"]
    looks = found.all_steps // every + 1
    one = 400 * deciding.VALIDATION_ROWS / 100 / 3
    assert looks == 2 or looks * one <= deciding.VALIDATION_SHARE * 60 * minutes
    saved = found.options["save_every"] * found.batch * found.row_seconds
    assert 0 < saved < 2 * deciding.SAVE_SECONDS


def test_steps_that_she_named_are_taken() -> None:
    found = deciding.effort([500] * 100, 1_000, msgspec.structs.replace(WISHES, steps=7))
    assert found.options["steps"] == found.all_steps == 7
    assert "steps" not in deciding.effort([500] * 100, 1_000, WISHES).options


@dataclass(frozen=True)
class Case:
    base: Base
    device: deciding.Device
    teacher: str
    model: str


@pytest.mark.parametrize(
    "case",
    [
        Case(SMALL, "cuda", "", ""),
        Case(LARGE, "cpu", "", ""),
        Case(LARGE, "cuda", "", "built-in"),
        Case(LARGE, "cuda", "none", ""),
        Case(SMALL, "cpu", "itself", "built-in"),
        Case(SMALL, "cpu", "big.gguf", "big.gguf"),
    ],
)
def test_who_writes_plans_is_decided_by_size_or_by_her(case: Case) -> None:
    wishes = msgspec.structs.replace(WISHES, teacher=case.teacher)
    model, why = deciding.teacher_of(wishes, case.base, case.device)
    assert model == case.model
    assert why.endswith(".")


def test_a_base_that_is_no_gguf_cannot_write_plans_itself() -> None:
    wishes = msgspec.structs.replace(WISHES, teacher="itself")
    with pytest.raises(RecipeError, match="--gguf"):
        deciding.teacher_of(wishes, Base(7_000_000_000, False), "cuda")


@pytest.mark.parametrize("base", [SMALL, LARGE])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_recipe_is_the_same_behind_its_file(base: Base, device: deciding.Device) -> None:
    for sequence in deciding.sequences(base, device):
        made = deciding.recipe_of(
            WISHES,
            base,
            device,
            sequence=sequence,
            teacher="itself.gguf",
            split=SplitOptions(by="place", gap_chapters=0),
            train={"epochs": 2.0, "batch": 4, "steps": 9},
        )
        text = tomli_w.dumps(deciding.changed(made))
        assert msgspec.convert(tomllib.loads(text), Recipe) == made
        # Only what is not the default stands there.
        assert "pattern" not in text
        assert "extra" not in text
        assert made.sources[0].private  # type: ignore[union-attr]
        assert made.publish.private
        # A row has room for both.
        words = made.chunk.context_words + made.chunk.continuation_words
        assert 0 < words * 1.3 < sequence


def test_steps_are_told_with_their_time() -> None:
    told: list[str] = []
    clock = iter(range(0, 6_000, 30)).__next__
    steps = Steps(told.append, clock)
    steps.begin("read")
    steps.detail("gather: nothing changed, skipped (2 texts)")
    steps.detail("clean: 2 texts")
    steps.detail("clean: 2 texts")
    steps.begin("train")
    steps.end()
    assert told[0] == "1/6 Reading your manuscripts"
    assert told[1:3] == ["    clean: 2 texts", "    30 seconds"]
    assert told[3] == "3/6 Training"
    assert steps.minutes == {"read": 0.5, "train": 0.5}


def test_minutes_are_said_as_people_say_them() -> None:
    said = [minutes(each) for each in (0.001, 0.5, 1, 12.4, 200)]
    assert said == ["1 second", "30 seconds", "1 minute", "12 minutes", "3.3 hours"]
