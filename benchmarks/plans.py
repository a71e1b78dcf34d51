"""Do plans help? Their gains, beside those of other rows' plans, with intervals by book.

    python benchmarks/plans.py ROWS.jsonl [--model NAME] [--format storytui-1] [--kept FOLDER]

Each line holds a row and its plans (`{"row": …, "plans": [{"text": …}, …]}`, as the stage `reason`
writes them), or a row alone, whose reasoning is then its one plan. The table is printed as
Markdown. What was judged is kept in the folder, so that it can be ended and started again.
"""

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from storytui.story.prompt import FORMATS
from storytui_train.data.examples import Row
from storytui_train.data.teacher.controls import control_plans
from storytui_train.data.teacher.judging import Judge, Judged
from storytui_train.errors import TrainError
from storytui_train.evaluate.intervals import Interval, bootstrap
from storytui_train.recipe import ScoreOptions

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@dataclass(frozen=True)
class Planned:
    """A row and its plans."""

    row: Row
    plans: tuple[str, ...]


def read(path: Path) -> Iterator[Planned]:
    with path.open("rb") as file:
        for line in file:
            found: dict[str, Any] = msgspec.json.decode(line)
            row = msgspec.convert(found.get("row", found), Row)
            plans = [
                each if isinstance(each, str) else each["text"] for each in found.get("plans", ())
            ]
            if not plans and row.reasoning:
                plans = [row.reasoning]
            if plans:
                yield Planned(row, tuple(plans))


def leak(plan: str, row: Row, words: int) -> float:
    """Share of a plan's runs of words that stand in the continuation and not in the context."""

    def runs(text: str) -> list[tuple[str, ...]]:
        found = [each.casefold().replace("’", "'") for each in _WORD.findall(text)]
        return [tuple(found[at : at + words]) for at in range(len(found) - words + 1)]

    own, known = runs(plan), set(runs(row.continuation)) - set(runs(row.context))
    return sum(each in known for each in own) / len(own) if own else 0.0


def line(name: str, found: Interval) -> str:
    return f"| {name} | {found.mean:+.2f} | {found.low:+.2f} to {found.high:+.2f} | {found.rows} |"


def table(planned: Sequence[Planned], judged: Sequence[Judged], words: int, seed: int) -> str:
    """Everything that was measured, as Markdown."""
    books = [each.row.source.id for each in planned]

    def over(values: Sequence[float]) -> Interval:
        return bootstrap(zip(books, values, strict=True), seed=seed)

    kept = [each.kept or 0 for each in judged]
    gains = [each.gain or 0.0 for each in judged]
    controls = [each.control_gain or 0.0 for each in judged]
    chosen = [each.plans[number] for each, number in zip(judged, kept, strict=True)]
    most = max(len(each.plans) for each in planned)
    leaks = [
        leak(each.plans[number], each.row, words)
        for each, number in zip(planned, kept, strict=True)
    ]
    every = [leak(plan, each.row, words) for each in planned for plan in each.plans]

    def mean(each: Judged) -> float:
        return sum(gain.whole for gain in each.plans) / len(each.plans)

    def mean_of_control(each: Judged) -> float:
        return sum(gain.whole for gain in each.control) / len(each.control)

    lines = [
        "| percent of perplexity | mean | 95 % by book | rows |",
        "|---|---:|---:|---:|",
        line(f"kept plan (best of {most} on the first half), second half", over(gains)),
        line("the same choice among another row's plans, second half", over(controls)),
        line(
            "kept plan less that control",
            over([a - b for a, b in zip(gains, controls, strict=True)]),
        ),
        line("kept plan, first half (chosen by it: not a result)", over([g.first for g in chosen])),
        line("any plan, whole continuation", over([mean(each) for each in judged])),
        line(
            "any plan of another row, whole continuation",
            over([mean_of_control(each) for each in judged]),
        ),
        "",
        f"{len(set(books))} books. Words that a plan shares with the continuation are left out "
        f"({100 * sum(each.masked for each in chosen) / len(chosen):.1f} % of the tokens). "
        f"Of the kept plans {sum(each > 0 for each in leaks)} of {len(leaks)} share a run of "
        f"{words} words with the continuation alone, of all plans "
        f"{sum(each > 0 for each in every)} of {len(every)}.",
        "",
        "| book | rows | kept plan | control | difference |",
        "|---|---:|---:|---:|---:|",
    ]
    titles = {each.row.source.id: each.row.source.title or each.row.source.id for each in planned}
    for book in sorted(set(books)):
        mine = [(a, b) for at, a, b in zip(books, gains, controls, strict=True) if at == book]
        own, other = (sum(each) / len(mine) for each in zip(*mine, strict=True))
        lines.append(
            f"| {titles[book]} | {len(mine)} | {own:+.2f} | {other:+.2f} | {own - other:+.2f} |"
        )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", type=Path)
    parser.add_argument("--model", default="built-in", help="a GGUF by name or path")
    parser.add_argument("--format", choices=list(FORMATS), default="storytui-1")
    parser.add_argument("--context-words", type=int, default=0)
    parser.add_argument("--context", type=int, default=0, help="tokens")
    parser.add_argument("--control", choices=["book", "set"], default="book")
    parser.add_argument("--leak-words", type=int, default=6)
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kept", type=Path, help="default: ROWS.judged beside the rows")
    asked = parser.parse_args()
    try:
        planned = list(read(asked.rows))[: asked.limit or None]
        groups = {
            each.row.id: each.row.source.id if asked.control == "book" else "" for each in planned
        }
        plans = {each.row.id: each.plans for each in planned}
        others = control_plans(plans, groups, asked.seed)
        if len(planned) < 2:
            raise TrainError(
                f"{asked.rows} has fewer than two rows with plans; name a larger file."
            )
        options = ScoreOptions(
            model=asked.model, format=asked.format, context_words=asked.context_words
        )
        judge = Judge(
            options, asked.kept or asked.rows.with_suffix(".judged"), context=asked.context
        )
        judged = []
        for number, each in enumerate(planned, start=1):
            judged.append(judge.judge(each.row, each.plans, others[each.row.id]))
            print(f"\r{number} of {len(planned)} rows", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        judge.close()
    except TrainError as error:
        print(f"plans.py: {error}", file=sys.stderr)
        return 1
    print(table(planned, judged, asked.leak_words, asked.seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
