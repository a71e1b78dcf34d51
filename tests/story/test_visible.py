"""No control character reaches a terminal as itself."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storytui.story.visible import MOST_MARKS, hidden_places, visible

# Characters that decide by what stands beside them, thick enough to meet each other.
TANGLE = st.text(
    st.sampled_from("a1 é“日م\u094dक\u1820❤👩🏽⟨⟩␛\n\t\x1b\x85\xad\u0301\u0489\u200b\u200c\u200d")
    | st.sampled_from("\u202e\u2066\u2028\u3164\ufe00\ufe0f\u20e3\ufeff\ufffe\udc80\ud800")
    | st.sampled_from("\U000e0041\U000e0100\U0001f3f4\U000e007f\u180b\u061c\u3099\u302a"),
    max_size=40,
)
ANY = st.text() | TANGLE

INVISIBLE = (
    *range(0x09),
    *range(0x0B, 0x20),
    *range(0x7F, 0xA0),
    0xAD,
    *(0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180E, 0x200B, 0x200E, 0x200F),
    *range(0x2028, 0x202F),
    *range(0x2060, 0x2070),
    *(0x3164, 0xFEFF, 0xFFA0, 0xFFFE, 0xFFFF, 0x1FFFE, 0x10FFFF),
    *range(0xFFF9, 0xFFFC),
    *range(0xFDD0, 0xFDF0),
    *range(0xD800, 0xE000),
    *range(0xE0000, 0xE1000),
)
"""Code points that no writing needs to stand alone; each hides something or obeys somebody."""


def test_clean_text_is_left_alone() -> None:
    text = "“Ünïcode” — 日本語, emoji 👩‍👩‍👧 ❤️ 1️⃣ and\n\ta line.\u00a0"
    assert visible(text) == text


def test_an_escape_sequence_is_shown() -> None:
    assert visible("\x1b]52;c;aGk=\x07") == "␛]52;c;aGk=␇"


@pytest.mark.parametrize(
    ("hidden", "shown"),
    [
        ("\x00", "␀"),
        ("\x0b", "␋"),
        ("\x0c", "␌"),
        ("\r", "␍"),
        ("\x7f", "␡"),
        ("\x85", "⟨U+0085⟩"),
        ("\x9b", "⟨U+009B⟩"),
        ("\xad", "⟨U+00AD⟩"),
        ("\u202e", "⟨U+202E⟩"),
        ("\u2066", "⟨U+2066⟩"),
        ("\u200b", "⟨U+200B⟩"),
        ("\u2028", "⟨U+2028⟩"),
        ("\u3164", "⟨U+3164⟩"),
        ("\ufffa", "⟨U+FFFA⟩"),
        ("\ufffe", "⟨U+FFFE⟩"),
        ("\ud800", "⟨U+D800⟩"),
        ("\U000e0041", "⟨U+E0041⟩"),
    ],
)
def test_what_would_hide_is_shown(hidden: str, shown: str) -> None:
    assert visible(f"a{hidden}b") == f"a{shown}b"


def test_a_byte_that_is_no_text_is_shown_as_the_byte() -> None:
    assert visible(b"caf\xe9".decode("utf-8", "surrogateescape")) == "caf⟨E9⟩"


@pytest.mark.parametrize("neighbour", ["", "a", "日", "👩", "क", "\u0301", "\ufe0f"])
def test_nothing_invisible_stays_whatever_stands_beside_it(neighbour: str) -> None:
    kept = [
        hex(code)
        for code in INVISIBLE
        if chr(code) in visible(neighbour + chr(code) + neighbour)
        # The second hundred of variation selectors belong to ideographs.
        and not (neighbour == "日" and 0xE0100 <= code <= 0xE01EF)
    ]
    assert kept == []


@pytest.mark.parametrize(
    "word",
    [
        "می\u200cخواهم",
        "क\u094d\u200dष",
        "👩\u200d🚀",
        "❤\ufe0f\u200d🔥",
        "👩🏽\u200d🚀",
        "葛\U000e0100",
        "ᠠ\u180b",
    ],
)
def test_joiners_and_selectors_stay_in_the_words_that_need_them(word: str) -> None:
    assert visible(word) == word


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("pass\u200dword", "pass⟨U+200D⟩word"),
        ("pass\u200cword", "pass⟨U+200C⟩word"),
        ("👩\u200dA", "👩⟨U+200D⟩A"),
        ("a🏽", "a⟨U+1F3FD⟩"),
        ("👩🏽🏽", "👩🏽⟨U+1F3FD⟩"),
        ("क\u200dA", "क⟨U+200D⟩A"),
        ("a\ufe0f", "a⟨U+FE0F⟩"),
        ("❤\ufe0f\ufe0f", "❤\ufe0f⟨U+FE0F⟩"),
        ("1\ufe0f", "1⟨U+FE0F⟩"),
        ("日\U000e0100\U000e0101", "日\U000e0100⟨U+E0101⟩"),
    ],
)
def test_joiners_and_selectors_elsewhere_only_hide(word: str, shown: str) -> None:
    assert visible(word) == shown


def test_a_flood_of_marks_ends_after_as_many_as_a_letter_may_carry() -> None:
    shown = visible("a" + "\u0301" * 500)
    assert shown == "a" + "\u0301" * MOST_MARKS + "⟨U+0301⟩" * (500 - MOST_MARKS)


def test_a_joiner_does_not_make_way_for_more_marks() -> None:
    flood = "म" + ("\u0941" * MOST_MARKS + "\u200d") * 5
    assert visible(flood).count("\u0941") == MOST_MARKS


def test_line_breaks_show_where_there_is_one_line() -> None:
    assert visible("a\n\tb") == "a\n\tb"
    assert visible("a\n\tb", newlines=False) == "a␊␉b"


@given(ANY)
def test_nothing_shown_controls_the_terminal(text: str) -> None:
    for sign in visible(text):
        assert sign in "\n\t" or unicodedata.category(sign) not in ("Cc", "Cs", "Zl", "Zp")


@given(ANY)
def test_whatever_is_shown_can_be_sent(text: str) -> None:
    visible(text).encode("utf-8")


@given(ANY, st.booleans())
def test_what_is_visible_stays_so(text: str, newlines: bool) -> None:
    once = visible(text, newlines=newlines)
    assert visible(once, newlines=newlines) == once


@given(ANY)
def test_only_what_is_hidden_is_replaced(text: str) -> None:
    places = set(hidden_places(text))
    kept = "".join(sign for place, sign in enumerate(text) if place not in places)
    rest = iter(visible(text))
    assert all(sign in rest for sign in kept)
