"""Edits over a source, and the way back to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storytui_train.data.edits import Edit, Edited, apply


def lists_of_edits(length: int) -> st.SearchStrategy[list[Edit]]:
    """Edits in a text of so many characters: in order, and none overlapping another."""

    def in_order(numbers: list[tuple[int, int, str]]) -> list[Edit]:
        edits: list[Edit] = []
        for start, size, text in sorted(numbers):
            end = min(start + size, length)
            if not edits or start >= edits[-1].end:
                edits.append(Edit(start, end, text))
        return edits

    one = st.tuples(st.integers(0, length), st.integers(0, 5), st.text("XYZ", max_size=3))
    return st.lists(one, max_size=6).map(in_order)


@st.composite
def edited_texts(draw: st.DrawFn) -> tuple[str, Edited]:
    source = draw(st.text("abcdef\n ", max_size=40))
    edited = Edited(source)
    for _ in range(draw(st.integers(0, 4))):
        edits = draw(lists_of_edits(len(edited.text)))
        expected = apply(edited.text, edits)
        edited = edited.edit(edits)
        assert edited.text == expected
    return source, edited


@given(edited_texts())
def test_passes_of_edits_are_one_list_over_the_source(made: tuple[str, Edited]) -> None:
    source, edited = made
    assert apply(source, edited.edits) == edited.text
    assert Edited(source, edited.edits).text == edited.text


@given(edited_texts(), st.data())
def test_any_stretch_can_be_made_again_from_the_source(
    made: tuple[str, Edited], data: st.DataObject
) -> None:
    source, edited = made
    start = data.draw(st.integers(0, len(edited.text)))
    end = data.draw(st.integers(start, len(edited.text)))
    stretch = edited.stretch(start, end)
    assert apply(source, stretch.edits, stretch.start, stretch.end) == edited.text[start:end]


def test_a_stretch_leaves_out_what_was_removed_at_its_edges() -> None:
    edited = Edited("[1]One.[2]Two.", [Edit(0, 3, ""), Edit(7, 10, "")])
    stretch = edited.stretch(0, 4)
    assert (stretch.start, stretch.end, stretch.edits) == (3, 7, ())


def test_edits_that_overlap_are_refused() -> None:
    with pytest.raises(ValueError, match="out of order"):
        Edited("abcdef", [Edit(0, 3, ""), Edit(2, 4, "")])
    with pytest.raises(ValueError, match="out of order"):
        apply("abcdef", [Edit(2, 4, ""), Edit(0, 3, "")])


def test_an_edit_that_reaches_over_the_edge_of_a_stretch_is_refused() -> None:
    with pytest.raises(ValueError, match="over an edge"):
        apply("abcdef", [Edit(2, 5, "x")], 0, 4)
