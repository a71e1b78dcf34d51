"""Open and save unedited, and every byte is as it was; after one edit, all but the edited lines.

`STORYTUI_ROUND_TRIPS` is the number of generated files, 10,000 unless it is set; a few hundred of
them go through real files. The books are those of the folder `STORYTUI_BOOKS`, or of
`shared/books` beside the repository.
"""

import os
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storytui.manuscript.encoding import Decoded, Form, decode, encode
from storytui.manuscript.errors import ManuscriptError
from storytui.manuscript.file import StoryFile

ROUND_TRIPS = int(os.environ.get("STORYTUI_ROUND_TRIPS", "10000"))
BOOKS = Path(
    os.environ.get("STORYTUI_BOOKS") or Path(__file__).parents[3].joinpath("shared", "books")
)

BREAKS = ["\n", "\r\n", "\r"]
WORDS = [
    "She waited.",
    "“Yes,” he said…",
    "Café naïve",
    "Ящик",
    "物語",
    "👩‍🚀",
    "",
    " ",
    "\t",
    "\f",
    "\v",
    "\x1a",
    "\x1b[31m",
    "\0",
    "\x1c\x1d\x1e",
    "\x85",
    "\u2028",
    "\u2029",
    "\ufeff",
    "\u202e",
]
WRITTEN = [
    lambda text: text.encode(),
    lambda text: b"\xef\xbb\xbf" + text.encode(),
    lambda text: text.encode("utf-16-le"),
    lambda text: b"\xff\xfe" + text.encode("utf-16-le"),
    lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    lambda text: text.encode("cp1252", "ignore"),
    lambda text: text.encode("latin-1", "ignore"),
    lambda text: text.encode("utf-32"),
]
STRAY = [b"\xff", b"\xe9", b"\x81", b"\xed\xa0\x80", b"\xc3", b"\x00\xd8", b"\x80\xdc", b"a", b"\r"]


LINES = {
    kind: st.lists(st.sampled_from([word + each for word in WORDS for each in breaks]), max_size=9)
    for kind, breaks in {
        "LF": BREAKS[:1],
        "CRLF": BREAKS[1:2],
        "CR": BREAKS[2:],
        "": BREAKS,
    }.items()
}


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """The bytes of a file: texts of all kinds, written in all ways, some with strays in them."""
    text = "".join(draw(LINES[draw(st.sampled_from(sorted(LINES)))])) + draw(st.text(max_size=3))
    write: Callable[[str], bytes] = draw(st.sampled_from(WRITTEN))
    data = write(text.encode("utf-8", "ignore").decode())
    if draw(st.booleans()):
        stray = draw(st.one_of(st.sampled_from(STRAY), st.binary(max_size=3)))
        at = draw(st.integers(0, len(data)))
        data = data[:at] + stray + data[at:]
    return data


def opened(data: bytes) -> Decoded | None:
    """What the bytes are opened as; None where they are refused as no text."""
    try:
        return decode(data, "story.txt")
    except ManuscriptError:
        return None


@given(data=st.one_of(files(), files(), files(), st.binary(max_size=60)))
@settings(max_examples=ROUND_TRIPS, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_bytes_come_back_as_they_were(data: bytes) -> None:
    decoded = opened(data)

    if decoded is not None:
        assert decoded.exact
        assert encode(decoded.text, decoded.form, decoded.breaks) == data
        assert decoded.breaks is None or len(decoded.breaks) == decoded.text.count("\n")
        assert "\r" not in decoded.text


@given(data=files())
@settings(
    max_examples=max(1, ROUND_TRIPS // 30),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_file_comes_back_as_it_was(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "any.txt"
    path.write_bytes(data)
    try:
        story = StoryFile.read(path)
    except ManuscriptError:
        return

    story.save(story.text, story.breaks)

    assert path.read_bytes() == data
    assert [each.name for each in tmp_path.iterdir()] == ["any.txt"]


@given(data=files(), where=st.randoms(use_true_random=False))
@settings(max_examples=max(1, ROUND_TRIPS // 4), deadline=None)
def test_outside_the_edited_lines_every_byte_stays(data: bytes, where: random.Random) -> None:
    decoded = opened(data)
    if decoded is not None:
        stays_outside_an_edit(data, decoded, where)


def books() -> list[Path]:
    return sorted(BOOKS.glob("*.txt"))


@pytest.mark.skipif(not books(), reason="no books are here: set STORYTUI_BOOKS")
def test_every_book_comes_back_as_it_was(tmp_path: Path) -> None:
    for book in books():
        copy = tmp_path / book.name
        copy.write_bytes(book.read_bytes())
        story = StoryFile.read(copy)

        story.save(story.text)

        assert not story.read_only
        assert copy.read_bytes() == book.read_bytes()


@pytest.mark.skipif(not books(), reason="no books are here: set STORYTUI_BOOKS")
@pytest.mark.parametrize("book", books(), ids=lambda each: each.stem)
def test_outside_the_edited_lines_of_a_book_every_byte_stays(book: Path) -> None:
    data = book.read_bytes()
    # A book whose line breaks have been mixed up is the harder one.
    mixed = re.sub(rb"(\r?\n)(?=[A-M])", b"\r\n", re.sub(rb"\r?\n(?=[a-m])", b"\r", data))
    where = random.Random(book.name)
    for each in (data, mixed):
        for _ in range(5):
            stays_outside_an_edit(each, decode(each, book.name), where)


def stays_outside_an_edit(data: bytes, decoded: Decoded, where: random.Random) -> None:
    """Replace some lines by new ones: what stands before and after them must be the same bytes."""
    form = decoded.form
    lines = decoded.text.split("\n")
    breaks = [*(decoded.breaks or [form.newline] * (len(lines) - 1)), ""]
    first = where.randrange(len(lines))
    last = min(len(lines), first + where.randrange(4))
    new = [f"new line {count}" for count in range(where.randrange(1, 4))]
    # What each line is in the file, found line by line.
    alone = Form(form.encoding)
    parts = [
        encode(line, alone) + encode(each, alone) for line, each in zip(lines, breaks, strict=True)
    ]
    mark = data[: len(data) - sum(map(len, parts)) - len(form.tail)]
    assert mark + b"".join(parts) + form.tail == data
    story = StoryFile(Path("story.txt"), decoded.text, breaks=decoded.breaks)
    story._form = form

    saved = story.bytes_of("\n".join(lines[:first] + new + lines[last:]))

    head, tail = mark + b"".join(parts[:first]), b"".join(parts[last:]) + form.tail
    assert saved.startswith(head)
    assert saved.endswith(tail)
    assert encode(new[0], alone) in saved[len(head) :]
