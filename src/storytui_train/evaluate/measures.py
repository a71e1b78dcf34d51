"""PURE. What is measured of a text that a model wrote: against its context, its plan, the books.

Every measure is a share in percent, a rate, or a length; None where a text is too short for it.
"""

import re
from collections.abc import Sequence, Set

from storytui.story.sentences import sentence_starts
from storytui.story.words import count_words
from storytui_train.data.choose.dialogue import dialogue_share
from storytui_train.data.teacher.checks import words_of

COPIED_WORDS = 8
"""A run of so many words that stands in the context too was copied."""
REPEATED_WORDS = 4
LEAKED_WORDS = 6
DISTINCT_WORDS = 100
"""How many words from its beginning on a text is looked at for its variety, which falls with
length: a shorter one has no figure."""
_BREAKS = re.compile(r"(?:\s*\n\s*)+")
_WORD = re.compile(r"\S+")

Run = tuple[str, ...]


def runs(text: str, size: int) -> list[Run]:
    """The runs of so many words of a text, in order; case and kinds of marks make no difference."""
    words = words_of(text)
    return [tuple(words[at : at + size]) for at in range(len(words) - size + 1)]


def copied(text: str, context: str) -> float | None:
    """Percent of a text's runs of eight words that stand in the context."""
    return _percent(runs(text, COPIED_WORDS), set(runs(context, COPIED_WORDS)))


def leaked(text: str, plan: str, context: str) -> float | None:
    """Percent of a text's runs of six words that its plan has, and the context has not.

    A plan thinks about the story; where its sentences come again as the story's, it leaked.
    """
    known = set(runs(plan, LEAKED_WORDS)) - set(runs(context, LEAKED_WORDS))
    return _percent(runs(text, LEAKED_WORDS), known)


def repeated(text: str) -> float | None:
    """Percent of a text's runs of four words that stood in it before."""
    found = runs(text, REPEATED_WORDS)
    return 100 * (1 - len(set(found)) / len(found)) if found else None


def distinct(text: str, size: int) -> float | None:
    """Percent of the runs of `size` words that are different, in a text's first hundred words.

    Li et al., "A Diversity-Promoting Objective Function for Neural Conversation Models" (2016),
    who take whole texts, which only compares texts of one length.
    """
    words = words_of(text)[:DISTINCT_WORDS]
    if len(words) < DISTINCT_WORDS:
        return None
    found = [tuple(words[at : at + size]) for at in range(len(words) - size + 1)]
    return 100 * len(set(found)) / len(found)


def paragraphs(text: str) -> int:
    """How many paragraphs a text has, those that are only begun or ended among them."""
    return sum(bool(each.strip()) for each in _BREAKS.split(text))


def paragraphs_per_hundred(text: str) -> float | None:
    """Paragraphs in a hundred words."""
    words = count_words(text)
    return 100 * paragraphs(text) / words if words else None


def spoken(text: str) -> float | None:
    """Percent of a text's characters that are speech."""
    return 100 * dialogue_share(text) if text.strip() else None


def sentence_words(text: str) -> float | None:
    """Words in a sentence, on average."""
    sentences = len(sentence_starts(text))
    return count_words(text) / sentences if sentences else None


def first_words(text: str, words: int) -> str:
    """A text up to the end of so many white-separated words; what stands before them stays."""
    for number, found in enumerate(_WORD.finditer(text), start=1):
        if number == words:
            return text[: found.end()]
    return text


def of_prose(text: str, context: str) -> dict[str, float]:
    """What is measured of any text that follows a context, a model's or the book's own.

    Args:
        text: the continuation.
        context: what it follows.

    Returns:
        The measures by name; those that the text is too short for are left out.
    """
    found = {
        "paragraphs": paragraphs_per_hundred(text),
        "spoken": spoken(text),
        "sentence_words": sentence_words(text),
        "copied": copied(text, context),
        "repeated": repeated(text),
        **{f"distinct_{size}": distinct(text, size) for size in (1, 2, 3)},
    }
    return {name: value for name, value in found.items() if value is not None}


def of_take(answer: str, plan: str, context: str, words: int) -> dict[str, float]:
    """What is measured of a take besides.

    Args:
        answer: as it would be taken over.
        plan: its reasoning; empty: it has none.
        context: what it follows.
        words: how many were asked for.

    Returns:
        The measures by name; those that it is too short for are left out.
    """
    found: dict[str, float] = {"length": 100 * count_words(answer) / words}
    leak = leaked(answer, plan, context) if plan.strip() else None
    return found if leak is None else {**found, "leaked": leak}


def _percent(found: Sequence[Run], among: Set[Run]) -> float | None:
    return 100 * sum(each in among for each in found) / len(found) if found else None
