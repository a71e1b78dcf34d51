"""Which figures a report has, and each row's value of each: of models, and of the books."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from storytui.story.words import count_words
from storytui_train.data.examples import Row
from storytui_train.evaluate.forms import form_of
from storytui_train.evaluate.measures import first_words, of_prose, of_take
from storytui_train.evaluate.phrases import Overused, overused, rate_of, stock_rate
from storytui_train.evaluate.running import Measured

Better = Literal["less", "more", "books", ""]
"""Which way a figure is better: less of it, more, as near to the books' as can be; empty: it only
describes."""
Values = dict[str, dict[str, float]]
"""Of each figure: the rows' values by their ids."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of a table."""

    name: str
    title: str
    better: Better
    digits: int
    part: Literal["text", "plans", "takes"]
    """The table it stands in."""
    says: str
    """What it is, for a reader."""
    span: tuple[float, float] = (0.0, math.inf)
    """The least and the most that it can be."""


_SHARE = (0.0, 100.0)
_GAIN = (-math.inf, 100.0)


_LIST = (
    Figure(
        *("bits_prompt", "bits per byte, after the prompt", "less", 4, "text"),
        "The true continuation behind the prompt as the editor makes it, without a plan.",
    ),
    Figure(
        *("bits_plain", "bits per byte, as plain text", "less", 4, "text"),
        "The same behind the context alone: no format, no chat template.",
    ),
    Figure(
        *("gain_own", "gained by its own plan, %", "more", 2, "plans"),
        "Percent of perplexity that its plan takes off, against as many words that say nothing; "
        "words that plan and continuation share are left out.",
        _GAIN,
    ),
    Figure(
        *("gain_control", "gained by its plan for another row, %", "", 2, "plans"),
        "The same with a plan for another row, of the same book where there is one.",
        _GAIN,
    ),
    Figure(
        *("gain_difference", "own less the other row's, %", "more", 2, "plans"),
        "What its plan knows of this very place.",
        (-math.inf, math.inf),
    ),
    Figure(
        *("gain_unmasked", "gained by its own plan, all words, %", "more", 2, "plans"),
        "Shared words counted too.",
        _GAIN,
    ),
    Figure(
        *("plan_saves", "bits saved by its own plan, %", "more", 2, "plans"),
        "Of those after the prompt without any plan: below zero, thinking costs.",
        _GAIN,
    ),
    Figure(
        *("form_right", "right form without help, %", "more", 1, "takes"),
        "Replies that it wrote alone, tags and end included.",
        _SHARE,
    ),
    Figure(
        *("form_planned", "with a plan of its own accord, %", "", 1, "takes"),
        "Of the replies that it wrote alone.",
        _SHARE,
    ),
    Figure(
        *("length_free", "length without help, % of what was asked", "", 0, "takes"),
        "Of its answers of the right form.",
    ),
    Figure(
        *("length", "length, % of what was asked", "", 0, "takes"),
        "Of takes, which the engine ends near it.",
    ),
    Figure(
        *("closed", "takes that it ended itself, %", "more", 0, "takes"),
        "The others the engine ended, at a sentence.",
        _SHARE,
    ),
    Figure(
        *("copied", "copied from the context, %", "less", 2, "takes"),
        "Runs of eight words that stand in the context.",
        _SHARE,
    ),
    Figure(
        *("repeated", "repeated, %", "less", 2, "takes"),
        "Runs of four words that stood in the same text before.",
        _SHARE,
    ),
    Figure(
        *("distinct_1", "different words, %", "books", 1, "takes"),
        "In the first hundred words.",
        _SHARE,
    ),
    Figure(
        *("distinct_2", "different pairs of words, %", "books", 1, "takes"), "Likewise.", _SHARE
    ),
    Figure(*("distinct_3", "different runs of three, %", "books", 1, "takes"), "Likewise.", _SHARE),
    Figure(
        *("paragraphs", "paragraphs per 100 words", "books", 2, "takes"),
        "Those that are only begun or ended among them.",
    ),
    Figure(
        *("spoken", "dialogue, % of characters", "books", 1, "takes"), "In quotation marks.", _SHARE
    ),
    Figure(*("sentence_words", "words in a sentence", "books", 1, "takes"), "On average."),
    Figure(
        *("leaked", "of the plan in the prose, %", "less", 2, "takes"),
        "Runs of six words that its plan has and the context has not.",
        _SHARE,
    ),
    Figure(
        *("stock", "stock phrases per 1,000 words", "less", 2, "takes"),
        "Of a list of those that language models are known by.",
    ),
    Figure(
        *("overused", "phrases of its own per 1,000 words", "less", 2, "takes"),
        "That come again from take to take and are rarer in the books; they are listed below.",
    ),
)
FIGURES: Mapping[str, Figure] = {each.name: each for each in _LIST}
"""All figures by their names, in the order in which they are told."""


def values_of(measured: Measured, rows: Sequence[Row], words: int) -> Values:
    """A model's values.

    Args:
        measured: what came of it.
        rows: that it was measured on.
        words: asked for in takes.
    """
    found: Values = {name: {} for name in FIGURES}
    for row in rows:
        for name, value in _of_row(measured, row, words).items():
            found[name][row.id] = value
    own = own_phrases(measured, rows)
    for row in rows:
        take = measured.takes.get(row.id)
        rate = rate_of(take.answer, own) if take else None
        if rate is not None:
            found["overused"][row.id] = rate
    return found


def values_of_books(rows: Sequence[Row], words: int) -> Values:
    """The same measures of what the authors wrote there, as many words of it as were asked for."""
    found: Values = {name: {} for name in FIGURES}
    for row in rows:
        text = first_words(row.continuation, words)
        rate = stock_rate(text)
        prose = of_prose(text, row.context) | ({} if rate is None else {"stock": rate})
        for name, value in prose.items():
            found[name][row.id] = value
    return found


def own_phrases(measured: Measured, rows: Sequence[Row]) -> list[Overused]:
    """The phrases that a model writes again and again, and the books do not."""
    takes = [
        (row.source.id, measured.takes[row.id].answer) for row in rows if row.id in measured.takes
    ]
    return overused(takes, [f"{row.context}{row.continuation}" for row in rows]) if takes else []


def _of_row(measured: Measured, row: Row, words: int) -> dict[str, float]:
    found: dict[str, float] = {}
    likely = measured.likelihoods.get(row.id)
    if likely is not None and likely.bytes:
        found["bits_prompt"] = likely.prompt / likely.bytes
        found["bits_plain"] = likely.plain / likely.bytes
    gain = measured.gains.get(row.id)
    if gain is not None:
        found["gain_own"], found["gain_control"] = gain.own, gain.control
        found["gain_difference"] = gain.own - gain.control
        found["gain_unmasked"] = gain.unmasked
        if likely is not None and likely.prompt:
            found["plan_saves"] = 100 * (1 - gain.after / likely.prompt)
    free = measured.free.get(row.id)
    if free is not None:
        form = form_of(free.raw, ended=free.ended)
        found["form_right"], found["form_planned"] = 100.0 * form.right, 100.0 * form.planned
        if form.right:
            found["length_free"] = 100 * count_words(form.answer) / words
    take = measured.takes.get(row.id)
    if take is not None:
        found |= of_prose(take.answer, row.context)
        found |= of_take(take.answer, take.reasoning, row.context, words)
        found["closed"] = 100.0 * (take.why == "closed")
        rate = stock_rate(take.answer)
        if rate is not None:
            found["stock"] = rate
    return found
