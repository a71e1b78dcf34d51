"""A folder of chapters as one book: which files are its chapters, their order, their text."""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from storytui_train.data.pipeline.workplace import OWN
from storytui_train.data.sources import names
from storytui_train.data.sources.blocks import Block, Read
from storytui_train.data.sources.forms import (
    form_by_name,
    is_not_read_yet,
    is_passed_over,
    not_read_yet,
)
from storytui_train.data.sources.reading import RefusedError, refused

ReadFile = Callable[[Path, str], tuple[Read, str]]
"""Reads one file, given it and what messages call it: its blocks, and the SHA-256 of its bytes."""

_DEEPEST = 8
"""Folders within folders that are looked into."""


@dataclass(frozen=True)
class Listing:
    """What a folder holds, sorted as chapters are."""

    files: tuple[Path, ...] = ()
    """Those that can be read, or ought to be."""
    folders: tuple[Path, ...] = ()
    passed_over: tuple[tuple[Path, str], ...] = ()
    """What lies among the chapters and is none, and why."""


class Chapter(NamedTuple):
    """One file of a book."""

    path: Path
    parts: tuple[str, ...]
    """The names of the folders that it lies in, below the book's."""


def listed(folder: Path, shown: str) -> Listing:
    """What lies in a folder; hidden files and those of other kinds are left out, and the working
    folders of this program: what is there was made of texts, and is none.

    Raises:
        RefusedError: the folder may not be looked into, or is not there.
    """
    try:
        with os.scandir(folder) as found:
            entries = [each for each in found if not is_passed_over(each.name)]
            folders = [
                Path(each.path)
                for each in entries
                if each.is_dir() and not os.path.exists(os.path.join(each.path, OWN))
            ]
            files = [Path(each.path) for each in entries if each.is_file()]
    except OSError as error:
        raise refused(error, shown) from error
    files = [each for each in files if form_by_name(each) or is_not_read_yet(each)]
    chapters: list[Path] = []
    passed_over: list[tuple[Path, str]] = []
    for path in sorted([*files, *folders], key=lambda each: names.natural_key(each.stem)):
        is_file = path in files
        stems = {other.stem for other in files if other != path} if is_file else set()
        why = names.why_no_chapter(path.stem if is_file else path.name, stems)
        if why:
            passed_over.append((path, why))
        elif is_file:
            chapters.append(path)
    if not chapters and len(passed_over) == len(files) + len(folders):
        # Nothing else is there: what is called a draft is the text.
        chapters = [each for each in files if names.STORY_FOLDER.fullmatch(each.stem)]
        passed_over = [each for each in passed_over if each[0] not in chapters]
    kept = {path for path, _ in passed_over}
    return Listing(
        tuple(chapters),
        tuple(each for each in sorted(folders, key=_by_name) if each not in kept),
        tuple(passed_over),
    )


def _by_name(path: Path) -> tuple[tuple[int, int, str], ...]:
    return names.natural_key(path.name)


def chapters_of(folder: Path, shown: str) -> tuple[list[Chapter], list[tuple[Path, str]]]:
    """A book's files in their order, and what was passed over, with why.

    A folder in it is a part of the book. Where all chapters lie in one that is called "Draft" or
    "Manuscript" and the like, it is no part.

    Raises:
        RefusedError: a folder may not be looked into.
    """
    passed_over: list[tuple[Path, str]] = []
    found = list(_walk(folder, (), passed_over, {os.path.realpath(folder)}, shown))
    if not found:
        for path, _ in list(passed_over):
            # Nothing else is there: what is called a draft is the text.
            if path.is_dir() and names.STORY_FOLDER.fullmatch(path.name):
                passed_over = [each for each in passed_over if each[0] != path]
                seen = {os.path.realpath(folder), os.path.realpath(path)}
                found += _walk(path, (), passed_over, seen, shown)
    tops = {each.parts[0] if each.parts else "" for each in found}
    if len(tops) == 1 and names.STORY_FOLDER.fullmatch(tops.pop()):
        found = [each._replace(parts=each.parts[1:]) for each in found]
    return found, passed_over


def _walk(
    folder: Path,
    parts: tuple[str, ...],
    passed_over: list[tuple[Path, str]],
    seen: set[str],
    shown: str,
) -> Iterator[Chapter]:
    listing = listed(folder, shown)
    passed_over += listing.passed_over
    for path in sorted(
        [*listing.files, *listing.folders], key=lambda each: names.natural_key(each.stem)
    ):
        if path not in listing.folders:
            yield Chapter(path, parts)
            continue
        # A link may lead back up.
        real = os.path.realpath(path)
        if real not in seen and len(parts) < _DEEPEST:
            seen.add(real)
            yield from _walk(path, (*parts, path.name), passed_over, seen, f"{shown}/{path.name}")


@dataclass(frozen=True)
class Book:
    """A folder of chapters, read."""

    read: Read
    sha256: str
    """Of the hashes of its files, in order."""
    passed_over: tuple[tuple[str, str], ...]
    """Names of what lies among the chapters and is none, and why."""
    refused: tuple[RefusedError, ...]
    """Chapters that cannot be read."""


def read_folder(folder: Path, shown: str, read_file: ReadFile) -> Book:
    """A folder of chapters as one book.

    A file that does not begin with a heading has its title, or its cleaned name, for one.

    Args:
        folder: the folder.
        shown: what messages call it.
        read_file: reads one of its files.

    Raises:
        RefusedError: the folder cannot be looked into, or no chapter in it can be read.
    """
    chapters, passed_over = chapters_of(folder, shown)
    blocks: list[Block] = []
    refusals: list[RefusedError] = []
    reads: list[Read] = []
    digest = hashlib.sha256()
    before: tuple[str, ...] = ()
    for path, parts in chapters:
        called = f"{shown}/{path.relative_to(folder).as_posix()}"
        try:
            if is_not_read_yet(path):
                raise not_read_yet(path, called)
            read, sha256 = read_file(path, called)
        except RefusedError as error:
            refusals.append(error)
            continue
        digest.update(bytes.fromhex(sha256))
        reads.append(read)
        for depth, part in enumerate(parts):
            if before[: depth + 1] != parts[: depth + 1]:
                blocks.append(
                    Block("heading", names.title_of(part) or part, depth - len(parts) + 1)
                )
        before = parts
        blocks += _with_heading(read, path)
    if not reads:
        raise refusals[0] if refusals else RefusedError("empty", f"No story is in {shown}.")
    return Book(
        Read(
            blocks=tuple(blocks),
            author=next((each.author for each in reads if each.author), ""),
            language=next((each.language for each in reads if each.language), ""),
        ),
        digest.hexdigest(),
        tuple((path.relative_to(folder).as_posix(), why) for path, why in passed_over),
        tuple(refusals),
    )


def _with_heading(read: Read, path: Path) -> list[Block]:
    """The blocks of a chapter, which begins with a heading of level 1."""
    blocks = [each for each in read.blocks if each.kind != "title"]
    first = next((each for each in blocks if each.kind not in ("gap", "break")), None)
    if first is None or first.kind != "heading":
        title = read.title or names.title_of(path.stem)
        levels = [each.level for each in blocks if each.kind == "heading"]
        lower = 2 - min(levels) if levels and min(levels) < 2 else 0
        return [Block("heading", title, 1), *_moved(blocks, lower)]
    return _moved(blocks, 1 - first.level)


def _moved(blocks: list[Block], by: int) -> list[Block]:
    return [
        replace(each, level=max(each.level + by, 1)) if each.kind == "heading" else each
        for each in blocks
    ]
