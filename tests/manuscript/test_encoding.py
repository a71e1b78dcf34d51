"""Bytes to text and back: recognised, kept, refused."""

import pytest

from storytui.manuscript.encoding import decode, encode
from storytui.manuscript.errors import ManuscriptError


@pytest.mark.parametrize(
    ("data", "encoding", "text"),
    [
        (b"plain", "utf-8", "plain"),
        (b"\xef\xbb\xbfcaf\xc3\xa9", "utf-8", "café"),
        ("“café”".encode("utf-16"), "utf-16-le", "“café”"),
        (b"\xfe\xff" + "“café”".encode("utf-16-be"), "utf-16-be", "“café”"),
        ("It was late, she said.\n".encode("utf-16-le"), "utf-16-le", "It was late, she said.\n"),
        ("It was late, she said.\n".encode("utf-16-be"), "utf-16-be", "It was late, she said.\n"),
        ("café".encode("utf-32"), "utf-32-le", "café"),
        (b"caf\xe9", "latin-1", "café"),
        (b"\x93caf\xe9\x94", "windows-1252", "“café”"),
        (b"\x93caf\x81\x94", "windows-1252", "“caf\udc81”"),
        ("“café” ".encode() + b"\xe9", "utf-8", "“café” \udce9"),
        ("cut off “short”".encode()[:-1], "utf-8", "cut off “short\udce2\udc80"),
        (b"\xff\xfea\0\x00\xd8b\0", "utf-16-le", "a\ud800b"),
    ],
)
def test_an_encoding_is_recognised(data: bytes, encoding: str, text: str) -> None:
    decoded = decode(data, "story.txt")

    assert decoded.form.encoding == encoding
    assert decoded.text == text
    assert encode(decoded.text, decoded.form, decoded.breaks) == data


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"PK\x03\x04\0\0", "a ZIP archive"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"\x89PNG\r\n\x1a\n\0", "a PNG picture"),
        (bytes(range(256)) * 4, "control characters"),
        (b"\0\1\2\3abc" * 100, "control characters"),
    ],
)
def test_what_is_no_text_is_refused_by_name(data: bytes, says: str) -> None:
    with pytest.raises(ManuscriptError, match=says) as caught:
        decode(data, "data.bin")

    assert "data.bin" in str(caught.value)


def test_what_looks_like_no_text_opens_in_an_encoding_that_is_asked_for() -> None:
    assert decode(b"%PDF-1.7\n", "notes.txt", "utf-8").text == "%PDF-1.7\n"


@pytest.mark.parametrize(
    ("asked", "known_as"),
    [
        ("UTF8", "utf-8"),
        ("cp1252", "windows-1252"),
        ("ISO-8859-1", "latin-1"),
        ("utf-16", "utf-16-le"),
        ("koi8-r", "koi8-r"),
    ],
)
def test_an_encoding_that_is_asked_for_is_used(asked: str, known_as: str) -> None:
    assert decode(b"ab\xc3\xa9.", "story.txt", asked).form.encoding == known_as


@pytest.mark.parametrize("asked", ["klingon", "rot13", "hex", "utf-8\0"])
def test_an_encoding_that_there_is_not_is_refused(asked: str) -> None:
    with pytest.raises(ManuscriptError, match="There is no encoding called"):
        decode(b"text", "story.txt", asked)


def test_bytes_that_an_encoding_would_not_give_back_are_refused() -> None:
    with pytest.raises(ManuscriptError, match="would not come back as they are"):
        decode(b"\x1b$B\x1b(B plain", "story.txt", "iso2022_jp")


def test_half_a_character_at_the_end_is_kept() -> None:
    decoded = decode("“ab”".encode("utf-16") + b"\x41", "story.txt")

    assert decoded.text == "“ab”"
    assert encode("“abc”", decoded.form) == "“abc”".encode("utf-16") + b"\x41"
