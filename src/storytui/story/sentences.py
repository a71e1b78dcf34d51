"""Where sentences and paragraphs begin and end.

`sentence_spans` reads a finished text with care (pysbd, one paragraph at a time); `ends_sentence`
and `last_sentence_end` are cheap enough to be asked after every token.
"""

import re
from functools import cache, lru_cache
from typing import Any

TERMINATORS = ".!?…。！？"
CLOSERS = "\"'”’»«“)]}*_~`"
"""What may stand between a sentence's last mark and the white space after it. `«` and `“` close
in some languages; where they open, the quotation is open and the sentence has not ended."""

_BLANK_LINE = re.compile(r"\n[ \t\r]*\n|\r[ \t]*\r")
_LINE_BREAKS = re.compile(r"\s*[\n\r]\s*")
_END = re.compile(
    rf"[{TERMINATORS}][{TERMINATORS}{re.escape(CLOSERS)}]*(?:[ \u00a0\u202f]»)?(?=\s|$)"
)
_TAIL = re.compile(rf"[{TERMINATORS}]([{TERMINATORS}{re.escape(CLOSERS)}]*(?:[ \u00a0\u202f]»)?)\Z")
_LONGEST_TAIL = 24

# A full stop after one of these does not end a sentence. Words that also end sentences (no, etc,
# in, art) are left out: to go on one sentence too far is the smaller harm, but not for those.
_ABBREVIATIONS = re.compile(
    "mrs?|ms|messrs|dr|prof|rev|hon|st|capt|col|gen|lt|sgt|maj|cmdr|adm|gov|sen|rep|pres|"
    "mme|mlle|mgr|fr|[js]r|esq|mt|ft|vs|viz|cf|e\\.g|i\\.e|vol|pp|fig|approx|dept|bros|hr|frau",
    re.IGNORECASE,
)
_LAST_WORD = re.compile(r"[^\W_](?:[\w.]*\w)?\Z")
_VISIBLE = re.compile(r"\S")
_LIST_NUMBER = re.compile(r"(?:^|[\n\r])[ \t]*\d{1,3}\Z")

_QUOTES = re.compile('["„“”«»]')
_OPENS_AFTER = "([{—–-‘'*_¿¡"


def blank_lines_separate(text: str) -> bool:
    """Whether the paragraphs of `text` are separated by blank lines (else by single newlines).

    A text may have both. Single newlines are then only line breaks inside paragraphs, unless they
    are more than the blank lines and most of them follow the end of a sentence.
    """
    text = text.strip()
    if not _BLANK_LINE.search(text):
        return False
    blank = finished = broken = 0
    for found in _LINE_BREAKS.finditer(text):
        if _BLANK_LINE.search(found[0]):
            blank += 1
        elif _TAIL.search(text, max(0, found.start() - _LONGEST_TAIL), found.start()):
            finished += 1
        else:
            broken += 1
    return not (finished > blank and finished > broken)


def paragraph_spans(text: str) -> list[tuple[int, int]]:
    """Character spans of the paragraphs of `text`, without the separators.

    Paragraphs are separated by blank lines, or by single newlines where the text uses no blank
    lines (or uses them only between scenes). Indentation belongs to the paragraph, trailing white
    space does not.
    """
    by_blank_lines = blank_lines_separate(text)
    spans: list[tuple[int, int]] = []
    start = 0
    for found in _LINE_BREAKS.finditer(text):
        if by_blank_lines and not _BLANK_LINE.search(found[0]):
            continue
        if text[start : found.start()].strip():
            spans.append((start, found.start()))
        start = max(found[0].rfind("\n"), found[0].rfind("\r")) + 1 + found.start()
    end = len(text.rstrip())
    if text[start:end].strip():
        spans.append((start, end))
    return spans


