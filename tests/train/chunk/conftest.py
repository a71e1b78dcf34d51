"""Real books, cleaned crudely: enough to cut them, whatever the real cleaning does."""

import csv
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from storytui.story.outline import chapters
from storytui_train.data.documents import Chapter, Cleaned, Document, Source, TextKind
from storytui_train.data.edits import Edit, Edited

BOOKS = Path(
    os.environ.get("STORYTUI_BOOKS") or Path(__file__).parents[4].joinpath("shared", "books")
)

_STARTS = (re.compile(r"\*\*\* ?START OF.*"), re.compile(r"\*END\*? ?THE SMALL PRINT.*"))
_END = re.compile(r"[ \t]*(?:\*\*\* ?END OF|End of (?:The |the )?Project Gutenberg).*")
_STARS = re.compile(r"[*•· \t]+")


def decoded(path: Path) -> str:
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252")


def crude(text: str, kind: TextKind = "prose") -> Cleaned:
    """Take what stands between the markers, join hard-wrapped lines, find chapters."""
    starts = [found.end() for each in _STARTS if (found := each.search(text))]
    start = starts[0] if starts else 0
    end = _END.search(text, start)
    stop = end.start() if end else len(text)
    edited = Edited(text, [Edit(0, start, ""), Edit(stop, len(text), "")])
    edited = edited.edit(_joined(edited.text))
    found = edited.text
    lines = found.split("\n")
    offsets = [0]
    for line in lines:
        offsets.append(offsets[-1] + len(line) + 1)
    headings = [each for each in chapters(lines) if len(lines[each.line]) < 80]
    made = []
    if not headings:
        stop = len(found.rstrip())
        return Cleaned(
            text=found,
            edits=tuple(edited.edits),
            chapters=(Chapter(title="", start=0, end=stop, kind=kind),),
        )
    for number, heading in enumerate(headings):
        first = offsets[heading.line + 1]
        last = offsets[headings[number + 1].line] if number + 1 < len(headings) else len(found)
        body = found[first:last]
        if len(body.strip()) < 1_000:
            continue
        first += len(body) - len(body.lstrip())
        last -= len(body) - len(body.rstrip())
        made.append(Chapter(title=heading.title, start=first, end=last, kind=kind))
    return Cleaned(text=found, edits=tuple(edited.edits), chapters=tuple(made))


def _joined(text: str) -> list[Edit]:
    edits: list[Edit] = []
    for block in re.finditer(r"(?:[^\n]*\S[^\n]*(?:\n|\Z))+", text):
        lines = [part.strip() for part in block[0].split("\n") if part.strip()]
        raw = block[0].rstrip("\n").split("\n")
        verse = len(raw) > 1 and all(part.startswith("    ") for part in raw[1:])
        verse = verse or (len(raw) > 1 and max(map(len, lines)) < 50)
        if len(lines) == 1 and _STARS.fullmatch(lines[0]) and lines[0].count("*") > 2:
            edits.append(Edit(block.start(), block.end(), "* * *"))
            continue
        at = block.start()
        for number, line in enumerate(raw):
            begin = at + len(line) - len(line.lstrip())
            if begin > at:
                edits.append(Edit(at, begin, ""))
            end = at + len(line.rstrip())
            at += len(line) + 1
            after = min(at, block.end())
            last = number == len(raw) - 1
            edits.append(Edit(end, after, "" if last else "\n" if verse else " "))
    blocks = list(re.finditer(r"(?:[^\n]*\S[^\n]*(?:\n|\Z))+", text))
    gaps: list[Edit] = []
    at = 0
    for block in blocks:
        gaps.append(Edit(at, block.start(), "\n\n" if at else ""))
        at = block.end()
    gaps.append(Edit(at, len(text), ""))
    return sorted(edits + [each for each in gaps if each.end > each.start or each.text])


def source(number: int) -> Source:
    with (BOOKS / "catalog.tsv").open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            if int(line["id"]) == number:
                return Source(
                    id=f"gutenberg-{number}",
                    kind="gutenberg",
                    file=line["file"],
                    gutenberg_id=number,
                    title=line["title"],
                    author=line["author"],
                    birth=int(line["author_birth"]),
                    language=line["language"],
                )
    raise LookupError(number)


@pytest.fixture(scope="session")
def book() -> Callable[[int], tuple[str, Document]]:
    """A book's decoded text and the document that is made of it; skipped where it is absent."""
    if not (BOOKS / "catalog.tsv").exists():
        pytest.skip("the folder of books is not beside the checkout")
    known: dict[int, tuple[str, Document]] = {}

    def get(number: int) -> tuple[str, Document]:
        if number not in known:
            origin = source(number)
            text = decoded(BOOKS / origin.file)
            known[number] = (text, Document(source=origin, cleaned=crude(text)))
        return known[number]

    return get
