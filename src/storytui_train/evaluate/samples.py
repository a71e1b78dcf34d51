"""Takes of several models side by side, beside what the author wrote: for people to read."""

from collections.abc import Sequence

from storytui_train.data.examples import Row
from storytui_train.evaluate.marking import safe, safe_block, table
from storytui_train.evaluate.measures import first_words
from storytui_train.evaluate.running import Measured

MOST = 8
"""Rows that are shown."""
CONTEXT_WORDS = 120
MOST_RAW = 1_200
"""Characters of a reply that a model wrote alone."""


def samples(measured: Sequence[Measured], rows: Sequence[Row], words: int) -> str:
    """The takes as Markdown; the first rows that have them, whatever they are like.

    Args:
        measured: what came of each model.
        rows: in their order.
        words: asked for in takes.
    """
    parts = [
        "# Takes side by side\n\nThe first rows, not chosen by what came of them. Plans and takes "
        "are as the editor shows them; what a model wrote alone has its own tags.\n"
    ]
    for row in [each for each in rows if any(each.id in one.takes for one in measured)][:MOST]:
        source = row.source
        book = ", ".join(each for each in (source.title or source.id, source.author) if each)
        parts.append(f"## {safe(book)} · {safe(row.id)}\n")
        before = row.context.split()
        end = row.context if len(before) <= CONTEXT_WORDS else _last_words(row.context)
        parts.append(f"Before the cursor:\n\n> … {safe_block(end)}\n")
        parts.append(_side_by_side(measured, row, words))
    return "\n".join(parts)


def _side_by_side(measured: Sequence[Measured], row: Row, words: int) -> str:
    there = [each for each in measured if row.id in each.takes]
    header = ["", "the author", *(safe(each.contestant.name) for each in there)]
    takes = [each.takes[row.id] for each in there]
    raws = [each.free[row.id].raw if row.id in each.free else "" for each in there]
    rows = [
        ["plan", "", *(safe_block(each.reasoning) for each in takes)],
        [
            "text",
            safe_block(first_words(row.continuation, words)),
            *(safe_block(each.answer) for each in takes),
        ],
        ["alone", "", *(safe_block(_short(each)) for each in raws)],
    ]
    return table(header, rows, figures=False)


def _last_words(text: str) -> str:
    words = text.split(" ")
    return " ".join(words[-CONTEXT_WORDS:])


def _short(text: str) -> str:
    return text if len(text) <= MOST_RAW else f"{text[:MOST_RAW]} …"
