"""PURE. What a data set consists of, counted row by row: lengths, paragraphs, speech, authors."""

import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from storytui.story.words import count_words
from storytui_train.data.examples import Row

SPLITS = ("train", "validation", "test")
MEASURES: Mapping[str, str] = {
    "context_words": "Words of the context",
    "continuation_words": "Words of the continuation",
    "reasoning_words": "Words of the reasoning",
    "context_sentences": "Sentences of the context",
    "continuation_sentences": "Sentences of the continuation",
    "context_paragraphs": "Paragraphs of the context",
    "continuation_paragraphs": "Paragraphs of the continuation",
    "dialogue_share": "Share of the continuation that is speech",
}
"""What is measured of each row, and what it is called."""
UNKNOWN = "not known"

_PARAGRAPH_BREAK = re.compile(r"\n[ \t]*\n")
_SPEECH = re.compile(
    '“[^“”]*(?:”|$)|„[^“”]*(?:[“”]|$)|«[^»]*(?:»|$)|"[^"]*(?:"|$)'
    # A closing mark that is no apostrophe: nothing of a word follows it.
    "|(?<!\\w)‘(?:[^‘’]|’(?=\\w))*(?:’(?!\\w)|$)"
)


class Spread(msgspec.Struct, frozen=True):
    """How a measure is spread over rows."""

    mean: float
    low: float
    """A tenth of the rows have less."""
    median: float
    high: float
    """A tenth of the rows have more."""
    most: float


class Table(msgspec.Struct, frozen=True):
    """A table for people."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Teaching(msgspec.Struct, frozen=True, kw_only=True):
    """What one teacher did, over all rows."""

    model: str
    rows: int = 0
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    """US dollars."""
    prompts: tuple[str, ...] = ()
    """The hashes of the prompts it was asked with."""


@dataclass
class _Part:
    """The rows of one split."""

    measures: dict[str, "array[float]"] = field(
        default_factory=lambda: {each: array("d") for each in MEASURES}
    )
    authors: Counter[str] = field(default_factory=Counter)
    books: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By the source's id and title."""
    decades: Counter[str] = field(default_factory=Counter)
    """Of the authors' births."""
    starts: Counter[str] = field(default_factory=Counter)
    rows: int = 0


class Statistics:
    """Counts rows, one after the other."""

    def __init__(self) -> None:
        self.parts: dict[str, _Part] = {}
        self.languages: Counter[str] = Counter()
        self.licences: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.private = 0
        """Rows of texts that are not to leave this machine."""
        self.gains: dict[str, array[float]] = {}
        """The rows' scores by name."""
        self._teachers: dict[str, Teaching] = {}

    def add(self, row: Row) -> None:
        """Count a row."""
        part = self.parts.setdefault(row.split, _Part())
        part.rows += 1
        for name, value in measure(row).items():
            part.measures[name].append(value)
        source = row.source
        part.authors[source.author or UNKNOWN] += 1
        part.books[source.id, source.title] += 1
        part.decades[_decade(source.birth)] += 1
        part.starts[row.cut or row.starts] += 1
        self.languages[source.language or UNKNOWN] += 1
        self.licences[source.licence or UNKNOWN] += 1
        self.kinds[source.kind] += 1
        self.private += source.private
        for name, value in row.scores.items():
            self.gains.setdefault(name, array("d")).append(value)
        if row.teacher is not None:
            old = self._teachers.get(row.teacher.model, Teaching(model=row.teacher.model))
            self._teachers[old.model] = Teaching(
                model=old.model,
                rows=old.rows + 1,
                requests=old.requests + row.teacher.requests,
                prompt_tokens=old.prompt_tokens + row.teacher.prompt_tokens,
                completion_tokens=old.completion_tokens + row.teacher.completion_tokens,
                cost=old.cost + row.teacher.cost,
                prompts=tuple(sorted({*old.prompts, row.teacher.prompt} - {""})),
            )

    @property
    def rows(self) -> int:
        """All rows."""
        return sum(each.rows for each in self.parts.values())

    @property
    def splits(self) -> list[str]:
        """Those that have rows, in their usual order."""
        return [each for each in SPLITS if each in self.parts]

    @property
    def teachers(self) -> list[Teaching]:
        """By name."""
        return [self._teachers[name] for name in sorted(self._teachers)]

    def spread(self, split: str, name: str) -> Spread:
        """How a measure is spread over a split's rows."""
        return spread(self.parts[split].measures[name])

    def tables(self) -> list[Table]:
        """All of it for people."""
        made = [self._splits(), *(self._measure(name) for name in MEASURES)]
        made += [self._counted("Authors", "Author", lambda part: part.authors)]
        made += [
            self._counted("Decades of the authors' births", "Decade", lambda part: part.decades)
        ]
        made += [self._counted("Where continuations begin", "Cut", lambda part: part.starts)]
        if self.gains:
            made.append(self._scores())
        if self._teachers:
            made.append(self._teaching())
        return made

    def facts(self) -> dict[str, object]:
        """All of it for programs."""
        return {
            "rows": self.rows,
            "private": self.private,
            "languages": dict(sorted(self.languages.items())),
            "licences": dict(sorted(self.licences.items())),
            "sources": dict(sorted(self.kinds.items())),
            "scores": {name: spread(self.gains[name]) for name in sorted(self.gains)},
            "teachers": self.teachers,
            "splits": {
                split: {
                    "rows": self.parts[split].rows,
                    "measures": {name: self.spread(split, name) for name in MEASURES},
                    "authors": dict(sorted(self.parts[split].authors.items())),
                    "books": {
                        id: {"title": title, "rows": count}
                        for (id, title), count in sorted(self.parts[split].books.items())
                    },
                    "decades": dict(sorted(self.parts[split].decades.items())),
                    "starts": dict(sorted(self.parts[split].starts.items())),
                }
                for split in self.splits
            },
        }

    def _splits(self) -> Table:
        rows = []
        for split in self.splits:
            part = self.parts[split]
            words = sum(part.measures["continuation_words"])
            rows.append(
                (
                    *(split, f"{part.rows:,}", f"{len(part.books):,}", f"{len(part.authors):,}"),
                    f"{words:,.0f}",
                )
            )
        return Table(
            "Splits", ("Split", "Rows", "Books", "Authors", "Words of continuation"), tuple(rows)
        )

    def _measure(self, name: str) -> Table:
        rows = []
        for split in self.splits:
            each = self.spread(split, name)
            values = (each.mean, each.low, each.median, each.high, each.most)
            form = "{:.2f}" if name == "dialogue_share" else "{:,.0f}"
            rows.append((split, *(form.format(value) for value in values)))
        header = ("Split", "Mean", "Tenth", "Median", "Ninth tenth", "Most")
        return Table(MEASURES[name], header, tuple(rows))

    def _counted(self, title: str, what: str, of: "Callable[[_Part], Counter[str]]") -> Table:
        total: Counter[str] = Counter()
        for split in self.splits:
            total.update(of(self.parts[split]))
        names = sorted(total)
        if what != "Decade":
            names.sort(key=lambda each: -total[each])
        rows = tuple(
            (name, *(f"{of(self.parts[split])[name]:,}" for split in self.splits)) for name in names
        )
        return Table(title, (what, *self.splits), rows)

    def _scores(self) -> Table:
        rows = []
        for name in sorted(self.gains):
            each = spread(self.gains[name])
            values = (each.mean, each.low, each.median, each.high)
            rows.append((name, f"{len(self.gains[name]):,}", *(f"{value:.2f}" for value in values)))
        header = ("Score", "Rows", "Mean", "Tenth", "Median", "Ninth tenth")
        return Table("Scores", header, tuple(rows))

    def _teaching(self) -> Table:
        rows = tuple(
            (
                *(each.model, f"{each.rows:,}", f"{each.requests:,}", f"{each.prompt_tokens:,}"),
                *(f"{each.completion_tokens:,}", f"{each.cost:.2f}"),
            )
            for each in self.teachers
        )
        header = ("Model", "Rows", "Requests", "Prompt tokens", "Reply tokens", "US dollars")
        return Table("Teachers", header, rows)


