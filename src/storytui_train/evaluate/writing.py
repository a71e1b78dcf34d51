"""A report as Markdown: verdicts, tables, what they mean, pictures."""

from collections.abc import Sequence

from storytui_train.evaluate.figures import FIGURES, Figure
from storytui_train.evaluate.intervals import Interval
from storytui_train.evaluate.marking import safe, table
from storytui_train.evaluate.report import LEAST_REPLIES, ModelReport, Report

SAMPLES = "samples.md"
FEW_BOOKS = 8
"""Of fewer, that Student's t makes intervals much wider is worth a word."""
_MOST_PHRASES = 12


def markdown(report: Report, pictures: Sequence[str] = ()) -> str:
    """A report for a reader.

    Args:
        report: what was found.
        pictures: the files of the pictures, seen from the report's folder.
    """
    parts = ["# Evaluation\n", *_verdicts(report), _what(report)]
    parts += [f"![{each.partition('.')[0]}]({each})\n" for each in pictures]
    parts += ["## How likely the true text is\n", _figures(report, "text")]
    if report.base:
        parts += ["### Against the base\n", _changes(report)]
    if any("gain_own" in each.figures for each in report.models):
        parts += ["## What its plans are worth\n", _figures(report, "plans")]
    if report.takes:
        parts += ["## What it writes\n", _figures(report, "takes"), _to_books(report)]
        parts += _phrases(report)
        parts.append(f"What they wrote stands side by side in [{SAMPLES}]({SAMPLES}).\n")
    parts += ["## By book\n", _by_book(report), "## What the figures are\n", _meanings(report)]
    return "\n".join(parts)


def shown(interval: Interval, digits: int, *, signed: bool = False) -> str:
    """A mean and its interval; one row has none."""
    form = f"{'+' if signed else ''}.{digits}f"
    if interval.units == 1:
        return f"{interval.mean:{form}}"
    return f"{interval.mean:{form}} ({interval.low:{form}} to {interval.high:{form}})"


def _verdicts(report: Report) -> list[str]:
    said = [each.verdict.sentence for each in report.models if each.verdict is not None]
    if not said:
        return ["No base is named, so there is no verdict.\n"]
    return [f"**{safe(each)}**\n" for each in said]


def _what(report: Report) -> str:
    books = len(report.titles)
    share = f"{100 * report.confidence:g} %"
    where = f"from the split {report.split}" if report.split else "that belong to no split"
    lines = [
        f"{report.rows:,} rows of {books:,} {'book' if books == 1 else 'books'}, {where}; "
        f"takes of {report.words:,} words for {report.takes:,} of them; seed {report.seed}. "
        f"Behind each figure stands its interval of {share}, drawn by "
        + (
            "book: rows of a book are alike."
            if books > 1
            else "row, since there is one book only: it says nothing of other books."
        )
    ]
    if 1 < books < FEW_BOOKS:
        lines.append("Of so few books intervals are wide: nothing else would be sure.")
    if report.context_words:
        lines.append(f"Contexts were cut to their last {report.context_words:,} words.")
    lines.append("White space before a continuation was given, and not scored.")
    if report.left_out:
        lines.append(
            f"{report.left_out:,} {'row' if report.left_out == 1 else 'rows'} more did not fit the "
            "context of some model, and are left out for all."
        )
    if report.failed:
        names = ", ".join(safe(each) for each in report.failed)
        lines.append(f"Not measured, since something failed: {names}.")
    lines.append("")
    for each in report.models:
        on = (each.learnt or "it") if each.trained else "none"
        how = f"was trained on {on}"
        facts = f"asked in {each.format}, {how}"
        if each.cut:
            facts += f"; {each.cut:,} contexts were too long for it and lost their beginning"
        if each.too_long:
            facts += f"; {each.too_long:,} did not fit its context at all"
        lines.append(f"- {safe(each.name)}: {facts}.")
    return "\n".join(lines) + "\n"


