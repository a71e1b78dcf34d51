"""Line breaks stay with the lines that stay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storytui.manuscript.breaks import carry_breaks

BREAKS = st.sampled_from(["\n", "\r\n", "\r"])
LINES = st.lists(st.sampled_from(["", "one", "two", "three"]), min_size=1, max_size=12)


def test_a_text_with_one_kind_of_break_has_no_list() -> None:
    assert carry_breaks("a\nb", None, "a\nb\nc", "\n") is None


def test_a_new_line_breaks_as_the_line_before_it() -> None:
    assert carry_breaks("a\nb\nc", ["\r", "\r\n"], "a\nnew\nb\nc", "\n") == ("\r", "\r", "\r\n")


def test_a_new_line_at_the_beginning_gets_the_default() -> None:
    assert carry_breaks("a\nb", ["\r"], "new\na\nb", "\n") == ("\n", "\r")


def test_lines_between_two_changes_keep_theirs() -> None:
    old, new = "a\nb\nc\nd", "x\nx\na\nb\nc\ny\ny\ny"
    assert carry_breaks(old, ["\r", "\r\n", "\n"], new, "\n") == (
        *("\n", "\n"),
        *("\r", "\r\n", "\n"),
        *("\n", "\n"),
    )


def test_breaks_of_another_text_are_refused() -> None:
    with pytest.raises(ValueError, match="2 line breaks for 2 lines"):
        carry_breaks("a\nb", ["\n", "\n"], "a", "\n")


@given(lines=LINES, new=LINES, data=st.data())
def test_every_line_but_the_last_has_one_break(
    lines: list[str], new: list[str], data: st.DataObject
) -> None:
    count = len(lines) - 1
    breaks = data.draw(st.lists(BREAKS, min_size=count, max_size=count))

    carried = carry_breaks("\n".join(lines), breaks, "\n".join(new), "\n")

    assert carried is not None
    assert len(carried) == len(new) - 1