def sentence_spans(text: str, language: str = "en") -> list[tuple[int, int]]:
    """Character spans of the sentences of `text`, in order.

    Every non-white character is in exactly one span, and no span begins or ends with white space.
    A sentence ends after the quotation mark that closes it, and never crosses a paragraph. About
    30,000 words a second.

    Args:
        text: finished text.
        language: ISO 639-1; one that pysbd does not know is read as English.
    """
    spans: list[tuple[int, int]] = []
    for start, end in paragraph_spans(text):
        spans += [(start + a, start + b) for a, b in _sentences_of(text[start:end], language)]
    return spans


def ends_sentence(text: str) -> bool:
    """Whether `text` ends with a finished sentence; white space after it does not matter.

    It does not while a double quotation is open in the last paragraph, nor after an abbreviation
    or an initial. What follows is not known here: `It cost 3.` ends a sentence until it goes on
    with `50`. Cheap: to be asked after every token.
    """
    return _ends_at(text, len(text.rstrip()))


def last_sentence_end(text: str, minimum: int = 0) -> int | None:
    """The offset just after the last sentence that ends in `text`, in characters.

    Args:
        text: what was written so far.
        minimum: the smallest offset that will do.

    Returns:
        The largest `offset >= minimum` for which `text[:offset]` ends a sentence outside a
        quotation and is not continued in lower case (`well... no`); None where there is none.
    """
    found = _END.finditer(text, max(0, minimum - _LONGEST_TAIL))
    for end in reversed([each.end() for each in found if each.end() >= minimum]):
        if not _goes_on(text, end) and _ends_at(text, end):
            return end
    return None


def sentence_starts(text: str) -> list[int]:
    """Where sentences begin, judged by their marks alone: for texts too long for pysbd."""
    ends = [0, *(found.end() for found in _END.finditer(text) if not _goes_on(text, found.end()))]
    following = (_VISIBLE.search(text, end) for end in ends)
    return [found.start() for found in following if found is not None]


def in_quotation(text: str, end: int | None = None) -> bool:
    """Whether a double quotation is open at `end` (default: at the end of `text`).

    Quotation is counted within the last paragraph, since an opening mark without a closing one
    does not reach farther: speech over several paragraphs opens again at each of them.
    """
    end = len(text) if end is None else end
    start = _last_paragraph_start(text, end)
    opened = False
    low = "„" in text[start:end]
    for found in _QUOTES.finditer(text, start, end):
        mark = found[0]
        if mark in "“”„":
            opened = mark == "„" or (mark == "“" and not low)
        elif mark in "«»":  # both »so« and «so» are written: the first one opens
            opened = not opened
        else:
            position = found.start()
            before = text[position - 1] if position > start else " "
            if before.isspace() or before in _OPENS_AFTER:
                after = text[position + 1] if position + 1 < end else "x"
                # `he said—"` may be either; a mark that nothing can follow as speech closes.
                opened = before.isspace() or not opened if not after.isspace() else False
            else:
                opened = False
    return opened


def last_paragraph(text: str) -> str:
    """The paragraph that `text` ends in, as far as it goes."""
    return text[_last_paragraph_start(text, len(text)) :]


def _last_paragraph_start(text: str, end: int) -> int:
    """Where the paragraph begins in which `end` stands."""
    end = len(text[:end].rstrip()) if end and text[end - 1].isspace() else end
    if text.find("\n", 0, end) < 0 and text.find("\r", 0, end) < 0:
        return 0
    separators = [found.end() for found in _BLANK_LINE.finditer(text, 0, end)]
    if separators:
        return separators[-1]
    return max(text.rfind("\n", 0, end), text.rfind("\r", 0, end)) + 1


def _ends_at(text: str, end: int) -> bool:
    tail = _TAIL.search(text, max(0, end - _LONGEST_TAIL), end)
    if tail is None:
        return False
    if not tail[1] and text[end - 1] == "." and _abbreviates(text, end - 1):
        return False
    return not in_quotation(text, end)


