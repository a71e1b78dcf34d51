"""Bytes of plain texts, and the encodings of four decades."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storytui_train.data.sources.plain import decoded, extract_plain
from storytui_train.data.sources.reading import RefusedError

BOOKS = Path(
    os.environ.get("STORYTUI_BOOKS") or Path(__file__).parents[4].joinpath("shared", "books")
)
WESTERN = (
    "“Où est le café?” – “Là-bas, à côté de l’hôtel…” It’s naïve, señor; Köln’s Straße is long. "
    "Über die Brücke, élève, déjà vu — £5, ½.\r\n"
)
DOS = (
    "Où est le café? Là-bas, à côté de l'hôtel. Über die Brücke, mein Schätzchen, naïve élève.\r\n"
)


@pytest.mark.parametrize(
    ("data", "encoding", "text"),
    [
        (b"Plain.\r\nText.\n", "utf-8", "Plain.\r\nText.\n"),
        (b"\xef\xbb\xbfMarked.", "utf-8", "Marked."),
        ("Wide – text.\n".encode("utf-16"), "utf-16-le", "Wide – text.\n"),
        (b"\xfe\xff" + "Wide – text.\n".encode("utf-16-be"), "utf-16-be", "Wide – text.\n"),
        (("Wide text. " * 20).encode("utf-16-le"), "utf-16-le", "Wide text. " * 20),
        (WESTERN.encode("cp1252"), "cp1252", WESTERN),
        (DOS.encode("latin-1"), "cp1252", DOS),
        (DOS.encode("cp850"), "cp850", DOS),
        (DOS.encode("mac_roman"), "mac_roman", DOS),
    ],
)
def test_the_encoding_is_found_and_line_breaks_stay(data: bytes, encoding: str, text: str) -> None:
    assert decoded(data, "a.txt") == (text, encoding)


@pytest.mark.parametrize(
    ("said", "encoding", "name"),
    [
        ("ISO-8859-1", "latin-1", "latin-1"),
        ("ISO Latin-1", "latin-1", "latin-1"),
        ("ISO-8859-2", "iso8859-2", "iso8859-2"),
        ("Windows Codepage 1251", "cp1251", "cp1251"),
        ("KOI8-R", "koi8-r", "koi8-r"),
        ("MacRoman", "mac_roman", "mac-roman"),
    ],
)
def test_what_a_header_says_is_believed(said: str, encoding: str, name: str) -> None:
    text = f"Title: X\n\nCharacter set encoding: {said}\n\n" + (
        "Сказка о верёвке.\n" if "125" in said or "KOI" in said else "caf\xe9 \xfc\xe1\n"
    )

    assert decoded(text.encode(encoding), "a.txt") == (text, name)


@pytest.mark.parametrize("said", ["ISO-8859-1", "ASCII", "ISO-646-US (US-ASCII)", "nonsense"])
def test_but_not_against_the_bytes(said: str) -> None:
    text = f"Character set encoding: {said}\n\n“It’s,” she said – “naïve.”\n"

    assert decoded(text.encode("utf-8"), "a.txt") == (text, "utf-8")
    assert decoded(text.encode("cp1252"), "a.txt") == (text, "cp1252")


def test_bytes_of_two_encodings_are_still_read() -> None:
    data = "“Yes,” he said.\n".encode() + "“No.”\n".encode("cp1252")

    text, encoding = decoded(data, "a.txt")

    assert data.decode(encoding) == text


@pytest.mark.parametrize(
    "data", [b"one\0two and more", bytes(range(256)) * 40, b"\x01\x02\x03\x04" * 50 + b"text"]
)
def test_what_is_no_text_is_refused(data: bytes) -> None:
    with pytest.raises(RefusedError) as caught:
        extract_plain(data, "a.txt")
    assert caught.value.reason == "binary"


@pytest.mark.parametrize("data", [b"", b" \r\n\t", b"\xef\xbb\xbf\n"])
def test_nothing_is_refused(data: bytes) -> None:
    with pytest.raises(RefusedError) as caught:
        extract_plain(data, "a.txt")
    assert caught.value.reason == "empty"


@given(st.binary(max_size=300))
def test_the_text_is_what_its_encoding_makes_of_the_bytes(data: bytes) -> None:
    try:
        text, encoding = decoded(data, "a.txt")
    except RefusedError:
        return
    assert data.decode(encoding).removeprefix("\ufeff") == text


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs", "Cc"])))
def test_utf_8_is_always_known(text: str) -> None:
    expected = text.removeprefix("\ufeff")

    assert decoded(text.encode("utf-8"), "a.txt") == (expected, "utf-8")


@pytest.mark.skipif(not BOOKS.is_dir(), reason="the shared books are not beside the checkout")
def test_real_books_are_what_their_bytes_say() -> None:
    books = sorted(BOOKS.glob("*.txt"))
    assert len(books) == 18
    for book in books:
        data = book.read_bytes()
        found = extract_plain(data, book.name)
        assert data.decode("utf-8").removeprefix("\ufeff") == found.text
        assert found.headings is None
        assert not found.finished
