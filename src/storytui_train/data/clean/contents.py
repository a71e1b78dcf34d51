"""PURE. Tables of contents and lists of illustrations: where they end, and what they name."""

import re
from collections.abc import Sequence

from storytui_train.data.clean.headings import CONTENTS, ILLUSTRATIONS, bare, key, mark
from storytui_train.data.clean.layout import Block

_PAGE = re.compile(
    r"(?:[\s.·_…-]{2,}|\s)(?:page\s+|p\.\s*)?(?:\d{1,4}|[ivxlc]{1,7})\.?$", re.IGNORECASE
)
_LEADERS = re.compile(r"(?:\s*\.){3,}.*$|\s{3,}(?:\d{1,4}|[ivxlc]{1,7})\.?$|[._]{4,}.*$")
_MOST = 24
"""Lists that are looked at in one text."""
_LONGEST = 2_500
"""Blocks of a list at the most."""
_SYNOPSIS = re.compile(r"[.;!?][\"'”’]?\s*(?:--|—|–)\s*(?=[^\W\d_])")


def is_prose(block: Block) -> bool:
    """Whether a block is a paragraph of sentences, and not a title, a list or an entry."""
    if block.prose is None:
        block.prose = _is_prose(block)
    return block.prose


def _is_prose(block: Block) -> bool:
    if block.words < 12 or block.capitals > 0.5:
        return False
    if block.kept and sum(block.kept) > 0.5 * len(block.kept):
        return False
    if is_synopsis(block.text) or not re.search(r"[.!?:;,—-]", block.text):
        return False
    words = block.text[:600].split()
    small = sum(word[0].islower() for word in words)
    return small >= 0.45 * len(words) and (block.closed or block.words > 40)


def is_synopsis(text: str) -> bool:
    """Whether a paragraph lists what a chapter holds: `A walk.--The storm.--We are late.`"""
    if "--" not in text and "—" not in text and "–" not in text:
        return False
    dashes = len(_SYNOPSIS.findall(text))
    if dashes < 2:
        dashes = len(re.findall(r"\s?(?:--|—|–)\s?(?=[A-Z“\"])", text))
        if dashes < 3:
            return False
    return len(text.split()) / (dashes + 1) <= 13