def measure(row: Row) -> dict[str, float]:
    """What is measured of one row, by the names of `MEASURES`."""
    return {
        "context_words": count_words(row.context),
        "continuation_words": count_words(row.continuation),
        "reasoning_words": count_words(row.reasoning),
        "context_sentences": row.sentences[0],
        "continuation_sentences": row.sentences[1],
        "context_paragraphs": paragraphs(row.context),
        "continuation_paragraphs": paragraphs(row.continuation),
        "dialogue_share": dialogue_share(row.continuation),
    }


def paragraphs(text: str) -> int:
    """How many paragraphs a cleaned text has, those that are only begun or ended among them."""
    return sum(bool(each.strip()) for each in _PARAGRAPH_BREAK.split(text))


def dialogue_share(text: str) -> float:
    """The share of a text's characters that stand in quotation marks, from 0 to 1.

    Each paragraph is read by itself, since speech over several of them opens again at each.
    Speech that only dashes mark is not seen.
    """
    pieces = _PARAGRAPH_BREAK.split(text)
    spoken = sum(len(found[0]) for each in pieces for found in _SPEECH.finditer(each))
    return spoken / max(sum(map(len, pieces)), 1)


def spread(values: Sequence[float]) -> Spread:
    """How values are spread; all 0 where there are none."""
    ordered = sorted(values) or [0.0]

    def at(share: float) -> float:
        return ordered[round(share * (len(ordered) - 1))]

    mean = sum(ordered) / len(ordered)
    return Spread(round(mean, 4), *(round(each, 4) for each in (at(0.1), at(0.5), at(0.9), at(1))))


def markdown(tables: Iterable[Table], *, level: int = 2, longest: int = 0) -> str:
    """Tables as Markdown, with a blank line behind each.

    Args:
        tables: in their order.
        level: of their headings.
        longest: the most rows of one; 0: all.
    """
    parts = []
    for table in tables:
        rows = table.rows[:longest] if longest else table.rows
        lines = [f"{'#' * level} {table.title}", "", _row(table.header)]
        lines.append("|" + "|".join(["---", *("---:" for _ in table.header[1:])]) + "|")
        lines += [_row(each) for each in rows]
        if len(rows) < len(table.rows):
            lines += ["", f"And {len(table.rows) - len(rows):,} more."]
        parts.append("\n".join(lines) + "\n\n")
    return "".join(parts)


def _row(cells: Iterable[str]) -> str:
    safe = (" ".join(each.split()).replace("\\", "\\\\").replace("|", "\\|") for each in cells)
    return "| " + " | ".join(safe) + " |"


def _decade(year: int | None) -> str:
    if year is None:
        return UNKNOWN
    if year < 0:
        return "before our era"
    return f"{year // 10 * 10:04d}s"
