"""PURE. Words that a continuation shares with a plan, and the middle of a continuation.

A plan that names a word makes that word likelier wherever it stands, which says nothing of whether
the plan helps. So content words that stand in both are left out of the comparison; the function
words of English, which stand in every text, stay.
"""

import re
from collections.abc import Sequence

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_SHORTEST = 3
"""Letters of a content word."""
_FUNCTION_WORDS = frozenset(
    re.findall(
        "[a-z]+",
        """
    a about above after again against all almost along also although always am among an and another
    any anything are around as at away back be because been before behind being below beneath beside
    between beyond both but by came can cannot come could did do does doing done down during each
    either else enough even ever every everything few for from get go goes going gone got had has
    have having he her here hers herself him himself his how however i if in indeed instead into is
    it its itself just less let like many may me might mine more most much must my myself near
    neither never no none nor not nothing now of off often on once one only onto or other others
    ought our ours ourselves out over own perhaps quite rather really same several shall she should
    since so some something still such than that the their theirs them themselves then there these
    they this those though through throughout till to together too toward towards two under until
    up upon us very was we well went were what whatever when where whether which while who whole
    whom whose why will with within without would yes yet you your yours yourself
        """,
    )
)
_ENDINGS = ("ing", "ed", "es", "ly", "s", "d")


def shared_spans(plan: str, text: str) -> list[tuple[int, int]]:
    """Character spans of the content words of `text` that stand in the plan, in any form.

    Case, kinds of apostrophes, a possessive and the commonest English endings make no difference:
    a plan is in the present tense and most stories in the past.
    """
    known = {_stem(found[0]) for found in _WORD.finditer(plan)} - {""}
    return [found.span() for found in _WORD.finditer(text) if _stem(found[0]) in known]


def middle(text: str) -> int:
    """The character at which the second half of a text begins: white space next to its middle.

    A text without white space inside has no second half: its end.
    """
    inner = text.strip()
    if not inner:
        return len(text)
    start = len(text) - len(text.lstrip())
    gaps = [found.start() + start for found in re.finditer(r"\s+", inner)]
    return min(gaps, key=lambda at: (abs(2 * at - len(text)), at), default=len(text))


def unmasked(starts: Sequence[int], end: int, spans: Sequence[tuple[int, int]]) -> list[bool]:
    """Which tokens share no character with any span.

    Args:
        starts: the character at which each token begins, in order.
        end: the character at which the last one ends.
        spans: characters, in order, not one over the other.
    """
    found: list[bool] = []
    at = 0
    for number, start in enumerate(starts):
        following = starts[number + 1] if number + 1 < len(starts) else end
        # A token within a character ends where the character does.
        stop = max(following, start + 1)
        while at < len(spans) and spans[at][1] <= start:
            at += 1
        found.append(at == len(spans) or spans[at][0] >= stop)
    return found


def _stem(word: str) -> str:
    """A word as it is compared; empty for a function word and for what is too short."""
    word = word.casefold().replace("’", "'")
    word = word.removesuffix("'s").removesuffix("'")
    if len(word) < _SHORTEST or word in _FUNCTION_WORDS:
        return ""
    for ending in _ENDINGS:
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= _SHORTEST:
            word = stem
            break
    if len(word) > _SHORTEST and word[-1] == word[-2]:
        word = word[:-1]
    if word[-1] == "y":
        return word[:-1] + "i"
    return word.removesuffix("e") if len(word) > _SHORTEST else word
