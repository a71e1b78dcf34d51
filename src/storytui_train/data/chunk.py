"""PURE. A cleaned text cut into rows: context and continuation, as the book has them.

By default a chapter's first row begins with the chapter and has a full context; the next rows'
continuations follow each other, so that no sentence is in two of them. Nothing crosses a chapter.
Where a cut would stand inside quoted speech, inside lines that belong together or behind a
heading, it is moved to the nearest place where an editor would accept it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from storytui.story.words import count_words
from storytui_train.data.cuts import Plan, Planner
from storytui_train.data.documents import Chapter, Document
from storytui_train.data.edits import Positions
from storytui_train.data.examples import Row
from storytui_train.data.passages import Passage, passage_of
from storytui_train.data.speech import quoting_of
from storytui_train.recipe import ChunkOptions


@dataclass(frozen=True, slots=True)
class CutChapter:
    """A chapter with the rows laid over it."""

    number: int
    """From 1, over the book."""
    chapter: Chapter
    passage: Passage
    plans: tuple[Plan, ...]
    skipped: str = ""
    """Why it has no rows: `verse`, `play`, `short`, or `no place for a cut`."""


@dataclass(frozen=True, slots=True)
class CutBook:
    """A book's chapters with the rows laid over them; the rows are made when they are asked for."""

    document: Document
    options: ChunkOptions
    chapters: tuple[CutChapter, ...]

    def rows(self) -> Iterator[Row]:
        """The rows, in the order of the book."""
        cleaned = self.document.cleaned
        positions = Positions(cleaned.edits, len(cleaned.text))
        known: Counter[str] = Counter()
        for each in self.chapters:
            for plan in each.plans:
                yield self._row(each, plan, positions, known)

    def _row(self, cut: CutChapter, plan: Plan, positions: Positions, known: Counter[str]) -> Row:
        text, passage = self.document.cleaned.text, cut.passage
        start, end = passage.starts[plan.start], passage.ends[plan.end - 1]
        last = min(plan.end + self.options.after_sentences, len(passage))
        stretch = positions.stretch(start, end)
        identity = f"{self.document.source.id}:{stretch.start}-{stretch.end}"
        known[identity] += 1
        if known[identity] > 1:
            identity += f"~{known[identity]}"
        continuation = text[plan.at : end]
        return Row(
            id=identity,
            source=self.document.source,
            chapter=cut.chapter.title,
            chapter_number=cut.number,
            span=(stretch.start, stretch.end),
            edits=stretch.edits,
            context=text[start : plan.at],
            continuation=continuation,
            after=text[end : passage.ends[last - 1]],
            sentences=plan.sentences,
            starts=plan.starts,
            cut=plan.kind,
            why="; ".join(plan.why),
            words=count_words(continuation),
        )


def chunk(document: Document, options: ChunkOptions, seed: int) -> Iterator[Row]:
    """Cut a text into rows, in its order. The same arguments give the same rows.

    Args:
        document: cleaned, with its chapters.
        options: sizes, stride, and how many rows are cut on purpose.
        seed: of the whole recipe.
    """
    return cut_book(document, options, seed).rows()


def cut_book(document: Document, options: ChunkOptions, seed: int) -> CutBook:
    """Lay rows over a text's chapters. About 30,000 words a second; making rows is nothing to it.

    Args:
        document: cleaned, with its chapters.
        options: sizes, stride, and how many rows are cut on purpose.
        seed: of the whole recipe.
    """
    text = document.cleaned.text
    quoting = quoting_of(text)
    language = str(document.measures.get("language") or document.source.language or "en")
    passages: list[Passage] = []
    for chapter in document.cleaned.chapters:
        if chapter.kind in options.kinds:
            passages.append(passage_of(text, chapter, quoting, language))
        else:
            passages.append(Passage(text))
    planners = [Planner(passage, options) for passage in passages]
    laid = [list(planner.plans()) for planner in planners]
    wishes = _wishes(laid, options.varied_cuts, f"{seed}:{document.source.id}")
    for number, chances in wishes.items():
        laid[number] = list(planners[number].plans(chances))
    kept = _spread([len(plans) for plans in laid], options.rows_per_book)
    chapters = []
    for number, chapter in enumerate(document.cleaned.chapters):
        plans = tuple(laid[number][place] for place in kept[number])
        skipped = ""
        if chapter.kind not in options.kinds:
            skipped = chapter.kind
        elif not laid[number]:
            skipped = planners[number].why_none()
        chapters.append(CutChapter(number + 1, chapter, passages[number], plans, skipped))
    return CutBook(document, options, tuple(chapters))


def _wishes(
    laid: Sequence[Sequence[Plan]], share: float, seed: str
) -> dict[int, dict[int, Random]]:
    """By chapter and row: the chance for each row that is to be cut on purpose.

    Rows that had to be cut inside a long quotation count in the share.
    """
    names = [
        (Random(f"{seed}:{chapter}:{row}").random(), chapter, row)
        for chapter, plans in enumerate(laid)
        for row, plan in enumerate(plans)
        if not plan.forced
    ]
    everything = sum(map(len, laid))
    forced = everything - len(names)
    wanted = share * everything - forced
    # What is left of a row is a row by chance: many short texts have the share together.
    number = max(0, int(wanted + Random(f"{seed}:share").random()))
    wishes: dict[int, dict[int, Random]] = {}
    for _, chapter, row in sorted(names)[:number]:
        chance = Random(f"{seed}:{chapter}:{row}:cut")
        wishes.setdefault(chapter, {})[row] = chance
    return wishes


def _spread(counts: Sequence[int], most: int) -> list[list[int]]:
    """Which rows of each chapter are kept of a book, evenly spread; `most` 0: all."""
    places = [(chapter, row) for chapter, rows in enumerate(counts) for row in range(rows)]
    if 0 < most < len(places):
        places = [places[(2 * number + 1) * len(places) // (2 * most)] for number in range(most)]
    kept: list[list[int]] = [[] for _ in counts]
    for chapter, row in places:
        kept[chapter].append(row)
    return kept
