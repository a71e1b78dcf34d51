"""Pictures of a report: how likely the true text is, what changed by book, what takes are like."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from storytui.story.visible import visible
from storytui_train.evaluate.figures import FIGURES
from storytui_train.evaluate.intervals import Interval
from storytui_train.evaluate.report import Report

_TAKES = ("form_right", "paragraphs", "spoken", "sentence_words", "distinct_2", "repeated")
_TAKES_TOO = ("copied", "leaked", "stock", "overused", "length", "closed")
_LONGEST_NAME = 34
_MOST_BOOKS = 30
_NARROWEST = 1e-6
_COLOURS = ("#4c6a92", "#c2703d", "#5d8a54", "#8a5b8f", "#a08a3c", "#5f8f96")


def draw(report: Report, folder: Path) -> list[Path]:
    """Draw all pictures; returns their files, in order.

    The same report gives the same bytes with the same version of matplotlib.

    Args:
        report: with at least one model.
        folder: gets the files; it has to be there.
    """
    # It takes a second to import and writes to her home folder.
    from matplotlib import rc_context

    files = [folder / "likelihood.png"]
    with (
        warnings.catch_warnings(),
        rc_context({"font.family": "DejaVu Sans", "text.usetex": False, "text.parse_math": False}),
    ):
        # A name in a script that the font lacks is drawn as boxes.
        warnings.simplefilter("ignore", UserWarning)
        _likelihood(report, files[0])
        if report.base and len(report.models) > 1:
            files.append(folder / "books.png")
            _books(report, files[-1])
        if report.takes:
            files.append(folder / "takes.png")
            _takes(report, files[-1])
    return files


def _likelihood(report: Report, file: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 1.4 + 0.6 * len(report.models)), layout="constrained")
    axes = figure.add_subplot()
    for name, shift, mark in (("bits_prompt", -0.12, "o"), ("bits_plain", 0.12, "s")):
        found = [each.figures[name] for each in report.models]
        places = [number + shift for number in range(len(found))]
        _marks(axes, found, places, mark, FIGURES[name].title)
    _names(axes.set_yticks, report)
    axes.invert_yaxis()
    axes.set_xlabel("Bits per byte of the true continuation: less is better")
    axes.legend(frameon=False)
    _save(figure, file)


def _books(report: Report, file: Path) -> None:
    from matplotlib.figure import Figure

    base = next(each for each in report.models if each.name == report.base)
    others = [each for each in report.models if each.name != report.base]
    names = sorted(base.by_book, key=lambda each: (report.titles[each], each))[:_MOST_BOOKS]
    figure = Figure(figsize=(7, 1.4 + 0.32 * len(names)), layout="constrained")
    axes = figure.add_subplot()
    axes.axvline(0, color="0.5", linewidth=0.8)
    for number, model in enumerate(others):
        shift = 0.5 * ((number + 0.5) / len(others) - 0.5)
        change = [100 * (model.by_book[each] / base.by_book[each] - 1) for each in names]
        places = [place + shift for place in range(len(names))]
        colour = _COLOURS[(number + 1) % len(_COLOURS)]
        axes.plot(change, places, "o", color=colour, label=_short(model.name))
    axes.set_yticks([*range(len(names))], [_short(report.titles[each]) for each in names])
    axes.invert_yaxis()
    axes.set_xlabel(f"Bits per byte after the prompt, % against {_short(base.name)} there")
    axes.legend(frameon=False)
    _save(figure, file)


def _takes(report: Report, file: Path) -> None:
    from matplotlib.figure import Figure

    names = [
        name
        for name in (*_TAKES, *_TAKES_TOO)
        if any(name in each.figures for each in report.models)
    ]
    columns = 3
    rows = -(-len(names) // columns)
    height = 0.6 + rows * (0.9 + 0.28 * len(report.models))
    figure = Figure(figsize=(10, height), layout="constrained")
    for place, name in enumerate(names, 1):
        axes = figure.add_subplot(rows, columns, place)
        truth = report.of_books.get(name)
        if truth is not None:
            axes.axvspan(truth.low, truth.high, color="0.85", linewidth=0)
            axes.axvline(truth.mean, color="0.4", linewidth=0.8)
        there = [
            (number, each.figures[name])
            for number, each in enumerate(report.models)
            if name in each.figures
        ]
        numbers = [number for number, _ in there]
        _marks(axes, [found for _, found in there], numbers, "o", "")
        if place % columns == 1:
            _names(axes.set_yticks, report)
        else:
            axes.set_yticks([])
        axes.set_ylim(len(report.models) - 0.5, -0.5)
        axes.set_title(FIGURES[name].title, fontsize="small")
        axes.tick_params(labelsize="x-small")
    figure.supxlabel("Grey: what the authors wrote there", fontsize="small")
    _save(figure, file)


def _marks(
    axes: Any, found: Sequence[Interval], places: Sequence[float], mark: str, label: str
) -> None:
    means = [each.mean for each in found]
    spans = [[each.mean - each.low for each in found], [each.high - each.mean for each in found]]
    colour = _COLOURS[0] if mark == "o" else _COLOURS[1]
    axes.errorbar(
        means, places, xerr=_positive(spans), fmt=mark, capsize=3, color=colour, label=label
    )
    low, high = axes.get_xlim()
    if high - low < _NARROWEST:
        # Where all is the same, nothing else is to look like a difference.
        axes.set_xlim((low + high - 1) / 2, (low + high + 1) / 2)


def _positive(spans: Sequence[Sequence[float]]) -> list[list[float]]:
    """A mean may lie at its interval's edge, a hair outside it by rounding."""
    return [[max(each, 0.0) for each in some] for some in spans]


def _names(set_ticks: Any, report: Report) -> None:
    set_ticks([*range(len(report.models))], [_short(each.name) for each in report.models])


def _short(name: str) -> str:
    name = visible(name, newlines=False)
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def _save(figure: Any, file: Path) -> None:
    # Without the program's name and version nothing but the picture is in the file.
    figure.savefig(file, dpi=110, metadata={"Software": None})
