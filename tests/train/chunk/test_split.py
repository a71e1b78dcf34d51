"""Who is held out."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storytui_train.data.documents import Source
from storytui_train.data.examples import Row
from storytui_train.data.shares import nearest_subset
from storytui_train.data.split import (
    BookCount,
    SplitPlan,
    author_keys,
    count_books,
    plan_splits,
    split_chapters,
)
from storytui_train.errors import RecipeError
from storytui_train.recipe import SplitOptions

OPTIONS = SplitOptions(validation=0.1, test=0.1)


def book(name: str, *authors: str, rows: int = 10, chapters: int = 1) -> BookCount:
    source = Source(id=name, kind="gutenberg", authors=authors)
    counts = dict.fromkeys(range(1, chapters + 1), rows // chapters)
    return BookCount(
        source=name, title=name, authors=authors or ("anonymous",),
        keys=author_keys(source), chapters=counts,
    )  # fmt: skip


def row(source: Source, chapter: int, span: tuple[int, int] = (0, 1)) -> Row:
    return Row(
        id=f"{source.id}:{chapter}", source=source, chapter_number=chapter, span=span,
        context="a", continuation=" b",
    )  # fmt: skip


def splits(plan: SplitPlan) -> dict[str, set[str]]:
    """The splits of each book."""
    return {source: set(chapters.values()) for source, chapters in plan.books.items()}


@st.composite
def shelves(draw: st.DrawFn) -> list[BookCount]:
    names = draw(st.lists(st.sampled_from("ABCDEFGH"), min_size=1, max_size=12))
    return [
        book(
            f"book-{number}",
            *dict.fromkeys([name, *draw(st.lists(st.sampled_from("ABCDEFGH"), max_size=1))]),
            rows=draw(st.integers(1, 60)),
        )
        for number, name in enumerate(names)
    ]


@given(shelves(), st.integers(0, 9))
def test_no_author_is_in_two_splits_and_somebody_always_trains(books: list[BookCount], seed: int):
    plan = plan_splits(books, SplitOptions(by="author", validation=0.2, test=0.2), seed)
    known: dict[str, set[str]] = {}
    for each in books:
        for author in each.authors:
            known.setdefault(author, set()).update(splits(plan)[each.source])
    assert all(len(found) == 1 for found in known.values())
    assert {"train"} in known.values()
    assert sum(plan.report.rows.values()) == sum(each.rows for each in books)


@given(shelves(), st.randoms(use_true_random=False))
def test_the_plan_does_not_depend_on_the_order_of_the_books(books: list[BookCount], random):
    shuffled = list(books)
    random.shuffle(shuffled)
    assert plan_splits(shuffled, OPTIONS, 1) == plan_splits(books, OPTIONS, 1)


def test_shares_are_kept_as_nearly_as_authors_allow():
    books = [book(f"b{n}", f"Author {n}", rows=n) for n in range(1, 41)]
    plan = plan_splits(books, OPTIONS, 3)
    assert plan.by == "author"
    assert plan.report.rows == {"train": 656, "validation": 82, "test": 82}


def test_another_seed_holds_out_others():
    books = [book(f"b{n}", f"Author {n}") for n in range(40)]
    held = {str(plan_splits(books, OPTIONS, seed).report.units["test"]) for seed in range(4)}
    assert len(held) == 4


def test_with_few_authors_one_tests_before_one_validates():
    books = [book("a", "A", rows=90), book("b", "B", rows=10)]
    assert splits(plan_splits(books, OPTIONS, 1)) == {"a": {"train"}, "b": {"test"}}
    three = [*books, book("c", "C", rows=12)]
    assert set(plan_splits(three, OPTIONS, 1).report.rows.values()) == {90, 10, 12}


def test_a_share_of_nothing_holds_out_nobody():
    plan = plan_splits([book("a", "A"), book("b", "B")], SplitOptions(validation=0, test=0), 1)
    assert plan.report.rows == {"train": 20, "validation": 0, "test": 0}
    assert "Nothing is held out for validation or test." in plan.report.sentence


def test_two_authors_of_one_book_bring_their_other_books_together():
    books = [book("a", "A", "B"), book("b", "B"), book("c", "A"), book("d", "D")]
    found = splits(plan_splits(books, OPTIONS, 1))
    assert found["a"] == found["b"] == found["c"] == {"train"}
    assert found["d"] == {"test"}


def test_an_author_is_known_however_the_name_is_written():
    def key(name: str, birth: int | None = None) -> tuple[str, ...]:
        return author_keys(Source(id="x", kind="gutenberg", author=name, birth=birth))

    assert key("Brontë, Charlotte") == key("Charlotte Bronte") == ("bronte charlotte",)
    assert key("Wells, H. G. (Herbert George)") == key("H. G. Wells")
    assert key("Smith, John", 1820) != key("Smith, John", 1890)
    assert key("Anonymous") == key("Unknown") == key("") == ()


def test_books_of_nobody_stand_for_themselves():
    books = [book(name, "Anonymous") for name in "abc"]
    plan = plan_splits(books, OPTIONS, 1)
    assert plan.by == "author"
    assert sorted(map(len, plan.report.units.values())) == [1, 1, 1]


def test_the_books_of_a_single_author_are_split_by_book():
    plan = plan_splits([book(name, "A") for name in "abcd"], OPTIONS, 1)
    assert plan.by == "book"
    assert sorted(map(len, plan.report.units.values())) == [1, 1, 2]
    assert "by book" in plan.report.sentence


def test_a_single_book_is_split_by_chapter_with_gaps():
    plan = plan_splits([book("a", "A", rows=200, chapters=20)], OPTIONS, 1)
    assert plan.by == "chapter"
    assert "".join(plan.books["a"].get(n, " ")[0] for n in range(1, 21)) == "t" * 14 + " vv tt"
    assert plan.report.rows == {"train": 140, "validation": 20, "test": 20, "gap": 20}
    assert "The 20 rows of the chapters between them belong to none." in plan.report.sentence


@given(
    st.dictionaries(st.integers(1, 30), st.integers(1, 20), min_size=1),
    st.integers(0, 3),
    st.floats(0, 0.4),
    st.floats(0, 0.4),
)
def test_chapters_are_split_in_stretches_with_a_gap(chapters, gap, validation, test):
    options = SplitOptions(gap_chapters=gap, validation=validation, test=test)
    found = split_chapters(chapters, options)
    assert "train" in found.values()
    stretches = [
        (split, [number for number, _ in numbers])
        for split, numbers in itertools.groupby(sorted(found.items()), key=lambda each: each[1])
    ]
    assert len(stretches) == len(set(found.values()))
    for (_, left), (_, right) in itertools.pairwise(stretches):
        assert right[0] - left[-1] > gap
    if len(stretches) == 1:
        assert found.keys() == chapters.keys()


def test_a_book_of_two_chapters_only_trains():
    assert split_chapters({1: 5, 2: 5}, OPTIONS) == {1: "train", 2: "train"}
    assert split_chapters({1: 5, 2: 5, 3: 5}, OPTIONS) == {1: "train", 3: "test"}


def test_authors_are_held_out_by_name():
    names = ("Austen, Jane", "Stoker, Bram", "Joyce, James", "Poe")
    books = [book(f"book-{number}", name) for number, name in enumerate(names)]
    options = SplitOptions(test_authors=("Jane Austen", "joyce"), validation=0)
    assert plan_splits(books, options, 1).report.units["test"] == ["Austen, Jane", "Joyce, James"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (SplitOptions(test_authors=("Nobody",)), "The author Nobody"),
        (SplitOptions(test_authors=("A",), validation_authors=("A",)), "both for validation and"),
        (SplitOptions(test_authors=("A", "B")), "nothing is left to train on"),
        (SplitOptions(by="chapter", test_authors=("A",)), "by chapter"),
    ],
)
def test_what_cannot_be_held_out_is_said(options: SplitOptions, message: str):
    with pytest.raises(RecipeError, match=message):
        plan_splits([book("a", "A"), book("b", "B")], options, 1)


def test_rows_are_counted_and_find_their_split():
    a = Source(id="a", kind="gutenberg", author="A", title="One")
    rows = [row(a, number, (n, n + 1)) for number in range(1, 11) for n in range(2)]
    counts = count_books(rows)
    assert counts == [
        BookCount(source="a", title="One", authors=("A",), keys=("a",),
                  chapters=dict.fromkeys(range(1, 11), 2))
    ]  # fmt: skip
    plan = plan_splits(counts, OPTIONS, 1)
    assert [plan.of(each) for each in rows].count(None) == plan.report.rows["gap"] == 4
    with pytest.raises(KeyError):
        plan.of(row(Source(id="b", kind="gutenberg"), 1))


@given(st.lists(st.integers(1, 30), min_size=2, max_size=9), st.integers(0, 100))
def test_the_nearest_sum_of_some_sizes_is_found(sizes: list[int], wanted: int):
    taken = nearest_subset(sizes, wanted)
    assert len(set(taken)) == len(taken)
    possible = [
        abs(sum(some) - wanted)
        for count in range(1, len(sizes))
        for some in itertools.combinations(sizes, count)
    ]
    assert abs(sum(sizes[place] for place in taken) - wanted) == min(possible)
