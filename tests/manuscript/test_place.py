"""A place in a story, as a command line names it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storytui.manuscript.place import PlaceError, offset_of

TEXT = "ab\n\ncdé"


@pytest.mark.parametrize(
    ("place", "offset"),
    [("end", 7), ("#0", 0), ("#7", 7), ("1:1", 0), ("1:3", 2), ("2:1", 3), ("3:1", 4), ("3:4", 7)],
)
def test_a_place_is_an_offset(place: str, offset: int) -> None:
    assert offset_of(TEXT, place) == offset


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("#8", "has 7 characters"),
        ("4:1", "has 3 lines"),
        ("1:4", "line 1, which has 2 characters"),
        ("0:1", "count from 1"),
        ("1:0", "count from 1"),
        ("start", "a place is end, LINE:COLUMN or #OFFSET"),
        ("#-1", "a place is"),
        ("1:", "a place is"),
        ("#١", "a place is"),
    ],
)
def test_no_such_place_says_how_far_the_story_goes(place: str, says: str) -> None:
    with pytest.raises(PlaceError, match=says):
        offset_of(TEXT, place)


@given(st.text("ab\n", max_size=30), st.data())
def test_line_and_column_agree_with_the_offset(text: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    line = text.count("\n", 0, offset) + 1
    column = offset - (text.rfind("\n", 0, offset) + 1) + 1

    assert offset_of(text, f"{line}:{column}") == offset
