"""PURE. A chapter seen as sentences, and where between them it may be cut.

Between two sentences it may not be cut inside quoted speech, brackets or emphasis; nor inside
verse, a letter's head and signature, or other lines that the print keeps apart; nor behind a
heading or whatever else announces the next paragraph; nor between speech and who said it, or how
it went on.
"""

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from typing import Literal

from storytui.story.sentences import CLOSERS, TERMINATORS, sentence_spans
from storytui_train.data.documents import SCENE_BREAK, Chapter
from storytui_train.data.speech import Quoting, Speech, speech_of

Bar = Literal["", "speech", "quotation", "lines", "heading", "sentence"]
"""Why there may be no cut: inside speech; between two paragraphs of one quotation; inside lines
that belong together; behind a heading; where it is not sure that a sentence ended."""

_PARAGRAPH = re.compile(r"\S(?:.*\S)?(?:\n[ \t]*\S(?:.*\S)?)*")
_ORNAMENT = re.compile(r"[^\w\"“”„‘’'«»]+")
_SPANNING = re.compile(
    r"\([^()]*\)|\[[^\[\]]*\]|(?<![\w*_])(\*{1,3}|_{1,2})(?=[^\s*_])[^*_]*[^\s*_]\1(?![\w*_])"
)
_SENTENCE_END = re.compile(rf"[{TERMINATORS}—–-][{TERMINATORS}{re.escape(CLOSERS)}\s]*\Z")
_SPEECH_END = re.compile(rf"[{TERMINATORS}—–,-][*_]*[\"”’'»“][*_]*\Z")
_SAID = re.compile(
    r"[^.!?;:“”\"]{0,40}?\b(?:said|says|asked|cried|answered|replied|exclaimed|shouted|whispered|"
    r"murmured|muttered|began|continued|added|returned|called|demanded|repeated|inquired|enquired|"
    r"observed|remarked|thought|screamed|shrieked|yelled|roared|growled|interrupted|sighed|gasped|"
    r"laughed|echoed|ejaculated|stammered|faltered|snapped|retorted|rejoined|pleaded|suggested|"
    r"went on|broke in|put in|burst out|broke out)\b",
    re.IGNORECASE,
)
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?|"
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day)"
)
_DATE = re.compile(rf"(?i)(?=.*\d|.*day\b)[^!?]*\b{_MONTH}\b[^!?]*")
_NUMERAL = re.compile(r"(?i)[*_\[]*(?:[ivxlc]+|\d{1,3})\.?[*_\]]*")
_FAREWELL = re.compile(
    r"(?i)[*_“\"‘']*(?:and )?(?:believe me|i am|i remain|your?s?|ever|with|affectionately|"
    r"sincerely|faithfully|respectfully|adieu|farewell|love)\b[^.!?]*,[*_]*"
)
_GOES_ON = ".…,;:!?)]}—–-"
"""What no sentence begins with."""
_QUOTES = " \"“”„‘’'«»"
_LONGEST_HEADING = 80


@dataclass(slots=True)
class Passage:
    """A chapter's sentences; offsets are characters of the whole text."""

    text: str
    """The whole text that the chapter is in."""
    language: str = "en"
    starts: list[int] = field(default_factory=list)
    """Where each sentence begins."""
    ends: list[int] = field(default_factory=list)
    """Where each ends, its closing marks among it."""
    paragraphs: list[int] = field(default_factory=list)
    """The number of each one's paragraph."""
    bars: list[Bar] = field(default_factory=list)
    """Why there may be no cut in front of each sentence."""
    scenes: list[bool] = field(default_factory=list)
    """Whether a scene break stands in front of it."""
    lines: list[bool] = field(default_factory=list)
    """Whether it stands in verse or other lines that the print keeps apart."""
    openings: list[tuple[int, int]] = field(default_factory=list)
    """Behind each mark that opens speech, and where that speech ends."""

    def __len__(self) -> int:
        return len(self.starts)

    def openings_between(self, start: int, end: int) -> list[tuple[int, int]]:
        """The openings of speech in `text[start:end]`."""
        low = bisect_right(self.openings, (start, end))
        return self.openings[low : bisect_left(self.openings, (end, end))]


def passage_of(text: str, chapter: Chapter, quoting: Quoting, language: str = "en") -> Passage:
    """Read a chapter's sentences. All the time of cutting a book is spent here, in pysbd.

    Args:
        text: the cleaned text.
        chapter: the stretch of it.
        quoting: how the text marks speech.
        language: ISO 639-1, of the sentences.
    """
    passage = Passage(text, language)
    scene: list[tuple[int, int]] = []
    broken = False
    for found in _PARAGRAPH.finditer(text, chapter.start, chapter.end):
        if found[0] == SCENE_BREAK or _ORNAMENT.fullmatch(found[0]):
            _add_scene(passage, scene, quoting, broken=broken, prose=chapter.kind == "prose")
            broken = broken or bool(scene)
            scene = []
        else:
            scene.append(found.span())
    _add_scene(passage, scene, quoting, broken=broken, prose=chapter.kind == "prose")
    return passage


