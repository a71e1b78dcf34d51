"""From a file or folder to its text: what spans count in."""

import hashlib
from pathlib import Path

from storytui_train.data.documents import Extracted, Form, Gathered
from storytui_train.data.sources.blocks import Read, compose
from storytui_train.data.sources.folder import Book, read_folder
from storytui_train.data.sources.forms import form_of
from storytui_train.data.sources.plain import decoded, extract_plain
from storytui_train.data.sources.reading import MAXIMUM_ARCHIVE, RefusedError, read_bytes


def extract(gathered: Gathered, root: Path) -> Extracted:
    """The text of what was gathered.

    Args:
        gathered: a file or folder that holds a text.
        root: the working folder, which relative paths are seen from.

    Raises:
        SourceError: it is not what was gathered any more, or cannot be read; a sentence says why.
        ValueError: it holds finished rows, not a text.
    """
    if gathered.rows:
        raise ValueError(f"{gathered.source.id} holds rows, not a text")
    path = root / gathered.path
    shown = gathered.source.file or gathered.path
    title = gathered.source.title
    if gathered.form == "folder":
        book = read_book(path, shown)
        _refuse_changed(gathered, book.sha256, shown)
        return compose(book.read.blocks, title=title)
    data = read_bytes(path, shown, most_bytes(gathered.form))
    _refuse_changed(gathered, hashlib.sha256(data).hexdigest(), shown)
    if gathered.form == "text":
        return extract_plain(data, shown)
    read = read_document(data, gathered.form, shown)
    extracted = compose(read.blocks, title=title, encoding=read.encoding)
    if not extracted.text:
        raise RefusedError("empty", f"{shown} holds no text that is part of a story.")
    return extracted


def _refuse_changed(gathered: Gathered, sha256: str, shown: str) -> None:
    if gathered.source.sha256 not in ("", sha256):
        raise RefusedError("changed", f"{shown} was changed after it was gathered. Gather again.")


def most_bytes(form: Form) -> int | None:
    """The most bytes that a file of a form may have; None: what any text may."""
    return MAXIMUM_ARCHIVE if form in ("docx", "epub") else None


def read_document(data: bytes, form: Form, shown: str) -> Read:
    """A document as blocks.

    Args:
        data: the file's bytes.
        form: `markdown`, `html`, `epub`, `docx`; `text`: as a chapter among others.
        shown: what messages call it.

    Raises:
        RefusedError: it cannot be read.
        ValueError: the form is none of these.
    """
    match form:
        case "docx":
            from storytui_train.data.sources.docx import read_docx

            return read_docx(data, shown)
        case "epub":
            from storytui_train.data.sources.epub import read_epub

            return read_epub(data, shown)
        case "html":
            from storytui_train.data.sources.html import read_html

            return read_html(data, shown)
        case "markdown":
            from storytui_train.data.sources.markdown import read_markdown

            return read_markdown(data, shown)
        case "text":
            from storytui_train.data.sources.lines import blocks_of_plain

            text, encoding = decoded(data, shown)
            return Read(blocks=blocks_of_plain(text), encoding=encoding)
        case _:
            raise ValueError(f"{form} is no form of a document")


def read_book(folder: Path, shown: str) -> Book:
    """A folder of chapters as one book.

    Args:
        folder: the folder.
        shown: what messages call it.

    Raises:
        RefusedError: no chapter in it can be read.
    """
    return read_folder(folder, shown, _read_chapter)


def _read_chapter(path: Path, shown: str) -> tuple[Read, str]:
    form = form_of(path, shown)
    if form in ("jsonl", "parquet"):
        raise RefusedError("form", f"{shown} is a data set, not a chapter.")
    data = read_bytes(path, shown, most_bytes(form))
    return read_document(data, form, shown), hashlib.sha256(data).hexdigest()
