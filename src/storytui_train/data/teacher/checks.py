"""PURE. What is wrong with a teacher's reply: cut off, refused, quoted, leaked, retold, …

A plan may know what happens next, not the words. Its runs of `leak_words` words are looked for in
the continuation; those that stand in the context too (names, a phrase everybody knows by then)
could have been written without having seen what follows, and do not count.
"""

import re
from collections import Counter
from collections.abc import Sequence, Set
from functools import lru_cache
from typing import NamedTuple

from storytui.story.sentences import ends_sentence
from storytui.story.words import count_words
from storytui_train.data.examples import Row
from storytui_train.data.teacher.prompts import GUIDANCE_WORDS, SHORTEST_GUIDANCE
from storytui_train.recipe import TeacherOptions

RETOLD_WORDS = 8
RETOLD_LIMIT = 0.2
"""Share of a plan's runs of eight words that may be copied from the context."""
QUOTED_WORDS = 3
"""From so many words on, words in quotation marks are a quotation, not a name for something."""
COMMON_WORDS = 60
COMMON_SHARE = 0.12
"""Of a plan's words that have to be among its story's commonest; it is in another language
otherwise. 60 words of one English author against 400 of another have 0.13 or more in 3,000 pairs,
German ones against English 0.12 at the most."""
SURE_WORDS = 40
"""A shorter text only counts as foreign where it has none of them."""


class Fault(NamedTuple):
    """Something that is wrong with a reply."""

    name: str
    """In a word or two, for lists: `leak`, `cut off`, `refusal`, …"""
    told: str
    """A sentence for the teacher's next attempt."""


class Figures(NamedTuple):
    """What was measured of a plan."""

    leak: float
    """Share of its runs of words that stand in the continuation and not in the context."""
    retold: float
    """Share of its runs of eight words that stand in the context."""
    words: int


_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_THOUGHT = re.compile(r"<(think|thinking|thought)>.*?</\1>", re.DOTALL | re.IGNORECASE)
_OPEN_THOUGHT = re.compile(r"<(think|thinking|thought)>.*\Z", re.DOTALL | re.IGNORECASE)
_CLOSED_THOUGHT = re.compile(r"\A.*</(think|thinking|thought)>", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"</?[a-z][\w-]*\s*/?>|\[/?(?:INST|SYS)\]|<\|[^|>]*\|>", re.IGNORECASE)
_QUOTED = re.compile(r'"([^"\n]+)"|“([^”\n]+)”|„([^“”\n]+)[“”]|«([^»\n]+)»|»([^«\n]+)«')
_LISTED = re.compile(
    r"^[ \t]*(?:#{1,6}[ \t]|[-*•+][ \t]|\d{1,2}[.)][ \t]|\*\*[^*\n]{1,60}\*\*:?[ \t]*$"
    r"|\*\*[^*\n]{1,60}:\*\*|```|(?:step|schritt|étape)[ \t]\d+[.:)])",
    re.MULTILINE | re.IGNORECASE,
)
_REFUSED = re.compile(
    r"\b(?:i['’]?m|i am) (?:sorry|unable|not able|not comfortable)\b"
    r"|\bi (?:can['’]?t|cannot|can not|won['’]?t|will not|must decline to|am not allowed to) "
    r"(?:help|assist|write|continue|provide|produce|create|fulfil|fulfill|comply|engage|do that"
    r"|generate|discuss)\b"
    r"|\bas an ai\b|\b(?:content|usage) polic(?:y|ies)\b|\bmy guidelines\b"
    r"|\b(?:es )?tut mir leid, (?:aber )?ich\b|\bje ne peux pas (?:vous )?(?:aider|continuer)\b",
    re.IGNORECASE,
)
_META = re.compile(
    r"\b(?:the|this|that|your|a|an|my|novelist['’]s)(?: (?:given|provided|above|following|next))?"
    r" (continuation|context|excerpts?|snippet|passage|text|note|novelist|author|writer|readers?"
    r"|prompt|word (?:count|limit)|story so far)\b"
    r"|\b(?:die|der|den|dem|le|la|du|au) (fortsetzung|kontext|auszug|leser|contexte|lecteur)\b",
    re.IGNORECASE,
)
"""Talk about the text instead of the story; not where the story itself has the word in it."""
_OPENER = re.compile(
    r"\A(?:(?:sure|certainly|of course|absolutely)[,!.:]"
    r"|here(?:['’]s| is| are) (?:my|the|a|your|one|some) [^.\n]{0,60}:|thoughts?:|plan:)",
    re.IGNORECASE,
)


def words_of(text: str) -> list[str]:
    """The words of a text, without case, marks, and the difference between apostrophes."""
    return [each.replace("’", "'") for each in _WORD.findall(text.casefold())]


@lru_cache(maxsize=256)
def _runs(text: str, size: int) -> frozenset[tuple[str, ...]]:
    """The runs of so many words that a text has; kept, since a row's replies all ask for them."""
    return frozenset(_in_order(words_of(text), size))


@lru_cache(maxsize=64)
def _common(context: str, continuation: str) -> frozenset[str]:
    """The words that are commonest in a story."""
    counts = Counter(words_of(context) + words_of(continuation))
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return frozenset(word for word, _ in ordered[:COMMON_WORDS])


def bare(reply: str) -> str:
    """A reply without a thinking model's thoughts; empty where there is nothing behind them.

    Halves of characters, which a cut reply may end in, become question marks.
    """
    text = _THOUGHT.sub("", reply.encode("utf-8", "replace").decode())
    text = _CLOSED_THOUGHT.sub("", text)
    return _OPEN_THOUGHT.sub("", text).strip()


