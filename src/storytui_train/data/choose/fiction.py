"""PURE. Whether a text is fiction, as its catalogue says it or as it is written."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from storytui_train.data.choose.dialogue import dialogue_share

Said = Literal["fiction", "not fiction", "play", "verse", ""]

WINDOWS = 24
"""Stretches of a book that are looked at."""
WINDOW = 6_000
"""Characters of each."""

_TOKEN = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?|\d+")
_PARAGRAPH = re.compile(r"\n\s*\n")

# Of each sign the square root of its count in 1,000 words is taken, so that the first few say
# most. The weights are those of a logistic regression (L2) over 16 windows each of 81 books of
# Project Gutenberg: 46 novels and collections of stories against 35 books of essays, treatises,
# sermons, history, travel, letters, lives, and manuals; the bias is then set in favour of fiction.
# Each book judged by weights fitted to the other 80: 77 come out right. Two of Mark Twain's
# travels, lectures of tall tales, and prayers for children in stories pass for fiction; a
# catalogue tells them apart. No novel is lost (the nearest: `Moby-Dick`, 0.59, `Gulliver`, 0.58).
_SIGNS: dict[str, tuple[float, str]] = {
    "speech": (
        0.083,
        "said says asked replied cried answered exclaimed whispered murmured returned shouted "
        "muttered remarked inquired enquired continued added laughed",
    ),
    "third person": (0.134, "he she him her his himself herself hers"),
    "first person": (0.103, "i me my myself mine"),
    "narration": (
        0.328,
        "was were had did came went saw looked seemed stood took knew thought felt turned began "
        "sat heard told gave made got ran fell left held kept found lay rose",
    ),
    "statement": (
        -0.166,
        "is are has does may must shall can ought be been being becomes seems means makes requires",
    ),
    "bodies and rooms": (
        0.395,
        "eyes eye face hand hands head voice arm arms lips hair mouth feet shoulder shoulders door "
        "room window chair table bed stairs looked turned smiled stood sat walked nodded glanced "
        "laughed sighed suddenly moment silence silent mother father",
    ),
    "nouns on nouns": (-0.121, "of which by such these those"),
    "argument": (
        -0.207,
        "thus therefore hence however consequently moreover namely according generally usually "
        "various example instance general principle principles subject nature system certain "
        "whole form forms public society history case cases number kind",
    ),
    "all of us": (-0.309, "we our us ourselves one men man's people"),
    "movement": (0.287, "up down out back away over round off then again now here"),
}
_DIALOGUE = 0.236
"""On the square root of the percentage of speech."""
_NUMBERS = -0.234
"""On numbers in digits, as on the signs above."""
_PARAGRAPHS = -0.673
"""On the logarithm of a paragraph's words."""
_BIAS = 0.756
_CLIP = 4.0
"""The most that one window says."""

_WORDS: dict[str, frozenset[str]] = {
    name: frozenset(words.split()) for name, (_, words) in _SIGNS.items()
}
_SIGNS_OF: dict[str, tuple[str, ...]] = {
    word: tuple(name for name, words in _WORDS.items() if word in words)
    for word in frozenset().union(*_WORDS.values())
}

