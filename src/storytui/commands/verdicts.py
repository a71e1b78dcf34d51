"""`storytui models table`, and the verdicts in `storytui models list`: what fits where."""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from storytui.commands.printing import write

if TYPE_CHECKING:
    from storytui.models.fit import Machine
    from storytui.models.verdicts import Verdict

_GIB = 1 << 30
CARDS = tuple(size * _GIB for size in (6, 8, 12, 16, 24))
"""Bytes of the cards that the table is about where none is named: those of the catalogue."""


def add_verdicts(entries: Sequence[dict[str, Any]], machine: "Machine") -> None:
    """Say of each entry of the catalogue what it is on a machine, under `verdict`.

    Args:
        entries: as `storytui models list --json` has them; each gets a `verdict`.
        machine: with its card, or without one.
    """
    from storytui.models.verdicts import verdicts_of

    verdicts = {each.entry.id: each.as_json() for each in verdicts_of(machine)}
    for entry in entries:
        entry["verdict"] = verdicts[entry["id"]]


def run_table(options: argparse.Namespace) -> int:
    """Print the catalogue's verdicts on cards of several sizes."""
    from storytui.models.fit import Machine
    from storytui.models.verdicts import verdicts_of

    cards = tuple(options.vram or CARDS)
    columns = [verdicts_of(Machine(gpu=each)) for each in cards]
    if options.json:
        write(sys.stdout, json.dumps(_as_json(cards, columns), ensure_ascii=False) + "\n")
    elif options.markdown:
        write(sys.stdout, _as_markdown(cards, columns))
    else:
        write(sys.stdout, _as_text(cards, columns))
    return 0


def _as_json(cards: Sequence[int], columns: Sequence[Sequence["Verdict"]]) -> dict[str, Any]:
    from storytui.models.verdicts import best_of

    best = [best_of(each) for each in columns]
    return {
        "cards": [
            {
                "bytes": card,
                "first": None if chosen is None else chosen.entry.id,
                "models": {each.entry.id: each.as_json() for each in column},
            }
            for card, chosen, column in zip(cards, best, columns, strict=True)
        ]
    }


def _as_markdown(cards: Sequence[int], columns: Sequence[Sequence["Verdict"]]) -> str:
    rows = _rows(cards, columns, chosen="**{}**")
    head, *lines = [f"| {' | '.join(each)} |" for each in rows]
    notes = [f"- {each}" for each in _notes("Bold")]
    return "\n".join([head, "|---" * len(rows[0]) + "|", *lines, "", *notes]) + "\n"


def _as_text(cards: Sequence[int], columns: Sequence[Sequence["Verdict"]]) -> str:
    rows = _rows(cards, columns, chosen="* {}")
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join([*lines, "", *_notes("*")]) + "\n"


def _rows(
    cards: Sequence[int], columns: Sequence[Sequence["Verdict"]], chosen: str
) -> list[list[str]]:
    """The head, and a row for each model: its name, its file, and a cell for each card."""
    from storytui.models.verdicts import best_of

    chosen_ones = [best for best in map(best_of, columns) if best is not None]
    rows = [["Model", "File", *(_size(each) for each in cards)]]
    for verdicts in zip(*columns, strict=True):
        first: Verdict = verdicts[0]
        cells = [
            chosen.format(_cell(each)) if each in chosen_ones else _cell(each) for each in verdicts
        ]
        name = first.entry.name if first.checked else f"{first.entry.name} †"
        rows.append([name, _file(verdicts), *cells])
    return rows


def _file(verdicts: Sequence["Verdict"]) -> str:
    """The largest file that is in question: how it is quantised, and its size."""
    largest = max(verdicts, key=lambda each: each.size_bytes)
    return f"{largest.mixture} {_size(largest.size_bytes)}".strip() if largest.size_bytes else "?"


def _cell(verdict: "Verdict") -> str:
    if verdict.fit is None:
        return "?"
    if not verdict.fits:
        return verdict.sentence
    choice = verdict.fit.choice
    said = [f"{choice.context // 1024}k"]
    if choice.kv_type != "f16":
        said.append(choice.kv_type)
    if verdict.files != verdict.entry.files:
        said.append(f"as {verdict.mixture}")
    return f"{' '.join(said)}: {_size(choice.parts.total_gpu)}"


def _notes(mark: str) -> list[str]:
    return [
        "A cell says how much context fits on a card of that memory, and what is taken of it; "
        "q8_0: with keys and values of eight bits; as Q4_K_M: the smaller file.",
        "Too big by: what even the shortest context, 2k, lacks. One GiB of the card is left free.",
        f"{mark}: what the first screen suggests.",
        "†: something of its file could not be seen in public documentation.",
        "All of it is computed from published shapes. What a graphics card takes besides is not "
        "verified on one until `make gpu-check` has run there.",
    ]


def _size(size: int) -> str:
    return f"{size / _GIB:g} GiB" if size % _GIB == 0 else f"{size / _GIB:.1f} GiB"
