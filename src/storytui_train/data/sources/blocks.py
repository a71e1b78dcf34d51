"""PURE. What every reader of documents gives: blocks, and the one text that is made of them.

A manuscript as docx, epub, HTML or Markdown comes out the same because all of them end here: one
way to write emphasis, one for scene breaks, one for white space.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal, NamedTuple

from storytui.story import outline
from storytui_train.data.documents import SCENE_BREAK, Extracted, Heading

BlockKind = Literal["title", "heading", "paragraph", "item", "break", "gap"]


class Run(NamedTuple):
    """A stretch of text in one style; `\\n` is a line break that was set on purpose."""

    text: str
    emphasis: bool = False
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a document that stands by itself."""

    kind: BlockKind
    """`title`: of the whole document, no part of the story; `item`: of a list, set close;
    `gap`: an empty paragraph."""
    text: str = ""
    level: int = 0
    """Of a heading, 1 for the highest."""


@dataclass(frozen=True, slots=True)
class Read:
    """What a reader found in a document."""

    blocks: tuple[Block, ...]
    title: str = ""
    author: str = ""
    language: str = ""
    encoding: str = "utf-8"


BREAK = Block("break")
GAP = Block("gap")

_UNSEEN = re.compile("[\u00ad\u200b\u2060\ufeff\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
_BLANKS = re.compile(r"[^\S\n]+")
_ORNAMENTS = frozenset("*•·∙⋅#⁂❦❧☙✻✽✶✷✳⁎†‡§~∼_=+○●◦◇◆■□▪▫✦✧-–—―⸻")
_ALONE = frozenset("*#⁂❦❧☙✻✽✶✷✳⁎§~∼•○●◇◆■□✦✧")
_LONGEST_ORNAMENT = 60
_CONTENTS = re.compile(
    r"(table of )?contents|(list of )?illustrations|inhalt(sverzeichnis)?|sommaire", re.IGNORECASE
)
_USUAL_GAPS = 0.3
"""Share of paragraphs with an empty one before them that makes empty ones mere spacing."""


def tidy(text: str) -> str:
    """`text` with single blanks, none at the edges of lines, and nothing that cannot be seen.

    No-break spaces become blanks, soft hyphens and characters of no width go; line breaks stay.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\v", "\n").replace("\f", "\n")
    text = text.replace("\x85", "\n").replace("\u2028", "\n").replace("\u2029", "\n\n")
    text = _BLANKS.sub(" ", _UNSEEN.sub("", text))
    return "\n".join(line.strip() for line in text.split("\n")).strip("\n")


def inline(runs: Iterable[Run]) -> str:
    """The text of runs, emphasis as `*x*`, strong as `**x**`, blanks outside the marks."""
    parts: list[str] = []
    for style, group in groupby(_joined(runs), key=lambda run: run[1:]):
        text = _BLANKS.sub(" ", _UNSEEN.sub("", "".join(run.text for run in group)))
        mark = "*" * (style[0] + 2 * style[1])
        core = text.strip()
        if not mark or not any(map(str.isalnum, core)):
            parts.append(text)
            continue
        start = text.index(core)
        parts += (text[:start], mark, core, mark, text[start + len(core) :])
    return tidy("".join(parts))


def _joined(runs: Iterable[Run]) -> list[Run]:
    """Runs in which white space takes the style that stands on both its sides."""
    found = [run for run in runs if run.text]
    for at in range(1, len(found) - 1):
        before, after = found[at - 1], found[at + 1]
        if not found[at].text.strip() and before[1:] == after[1:]:
            found[at] = found[at]._replace(emphasis=before.emphasis, strong=before.strong)
    return found


def is_scene_break(text: str) -> bool:
    """Whether a paragraph is nothing but ornaments: `* * *`, `#`, `⁂`, `—o—`."""
    signs = "".join(text.split())
    if not signs or len(signs) > _LONGEST_ORNAMENT:
        return False
    if re.fullmatch(r"[-–—~*=]+[oO0]{1,3}[-–—~*=]+", signs):
        return True
    kinds = set(signs)
    if not kinds <= _ORNAMENTS or len(kinds) > 2:
        return False
    return len(signs) > 2 or kinds <= _ALONE


def compose(blocks: Sequence[Block], *, title: str = "", encoding: str = "utf-8") -> Extracted:
    """The one text of a document, with where its headings stand in it.

    Paragraphs have blank lines between them, scene breaks are `* * *`, a heading takes one line.
    Where the document marks no chapters, lines that read like headings are taken for them.

    Args:
        blocks: in order.
        title: the document's, as far as it is known; a first heading that says it is left out.
        encoding: what the document's bytes were decoded with.
    """
    found = _merged_items(_with_breaks(_split(blocks)))
    found = _without_title(_without_contents(found), title)
    if sum(each.kind == "heading" for each in found) < 2:
        found = _with_found_headings(found)
    ranks = {level: rank for rank, level in enumerate(sorted(_levels(found)), start=1)}
    parts: list[str] = []
    headings: list[Heading] = []
    at = 0
    for block in _breaks_inside(found):
        text = SCENE_BREAK if block.kind == "break" else block.text
        if block.kind == "heading":
            headings.append(Heading(at, at + len(text), ranks[block.level]))
        parts.append(text)
        at += len(text) + 2
    text = "\n\n".join(parts)
    return Extracted(
        text=text + "\n" if text else "",
        encoding=encoding,
        headings=tuple(headings),
        finished=True,
    )


def _levels(blocks: Iterable[Block]) -> set[int]:
    return {each.level for each in blocks if each.kind == "heading"}


def _split(blocks: Iterable[Block]) -> list[Block]:
    """Tidy blocks; two line breaks in a row part paragraphs, three leave a gap."""
    found: list[Block] = []
    for block in blocks:
        if block.kind in ("break", "gap"):
            found.append(block)
        elif block.kind in ("title", "heading"):
            text = " ".join(block.text.split())
            if block.kind == "heading" and is_scene_break(text):
                found.append(BREAK)
            elif text and block.kind == "heading":
                found.append(replace(block, text=text))
        else:
            for piece in re.split(r"(\n{2,})", tidy(block.text)):
                if piece.startswith("\n"):
                    found += [GAP] * (len(piece) > 2)
                elif not piece:
                    found.append(GAP)
                elif is_scene_break(piece):
                    found.append(BREAK)
                else:
                    found.append(replace(block, text=piece))
    return found


def _with_breaks(blocks: list[Block]) -> list[Block]:
    """Empty paragraphs as scene breaks, where they are not what stands between all paragraphs."""
    gaps: list[int] = []
    """For each place between two paragraphs, how many empty ones stand there."""
    count = 0
    before: BlockKind = "break"
    for block in blocks:
        if block.kind == "gap":
            count += 1
            continue
        if before in ("paragraph", "item") and block.kind in ("paragraph", "item"):
            gaps.append(count)
        before, count = block.kind, 0
    some = [each for each in gaps if each]
    usual = sorted(some)[len(some) // 2] if len(some) > _USUAL_GAPS * len(gaps) else 0
    found: list[Block] = []
    for kind, group in groupby(blocks, key=lambda block: block.kind):
        members = list(group)
        if kind != "gap":
            found += members
        elif len(members) > usual:
            found.append(BREAK)
    return found


def _merged_items(blocks: list[Block]) -> list[Block]:
    """The items of a list as the lines of one paragraph."""
    found: list[Block] = []
    for kind, group in groupby(blocks, key=lambda block: block.kind):
        if kind == "item":
            found.append(Block("paragraph", "\n".join(each.text for each in group)))
        else:
            found += group
    return found


def _without_contents(blocks: list[Block]) -> list[Block]:
    """Without headings of contents that nothing stands under any more."""
    return [
        block
        for block, after in zip(blocks, [*blocks[1:], BREAK], strict=False)
        if not (
            block.kind == "heading"
            and _CONTENTS.fullmatch(block.text.strip(" .:"))
            and after.kind != "paragraph"
        )
    ]


def title_over(blocks: Sequence[Block], title: str = "") -> Block | None:
    """The heading over all others, which is the book's title; None: there is none.

    Args:
        blocks: the document's.
        title: what it is called, as far as it is known; a first heading that says it is one too.
    """
    headings = [at for at, each in enumerate(blocks) if each.kind == "heading"]
    if len(headings) < 2 or any(each.kind == "paragraph" for each in blocks[: headings[1]]):
        return None
    first, second = blocks[headings[0]], blocks[headings[1]]
    over_all = [blocks[at].level for at in headings].count(first.level) == 1
    over_all = over_all and first.level == min(_levels(blocks))
    same = bool(title) and _key(first.text) == _key(title)
    return first if (over_all and first.level < second.level) or same else None


def _without_title(blocks: list[Block], title: str) -> list[Block]:
    over = title_over(blocks, title)
    return blocks if over is None else [each for each in blocks if each is not over]


def _key(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def _with_found_headings(blocks: list[Block]) -> list[Block]:
    """Headings by their words ("Chapter 3", "IV.") where the document marks none."""
    places: list[int] = []
    lines: list[str] = []
    for at, block in enumerate(blocks):
        if block.kind == "paragraph" and "\n" not in block.text:
            places.append(at)
            lines += [block.text.strip("*"), ""]
        elif block.kind == "paragraph":
            # Whatever it says, verse and lists are no headings.
            places.append(at)
            lines += ["…", ""]
    found = {places[each.line // 2]: each for each in outline.chapters(lines)}
    if len(found) < 2 and not any(each.kind == "heading" for each in blocks):
        # A single line that reads like a heading is one only at the very beginning.
        found = {at: each for at, each in found.items() if at == places[0]}
    return [
        Block("heading", found[at].title, found[at].level + 1) if at in found else block
        for at, block in enumerate(blocks)
    ]


def _breaks_inside(blocks: Iterable[Block]) -> list[Block]:
    """Scene breaks only between paragraphs, one at a time."""
    found: list[Block] = []
    for block in blocks:
        waiting = bool(found) and found[-1].kind == "break"
        if block.kind == "break" and (waiting or not found or found[-1].kind == "heading"):
            continue
        if block.kind == "heading" and waiting:
            found.pop()
        found.append(block)
    if found and found[-1].kind == "break":
        found.pop()
    return found
