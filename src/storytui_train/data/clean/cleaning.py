"""PURE. All passes of cleaning, one after the other, each a list of edits over the one before."""

import re
from collections.abc import Sequence

from storytui_train.data.clean import (
    assembly,
    brackets,
    characters,
    finished,
    frame,
    kinds,
    layout,
    pages,
    paragraphs,
    scenes,
)
from storytui_train.data.clean import chapters as divisions
from storytui_train.data.clean.contents import is_prose
from storytui_train.data.clean.cuts import Cut, moved, ordered, take
from storytui_train.data.clean.displayed import DATE
from storytui_train.data.clean.emphasis import emphasis
from storytui_train.data.clean.entities import entities
from storytui_train.data.clean.footnotes import footnotes
from storytui_train.data.clean.layout import Torn
from storytui_train.data.clean.parts import Parts
from storytui_train.data.clean.titles import split_headings
from storytui_train.data.clean.typography import typography
from storytui_train.data.documents import Chapter, Cleaned, Extracted, Loss, TextKind
from storytui_train.data.edits import Edit, Edited
from storytui_train.recipe import CleanOptions

_TITLE = re.compile(r"^\s*Title:\s*(.+)$", re.MULTILINE)
_BRACED = re.compile(r"\{(\d{1,4})\}(?=\s+\S)")


def clean(extracted: Extracted, options: CleanOptions = CleanOptions()) -> Cleaned:  # noqa: B008
    """Make a text ready to be cut: no frame, no front matter, paragraphs, chapters.

    Args:
        extracted: the text as its file has it.
        options: what becomes of quotes, dashes, emphasis and footnotes.

    Returns:
        The text with what was done to it; `edits.apply(extracted.text, cleaned.edits)` is its
        text. It may be empty, and have no chapters, where nothing of the file is a text.
    """
    edited = _characters(Edited(extracted.text), finished=extracted.finished)
    if extracted.finished:
        return _finished(edited, extracted, options)
    return _printed(edited, options)


def _characters(edited: Edited, *, finished: bool) -> Edited:
    repairs = [characters.mojibake, characters.controls, characters.spaces]
    if not finished:
        # Where a reader of HTML or the like took the text out, what is left was meant.
        repairs.insert(0, entities)
    for repair in repairs:
        if found := repair(edited.text):
            edited = edited.edit(found)
    return edited


def _printed(edited: Edited, options: CleanOptions) -> Cleaned:
    """A text that was set in lines."""
    if spans := layout.single_spaced(edited.text):
        edited = edited.edit([Edit(*span) for span in spans])
    losses: list[Loss] = []
    torn: list[Torn] = []

    def without(cuts: list[Cut]) -> None:
        nonlocal edited, torn
        cuts = ordered(cuts)
        torn = _moved(torn, [Edit(cut.start, cut.end, cut.text) for cut in cuts])
        edited, lost, places = take(edited, cuts)
        losses.extend(lost)
        torn = sorted(torn + places)

    title = found[1] if (found := _TITLE.search(edited.text[:6_000])) else ""
    without(frame.frames(frame.split_markers(layout.read(edited.text))))
    if spans := layout.single_spaced(edited.text):
        halved = [Edit(*span) for span in spans]
        torn = _moved(torn, halved)
        edited = edited.edit(halved)
    notes = frozenset(found[1] for found in _BRACED.finditer(edited.text) if _begins(found))
    without(brackets.tags(edited.text, notes))
    without(pages.pages(edited.text))
    if options.footnotes == "drop":
        without(footnotes(edited.text))
    edited, chapters, lost = _built(edited, torn, title)
    losses += lost
    for edits in (emphasis(edited.text, options.emphasis), None):
        edits = typography(edited.text, options) if edits is None else edits
        edited, chapters = _after(edited, chapters, edits)
    losses.sort(key=lambda each: (each.start, each.end))
    return Cleaned(
        text=edited.text,
        edits=tuple(edited.edits),
        chapters=tuple(_trimmed(edited.text, each) for each in chapters),
        losses=tuple(losses),
    )