def _abbreviates(text: str, stop: int) -> bool:
    """Whether the full stop at `stop` belongs to the word before it."""
    line = text[max(0, stop - 40) : stop]
    word = _LAST_WORD.search(line)
    if word is None:
        return False
    initial = len(word[0]) == 1 or word[0][-2] == "."
    if initial and word[0][-1].isupper() and word[0] != "I":
        return True
    return bool(_ABBREVIATIONS.fullmatch(word[0])) or _LIST_NUMBER.search(line) is not None


def _goes_on(text: str, end: int) -> bool:
    """Whether what follows `end` in its paragraph continues the sentence, in lower case."""
    rest = text[end : end + 40]
    follows = rest.lstrip()
    if _BLANK_LINE.search(rest[: len(rest) - len(follows)]):
        return False
    return follows.lstrip("*_")[:1].islower()


@lru_cache(maxsize=256)
def _sentences_of(paragraph: str, language: str) -> tuple[tuple[int, int], ...]:
    by_marks = _ends_by_marks(paragraph)
    ends = _ends_by_pysbd(paragraph, language)
    if ends is None:
        ends = by_marks
    else:  # pysbd knows more abbreviations; it overlooks ends behind closing marks
        ends = sorted({*ends, *(end for end in by_marks if paragraph[end - 1] in CLOSERS)})
    spans: list[tuple[int, int]] = []
    start = 0
    for end in _mended(paragraph, ends):
        start += len(paragraph[start:end]) - len(paragraph[start:end].lstrip())
        spans.append((start, start + len(paragraph[start:end].rstrip())))
        start = end
    return tuple(spans)


def _ends_by_pysbd(paragraph: str, language: str) -> list[int] | None:
    """Offsets after each sentence, or None where pysbd's sentences are not the paragraph's text.

    They are matched by their non-white characters, which pysbd must not add, drop or change.
    """
    # pysbd's `segment` would go on to look for each sentence in the text that it was just cut from,
    # with a regular expression of its own: a third of the time, and nothing that is needed here.
    processor = _segmenter(language).processor(" ".join(paragraph.split()))
    sentences = ["".join(each.split()) for each in processor.process()]
    visible = [at for at, character in enumerate(paragraph) if not character.isspace()]
    if "".join(sentences) != "".join(paragraph.split()):
        return None
    ends: list[int] = []
    taken = 0
    for sentence in filter(None, sentences):
        taken += len(sentence)
        ends.append(visible[taken - 1] + 1)
    return ends


@cache
def _segmenter(language: str) -> Any:
    # Imported here because it costs more than everything else that `storytui parse` needs.
    import pysbd
    from pysbd.languages import LANGUAGE_CODES

    return pysbd.Segmenter(language=language if language in LANGUAGE_CODES else "en", clean=False)


def _ends_by_marks(paragraph: str) -> list[int]:
    ends = [
        found.end()
        for found in _END.finditer(paragraph)
        if not _goes_on(paragraph, found.end()) and _ends_at(paragraph, found.end())
    ]
    return [*ends, len(paragraph)]


def _mended(paragraph: str, ends: list[int]) -> list[int]:
    """`ends` such that closing marks stay with their sentence and lower case continues it."""
    mended: list[int] = []
    length = len(paragraph.rstrip())
    for end in ends:
        while end < length and paragraph[end] in CLOSERS and _closes(paragraph, end):
            end += 1
        if mended and end <= mended[-1]:
            continue
        if end < length and (_goes_on(paragraph, end) or not paragraph[end].isspace()):
            continue
        mended.append(end)
    if not mended or mended[-1] < length:
        mended.append(length)
    return mended


def _closes(paragraph: str, at: int) -> bool:
    """Whether the mark at `at` closes something: nothing it could open follows directly."""
    return paragraph[at] in "”’»)]}" or not paragraph[at + 1 : at + 2].strip(CLOSERS).strip()