# A subject about fiction is no fiction.
_ABOUT = re.compile(
    r"history and criticism|criticism|technique|authorship|bibliograph|non-?fiction|"
    r"study and teaching|in literature|appreciation|dictionar",
    re.IGNORECASE,
)
_FICTION = re.compile(
    r"\b(?:fiction|novels?|novellas?|short stories|bildungsromans?|fairy tales|fantasy|romances)\b|"
    r"\b(?:sea|adventure|ghost|love|war|detective|mystery|spy|western|school|nature|animal|horror|"
    r"humorous|christmas|bedtime|children's|science) (?:and \w+ )?(?:stories|tales)\b|"
    r"\b(?:stories|tales)$|^(?:fables|allegories|parables)\b",
    re.IGNORECASE,
)
_PLAY = re.compile(
    r"\b(?:drama|comedies|comedy plays|tragedies|tragicomedies|plays|plays/films/dramas|farces|"
    r"melodrama|opera librettos|librettos)\b",
    re.IGNORECASE,
)
_VERSE = re.compile(r"\b(?:poetry|poems|sonnets|ballads|nursery rhymes|epic poetry)\b", re.I)
_NOT_FICTION = re.compile(
    r"\b(?:essays|sermons|letters|correspondence|diaries|biograph\w*|autobiograph\w*|memoirs?|"
    r"personal narratives|description and travel|voyages and travels|travel writing|history|"
    r"philosophy|ethics|theology|religion|christianity|church|christian life|devotional|"
    r"political science|politics and government|political ethics|government|"
    r"civil disobedience|economics|law|jurisprudence|sociology|"
    r"psychology|science|mathematics|physics|chemistry|geology|natural history|botany|zoology|"
    r"medicine|hygiene|cooking|cookery|handbooks|manuals|technology|engineering|agriculture|"
    r"speeches|lectures|addresses|oratory|early works to \d+|slave narratives|folklore|"
    r"encyclopedias|dictionaries|periodicals|reference|textbooks?|how to)\b",
    re.IGNORECASE,
)


def catalogue_says(subjects: Iterable[str]) -> tuple[Said, str]:
    """What a catalogue's subjects and bookshelves say that a book is.

    Returns:
        The word for it, and the subject that says so. A subject that says fiction outweighs
        those that say what it is about (`Paris (France) -- History -- 1789-1799 -- Fiction`);
        both are empty where nothing says anything.
    """
    told: dict[Said, str] = {}
    for subject in subjects:
        about = _ABOUT.search(subject) is not None
        # `Detective stories, English` and `Young women -- Fiction, English`: the part before.
        plain = re.sub(r",\s*\w+$", "", subject.strip())
        if not about and _PLAY.search(plain):
            told.setdefault("play", subject)
        elif not about and _VERSE.search(plain):
            told.setdefault("verse", subject)
        elif not about and _FICTION.search(plain):
            told.setdefault("fiction", subject)
        elif about or _NOT_FICTION.search(plain):
            told.setdefault("not fiction", subject)
    order: tuple[Said, ...] = ("fiction", "play", "verse", "not fiction")
    for said in order:
        if said in told:
            return said, told[said]
    return "", ""


def reads_as_fiction(windows: Sequence[str], language: str) -> float | None:
    """How much a prose text reads as fiction and not as essay, treatise, history, or manual.

    Args:
        windows: stretches from all through it, of about `WINDOW` characters.
        language: ISO 639-1. Other languages than English are judged by their dialogue alone.

    Returns:
        From 0 to 1, fiction from 0.5 up; None where it cannot be told.
    """
    if not windows:
        return None
    if language != "en":
        share = sum(map(dialogue_share, windows)) / len(windows)
        if 0.02 <= share <= 0.08:
            return None
        return _sigmoid(60 * (share - 0.05))
    return _sigmoid(sum(map(_weighed, windows)) / len(windows))


def _weighed(window: str) -> float:
    """The logarithm of the odds that a stretch is from a work of fiction."""
    tokens = _TOKEN.findall(window.lower().replace("’", "'"))
    if not tokens:
        return 0.0
    counts: Counter[str] = Counter()
    numbers = 0
    for token, times in Counter(tokens).items():
        numbers += times if token.isdigit() else 0
        for name in _SIGNS_OF.get(token, ()):
            counts[name] += times
    of_thousand = 1_000 / len(tokens)
    paragraphs = sum(1 for part in _PARAGRAPH.split(window) if part.strip())
    total = _BIAS + _NUMBERS * math.sqrt(numbers * of_thousand)
    total += sum(
        weight * math.sqrt(counts[name] * of_thousand) for name, (weight, _) in _SIGNS.items()
    )
    total += _DIALOGUE * math.sqrt(100 * dialogue_share(window))
    total += _PARAGRAPHS * math.log(len(tokens) / paragraphs + 5)
    return max(-_CLIP, min(_CLIP, total))


def _sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, value))))
