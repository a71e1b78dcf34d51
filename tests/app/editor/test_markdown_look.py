"""Lines as they are shown: nothing a terminal would obey, and as long as what is stored."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storytui.app.widgets.markdown_look import shown, spans
from storytui.story.visible import visible


@given(st.text(st.characters(exclude_characters="\n")))
def test_what_is_shown_is_as_long_and_needs_no_further_care(line):
    assert len(shown(line)) == len(line)
    assert visible(shown(line)) == shown(line)


@given(st.text())
def test_spans_lie_inside_their_line(line):
    for span in spans(line):
        assert 0 <= span.start < span.end <= len(line)


@pytest.mark.parametrize("line", ["na\u200cme", "می\u200cخواهم", "a\u200d"])
def test_joiners_stay_only_inside_scripts_that_need_them(line):
    assert ("\u200c" in shown(line)) == ("می" in line)


@pytest.mark.parametrize(
    ("line", "stretches"),
    [
        ("a *b c* d", {"*b c*": "emphasis"}),
        ("a _b_ d", {"_b_": "emphasis"}),
        ("a **b** d", {"**b**": "strong"}),
        ("snake_case_name", {}),
        ("2 * 3 * 4", {}),
        ("a * b*", {}),
        ("an *unclosed star", {}),
        ("## Two", {"## Two": "heading"}),
        ("#hashtag", {}),
    ],
)
def test_what_markdown_marks(line, stretches):
    found = {line[s.start : s.end]: s.look for s in spans(line) if s.look != "mark"}
    assert found == stretches


@pytest.mark.parametrize("line", ["* * *", "***", "---", " _ _ _ "])
def test_scene_breaks_are_dim_and_no_emphasis(line):
    assert [span.look for span in spans(line)] == ["mark"]


@pytest.mark.parametrize("unit", ["*", "* a", "_a ", "**a ", "*a", "__", "_a*"])
def test_a_line_of_unclosed_marks_is_read_in_linear_time(unit):
    def seconds(count):
        start = time.perf_counter()
        spans.__wrapped__(unit * count)
        return time.perf_counter() - start

    seconds(1000)
    assert min(seconds(40_000) for _ in range(3)) < 0.5
