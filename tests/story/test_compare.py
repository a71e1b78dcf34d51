"""Differences by words: exact in every case, readable in the usual ones, never slow to grow."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storytui.story import compare as comparing
from storytui.story import matching
from storytui.story.compare import Piece, Summary, changes, compare, restore, summary

# Few different signs, so that much of what is drawn is the same by chance.
TEXTS = (
    st.text(st.sampled_from("ab é.,'\n\r\t\x00\x0c\u2028\u0301\udc80漢"), max_size=60) | st.text()
)
PROSE = st.lists(
    st.sampled_from(["the ", "lamp ", "was ", "out", ". ", "\n", "\n\n", "She ", "“No,” ", "x"]),
    max_size=80,
).map("".join)
PAIRS = st.tuples(TEXTS, TEXTS) | st.tuples(PROSE, PROSE)

LAMP = "The lamp had been out for eleven minutes.\n\nNobody said so.\n\n“You knew,” he said.\n"


def marked(before, after):
    """The comparison as one string: [removed] and {added}."""
    ends = {"equal": ("", ""), "removed": ("[", "]"), "added": ("{", "}")}
    return "".join(
        ends[piece.kind][0] + piece.text + ends[piece.kind][1] for piece in compare(before, after)
    )


@given(PAIRS)
def test_the_pieces_make_both_texts_exactly(pair):
    before, after = pair
    pieces = compare(before, after)
    assert "".join(each.text for each in pieces if each.kind != "added") == before
    assert "".join(each.text for each in pieces if each.kind != "removed") == after


@given(PAIRS)
def test_no_piece_is_empty_and_neighbours_differ_in_kind(pair):
    pieces = compare(*pair)
    kinds = [each.kind for each in pieces]
    assert all(each.text for each in pieces)
    assert all(one != other for one, other in pairwise(kinds))
    assert ("added", "removed") not in pairwise(kinds)


@given(PAIRS)
def test_every_change_says_where_it_stands_in_both_texts(pair):
    before, after = pair
    for change in changes(compare(before, after)):
        assert before[change.before_start : change.before_end] == change.removed
        assert after[change.after_start : change.after_end] == change.added


@given(PAIRS)
def test_restoring_every_change_from_the_last_gives_the_text_before(pair):
    before, after = pair
    for change in reversed(changes(compare(before, after))):
        after = restore(after, change)
    assert after == before


@given(PAIRS, st.data())
def test_restoring_one_change_leaves_the_rest_as_it_is(pair, data):
    before, after = pair
    found = changes(compare(before, after))
    if not found:
        return
    change = data.draw(st.sampled_from(found))
    restored = restore(after, change)
    assert restored[: change.after_start] == after[: change.after_start]
    rest = len(after) - change.after_end
    assert restored[len(restored) - rest :] == after[change.after_end :]


@given(TEXTS | PROSE)
def test_a_text_does_not_differ_from_itself(text):
    assert changes(compare(text, text)) == []


@given(st.lists(st.integers(0, 40), max_size=60))
def test_with_no_effort_left_the_pieces_are_exact_all_the_same(numbers):
    before = " ".join(map(str, numbers))
    after = " ".join(map(str, sorted(numbers)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching, "_ALL_TABLES", 0)
        patch.setattr(comparing, "_LONG_STRETCH", 10)
        patch.setattr(comparing, "_LONGEST_STRETCH", 60)
        patch.setattr(matching, "_MOST_LEVELS", 1)
        pieces = compare(before, after)
    assert "".join(each.text for each in pieces if each.kind != "added") == before
    assert "".join(each.text for each in pieces if each.kind != "removed") == after


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("", "", ""),
        ("", "new", "{new}"),
        ("old", "", "[old]"),
        ("the old lamp", "the new lamp", "the [old]{new} lamp"),
        ("a big lamp", "a very big lamp", "a {very }big lamp"),
        ("He said so.", "He said so!", "He said so[.]{!}"),
        ("I don't know.", "I won't know.", "I [don't]{won't} know."),
        ("one.\ntwo.", "one. two.", "one.[\n]{ }two."),
        ("one\n\ntwo\n", "one\n\nnew\n\ntwo\n", "one\n\n{new\n\n}two\n"),
        ("the end", "the end\n", "the end{\n}"),
        ("e\u0301te\u0301", "e\u0301te", "[e\u0301te\u0301]{e\u0301te}"),
        ("漢字文", "漢語文", "漢[字]{語}文"),
    ],
)
def test_what_differs_is_told_by_words(before, after, expected):
    assert marked(before, after) == expected


def test_two_sentences_that_share_only_an_article_are_one_change():
    before = "Then a grey gull screamed over the wide harbour wall."
    after = "Later every small boat beneath the old pier turned."
    assert len(changes(compare(before, after))) == 1


def test_changes_in_two_paragraphs_are_two():
    after = LAMP.replace("eleven", "twelve").replace("he said", "she said")
    assert [(each.removed, each.added) for each in changes(compare(LAMP, after))] == [
        ("eleven", "twelve"),
        ("he", "she"),
    ]


def test_a_paragraph_that_moved_leaves_the_others_equal():
    first, second, third = "One and only.\n", "Another one.\n", "The last of them.\n"
    pieces = compare(first + second + third, second + third + first)
    assert Piece("equal", second + third) in pieces


def test_a_name_changed_throughout_is_a_change_at_each_place():
    before = "".join(f"the {at} old words of line {at}\n" for at in range(500))
    found = changes(compare(before, before.replace("old", "new")))
    assert [(each.removed, each.added) for each in found] == [("old", "new")] * 500


def test_words_are_counted_that_went_and_came():
    pieces = compare("the old lamp was out\n\nend", "the lamp was very much out\n\nend")
    assert summary(pieces) == Summary(changes=2, words_removed=1, words_added=2)


def test_a_passage_is_not_restored_into_a_text_that_has_changed_since():
    (change,) = changes(compare("the old lamp", "the new lamp"))
    with pytest.raises(ValueError, match="compare again"):
        restore("not the new lamp", change)


def test_lines_break_at_line_feeds_only():
    assert marked("a\x0cb\u2028c\x85d", "a\x0cb\u2028x\x85d") == "a\x0cb\u2028[c]{x}\x85d"


def test_the_work_done_on_books_with_nothing_in_common_stays_in_proportion(monkeypatch):
    """Counted in pairs of words that are compared one by one."""
    pairs = []
    exactly = matching._longest_common

    def counting(before, after):
        pairs.append(len(before) * len(after))
        return exactly(before, after)

    monkeypatch.setattr(matching, "_longest_common", counting)
    before = "".join(f"{('lamp', 'key', 'tide')[at % 3]} {at % 7}\n" for at in range(20_000))
    after = "".join(f"{('gull', 'rope', 'salt')[at % 3]} {at % 11}\n" for at in range(20_000))
    compare(before + LAMP, LAMP.upper() + after)
    assert sum(pairs) <= matching._ALL_TABLES
    assert max(pairs, default=0) <= matching._LARGEST_TABLE