def figures(plan: str, row: Row, options: TeacherOptions) -> Figures:
    """Measure a plan against its row."""
    words = words_of(plan)
    leaked = _told(row, options)
    return Figures(
        _share(_in_order(words, options.leak_words), leaked),
        _share(_in_order(words, RETOLD_WORDS), _runs(row.context, RETOLD_WORDS)),
        count_words(plan),
    )


def leaked_runs(plan: str, row: Row, options: TeacherOptions) -> list[str]:
    """The plan's runs of `leak_words` words that give the continuation's words away, in order."""
    told = _told(row, options)
    runs = _in_order(words_of(plan), options.leak_words)
    return [" ".join(each) for each in runs if each in told]


def plan_faults(plan: str, row: Row, options: TeacherOptions, finish_reason: str) -> list[Fault]:
    """What is wrong with a plan; nothing, if it can be used.

    Args:
        plan: the reply as `bare` leaves it.
        row: what it was asked for.
        options: how long it may be, and how much may leak.
        finish_reason: as the endpoint gives it; `length` says that the reply was cut off.
    """
    shortest, longest = options.plan_words
    found = _common_faults(plan, row, options, finish_reason)
    if any(fault.name in ("empty", "refusal") for fault in found):
        return found
    measured = figures(plan, row, options)
    if measured.words < shortest:
        told = f"It had {measured.words} words; at least {shortest} are needed."
        found.append(Fault("too short", told))
    if measured.words > longest:
        told = f"It had {measured.words} words; {longest} are allowed at most."
        found.append(Fault("too long", told))
    if measured.retold > RETOLD_LIMIT:
        told = "It repeated what is already written instead of thinking about what comes."
        found.append(Fault("retelling", told))
    if _LISTED.search(plan):
        found.append(Fault("list", "It had a list or headings; write plain sentences only."))
    return found


def guidance_faults(
    line: str, row: Row, options: TeacherOptions, finish_reason: str
) -> list[Fault]:
    """What is wrong with a guidance line; arguments as in `plan_faults`."""
    found = _common_faults(line, row, options, finish_reason)
    if any(fault.name in ("empty", "refusal") for fault in found):
        return found
    words = count_words(line)
    if words > GUIDANCE_WORDS:
        told = f"It had {words} words; {GUIDANCE_WORDS} are allowed at most."
        found.append(Fault("too long", told))
    if words < SHORTEST_GUIDANCE:
        found.append(Fault("too short", "It had too few words to say where the story goes."))
    if "\n" in line or _inner_ends(line):
        found.append(Fault("not one sentence", "It was more than one sentence; write one."))
    return found


def _common_faults(text: str, row: Row, options: TeacherOptions, finish: str) -> list[Fault]:
    if not words_of(text):
        return [Fault("empty", "It held nothing but thoughts, or nothing at all.")]
    if finish == "content_filter" or _REFUSED.search(text[:300]):
        return [Fault("refusal", "It refused; this is a published story, and only thinking.")]
    found: list[Fault] = []
    if finish == "length" or not ends_sentence(text):
        found.append(Fault("cut off", "It stopped in the middle of a sentence; be shorter."))
    if _TAG.search(text):
        found.append(Fault("tags", "It had tags in it; write plain text."))
    if any(count_words("".join(each)) >= QUOTED_WORDS for each in _QUOTED.findall(text)):
        found.append(Fault("quotation", "It had words in quotation marks; quote nothing."))
    if _is_meta(text, row):
        told = "It spoke of the text or the task; speak of the people and of what has to happen."
        found.append(Fault("meta talk", told))
    if not _same_language(text, row):
        found.append(Fault("language", "It was not in the language of the story."))
    runs = leaked_runs(text, row, options)
    if figures(text, row, options).leak > options.leak_limit:
        shown = "; ".join(dict.fromkeys(runs[:3]))
        told = f"It used words of the note: {shown}. Say it in quite other words."
        found.append(Fault("leak", told))
    return found


def _is_meta(text: str, row: Row) -> bool:
    """Whether a text speaks of texts and tasks that its story does not speak of."""
    if _OPENER.search(text):
        return True
    said = {(first or second).casefold() for first, second in _META.findall(text)}
    story = set(words_of(row.context)) | set(words_of(row.continuation))
    return not all(word in story or word.removesuffix("s") in story for word in said)


def _same_language(text: str, row: Row) -> bool:
    """Whether a text has enough of the words that are commonest in its story."""
    common = _common(row.context, row.continuation)
    words = words_of(text)
    shared = sum(word in common for word in words)
    return shared >= COMMON_SHARE * len(words) if len(words) >= SURE_WORDS else shared > 0


def _inner_ends(line: str) -> bool:
    """Whether a sentence ends before the line does."""
    for found in re.finditer(r"[.!?…]['\"’”»)]*\s+(?=[^\W\d_a-z])", line):
        if ends_sentence(line[: found.end()]):
            return True
    return False


def _in_order(words: Sequence[str], size: int) -> list[tuple[str, ...]]:
    return [tuple(words[at : at + size]) for at in range(len(words) - size + 1)]


def _told(row: Row, options: TeacherOptions) -> frozenset[tuple[str, ...]]:
    """The runs of words that give away what follows."""
    size = options.leak_words
    return _runs(row.continuation, size) - _runs(row.context, size)


def _share(runs: Sequence[tuple[str, ...]], among: Set[tuple[str, ...]]) -> float:
    return sum(run in among for run in runs) / len(runs) if runs else 0.0
