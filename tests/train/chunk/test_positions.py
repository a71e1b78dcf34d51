"""Where stretches of a cleaned text come from, known without the source."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storytui_train.data.edits import Edit, Edited, Positions, apply

SOURCES = st.text("abcdefgh \n", max_size=40)


@st.composite
def edited(draw: st.DrawFn) -> Edited:
    """A source, edited in one to three passes."""
    text = Edited(draw(SOURCES))
    for _ in range(draw(st.integers(1, 3))):
        at, edits = 0, []
        while at <= len(text.text) and draw(st.booleans()):
            start = draw(st.integers(at, len(text.text)))
            end = draw(st.integers(start, min(start + 4, len(text.text))))
            edits.append(Edit(start, end, draw(st.text("XYZ", max_size=3))))
            at = end + 1
        text = text.edit(edits)
    return text


@given(edited(), st.data())
def test_a_stretch_is_the_same_with_and_without_the_source(text: Edited, data: st.DataObject):
    positions = Positions(text.edits, len(text.text))
    start = data.draw(st.integers(0, len(text.text)))
    end = data.draw(st.integers(start, len(text.text)))

    stretch = positions.stretch(start, end)

    assert stretch == Edited(text.source, text.edits).stretch(start, end)
    assert apply(text.source, stretch.edits, stretch.start, stretch.end) == text.text[start:end]


def test_edits_out_of_order_are_refused():
    with pytest.raises(ValueError, match="out of order"):
        Positions([Edit(4, 5, ""), Edit(1, 2, "")], 10)


def test_edits_that_give_a_longer_text_are_refused():
    with pytest.raises(ValueError, match="longer than 3"):
        Positions([Edit(2, 2, "abcd")], 3)
