"""Files that cannot be used: each is refused with a reason, and the others go on."""

import builtins
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storytui_train.data.documents import Gathered, Refusal
from storytui_train.data.sources import reading
from storytui_train.data.sources.extraction import extract
from storytui_train.data.sources.gathering import gather, gather_paths
from storytui_train.data.sources.place import Place
from storytui_train.errors import SourceError
from storytui_train.recipe import ManuscriptSource

Write = Callable[[str, str | bytes], Path]
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600


def zipped(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return out.getvalue()


def locked_zip() -> bytes:
    """An archive that says that its parts are encrypted."""
    data = bytearray(zipped({"word/document.xml": b"<w/>"}))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + at] |= 1
    return bytes(data)


EVIL: dict[str, tuple[str, bytes, str, str]] = {
    "empty": ("a.txt", b"", "empty", "is empty"),
    "only blanks": ("a.md", b" \r\n\n", "empty", "is empty"),
    "zeros": ("a.txt", b"\0" * 1000, "empty", "is empty"),
    "binary": ("a.txt", bytes(range(256)) * 10, "binary", "not a text"),
    "a picture called a text": ("a.txt", b"\x89PNG\r\n\x1a\n" + bytes(999), "binary", "not a text"),
    "empty docx": ("a.docx", b"", "empty", "is empty"),
    "a text called docx": ("a.docx", b"Hello.", "unreadable", "damaged"),
    "half a docx": (
        "a.docx",
        zipped({"word/document.xml": b"<w/>" * 99})[:90],
        "unreadable",
        "damaged",
    ),
    "half an epub": (
        "a.epub",
        zipped({"mimetype": b"application/epub+zip"})[:50],
        "unreadable",
        "damaged",
    ),
    "a locked docx": (
        "a.docx",
        OLE + "EncryptedPackage".encode("utf-16-le") + b"\0" * 99,
        "password",
        "locked with a password",
    ),
    "a locked docx, its directory far behind": (
        "a.docx",
        OLE + b"\1" * 200_000 + "EncryptedPackage".encode("utf-16-le"),
        "password",
        "locked with a password",
    ),
    "a locked archive": ("a.docx", locked_zip(), "password", "locked with a password"),
    "a locked epub": ("a.epub", locked_zip(), "password", "locked with a password"),
    "old word": ("a.doc", OLE, "not read yet", "save it as .docx"),
    "odt": ("a.odt", zipped({"content.xml": b"<x/>"}), "not read yet", "Save it as .docx"),
    "rtf": ("a.rtf", b"{\\rtf1 Hello}", "not read yet", "Save it as .docx"),
    "rtf called a text": ("a.txt", b"{\\rtf1 Hello}", "not read yet", "Save it as .docx"),
    "pdf": ("a.pdf", b"%PDF-1.7 x", "not read yet", "a PDF"),
    "a zip": ("a.zip", zipped({"a.txt": b"Hello."}), "binary", "Unpack it"),
    "no story in it": ("a.html", b"<html><head><title>x</title></head></html>", "empty", "no text"),
    "a bomb of a docx": (
        "a.docx",
        zipped({"word/document.xml": b"<w>" + b" " * 70_000_000 + b"</w>"}),
        "too big",
        "unpacks to more than",
    ),
    "a bomb of an epub": (
        "a.epub",
        zipped({"META-INF/container.xml": b"<c>" + b" " * 70_000_000 + b"</c>"}),
        "too big",
        "unpacks to more than",
    ),
}


@pytest.mark.parametrize("kind", EVIL)
def test_each_is_refused_with_its_reason_and_the_next_is_read(
    kind: str, place: Place, write: Write
) -> None:
    name, data, reason, sentence = EVIL[kind]
    write(name, data)
    write("good.md", "It began.")

    refusal, good = list(gather(ManuscriptSource(paths=(name, "good.md")), place))

    assert isinstance(refusal, Refusal)
    assert (refusal.stage, refusal.reason) == ("gather", reason)
    assert sentence in refusal.detail
    assert str(place.recipe_folder) not in refusal.detail
    assert isinstance(good, Gathered)


