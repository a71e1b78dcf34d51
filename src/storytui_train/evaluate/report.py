"""What was found: figures with intervals, differences to the base, and a verdict on each model."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from storytui_train.data.examples import Row
from storytui_train.errors import EvaluateError
from storytui_train.evaluate.asking import Asked
from storytui_train.evaluate.figures import (
    FIGURES,
    Values,
    own_phrases,
    values_of,
    values_of_books,
)
from storytui_train.evaluate.intervals import Interval, bootstrap, bootstrap_ratio
from storytui_train.evaluate.phrases import Overused
from storytui_train.evaluate.running import VERSION, Measured

LEAST_REPLIES = 6
"""Of fewer, all may have lost their form by chance: of five, one in sixteen times, by a sign test;
and where all have, the interval has no width that would tell."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a model is worse than its base."""

    worse: bool
    """The true text takes more bits a byte than by the base, or the right form is rarer without
    help, and the interval is clear of no difference."""
    better: bool
    """It takes fewer, clearly, and nothing is worse."""
    sentence: str


class ModelReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of one model."""

    name: str
    file: str
    """Its file's name."""
    adapters: tuple[str, ...]
    """The names of the adapters' files; with ` × scale` where that is not 1."""
    identity: str
    """The sha256 of its file, and those of its adapters with their scales."""
    format: str
    trained: bool
    """Whether it was trained on a format; others hear the story's last words again."""
    learnt: str = ""
    """The format that it was trained on, where it is not the one that it was asked in."""
    cut: int
    """Rows whose context was too long for it and lost its beginning."""
    too_long: int = 0
    """Rows that do not fit its context even so; they are left out for all."""
    figures: dict[str, Interval]
    """By the names of `figures.FIGURES`."""
    to_books: dict[str, Interval]
    """Percent of what the books have there, of the figures that are to be near to theirs."""
    to_base: dict[str, Interval]
    """Differences to the base, row by row."""
    bits_change: Interval | None
    """Percent that the true text's bits a byte after the prompt, the mean of rows, are more than
    by the base, as plain text or after the prompt, whichever it is better at."""
    overused: tuple[Overused, ...]
    by_book: dict[str, float]
    """Bits per byte after the prompt, by the book's id."""
    verdict: Verdict | None
    """None: there is no base, or it is the base."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A measurement."""

    version: str
    rows: int
    """That all models were measured on."""
    left_out: int = 0
    """Rows more that do not fit some model's context."""
    split: str
    """Of the rows; empty: they have none."""
    takes: int
    """Rows that takes were written for."""
    words: int
    """Asked for in them."""
    context_words: int
    seed: int
    confidence: float
    """Share of the intervals, drawn by book."""
    titles: dict[str, str]
    """Of the books, by their ids, with the author."""
    base: str
    """The name of the model that others are held against; empty: none."""
    base_reading: str
    """`prompt` or `plain`: how the base finds the true text likelier."""
    of_books: dict[str, Interval]
    """The figures of what the authors wrote."""
    models: tuple[ModelReport, ...]
    failed: tuple[str, ...] = ()
    """The names of those that could not be measured."""

    @property
    def worse(self) -> tuple[str, ...]:
        """The names of the models that are worse than the base."""
        return tuple(each.name for each in self.models if each.verdict and each.verdict.worse)


def build(
    measured: Sequence[Measured],
    rows: Sequence[Row],
    asked: Asked,
    *,
    takes: int,
    base: str = "",
    confidence: float = 0.95,
    failed: Sequence[str] = (),
) -> Report:
    """Work a report out; the same measurements give the same.

    Rows that do not fit the context of one model are left out for all.

    Args:
        measured: what came of each model.
        rows: that they were measured on, at least one.
        asked: what they were asked.
        takes: of how many rows takes were written.
        base: the name of the one that others are held against; empty: none.
        confidence: share of the intervals.
        failed: the names of models that could not be measured.

    Raises:
        EvaluateError: no row fits all models.
    """
    too_long = {id for each in measured for id in each.too_long}
    with_takes = [row for row in rows[:takes] if row.id not in too_long]
    left_out = len(rows)
    rows = [row for row in rows if row.id not in too_long]
    left_out -= len(rows)
    if not rows:
        raise EvaluateError(
            "No row fits the context of every model. Name rows that are shorter, or models with a "
            "longer context."
        )
    books = {row.id: row.source.id for row in rows}
    about = _About(books, asked.seed, confidence)
    values = {each.contestant.name: values_of(each, rows, asked.words) for each in measured}
    truth = values_of_books(with_takes, asked.words)
    reading, best = _best_of(values.get(base))
    models = [
        _model(each, rows, values[each.contestant.name], truth, values.get(base), best, about, base)
        for each in measured
    ]
    return Report(
        version=VERSION,
        rows=len(rows),
        left_out=left_out,
        split=rows[0].split,
        takes=len(with_takes),
        words=asked.words,
        context_words=asked.context_words,
        seed=asked.seed,
        confidence=confidence,
        titles={row.source.id: _title(row) for row in rows},
        base=base,
        base_reading=reading,
        of_books=about.intervals(truth),
        models=tuple(models),
        failed=tuple(failed),
    )


