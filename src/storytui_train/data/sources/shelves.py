"""Which books lie in a folder: one in chapters, or several."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from storytui.story.visible import visible
from storytui_train.data.sources import names
from storytui_train.data.sources.folder import Listing, listed
from storytui_train.data.sources.forms import form_by_name
from storytui_train.data.sources.marks import is_gutenberg_file
from storytui_train.data.sources.reading import RefusedError

Folders = Literal["auto", "book", "books"]

_NUMBERED_SHARE = 0.6
_LONGEST_CHAPTER = 400_000
"""Bytes of a plain text; a longer one is a book, whatever it is called."""
_LONGEST_UNNUMBERED = 200_000


def books_in(
    folder: Path, shown: str, mode: Folders, told: Callable[[str], None]
) -> Iterator[Path | RefusedError]:
    """The files and folders that are one book each, in a folder that was named.

    Args:
        folder: the folder.
        shown: what messages call it.
        mode: `book`: it is one; `books`: its files and folders are; `auto`: by what lies in it.
        told: gets a line for each file that is passed over between books.

    Yields:
        Books, and in place of a folder that cannot be looked into the reason why.
    """
    yield from _books_in(folder, shown, mode, {os.path.realpath(folder)}, told)


def _books_in(
    folder: Path, shown: str, mode: Folders, seen: set[str], told: Callable[[str], None]
) -> Iterator[Path | RefusedError]:
    try:
        listing = listed(folder, shown)
        if mode == "book" or (mode == "auto" and is_one_book(folder, listing)):
            yield folder
            return
    except RefusedError as error:
        yield error
        return
    for path, why in listing.passed_over:
        told(visible(f"{shown}/{path.name} is passed over: {why}.", newlines=False))
    yield from listing.files
    for each in listing.folders:
        # A link may lead back up.
        real = os.path.realpath(each)
        if real not in seen:
            seen.add(real)
            yield from _books_in(each, f"{shown}/{each.name}", "auto", seen, told)


def is_one_book(folder: Path, listing: Listing) -> bool:
    """Whether what lies in a folder is one book in chapters.

    Chapters are numbered nearly without gaps, or short; they are no e-books, no data sets, and
    no texts of Project Gutenberg. Folders in a folder are the parts of a book if they are called
    so, or the one that holds the text.

    Raises:
        RefusedError: a folder in it may not be looked into.
    """
    files, folders = listing.files, listing.folders
    hidden = [path for path, _ in listing.passed_over if path.is_dir()]
    if not files:
        holding = folders or tuple(
            each for each in hidden if names.STORY_FOLDER.fullmatch(each.name)
        )
        if not holding:
            return False
        parts = all(names.is_part(each.name) for each in holding)
        text = len(holding) == 1 and bool(names.STORY_FOLDER.fullmatch(holding[0].name))
        return (parts or text) and all(
            _are_chapters(listed(each, each.name).files) for each in holding
        )
    if any(not names.is_part(each.name) for each in folders):
        return False
    return _are_chapters(files)


def _are_chapters(files: tuple[Path, ...]) -> bool:
    if len(files) < 2:
        # A single file is the book, not the folder.
        return False
    forms = {form_by_name(each) for each in files}
    if forms & {"epub", "jsonl", "parquet"} or any(is_gutenberg_file(each) for each in files):
        return False
    texts = [each for each in files if form_by_name(each) in ("text", "markdown", "html")]
    longest = max((_size(each) for each in texts), default=0)
    numbers = [each for path in files if (each := names.chapter_number(path.stem)) is not None]
    numbered = len(numbers) >= _NUMBERED_SHARE * len(files)
    if numbered and max(numbers) <= 3 * len(files) + 5:
        return longest <= _LONGEST_CHAPTER
    return longest <= _LONGEST_UNNUMBERED


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