def _add_scene(
    passage: Passage,
    spans: list[tuple[int, int]],
    quoting: Quoting,
    *,
    broken: bool,
    prose: bool,
) -> None:
    """Add the paragraphs at `spans`, which no scene break parts; `broken`: one stands before."""
    paragraphs = [passage.text[start:end] for start, end in spans]
    spoken = speech_of(paragraphs, quoting)
    before: Bar = ""
    for number, ((offset, _), paragraph) in enumerate(zip(spans, paragraphs, strict=True)):
        lines = "\n" in paragraph
        speech = spoken[number]
        # The lines of a verse are one paragraph: they are read as if they were joined.
        sentences = sentence_spans(paragraph.replace("\n", " "), passage.language)
        inside = _inside(paragraph, sentences, speech, lines=lines)
        for place, (start, end) in enumerate(sentences):
            passage.starts.append(offset + start)
            passage.ends.append(offset + end)
            passage.paragraphs.append(offset)
            passage.bars.append(before if place == 0 else inside[place])
            passage.scenes.append(broken and number == place == 0)
            passage.lines.append(lines)
        passage.openings += [(offset + a, offset + b) for a, b in speech.openings]
        following = paragraphs[number + 1] if number + 1 < len(paragraphs) else ""
        before = _between(paragraph, following, speech, prose=prose) if following else ""


def _inside(
    paragraph: str, sentences: list[tuple[int, int]], speech: Speech, *, lines: bool
) -> list[Bar]:
    """Why there may be no cut in front of each sentence of a paragraph but the first."""
    bars: list[Bar] = [""] * len(sentences)
    if len(sentences) < 2:
        return bars
    spanning = [found.span() for found in _SPANNING.finditer(paragraph)]
    for place in range(1, len(sentences)):
        end = sentences[place - 1][1]
        if any(a < end < b for a, b in speech.spans):
            bars[place] = "speech"
        elif lines:
            bars[place] = "lines"
        elif any(a < end < b for a, b in spanning):
            bars[place] = "sentence"
        elif _resumes(paragraph, sentences[place - 1], sentences[place][0], speech):
            bars[place] = "speech"
        else:
            bars[place] = _seam(paragraph, sentences[place - 1], sentences[place])
    return bars


def _resumes(paragraph: str, left: tuple[int, int], start: int, speech: Speech) -> bool:
    """Whether who spoke in the sentence `left` goes on speaking in the next: “No,” he said. “I…"""
    if not any(left[0] < end <= left[1] for _, end in speech.spans):
        return False
    while paragraph[start] in "*_" and start + 1 < len(paragraph):
        start += 1
    return any(begin == start for begin, _ in speech.spans)


def _seam(paragraph: str, left: tuple[int, int], right: tuple[int, int]) -> Bar:
    """Why there may be no cut between two sentences of one paragraph, outside speech."""
    tail = paragraph[max(left[0], left[1] - 24) : left[1]]
    if not _SENTENCE_END.search(tail) or paragraph[right[0]] in _GOES_ON:
        return "sentence"
    if _SPEECH_END.search(tail) and _SAID.match(paragraph, right[0], right[1]):
        return "speech"
    return ""


def _between(paragraph: str, following: str, speech: Speech, *, prose: bool) -> Bar:
    """Why there may be no cut between two paragraphs."""
    if announces(paragraph):
        return "heading"
    if speech.goes_on:
        return "quotation"
    if prose and "\n" in paragraph and "\n" in following:
        return "lines"
    first = following.split("\n", 1)[0]
    if len(first) <= _LONGEST_HEADING and _FAREWELL.fullmatch(first):
        return "lines"
    return ""


def announces(paragraph: str) -> bool:
    """Whether a paragraph is a heading, a date, a salutation or the like: the next belongs to it.

    So does one that ends with a colon or without any mark that ends a sentence.
    """
    core = paragraph.strip(_QUOTES)
    last = core.rsplit("\n", 1)[-1]
    bare = last.strip("*_ ")
    if not bare or core.startswith("#") or bare.rstrip("—–-").endswith((":", ",")):
        return True
    if not _SENTENCE_END.search(paragraph[-24:]):
        # Long prose without an end is broken off by a picture or the like: it goes on.
        return True
    if "\n" in core or len(core) > _LONGEST_HEADING or bare.endswith(("!", "?")):
        return False
    letters = [each for each in bare if each.isalpha()]
    spoken = core != paragraph.rstrip(_QUOTES)
    if len(letters) > 1 and not any(each.islower() for each in letters):
        return not spoken
    emphasised = core[0] in "*_" and core.rstrip(".")[-1] in "*_"
    return (
        emphasised
        or _NUMERAL.fullmatch(core) is not None
        or (len(core) <= 60 and _DATE.fullmatch(bare) is not None)
    )
