"""Pictures of a data set: how long rows are, how much of them is speech, who wrote them when."""

import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from storytui.story.visible import visible
from storytui_train.data.dataset.statistics import MEASURES, UNKNOWN, Statistics

_LENGTHS = ("context_words", "continuation_words", "reasoning_words")
_SENTENCES = ("context_sentences", "continuation_sentences")
_PARAGRAPHS = ("context_paragraphs", "continuation_paragraphs")
_MOST_BARS = 25
_LONGEST_NAME = 36


def draw(statistics: Statistics, folder: Path) -> list[Path]:
    """Draw all pictures; returns their files, in order.

    The same figures give the same bytes with the same version of matplotlib.

    Args:
        statistics: with at least one row.
        folder: gets the files; it has to be there.
    """
    # It takes a second to import and writes to her home folder.
    from matplotlib import rc_context

    files = []
    with (
        warnings.catch_warnings(),
        rc_context({"font.family": "DejaVu Sans", "text.usetex": False, "text.parse_math": False}),
    ):
        # A name in a script that the font lacks is drawn as boxes.
        warnings.simplefilter("ignore", UserWarning)
        for name, measures in (
            ("lengths", _LENGTHS),
            ("sentences", _SENTENCES),
            ("paragraphs", _PARAGRAPHS),
            ("dialogue", ("dialogue_share",)),
        ):
            files.append(folder / f"{name}.png")
            _histograms(statistics, measures, files[-1])
        for name, title in (("authors", "Rows by author"), ("decades", "Rows by author's birth")):
            files.append(folder / f"{name}.png")
            _bars(statistics, name, title, files[-1])
    return files


def _histograms(statistics: Statistics, measures: Sequence[str], file: Path) -> None:
    from matplotlib.figure import Figure

    splits = statistics.splits
    figure = Figure(figsize=(4.2 * len(measures), 3.2), layout="constrained")
    for place, name in enumerate(measures, 1):
        axes = figure.add_subplot(1, len(measures), place)
        values = [list(statistics.parts[split].measures[name]) for split in splits]
        axes.hist(values, bins=_bins(values), stacked=True, label=splits)
        axes.set_xlabel(MEASURES[name])
        axes.set_ylabel("Rows")
        if place == 1:
            axes.legend(frameon=False)
    _save(figure, file)


def _bins(values: Sequence[Sequence[float]]) -> int | list[float]:
    """As many bars as there are different values, 30 at the most."""
    every = sorted({each for some in values for each in some})
    if not every or every[0] == every[-1]:
        # A range without width has bars all the same.
        middle = every[0] if every else 0.0
        return [middle - 0.5, middle + 0.5]
    return min(len(every), 30)


def _bars(statistics: Statistics, what: str, title: str, file: Path) -> None:
    from matplotlib.figure import Figure

    splits = statistics.splits
    counts: list[Counter[str]] = [getattr(statistics.parts[split], what) for split in splits]
    total: Counter[str] = sum(counts, Counter())
    names = sorted(total, key=lambda each: (-total[each], each))[:_MOST_BARS]
    if what == "decades":
        names.sort(key=lambda each: (each == UNKNOWN, each), reverse=True)
    else:
        names.reverse()
    figure = Figure(figsize=(7, 1.2 + 0.28 * len(names)), layout="constrained")
    axes = figure.add_subplot()
    left = [0] * len(names)
    for split, count in zip(splits, counts, strict=True):
        wide = [count[name] for name in names]
        axes.barh([*range(len(names))], wide, left=left, label=split)
        left = [a + b for a, b in zip(left, wide, strict=True)]
    axes.set_yticks([*range(len(names))], [_short(each) for each in names])
    axes.set_title(title)
    axes.set_xlabel("Rows")
    axes.legend(frameon=False)
    _save(figure, file)


def _short(name: str) -> str:
    name = visible(name, newlines=False)
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def _save(figure: Any, file: Path) -> None:
    # Without the program's name and version nothing but the picture is in the file.
    figure.savefig(file, dpi=110, metadata={"Software": None})
