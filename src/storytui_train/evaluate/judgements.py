"""What people said of pairs of takes: kept line by line, and what it comes to."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from storytui.story.visible import visible
from storytui_train.data.line_files import add_line, read_kept_lines
from storytui_train.errors import EvaluateError
from storytui_train.evaluate.intervals import Interval, bootstrap, sign_test

NAME = "judgements.jsonl"
Pace = Literal["too little", "enough", "too much"]
CHANCE = 0.05
"""A preference that chance brings about as often as that is none."""
PACES: tuple[Pace, ...] = ("too little", "enough", "too much")
"""How far a take moves the story."""


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody said of two takes; what was last said of a pair counts."""

    pair: str
    """A hash of the row and both takes."""
    row: str
    book: str
    models: dict[str, str]
    """The two models' names, by the identities of their bytes."""
    better: str
    """The identity of the one whose take goes on better; empty: neither."""
    paces: dict[str, Pace]
    """How far each one's take moves the story, by its identity."""
    left: str
    """The identity of the one whose take stood on the left, or above."""


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """What judgements of two models come to."""

    first: str
    """The first one's name."""
    second: str
    pairs: int
    preferred: Interval
    """Percent of pairs in which the first goes on better, equal ones half."""
    better: tuple[int, int, int]
    """Pairs in which the first, neither, and the second goes on better."""
    chance: float
    """How often chance prefers one of two so clearly, or more so (a sign test)."""
    paces: dict[str, dict[str, int]]
    """How often each one's takes move the story too little, enough, too much, by its name."""
    enough: dict[str, Interval]
    """Percent of each one's takes that move it enough."""
    left: Interval
    """Percent of pairs in which the take on the left was better, equal ones half: near 50 unless
    the place swayed the reader."""


def load(path: Path) -> list[Judgement]:
    """The judgements that count, in the order in which their pairs were first judged.

    A line that was cut off in the middle says nothing.

    Args:
        path: the file; nothing was judged where there is none.

    Raises:
        EvaluateError: it cannot be read.
    """
    try:
        # What is said again keeps its place, and counts as it was said last.
        found = {each.pair: each for each in read_kept_lines(path, Judgement)}
    except OSError as error:
        raise EvaluateError(
            f"The judgements in {visible(str(path), newlines=False)} cannot be read: "
            f"{error.strerror}."
        ) from error
    return list(found.values())


def add(path: Path, judgement: Judgement) -> None:
    """Write down what was said of a pair, behind what was said before.

    Raises:
        EvaluateError: it cannot be written.
    """
    try:
        add_line(path, judgement)
    except OSError as error:
        raise EvaluateError(
            f"The judgement cannot be written to {visible(str(path), newlines=False)}: "
            f"{error.strerror}. Make room, or allow writing there; those before it are kept."
        ) from error


def results(judgements: Iterable[Judgement], *, seed: int = 1) -> list[Results]:
    """What judgements come to, for every two models that were compared.

    Args:
        judgements: that count.
        seed: of the intervals' draws.
    """
    groups: dict[tuple[str, ...], list[Judgement]] = {}
    for each in judgements:
        groups.setdefault(tuple(sorted(each.models)), []).append(each)
    return [_results(groups[models], models, seed) for models in sorted(groups) if len(models) == 2]


def _results(judged: list[Judgement], models: tuple[str, ...], seed: int) -> Results:
    # As they are called in the last judgement: a file's name may have changed.
    names = judged[-1].models
    first, second = sorted(models, key=lambda each: (names[each], each))
    shown = {first: names[first], second: names[second]}
    if names[first] == names[second]:
        shown = {each: f"{names[each]} ({each[:8]})" for each in shown}
    said = Counter(each.better for each in judged)

    def share(of: Mapping[str, float]) -> Interval:
        values = [(each.book, of[each.pair]) for each in judged if each.pair in of]
        return bootstrap(values, seed=seed).within(0, 100)

    preferred = {each.pair: _half(each.better, first) for each in judged}
    left = {each.pair: _half(each.better, each.left) for each in judged}
    paces: dict[str, dict[str, int]] = {
        shown[model]: {
            pace: sum(each.paces.get(model) == pace for each in judged) for pace in PACES
        }
        for model in (first, second)
    }
    enough = {
        model: {
            each.pair: 100.0 * (each.paces[model] == "enough")
            for each in judged
            if model in each.paces
        }
        for model in (first, second)
    }
    return Results(
        first=shown[first],
        second=shown[second],
        pairs=len(judged),
        preferred=share(preferred),
        better=(said[first], said[""], said[second]),
        chance=sign_test(said[first], said[second]),
        paces=paces,
        enough={shown[model]: share(of) for model, of in enough.items() if of},
        left=share(left),
    )


def _half(better: str, model: str) -> float:
    return 50.0 if not better else 100.0 * (better == model)


def told(found: Results) -> list[str]:
    """Results as lines for a reader; fit to be shown."""
    first, second = (visible(each, newlines=False) for each in (found.first, found.second))
    liked, equal, other = found.better
    lines = [
        f"{first} against {second}, {found.pairs:,} pairs:",
        f"  {first} goes on better in {liked:,}, {second} in {other:,}, neither in {equal:,}.",
        f"  {first} is preferred in {_percent(found.preferred)}, equal ones counted half.",
    ]
    low, high = found.preferred.low, found.preferred.high
    if (low > 50 or high < 50) and found.chance < CHANCE:
        lines.append(f"  So {first if low > 50 else second} goes on better.")
    else:
        lines.append("  So neither is clearly better, as far as these pairs tell.")
    for name, paces in found.paces.items():
        counts = ", ".join(f"{pace} {paces[pace]:,}" for pace in PACES)
        enough = found.enough.get(name)
        share = "" if enough is None else f"; enough in {_percent(enough)}"
        lines.append(f"  {visible(name, newlines=False)} moves the story {counts}{share}.")
    lines.append(f"  The take on the left was preferred in {_percent(found.left)}.")
    if found.preferred.books == 1:
        lines.append("  All rows are of one book, so this says nothing of others.")
    return lines


def _percent(interval: Interval) -> str:
    if interval.units == 1:
        return f"{interval.mean:.0f} %"
    return f"{interval.mean:.0f} % ({interval.low:.0f} to {interval.high:.0f})"