def _figures(report: Report, part: str) -> str:
    chosen = [each for each in FIGURES.values() if each.part == part]
    truth = part == "takes"
    header = ["", *(["the books"] if truth else []), *(safe(each.name) for each in report.models)]
    rows = []
    for figure in chosen:
        found = [each.figures.get(figure.name) for each in report.models]
        if not any(found):
            continue
        of_books = report.of_books.get(figure.name)
        cells = [of_books] if truth else []
        rows.append(
            [figure.title + _mark(figure), *(_cell(each, figure) for each in cells + found)]
        )
    return table(header, rows)


def _mark(figure: Figure) -> str:
    return {"less": " ↓", "more": " ↑", "books": " ≈", "": ""}[figure.better]


def _cell(interval: Interval | None, figure: Figure) -> str:
    return "—" if interval is None else shown(interval, figure.digits)


def _changes(report: Report) -> str:
    """Differences to the base, row by row."""
    others = [each for each in report.models if each.to_base]
    header = ["new less base", *(safe(each.name) for each in others)]
    how = "as plain text" if report.base_reading == "plain" else "after the prompt"
    rows = [
        [
            f"bits a byte after the prompt, % against the base {how}, which it is better at",
            *(
                shown(each.bits_change, 2, signed=True) if each.bits_change else "—"
                for each in others
            ),
        ]
    ]
    for figure in FIGURES.values():
        if any(figure.name in each.to_base for each in others):
            cells = [each.to_base.get(figure.name) for each in others]
            rows.append(
                [
                    figure.title + _mark(figure),
                    *("—" if one is None else _clear(one, figure) for one in cells),
                ]
            )
    note = "\nBold: the interval is clear of no difference.\n"
    return table(header, rows) + note


def _clear(interval: Interval, figure: Figure) -> str:
    text = shown(interval, figure.digits, signed=True)
    clear = interval.units > 1 and (interval.low > 0 or interval.high < 0)
    return f"**{text}**" if clear else text


def _to_books(report: Report) -> str:
    names = [name for name in FIGURES if any(name in each.to_books for each in report.models)]
    if not names:
        return ""
    header = ["% of what the books have", *(safe(each.name) for each in report.models)]
    rows = []
    for name in names:
        found = [each.to_books.get(name) for each in report.models]
        rows.append(
            [FIGURES[name].title, *("—" if one is None else shown(one, 0) for one in found)]
        )
    return table(header, rows)


def _phrases(report: Report) -> list[str]:
    parts = []
    for each in report.models:
        if each.overused:
            said = ", ".join(
                f"“{safe(one.phrase)}” ({one.count})" for one in each.overused[:_MOST_PHRASES]
            )
            parts.append(f"{safe(each.name)} repeats, in so many of its takes: {said}.\n")
    return parts


def _by_book(report: Report) -> str:
    header = ["bits per byte, after the prompt", *(safe(each.name) for each in report.models)]
    rows = [
        [safe(report.titles[book]), *(_of_book(each, book) for each in report.models)]
        for book in sorted(report.titles, key=lambda each: (report.titles[each], each))
    ]
    return table(header, rows)


def _of_book(model: ModelReport, book: str) -> str:
    return f"{model.by_book[book]:.4f}" if book in model.by_book else "—"


def _meanings(report: Report) -> str:
    there = {name for each in report.models for name in each.figures}
    lines = [f"- {each.title}: {each.says}" for each in FIGURES.values() if each.name in there]
    return (
        "↓ less is better, ↑ more is, ≈ what the books have there is best.\n\n"
        + "\n".join(lines)
        + "\n\nA model is worse than its base where the interval of the bits' change lies above "
        "zero (against the base as plain text or after the prompt, whichever it is better at), or "
        "where the right form without help is rarer and that interval lies below zero, of "
        f"{LEAST_REPLIES} replies or more. The exit code is 1 then.\n"
    )
