"""No control character reaches a terminal as itself."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storytui.story.visible import visible


def test_clean_text_is_left_alone() -> None:
    text = "“Ünïcode” — 日本語, emoji 👩‍👩‍👧 and\n\ta line.\u00a0"
    assert visible(text) == text


def test_an_escape_sequence_is_shown() -> None:
    assert visible("\x1b]52;c;aGk=\x07") == "␛]52;c;aGk=␇"


@pytest.mark.parametrize(
    ("hidden", "shown"),
    [
        ("\x00", "␀"),
        ("\r", "␍"),
        ("\x7f", "␡"),
        ("\x9b", "⟨U+009B⟩"),
        ("\u202e", "⟨U+202E⟩"),
        ("\u2066", "⟨U+2066⟩"),
        ("\u200b", "⟨U+200B⟩"),
        ("\u2028", "⟨U+2028⟩"),
        ("\udc80", "⟨U+DC80⟩"),
        ("\U000e0041", "⟨U+E0041⟩"),
    ],
)
def test_what_would_hide_is_shown(hidden: str, shown: str) -> None:
    assert visible(f"a{hidden}b") == f"a{shown}b"


def test_joiners_stay_inside_the_words_that_need_them() -> None:
    assert visible("می\u200cخواهم") == "می\u200cخواهم"
    assert visible("pass\u200dword") == "pass⟨U+200D⟩word"


def test_line_breaks_show_where_there_is_one_line() -> None:
    assert visible("a\n\tb") == "a\n\tb"
    assert visible("a\n\tb", newlines=False) == "a␊␉b"


@given(st.text())
def test_nothing_shown_controls_the_terminal(text: str) -> None:
    for sign in visible(text):
        assert sign in "\n\t" or unicodedata.category(sign) not in ("Cc", "Cs", "Zl", "Zp")


@given(st.text())
def test_what_is_visible_stays_so(text: str) -> None:
    assert visible(visible(text)) == visible(text)
