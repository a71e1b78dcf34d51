"""PURE. Which language a text is in, by py3langid, which carries its model.

Nothing is downloaded. The model is unpacked once in a process (about 0.7 s).
"""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

UNKNOWN = "und"
"""ISO 639-2's code for a language that cannot be told."""
SAMPLES = 12
SAMPLE = 1_000
"""Characters of a stretch: enough for py3langid to be sure of itself."""
_SURE = 0.5
"""The least probability at which a stretch counts."""
# `zxx` is no language at all. Dialect in English novels is taken for Nigerian Pidgin now and then.
_FOLDED = {"zxx": UNKNOWN, "pcm": "en"}


class Language(NamedTuple):
    """What was found."""

    code: str
    """ISO 639-1, where there is such a code; `und` where it cannot be told."""
    share: float
    """Of the stretches, those in this language: from 0 to 1."""


def language_of(stretches: Sequence[str]) -> Language:
    """The language of most of a text's stretches.

    It is told only where at least half of them agree, each with a probability of a half.
    """
    found = Counter(
        _FOLDED.get(code, code) if probability >= _SURE else UNKNOWN
        for code, probability in map(_identifier().classify, stretches)
        if code
    )
    if not found:
        return Language(UNKNOWN, 0.0)
    code, times = min(found.items(), key=lambda each: (-each[1], each[0]))
    share = times / len(stretches)
    return Language(code, share) if share >= 0.5 else Language(UNKNOWN, share)


def is_known(code: str) -> bool:
    """Whether a language, by its code, is among those that can be told."""
    return code in _identifier().labels


@cache
def _identifier() -> Any:
    # Heavy, and only needed where a text is measured.
    from py3langid.langid import LanguageIdentifier

    return LanguageIdentifier.from_model_file("data/model.npz.xz", norm_probs=True)