def test_two_hundred_megabytes_are_refused_unread(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = place.recipe_folder / "large.txt"
    with open(path, "wb") as file:
        file.write(b"It began.\n")
        file.truncate(200_000_000)
    read = 0
    opened = builtins.open

    def counting(*arguments: Any, **named: Any) -> Any:
        file = opened(*arguments, **named)
        if arguments[0] != path:
            return file
        real = file.read

        def counted(size: int = -1) -> bytes:
            nonlocal read
            data: bytes = real(size)
            read += len(data)
            return data

        monkeypatch.setattr(file, "read", counted, raising=False)
        return file

    monkeypatch.setattr(builtins, "open", counting)
    [refusal] = list(gather_paths([path], place))

    assert isinstance(refusal, Refusal)
    assert refusal.reason == "too big"
    assert "large.txt has 200.0 MB" in refusal.detail
    assert read < 1_000_000


def test_a_file_that_grows_while_it_is_read_is_refused_too(
    place: Place, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAXIMUM_TEXT", 5)
    path = write("a.txt", "It began.")
    small = os.stat(write("b.txt", "It."))
    monkeypatch.setattr(reading.os, "stat", lambda _: small)

    with pytest.raises(SourceError, match="is the most that is read"):
        reading.read_bytes(path, "a.txt")


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Closes a file or folder, also to a user who may do everything."""
    real_open, real_scandir = builtins.open, os.scandir
    paths: list[str] = []

    def refusing_open(path: Any, *arguments: Any, **named: Any) -> Any:
        if str(path) in paths:
            raise PermissionError(13, "Permission denied", str(path))
        return real_open(path, *arguments, **named)

    def refusing_scandir(path: Any = ".") -> Any:
        if str(path) in paths:
            raise PermissionError(13, "Permission denied", str(path))
        return real_scandir(path)

    monkeypatch.setattr(builtins, "open", refusing_open)
    monkeypatch.setattr(os, "scandir", refusing_scandir)
    return lambda path: paths.append(str(path))


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.docx"])
def test_a_file_without_permission(
    place: Place, write: Write, closed: Callable[[Path], None], name: str
) -> None:
    closed(write(name, "It began."))
    write("good.md", "It began.")

    refusal, good = list(gather(ManuscriptSource(paths=(name, "good.md")), place))

    assert isinstance(refusal, Refusal)
    assert refusal.reason == "permission"
    assert refusal.detail.startswith(f"{name} may not be read.")
    assert isinstance(good, Gathered)


def test_a_folder_without_permission_among_others(
    place: Place, write: Write, closed: Callable[[Path], None]
) -> None:
    write("all/The Rope.md", "It began. " * 40_000)
    closed(write("all/The Lamp/1.md", "No.").parent)
    write("all/The Boat/1.md", "It sank.")
    write("all/The Boat/2.md", "It rose.")

    results = list(gather(ManuscriptSource(paths=("all",)), place))

    assert [each.reason for each in results if isinstance(each, Refusal)] == ["permission"]
    assert [each.source.file for each in results if isinstance(each, Gathered)] == [
        "The Rope.md",
        "The Boat",
    ]


def test_what_is_not_there(place: Place) -> None:
    [refusal] = list(gather(ManuscriptSource(paths=("nowhere.md",)), place))

    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.detail) == (
        "missing",
        "There is no nowhere.md. Check the path.",
    )


def test_a_folder_with_nothing_in_it(place: Place) -> None:
    (place.recipe_folder / "nothing").mkdir()

    [refusal] = list(gather(ManuscriptSource(paths=("nothing",)), place))

    assert isinstance(refusal, Refusal)
    assert refusal.reason == "empty"


def test_a_scrivener_project_is_said_to_be_one(place: Place, write: Write) -> None:
    write("rope.scriv/Files/Data/1/content.rtf", "{\\rtf1 Hello}")

    [refusal] = list(gather(ManuscriptSource(paths=("rope.scriv",)), place))

    assert isinstance(refusal, Refusal)
    assert refusal.reason == "not read yet"
    assert "Compile it to .docx" in refusal.detail


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(place: Place) -> None:
    os.mkfifo(place.recipe_folder / "pipe.txt")

    [refusal] = list(gather(ManuscriptSource(paths=("pipe.txt",)), place))

    assert isinstance(refusal, Refusal)
    assert refusal.reason == "unreadable"


def test_a_link_that_leads_nowhere(place: Place) -> None:
    os.symlink("gone.md", place.recipe_folder / "link.md")

    [refusal] = list(gather(ManuscriptSource(paths=("link.md",)), place))

    assert isinstance(refusal, Refusal)
    assert refusal.reason == "missing"


def test_a_part_that_says_it_is_small_and_is_not() -> None:
    data = bytearray(zipped({"word/document.xml": b"a" * 100_000}))
    for mark, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        where = data.index(mark) + at
        data[where : where + 4] = (10).to_bytes(4, "little")

    with pytest.raises(SourceError, match="damaged"):
        reading.Archive(bytes(data), "a.docx").read("word/document.xml")


def test_a_file_that_changed_is_not_what_was_gathered(place: Place, write: Write) -> None:
    path = write("a.md", "It began.")
    [found] = list(gather(ManuscriptSource(paths=("a.md",)), place))
    assert isinstance(found, Gathered)
    path.write_text("It began otherwise.")

    with pytest.raises(SourceError, match="was changed after it was gathered"):
        extract(found, place.folder)
