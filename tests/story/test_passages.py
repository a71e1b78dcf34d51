"""Changes with a little of the text round them: every change once, in order, in its place."""

from hypothesis import given
from hypothesis import strategies as st

from storytui.story.compare import Piece, changes, compare
from storytui.story.passages import CONTEXT, passages

TEXTS = st.lists(
    st.sampled_from(["lamp ", "tide. ", "\n", "\n\n", "key, ", "x" * 30]), max_size=60
).map("".join)
FILLER = "The tide went out and came in again. " * 20


@given(TEXTS, TEXTS, st.integers(0, 40))
def test_every_change_is_in_one_passage_in_its_order(before, after, context):
    pieces = compare(before, after)
    found = passages(pieces, context=context)
    shown = [each for passage in found for each in passage.pieces if each.kind != "equal"]
    assert shown == [each for each in pieces if each.kind != "equal"]
    numbers = [at for each in found for at in range(each.first, each.first + each.count)]
    assert numbers == list(range(len(changes(pieces))))


@given(TEXTS, TEXTS, st.integers(0, 40))
def test_nothing_that_did_not_change_is_shown_twice(before, after, context):
    pieces = compare(before, after)
    shown = "".join(
        each.text
        for passage in passages(pieces, context=context)
        for each in passage.pieces
        if each.kind != "removed"
    )
    assert len(shown) <= len(after)


@given(TEXTS, TEXTS, st.integers(0, 40))
def test_a_passage_knows_the_line_of_its_first_change(before, after, context):
    pieces = compare(before, after)
    found = changes(pieces)
    for passage in passages(pieces, context=context):
        start = found[passage.first].after_start
        assert passage.line == after[:start].count("\n") + 1


def test_what_stands_round_a_change_is_cut_at_words():
    (passage,) = passages(compare(f"{FILLER}old {FILLER}", f"{FILLER}new {FILLER}"))
    first, *_, last = passage.pieces
    assert passage.begins_inside
    assert passage.ends_inside
    assert len(first.text) <= CONTEXT
    assert len(last.text) <= CONTEXT
    assert (" " + FILLER).endswith(" " + first.text)
    assert (" " + FILLER).startswith(last.text + " ")


def test_a_whole_line_round_a_change_is_not_marked_as_cut():
    before = f"{FILLER}\n\nThe lamp was a short one.\n\nAnother.\n\n{FILLER}"
    (passage,) = passages(compare(before, before.replace("short", "long")), context=30)
    assert passage.pieces == (
        Piece("equal", "The lamp was a "),
        Piece("removed", "short"),
        Piece("added", "long"),
        Piece("equal", " one.\n\nAnother."),
    )
    assert not passage.begins_inside
    assert not passage.ends_inside


def test_changes_that_stand_near_each_other_are_one_passage():
    before = "the old lamp stood on the sill, and the old key hung beside it"
    (passage,) = passages(compare(before, before.replace("old", "new")))
    assert passage.count == 2


def test_changes_far_from_each_other_are_passages_of_their_own():
    before = f"old {FILLER} old"
    assert len(passages(compare(before, before.replace("old", "new")))) == 2


def test_a_passage_of_many_changes_ends_somewhere():
    before = "".join(f"the {at} old words of line {at}\n" for at in range(2_000))
    found = passages(compare(before, before.replace("old", "new")))
    assert max(len("".join(each.text for each in passage.pieces)) for passage in found) < 5_000
