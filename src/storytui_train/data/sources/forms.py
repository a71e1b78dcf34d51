"""What form a file has, by its name and its first bytes, and what is not read yet."""

import os
from pathlib import Path
from typing import BinaryIO

from storytui_train.data.documents import Form
from storytui_train.data.sources.reading import RefusedError, password, refused

_BY_ENDING: dict[str, Form] = {
    **dict.fromkeys((".txt", ".text"), "text"),
    **dict.fromkeys((".md", ".markdown", ".mdown", ".mkd", ".mdx"), "markdown"),
    **dict.fromkeys((".html", ".htm", ".xhtml"), "html"),
    ".docx": "docx",
    ".docm": "docx",
    ".epub": "epub",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
_PACKED = (".gz", ".zst", ".zstd")
_NOT_YET = {
    ".doc": "an old Word document. Open it in Word or LibreOffice and save it as .docx",
    ".odt": "an OpenDocument text. Save it as .docx in LibreOffice",
    ".fodt": "an OpenDocument text. Save it as .docx in LibreOffice",
    ".rtf": "rich text. Save it as .docx",
    ".pages": "a document of Pages. Export it as .docx or .epub",
    ".wpd": "a document of WordPerfect. Save it as .docx in LibreOffice",
    ".pdf": "a PDF, which knows no paragraphs. Use the document that it was made from",
    ".scriv": "a Scrivener project. Compile it to .docx (File, then Compile) and name that file",
    ".scrivx": "part of a Scrivener project. Compile it to .docx (File, then Compile)",
    ".mobi": "an e-book of Amazon's. Convert it to .epub",
    ".azw3": "an e-book of Amazon's. Convert it to .epub",
    ".tex": "LaTeX. Convert it to .docx or Markdown, with pandoc for one",
}
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
_ZIP = b"PK\x03\x04"
_HEAD = 64 * 1024
_LOCK_PREFIX = "~$"


def is_passed_over(name: str) -> bool:
    """Whether a file or folder of this name is nobody's text: hidden, or left by a program."""
    return (
        name.startswith((".", _LOCK_PREFIX, "__MACOSX", "._"))
        or name.endswith(("~", ".tmp", ".swp", ".crdownload", ".part"))
        or name in ("Thumbs.db", "desktop.ini", "Icon\r")
    )


def form_by_name(path: Path) -> Form | None:
    """The form that a file's ending says; None for others than those that are read."""
    name = path.name.lower()
    for packed in _PACKED:
        if name.endswith(packed):
            inner = _BY_ENDING.get(Path(name.removesuffix(packed)).suffix)
            return inner if inner == "jsonl" else None
    return _BY_ENDING.get(Path(name).suffix)


def is_not_read_yet(path: Path) -> bool:
    """Whether it is a document, by its name, of a kind that is not read yet."""
    return path.suffix.lower() in _NOT_YET


def not_read_yet(path: Path, shown: str) -> RefusedError:
    """What is said of a document of a kind that is not read yet."""
    kind = _NOT_YET[path.suffix.lower()]
    return RefusedError("not read yet", f"{shown} is not read yet: it is {kind}.")


def form_of(path: Path, shown: str) -> Form:
    """The form of a file, whatever it is called.

    Args:
        path: the file.
        shown: what messages call it.

    Raises:
        RefusedError: it is of a kind that is not read, is locked, or cannot be read.
    """
    named = form_by_name(path)
    if named in ("jsonl", "parquet"):
        return named
    try:
        if not path.is_file():
            # Opening a pipe would wait for somebody to write into it.
            path.stat()
            raise RefusedError("unreadable", f"{shown} is not a file that can be read.")
        with open(path, "rb") as file:
            head = file.read(_HEAD)
            if head.startswith(_OLE):
                # The name of the locked part stands in a directory that may lie anywhere.
                locked = _ENCRYPTED_PACKAGE in head or _ends_with_package(file)
                if locked or named == "docx":
                    raise password(shown)
    except OSError as error:
        raise refused(error, shown) from error
    if head.startswith(_OLE):
        raise not_read_yet(path.with_suffix(".doc"), shown)
    if head.startswith(b"%PDF-"):
        raise not_read_yet(path.with_suffix(".pdf"), shown)
    if head.startswith(b"{\\rtf"):
        raise not_read_yet(path.with_suffix(".rtf"), shown)
    if is_not_read_yet(path):
        raise not_read_yet(path, shown)
    if head.startswith(_ZIP):
        return _form_of_archive(path, head, named, shown)
    if named in ("docx", "epub"):
        if not head:
            raise RefusedError("empty", f"{shown} is empty.")
        raise RefusedError("unreadable", f"{shown} is damaged: it is no {path.suffix} file.")
    if named is None and path.suffix and b"\0" in head:
        raise RefusedError("binary", f"{shown} is not a text.")
    return named or "text"


def _ends_with_package(file: BinaryIO) -> bool:
    """Whether the name of a locked part stands in the last part of an open file."""
    file.seek(max(0, file.seek(0, os.SEEK_END) - _HEAD))
    return _ENCRYPTED_PACKAGE in file.read(_HEAD)


def _form_of_archive(path: Path, head: bytes, named: Form | None, shown: str) -> Form:
    if named in ("docx", "epub"):
        return named
    if b"mimetypeapplication/epub+zip" in head[:200]:
        return "epub"
    if b"mimetypeapplication/vnd.oasis" in head[:200]:
        raise not_read_yet(path.with_suffix(".odt"), shown)
    if b"word/" in head:
        return "docx"
    raise RefusedError("binary", f"{shown} is a ZIP archive. Unpack it and name the folder.")
