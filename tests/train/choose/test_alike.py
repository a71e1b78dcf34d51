"""Which of nearly equal texts is kept, as a law over any clusters."""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from storytui_train.data.choose.alike import Text, Verdict, contained, verdicts

SIZE = 80


def text(book: str, chapter: int = 0, words: int = 50_000, of: int = 0) -> Text:
    return Text(book=book, title=book.title(), chapter=chapter, words=words, book_words=of or words)


def signature(seed: int, other: int = 0, changed: float = 0.0) -> tuple[int, ...]:
    """Values of one text, of which a share is another's."""
    own, its = Random(seed), Random(10_000 + other)
    values = [own.getrandbits(60) for _ in range(SIZE)]
    others = [its.getrandbits(60) for _ in range(SIZE)]
    pairs = zip(values, others, strict=True)
    return tuple(b if at < changed * SIZE else a for at, (a, b) in enumerate(pairs))


def of(found: dict[str, Verdict], book: str) -> str:
    """The book that is kept in this one's place, `` if it stays."""
    whole = found[book].whole if book in found else None
    return whole.book if whole else ""


@pytest.mark.parametrize(
    ("equal", "words", "others", "share"),
    [
        (80, 1_000, 1_000, 1.0),
        (0, 1_000, 1_000, 0.0),
        (40, 1_000, 1_000, 2 / 3),
        (40, 1_000, 500, 1.0),  # a volume and the whole
        (10, 1_000, 1_000, 0.0),  # too little to say anything
        (1, 100_000, 1_000, 0.0),
    ],
)
def test_what_signatures_say_of_the_shorter_text(
    equal: int, words: int, others: int, share: float
) -> None:
    one, other = list(range(SIZE)), [-1] * SIZE
    other[:equal] = one[:equal]
    assert contained(one, other, words, others) == pytest.approx(share)


def test_the_longest_is_kept_and_of_equal_ones_the_smaller_id() -> None:
    same = signature(1)
    found = verdicts([[(text("b"), same), (text("c", words=50_001), same), (text("a"), same)]])
    assert (of(found, "a"), of(found, "b"), of(found, "c")) == ("c", "c", "")
    found = verdicts([[(text("b"), same), (text("a"), same)]])
    assert (of(found, "a"), of(found, "b")) == ("", "a")


def test_a_text_that_is_like_none_that_is_kept_stays_whatever_brought_it_into_the_cluster() -> None:
    first = signature(1)
    near = signature(1, 2, 0.2)
    far = signature(1, 3, 0.8)  # like neither, and linked by one bucket
    cluster = [(text("a"), first), (text("b", words=49_000), near), (text("c", words=48_000), far)]
    found = verdicts([cluster])
    assert (of(found, "a"), of(found, "b"), of(found, "c")) == ("", "a", "")


def test_what_the_recipe_keeps_stays_and_the_others_go_for_it() -> None:
    same = signature(1)
    cluster = [(text("a", words=9_000), same), (text("b", words=8_000), same)]
    found = verdicts([cluster], frozenset(["b"]))
    assert (of(found, "a"), of(found, "b")) == ("b", "")
    assert verdicts([cluster], frozenset(["a", "b"])) == {}


def test_a_chapter_goes_and_its_book_stays() -> None:
    same = signature(1)
    found = verdicts([[(text("a", 3, 2_000, 60_000), same), (text("b", 1, 2_000, 30_000), same)]])
    assert of(found, "b") == ""
    assert found["b"].chapters[1].book == "a"
    assert found["b"].chapters[1].chapter == 3


def test_of_two_chapters_the_plainly_longer_is_kept_even_of_a_shorter_book() -> None:
    same = signature(1)
    found = verdicts([[(text("a", 3, 1_000, 60_000), same), (text("b", 1, 2_000, 30_000), same)]])
    assert list(found) == ["a"]


def test_a_book_that_is_all_in_others_goes_as_a_whole() -> None:
    clusters = [
        [(text("a", n, 5_000, 50_000), signature(n)), (text("b", n, 5_000, 10_000), signature(n))]
        for n in (1, 2)
    ]
    assert of(verdicts(clusters), "b") == "a"


def test_a_story_by_itself_gives_way_to_the_collection_that_holds_it() -> None:
    same = signature(1)
    cluster = [
        (text("story", 0, 5_010), same),
        (text("collection", 4, 5_000, 40_000), same),
    ]
    assert of(verdicts([cluster]), "story") == "collection"


def test_what_is_named_is_kept_although_it_went_for_something_larger_first() -> None:
    same = signature(1)
    cluster = [
        (text("edition", 0, 4_900), same),
        (text("story", 0, 5_010), same),
        (text("collection", 4, 5_000, 40_000), same),
    ]
    found = verdicts([cluster])
    assert (of(found, "edition"), of(found, "story")) == ("collection", "collection")


def test_what_is_named_is_kept_although_its_chapter_went_for_another_books() -> None:
    same = signature(1)
    cluster = [
        (text("story", 0, 5_010), same),
        (text("second", 4, 5_000, 40_000), same),
        (text("first", 2, 7_000, 30_000), same),  # longer, in a shorter book
    ]
    found = verdicts([cluster])
    assert (of(found, "story"), found["second"].chapters[4].book) == ("first", "first")


def test_of_a_book_that_others_went_for_the_rest_stays() -> None:
    one, other = signature(1), signature(2)
    clusters = [
        [(text("a", 1, 9_800, 50_000), one), (text("b", 1, 9_800, 10_000), one)],
        [(text("b", 2, 200, 10_000), other), (text("c", 5, 120, 60_000), other)],
    ]
    found = verdicts(clusters)
    assert (of(found, "b"), list(found["b"].chapters), list(found["c"].chapters)) == ("", [1], [5])


BOOKS = some.integers(1, 6)


@settings(max_examples=150, deadline=None)
@given(some.data())
def test_the_same_goes_in_whatever_order_and_for_something_that_stays(
    data: some.DataObject,
) -> None:
    chapters = {book: data.draw(some.integers(1, 3)) for book in range(data.draw(BOOKS))}
    texts: list[tuple[int, tuple[Text, Sequence[int]]]] = []
    for book, count in chapters.items():
        lengths = [data.draw(some.integers(100, 4_000)) for _ in range(count)]
        for chapter, words in enumerate([sum(lengths), *lengths]):
            family = data.draw(some.integers(0, 3))
            changed = data.draw(some.sampled_from([0.0, 0.1, 0.5, 0.9]))
            made = signature(family, book * 10 + chapter, changed)
            texts.append((family, (text(f"book-{book}", chapter, words, sum(lengths)), made)))
    clusters = [[member for of, member in texts if of == family] for family in range(4)]
    keep = frozenset(data.draw(some.sets(some.sampled_from([f"book-{n}" for n in range(6)]))))
    found = verdicts(clusters, keep)
    assert not keep & set(found)
    mixed = [
        data.draw(some.permutations(cluster)) for cluster in data.draw(some.permutations(clusters))
    ]
    assert verdicts(mixed, keep) == found
    for book, verdict in found.items():
        assert bool(verdict.whole) != bool(verdict.chapters)
        for like in [verdict.whole, *verdict.chapters.values()]:
            if like is not None:
                named = found.get(like.book, Verdict())
                assert named.whole is None
                assert like.chapter == 0 or like.chapter not in named.chapters
                assert (like.book, like.chapter) != (book, 0)