def _moved(torn: Sequence[Torn], edits: Sequence[Edit]) -> list[Torn]:
    """Where something was taken away, after more edits."""
    places = moved([each.place for each in torn], edits)
    return [Torn(place, each.columns) for place, each in zip(places, torn, strict=True)]


def _begins(found: re.Match[str]) -> bool:
    """Whether a number in braces begins a paragraph, as a note's does."""
    return found.string[: found.start()].endswith("\n\n")


def _built(
    edited: Edited, torn: Sequence[Torn], title: str
) -> tuple[Edited, list[Chapter], list[Loss]]:
    """Headings, front matter, scene breaks and paragraphs: all that is seen from the lines."""
    blocks = layout.read(edited.text, torn)
    layout.without_margin(blocks)
    book = layout.measure(blocks)
    blocks = split_headings(layout.paragraphs(scenes.split_rows(blocks, book), book), book)
    paragraphs.settle(blocks, book)
    parts = divisions.divide(blocks, book, title)
    breaks = scenes.gaps(blocks, _plain(parts), book, rows=parts.role.count("row"))
    built = assembly.assemble(edited.text, parts, breaks)
    losses = []
    for cut in built.lost:
        where = edited.stretch(cut.start, cut.end)
        words = len(edited.text[cut.start : cut.end].split())
        losses.append(Loss(cut.why, where.start, where.end, words))
    persons = kinds.speakers(blocks)
    chapters = [
        Chapter(
            title=parts.sections[index].title,
            start=start,
            end=end,
            kind=_kind(parts, index, persons),
        )
        for index, start, end in built.chapters
    ]
    return edited.edit(built.edits), chapters, losses


def _plain(parts: Parts) -> list[bool]:
    """For each block, whether it and the one before it are paragraphs of prose in one chapter."""
    plain = [
        role == "text"
        and not any(block.kept)
        and block.lines[0].indent <= 8
        and not (block.words < 12 and DATE.search(block.text))
        and (is_prose(block) or (block.words >= 4 and block.closed and block.text[0] not in "[("))
        for role, block in zip(parts.role, parts.blocks, strict=True)
    ]
    return [at > 0 and plain[at] and plain[at - 1] for at in range(len(plain))]


def _kind(parts: Parts, index: int, persons: frozenset[str]) -> TextKind:
    section = parts.sections[index]
    return kinds.kind(
        [parts.blocks[n] for n in range(section.start, section.end) if parts.role[n] == "text"],
        persons,
    )


def _finished(edited: Edited, extracted: Extracted, options: CleanOptions) -> Cleaned:
    """A text that needs no more than its chapters marked."""
    edited = edited.edit(finished.tidy(edited.text))
    known = extracted.headings
    chapters = finished.chapters(edited.text, finished.headings(edited, known))
    if options.emphasis == "drop":
        edited, chapters = _after(edited, chapters, emphasis(edited.text, "drop"))
    edited, chapters = _after(edited, chapters, typography(edited.text, options))
    return Cleaned(text=edited.text, edits=tuple(edited.edits), chapters=tuple(chapters))


def _after(
    edited: Edited, chapters: list[Chapter], edits: list[Edit]
) -> tuple[Edited, list[Chapter]]:
    """A text and its chapters after more edits."""
    if not edits:
        return edited, chapters
    places = moved([place for each in chapters for place in (each.start, each.end)], edits)
    after = [
        Chapter(title=each.title, start=places[2 * at], end=places[2 * at + 1], kind=each.kind)
        for at, each in enumerate(chapters)
    ]
    return edited.edit(edits), after


def _trimmed(text: str, chapter: Chapter) -> Chapter:
    start, end = finished.trimmed(text, chapter.start, chapter.end)
    return Chapter(title=chapter.title, start=start, end=end, kind=chapter.kind)