def regions(blocks: Sequence[Block]) -> tuple[list[tuple[int, int, str]], set[str]]:
    """Where tables of contents and lists of illustrations stand, and the titles they name.

    Returns:
        First block, last block (excluded) and what it is; keys of the titles.
    """
    found: list[tuple[int, int, str]] = []
    names: set[str] = set()
    number = tried = 0
    front = max(60, len(blocks) // 3)
    while number < len(blocks):
        line = bare(blocks[number].lines[0].text)
        why = ""
        if blocks[number].lines[0].text[:1] != "#" and len(line) < 60:
            if CONTENTS.fullmatch(line):
                why = "contents"
            elif ILLUSTRATIONS.fullmatch(line):
                why = "list of illustrations"
        late = number > 0.9 * len(blocks)
        if why:
            tried += 1
            why = why if tried <= _MOST else ""
        if not why or not (number < front or late):
            number += 1
            continue
        end, keys = _list_end(blocks, number, why)
        if end <= number + 1 and len(blocks[number].lines) < 3:
            number += 1
            continue
        found.append((number, end, why))
        if why == "contents":
            names |= keys
        number = max(end, number + 1)
    return found, names


def _list_end(blocks: Sequence[Block], at: int, why: str) -> tuple[int, set[str]]:
    """Behind the last entry of a list that begins at `at`, and its keys."""
    keys: set[str] = set()
    late: set[str] = set()
    marks: set[tuple[object, ...]] = set()
    path: dict[int, int] = {}
    number = at
    while number < min(len(blocks), at + _LONGEST):
        block = blocks[number]
        caption = why != "contents" and block.words <= 30 and block.gap <= 2
        if number > at and is_prose(block) and not _is_entry(block) and not caption:
            break
        if number > at and _is_other_list(block):
            return number, keys
        if number > at + 1 and _begins_text(blocks, number):
            return _with_parents(blocks, number, at), keys - late
        single = len(block.lines) <= 2
        if block.gap >= 3 and single and mark(block.text) is None:
            late |= {key(block.text)}
        else:
            late = set()
        for index, line in enumerate(block.lines):
            if number == at and index == 0:
                continue
            found = mark(_without_page(line.text))
            if found and found.number:
                for level in [each for each in path if each > found.level]:
                    del path[level]
                path[found.level] = found.number
                entry = (found.kind, tuple(sorted(path.items())))
                again = found.number == 1 and len(path) == 1 and _counted(marks, found.kind)
                if (entry in marks or again) and single and block.gap:
                    return _with_parents(blocks, number, at), keys - late
                marks.add(entry)
                if found.title:
                    keys.add(key(_without_page(found.title)))
            name = key(_without_page(line.text))
            if single and index == 0 and number > at and _reappears(block, name, keys, marks):
                return number, keys
            if len(name) > 2 and not _PAGE.fullmatch(line.text):
                keys |= {name, key(_entry_title(line.text))}
            if index and line.indent > block.lines[index - 1].indent:
                both = f"{_entry_title(block.lines[index - 1].text)} {_without_page(line.text)}"
                keys.add(key(both))
        number += 1
    end = _walk_back(blocks, at, number, keys)
    return (end if why == "contents" else min(end, _last_page(blocks, at, number))), keys


def _reappears(block: Block, name: str, keys: set[str], marks: set[tuple[object, ...]]) -> bool:
    """Whether a title stands here for the second time, now at the head of its text."""
    return (
        name in keys
        and len(name) > 2
        and not marks
        and block.gap >= 2
        and not _LEADERS.search(block.text)
    )


def _is_other_list(block: Block) -> bool:
    line = bare(block.lines[0].text)
    return len(line) < 60 and bool(
        ILLUSTRATIONS.fullmatch(line) or (CONTENTS.fullmatch(line) and block.gap > 1)
    )


def _is_entry(block: Block) -> bool:
    """Whether a block that might be prose is an entry of a list all the same."""
    pages = sum(bool(_LEADERS.search(line.text)) for line in block.lines)
    if pages and pages >= 0.3 * len(block.lines):
        return True
    return mark(block.lines[0].text) is not None and len(block.lines) > 1


def _without_page(text: str) -> str:
    """An entry without its page number and what leads to it."""
    if (found := mark(text)) and found.sure and not found.title:
        return text
    text = _LEADERS.sub("", text.strip()).rstrip(" .")
    return (
        re.sub(r"\s+\d{1,3}$", "", text) if re.search(r"[^\W\d_]{2,}.*\s\d{1,3}$", text) else text
    )


def _counted(marks: set[tuple[object, ...]], kind: str) -> bool:
    """Whether the list counted on from one already."""
    return sum(entry[0] == kind for entry in marks) >= 2


def _begins_text(blocks: Sequence[Block], number: int) -> bool:
    """Whether the first chapter's heading stands here, far from the list, with prose behind it."""
    block = blocks[number]
    found = mark(block.lines[0].text)
    if found is None or block.gap < 3 or len(block.lines) > 2 or found.number > 1:
        return False
    for following in blocks[number + 1 : number + 6]:
        if _LEADERS.search(following.text) or len(following.lines) > 12:
            return False
        if is_prose(following) and not _is_entry(following):
            return True
    return False


def _entry_title(text: str) -> str:
    text = re.sub(r"^(?:[IVXLC]+|\d{1,3})(?:[.:)]\s*|\s{2,})", "", _without_page(text))
    found = mark(text)
    return found.title if found and found.title else text


def _with_parents(blocks: Sequence[Block], number: int, at: int) -> int:
    """A part's heading that stands before the first chapter's."""
    found = mark(blocks[number].lines[0].text)
    level = found.level if found else 0
    while number - 1 > at:
        above = mark(blocks[number - 1].lines[0].text)
        if (
            above is None
            or not above.sure
            or above.level >= level
            or len(blocks[number - 1].lines) > 2
        ):
            break
        number, level = number - 1, above.level
    return number


def _last_page(blocks: Sequence[Block], at: int, number: int) -> int:
    """Behind the last picture with a page, where a wider gap than any before stands there."""
    paged = [n for n in range(at + 1, number) if _LEADERS.search(blocks[n].lines[-1].text)]
    if not paged or paged[-1] + 1 >= number:
        return number
    gap = blocks[paged[-1] + 1].gap
    inside = max(block.gap for block in blocks[at + 1 : paged[-1] + 1])
    return paged[-1] + 1 if gap >= 3 and gap > inside else number


def _walk_back(blocks: Sequence[Block], at: int, number: int, keys: set[str]) -> int:
    """From the first paragraph behind a list up to the headings that belong to it."""
    level: int | None = None
    wide = False
    while number - 1 > at:
        block = blocks[number - 1]
        if len(block.lines) > 3 or _LEADERS.search(block.text):
            break
        if number - 1 > at + 1 and re.search(r"[^\W\d_] +\d{1,3}$", block.text):
            break
        found = mark(block.lines[0].text)
        if found is not None:
            if level is not None and found.level >= level:
                break
            level = found.level
        elif (
            block.words > 14
            or (wide and level is None)
            or (level is not None and (block.gap < 2 or key(block.text) in keys))
        ):
            break
        wide = wide or block.gap >= 3
        number -= 1
    return number