class _About:
    """How intervals are drawn here."""

    def __init__(self, books: Mapping[str, str], seed: int, share: float) -> None:
        self._books = books
        self._seed, self._share = seed, share

    def intervals(self, values: Values) -> dict[str, Interval]:
        return {
            name: self._mean(by_row).within(*FIGURES[name].span)
            for name, by_row in values.items()
            if by_row
        }

    def differences(self, values: Values) -> dict[str, Interval]:
        found = {}
        for name, by_row in values.items():
            least, most = FIGURES[name].span
            if by_row:
                found[name] = self._mean(by_row).within(least - most, most - least)
        return found

    def _mean(self, by_row: Mapping[str, float]) -> Interval:
        pairs = [(self._books[id], value) for id, value in by_row.items()]
        return bootstrap(pairs, seed=self._seed, share=self._share)

    def ratio(
        self, tops: Mapping[str, float], bottoms: Mapping[str, float], *, signed: bool = False
    ) -> Interval | None:
        """Percent; over the rows that have both. None where nothing divides.

        Args:
            tops: what is divided, by row: nothing below zero, or, `signed`, differences.
            bottoms: what it is divided by.
            signed: whether it is a change, of 100 % less at the most.
        """
        both = [
            (self._books[id], 100 * top, bottoms[id]) for id, top in tops.items() if id in bottoms
        ]
        if not sum(bottom for _, _, bottom in both):
            return None
        found = bootstrap_ratio(both, seed=self._seed, share=self._share)
        return found.within(-100.0 if signed else 0.0, math.inf)


def _best_of(base: Values | None) -> tuple[str, Mapping[str, float]]:
    """How a base finds the true text likelier, and its rows' bits per byte so."""
    if base is None:
        return "", {}
    plain, prompt = base["bits_plain"], base["bits_prompt"]
    return ("plain", plain) if sum(plain.values()) < sum(prompt.values()) else ("prompt", prompt)


def _model(
    measured: Measured,
    rows: Sequence[Row],
    values: Values,
    truth: Values,
    base: Values | None,
    best: Mapping[str, float],
    about: _About,
    base_name: str,
) -> ModelReport:
    model = measured.contestant
    to_books = {
        name: found
        for name, figure in FIGURES.items()
        if figure.better == "books" and (found := about.ratio(values[name], truth[name]))
    }
    to_base: dict[str, Interval] = {}
    change = verdict = None
    if base is not None and model.name != base_name:
        differences = {name: _less(values[name], base[name]) for name in FIGURES}
        to_base = about.differences(differences)
        change = about.ratio(_less(values["bits_prompt"], best), best, signed=True)
        if change is not None:
            verdict = judge(model.name, base_name, change, to_base.get("form_right"))
    return ModelReport(
        name=model.name,
        file=model.path.name,
        adapters=tuple(_adapter(each.path, each.scale) for each in model.adapters),
        identity=model.identity,
        format=model.format,
        trained=model.trained,
        learnt=model.learnt,
        cut=sum(measured.likelihoods[row.id].cut for row in rows),
        too_long=len(measured.too_long),
        figures=about.intervals(values),
        to_books=to_books,
        to_base=to_base,
        bits_change=change,
        overused=tuple(own_phrases(measured, rows)),
        by_book=_by_book(values["bits_prompt"], {row.id: row.source.id for row in rows}),
        verdict=verdict,
    )


def judge(name: str, base: str, bits: Interval, form: Interval | None) -> Verdict:
    """Whether a model is worse than its base.

    One row tells nothing, and several of one book nothing of others: the sentence says so.

    Args:
        name: the model's, fit to be shown.
        base: the base's.
        bits: percent that the true text takes more bits for each byte, the mean of rows.
        form: points of percent that the right form is commoner without help; None: not measured.
    """
    reasons = []
    known = bits.units > 1
    worse = known and bits.low > 0
    fewer = "more" if bits.mean > 0 else "fewer"
    reasons.append(
        f"the true text takes {abs(bits.mean):.1f} % {fewer} bits a byte{_span(bits)}, the mean of "
        f"{bits.rows:,} {'row' if bits.rows == 1 else 'rows'}"
    )
    if bits.books > 1:
        reasons[0] += f" of {bits.books:,} books"
    if form is not None and form.high < 0 and form.rows >= LEAST_REPLIES:
        worse = True
        reasons.append(
            f"the right form without help is rarer by {-form.mean:.0f} points{_span(form)}"
        )
    better = known and bits.high < 0 and not worse
    what = "worse than" if worse else "better than" if better else "not clearly other than"
    where = " on the one book that was measured" if bits.books == 1 else ""
    sentence = f"{name} is {what} {base}{where}: {', and '.join(reasons)}."
    return Verdict(worse=worse, better=better, sentence=sentence)


def _span(interval: Interval) -> str:
    """Behind a mean; nothing where one row has no interval."""
    return f" ({interval.low:+.1f} to {interval.high:+.1f})" if interval.units > 1 else ""


def _less(values: Mapping[str, float], others: Mapping[str, float]) -> dict[str, float]:
    """Differences, of the rows that have both."""
    return {id: value - others[id] for id, value in values.items() if id in others}


def _by_book(values: Mapping[str, float], books: Mapping[str, str]) -> dict[str, float]:
    """The mean of each book's rows."""
    groups: dict[str, list[float]] = {}
    for id, value in values.items():
        groups.setdefault(books[id], []).append(value)
    return {name: sum(groups[name]) / len(groups[name]) for name in sorted(groups)}


def _title(row: Row) -> str:
    source = row.source
    return ", ".join(each for each in (source.title or source.id, source.author) if each)


def _adapter(path: str, scale: float) -> str:
    return Path(path).name + ("" if scale == 1 else f" × {scale:g}")
