"""A paste is characters, however the terminal's bytes are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storytui.app.pasting import END, START, TerminalDecoder
from storytui.story.plain import plain

KEYS = st.lists(st.sampled_from(["a", "é", "\x1b", "\x1b[A", "\x11", "\r", "日", "\x1b[20"])).map(
    "".join
)
PASTED = st.lists(
    st.sampled_from(["a", "日", "\x1b", "\x1b[", "\x1b[2", "\x1b[201", "\x11", "\r", "\n", "\x9b"])
).map("".join)


def decoded(data: bytes, cuts: list[int]) -> str:
    decoder = TerminalDecoder()
    bounds = [0, *sorted(cuts), len(data)]
    pieces = [decoder.decode(data[start:end]) for start, end in pairwise(bounds)]
    return "".join(pieces) + decoder.decode(b"", final=True)


@given(KEYS, PASTED, KEYS, st.data())
def test_however_it_is_cut_a_paste_is_plain_and_keys_stay_keys(before, pasted, after, data) -> None:
    sent = f"{before}{START}{pasted}{END}{after}".encode()
    cuts = data.draw(st.lists(st.integers(0, len(sent))))
    assert decoded(sent, cuts) == f"{before}{START}{plain(pasted)}{END}{after}"


@pytest.mark.parametrize("key", ["\x1b", "\x1b[2", "\x1b[200"])
def test_a_key_is_not_held_back(key: str) -> None:
    assert TerminalDecoder().decode(key.encode()) == key


def test_the_end_of_a_paste_may_come_in_pieces() -> None:
    decoder = TerminalDecoder()
    pieces = [decoder.decode(bytes([byte])) for byte in f"{START}a\x1b\x11{END}\x11".encode()]
    assert "".join(pieces) == f"{START}a{END}\x11"


def test_half_a_character_is_no_fault() -> None:
    assert decoded(b"caf\xe9 \xf0\x9f", []) == "caf\ufffd \ufffd"
    assert decoded("日".encode(), [1, 2]) == "日"
