"""Her own texts: each book that a source names, with what its file says of it."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from storytui.folders import as_typed
from storytui.story.visible import visible
from storytui_train.data.documents import Form, Gathered, Refusal, Source
from storytui_train.data.sources import names
from storytui_train.data.sources.blocks import Read
from storytui_train.data.sources.extraction import most_bytes, read_book, read_document
from storytui_train.data.sources.forms import form_of, is_not_read_yet, not_read_yet
from storytui_train.data.sources.place import Place
from storytui_train.data.sources.plain import extract_plain
from storytui_train.data.sources.reading import RefusedError, read_bytes, refused
from storytui_train.data.sources.shelves import Folders, books_in
from storytui_train.recipe import ManuscriptSource

STAGE = "gather"


def gather_manuscripts(options: ManuscriptSource, place: Place) -> Iterator[Gathered | Refusal]:
    """The manuscripts that a source names; those that cannot be used come as refusals.

    Args:
        options: the source.
        place: where the recipe and its working folder are.
    """
    for named in options.paths:
        path = place.recipe_folder / as_typed(named)
        for found in books_at(path, place, options.folders):
            if isinstance(found, RefusedError):
                yield refusal(path, path.name, found)
                continue
            alone = len(options.paths) == 1 and found == path.absolute()
            own = options if alone else msgspec.structs.replace(options, title="")
            yield from gather_one(found, below(found, path), own, place)


def books_at(path: Path, place: Place, folders: Folders = "auto") -> Iterator[Path | RefusedError]:
    """The books at a path that was named: itself, or those that lie in it."""
    try:
        is_folder = path.is_dir()
        # Says why, where it cannot be looked at.
        path.stat()
    except OSError as error:
        yield refused(error, path.name or str(path))
        return
    if is_folder and not is_not_read_yet(path):
        found = False
        for each in books_in(path.absolute(), path.name or str(path), folders, place.told):
            found = True
            yield each
        if not found:
            yield RefusedError("empty", f"No text that can be read lies in {path.name or path}.")
    else:
        yield path.absolute()


def below(path: Path, named: Path) -> str:
    """What a book is called: its name, or its path below the folder that was named."""
    top = named.absolute()
    return path.name if path == top else path.relative_to(top).as_posix()


def gather_one(
    path: Path, shown: str, options: ManuscriptSource, place: Place
) -> Iterator[Gathered | Refusal]:
    """One book, and refusals for what of it cannot be used."""
    try:
        if is_not_read_yet(path):
            raise not_read_yet(path, shown)
        if path.is_dir():
            yield from _gather_folder(path, shown, options, place)
        else:
            yield _gather_file(path, shown, options)
    except RefusedError as error:
        yield refusal(path, shown, error)


def _gather_file(path: Path, shown: str, options: ManuscriptSource) -> Gathered:
    form = form_of(path, shown)
    if form in ("jsonl", "parquet"):
        raise RefusedError("form", f"{shown} is a data set. Name it in a source of type dataset.")
    data = read_bytes(path, shown, most_bytes(form))
    if form == "text":
        read = Read(blocks=(), encoding=extract_plain(data, shown).encoding)
    else:
        read = read_document(data, form, shown)
        if not any(each.kind in ("paragraph", "item") for each in read.blocks):
            raise RefusedError("empty", f"{shown} holds no text that is part of a story.")
    return _gathered(path, shown, form, read, hashlib.sha256(data).hexdigest(), options)


def _gather_folder(
    path: Path, shown: str, options: ManuscriptSource, place: Place
) -> Iterator[Gathered | Refusal]:
    book = read_book(path, shown)
    for name, why in book.passed_over:
        place.told(visible(f"{shown}/{name} is passed over: {why}.", newlines=False))
    for error in book.refused:
        yield refusal(path, shown, error)
    yield _gathered(path, shown, "folder", book.read, book.sha256, options)


def _gathered(
    path: Path, shown: str, form: Form, read: Read, sha256: str, options: ManuscriptSource
) -> Gathered:
    name = path.name if form == "folder" else path.stem
    title = options.title or read.title or names.title_of(name) or name
    author = options.author or read.author
    return Gathered(
        source=Source(
            id=f"manuscript-{names.slug(title) or sha256[:8]}",
            kind="manuscript",
            file=shown,
            sha256=sha256,
            encoding=read.encoding,
            title=title,
            author=author,
            authors=(author,) if author else (),
            language=options.language or read.language,
            licence=options.licence,
            private=options.private,
        ),
        path=str(path),
        form=form,
    )


def refusal(path: Path, shown: str, error: RefusedError) -> Refusal:
    """A manuscript that is left out, and why."""
    name = names.slug(path.stem) or names.slug(shown) or "unnamed"
    return Refusal(
        stage=STAGE,
        id=f"manuscript-{name}",
        title=shown,
        reason=error.reason,
        detail=error.detail,
    )
