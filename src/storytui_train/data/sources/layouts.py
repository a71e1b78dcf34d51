"""Where Project Gutenberg's files lie: on a mirror, in a copy of one, in a folder of downloads.

The main collection keeps book 1342 in `1/3/4/1342/`, book 5 in `0/5/`; a text's name ends in
`-0` where it is UTF-8, in `-8` where it is in an eight-bit encoding, in neither where it is ASCII.
What is generated from it lies in `cache/epub/1342/pg1342.txt`, always UTF-8. Files of before
2003 lie in `old/`, under names without a number (`timem11.txt`).
Source: https://www.gutenberg.org/help/mirroring.html.
"""

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

CATALOGS = ("cache/epub/feeds/pg_catalog.csv.gz", "cache/epub/feeds/pg_catalog.csv")
"""Where the catalogue is, seen from a mirror's top; the better first."""

_NUMBERED = re.compile(r"(?:pg)?(\d{1,7})(?:-([08])|[-_.][^/]*)?\.txt(?:\.utf-?8)?$", re.IGNORECASE)
_BOOKS_FOLDER = re.compile(r"(?:.*_)?(\d{1,7})$")


def tree(number: int) -> str:
    """A book's folder in the main collection: `1/3/4/1342`."""
    digits = str(number)
    return "/".join((*(digits[:-1] or "0"), digits))


def places(number: int) -> tuple[str, ...]:
    """Where a mirror may have a book's text, seen from its top; the better first."""
    return (
        f"{tree(number)}/{number}-0.txt",
        f"{tree(number)}/{number}-8.txt",
        f"{tree(number)}/{number}.txt",
        f"cache/epub/{number}/pg{number}.txt",
    )


class Shelf:
    """A folder of books: a mirror's tree, downloads side by side, or a folder for each book."""

    def __init__(self, folder: Path) -> None:
        """Look at a folder.

        Args:
            folder: has to be there.
        """
        self.folder = folder

    def file_of(self, number: int, named: str = "") -> Path | None:
        """A book's text; None: it is not here.

        Args:
            number: the book's.
            named: what the folder's own catalogue calls its file.

        Raises:
            OSError: a folder cannot be read.
        """
        top = self.folder.resolve()
        if named and (listed := self.folder / named).is_file():
            # A catalogue is no way out of the folder.
            return listed if listed.resolve().is_relative_to(top) else None
        candidates = [*(self.folder / each for each in places(number))]
        candidates += self._flat.get(number, [])
        deeper = self.folder.joinpath(*str(number), str(number))
        for folder in (self.folder / tree(number), deeper, *self._folders.get(number, [])):
            candidates += _texts(folder, number)
        return next((each for each in candidates if each.is_file()), None)

    def numbers(self) -> Iterator[int]:
        """The numbers of all books here, ascending.

        Raises:
            OSError: a folder cannot be read.
        """
        found = {*self._flat, *self._folders}
        for digit in self.folder.glob("[0-9]"):
            found |= {*_leaves(digit, digit.name)}
        cache = self.folder / "cache" / "epub"
        if cache.is_dir():
            found |= {int(each.name) for each in cache.iterdir() if each.name.isdecimal()}
        yield from sorted(found)

    @cached_property
    def _flat(self) -> dict[int, list[Path]]:
        """Texts that lie in the folder itself, by their number, the better first."""
        found: dict[int, list[tuple[int, Path]]] = {}
        for path in sorted(self.folder.iterdir()):
            if numbered := _NUMBERED.match(path.name):
                rank = {"0": 0, None: 1, "8": 2}[numbered[2]]
                found.setdefault(int(numbered[1]), []).append((rank, path))
        return {key: [path for _, path in sorted(value)] for key, value in found.items()}

    @cached_property
    def _folders(self) -> dict[int, list[Path]]:
        """Folders for one book each: `1342`, `Pride-and-Prejudice_1342`."""
        found: dict[int, list[Path]] = {}
        for path in sorted(self.folder.iterdir()):
            numbered = _BOOKS_FOLDER.match(path.name)
            # A single digit is a branch of a mirror's tree.
            if numbered and not re.fullmatch(r"\d", path.name) and path.is_dir():
                found.setdefault(int(numbered[1]), []).append(path)
        return found


def _texts(folder: Path, number: int) -> list[Path]:
    """The texts in a book's own folder, the better first; last what lies in `old/`."""
    names = (f"{number}-0.txt", f"pg{number}.txt", f"{number}.txt", f"{number}-8.txt")
    found = [folder / each for each in names]
    old = folder / "old"
    found += [old / each for each in names]
    if old.is_dir():
        # `timem10.txt`, `timem11.txt`: the last edition.
        found += sorted(old.glob("*.txt"), reverse=True)
    return found


def _leaves(folder: Path, branch: str) -> Iterator[int]:
    """The numbers of the books in a branch of a mirror's tree."""
    for path in folder.iterdir():
        if not (path.name.isdecimal() and path.is_dir()):
            continue
        single = len(path.name) == 1
        if branch in ("0" if single else path.name[:-1], "" if single else path.name):
            yield int(path.name)
        if single and branch != "0":
            yield from _leaves(path, branch + path.name)
