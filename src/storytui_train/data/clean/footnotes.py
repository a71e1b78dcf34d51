"""PURE. Footnotes: their texts, wherever they stand, and the marks that point to them."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from storytui_train.data.clean.brackets import closing
from storytui_train.data.clean.cuts import Cut, whole_lines
from storytui_train.data.clean.headings import bare, mark
from storytui_train.data.clean.layout import Block, read
from storytui_train.data.clean.pages import FEWEST, rises

_NOTE = re.compile(
    r"\[\s*_?(?:(?:foot-?\s?note|fn\.?|note|anm(?:erkung)?\.?|fußnote)\s*(?P<label>[\w*†‡]{0,5})\s*[:.]"
    r"|(?P<number>\d{1,3}):(?=\s))",
    re.IGNORECASE,
)
_LABEL = r"(?:FN\s?#?|#)?(?P<label>\d{1,4}|[A-Za-z]|\*{1,4}|[†‡§]{1,2}|[ivx]{1,5})"
_MARK = re.compile(rf"[\[{{]{_LABEL}[\]}}]")
_PLAIN = re.compile(r"_?foot-?note\s+(?P<label>\w{1,3})\s*[:.]_?\s+\S", re.IGNORECASE)
"""`Footnote 1: …`, in no brackets."""
_BODY = re.compile(rf"(?:[\[{{]{_LABEL}[\]}}]|\((?P<round>\d{{1,3}}|\*{{1,3}})\)(?=\s*[A-Z]))\s*\S")
_PAGE = re.compile(r"(?<!\S)\[\d{1,4}\](?=[^\s.,;:])")
"""`[12]` before a word: the number of the page that begins there."""
_LOOSE = re.compile(r"(?<=\s)(?<!\n\n)\[(?P<number>\d{1,4})\] ?(?=\S)")
"""`[12]` among words; page numbers where they rise through the text."""
_SIGN = r"(?P<label>\*{1,4}|[†‡§]{1,2}|\^\{\d{1,3}\}|\^\d{1,3}|[⁰¹²³⁴-⁹]{1,3}|\(\d{1,3}\)|\[\*\d\])"
_STARS = re.compile(rf"(?!§+\s*[\dIVXLC]+\W*\Z){_SIGN}[ ]?(?=[^\s*†‡§])")
_STAR_MARK = re.compile(
    rf"(?:(?<=[\w.,;:!?\"'”’)\]])|(?<=[\w.,;:!?\"'”’)\]]) ){_SIGN}"
    r"(?=[\s.,;:!?\"'”’)\]—-]|\Z)(?![ ]*[*†‡§])(?!(?<=§)\s?[\dIVXLC])",
    re.MULTILINE,
)
_TITLE = re.compile(
    r"(?:foot-?\s?notes?|fu(?:ß|ss)noten|anmerkungen|notes?)\s*[:.]*", re.IGNORECASE
)
_EMPHASIS = re.compile(
    r"(?<![\w*])(?P<mark>\*{1,3})(?=[^\s*])(?:[^*\n]|\n(?![ ]*\n)){1,400}?"
    r"(?<=[^\s*])(?P=mark)(?![\w*])"
)
"""`*so*`, as some files mark emphasis; its stars point to no note."""
_WORTH = re.compile(
    r"\[\s*_?(?:foot|fn|note|anm|fuß|\d{1,3}:)|[\[{(](?:FN\s?#?|#)?(?:\d{1,4}|[A-Za-z]|[*†‡§]{1,4}|[ivx]{1,5})[\]})]"
    r"|^ *[*†‡§^⁰¹²³⁴-⁹]+ ?[^\s*]",
    re.IGNORECASE | re.MULTILINE,
)
_REACH = 9_000
"""Characters between an asterisk and its note."""


def footnotes(text: str) -> list[Cut]:
    """The cuts that take footnotes and their marks away.

    Args:
        text: with line feeds only.
    """
    if not _WORTH.search(text):
        return []
    blocks = read(text)
    cuts = list(_bracketed(text))
    labels = {cut.why for cut in cuts}
    cuts = [cut._replace(why="footnote") for cut in cuts]
    taken = [(cut.start, cut.end) for cut in cuts]
    bodies, body_labels = _bodies(text, blocks, taken)
    cuts += bodies
    labels |= body_labels
    taken = sorted((cut.start, cut.end) for cut in cuts)
    cuts += _marks(text, labels - {""}, bool(taken), taken)
    cuts += _asterisks(text, blocks, taken)
    taken = sorted((cut.start, cut.end) for cut in cuts)
    cuts += [
        Cut(found.start(), found.end(), "page number")
        for found in _PAGE.finditer(text)
        if not _inside(taken, found.start())
    ]
    loose = [
        found
        for found in _LOOSE.finditer(text)
        if not _inside(taken, found.start()) and not _PAGE.match(text, found.start())
    ]
    if len(loose) >= FEWEST and rises([int(found["number"]) for found in loose]):
        cuts += [Cut(found.start(), found.end(), "page number") for found in loose]
    return cuts


def _bracketed(text: str) -> Iterator[Cut]:
    """`[Footnote 1: …]`; the label in place of the reason."""
    at = 0
    for found in _NOTE.finditer(text):
        if found.start() < at:
            continue
        word = found[0].lower()
        if "foot" not in word and not (found["label"] or found["number"]):
            continue
        end = closing(text, found.start(), 12_000)
        if end is None:
            stop = re.compile(r"\n[ ]*\n|\Z").search(text, found.start())
            end = stop.start() if stop else len(text)
        at = end
        label = found["label"] or found["number"] or ""
        yield Cut(*whole_lines(text, found.start(), end), label)


def _bodies(
    text: str, blocks: Sequence[Block], taken: Sequence[tuple[int, int]]
) -> tuple[list[Cut], set[str]]:
    """Notes that are paragraphs beginning with their mark, alone or under a title of their own."""
    cuts: list[Cut] = []
    labels: set[str] = set()
    section = body = False
    marks = {found["label"] for found in _MARK.finditer(text) if _points(text, found)}
    for number, block in enumerate(blocks):
        if _inside(taken, block.start):
            continue
        line = block.lines[0]
        if len(block.lines) > 1 and re.fullmatch(r"[-_—=*]{3,}", line.text):
            line = block.lines[1]  # a rule parts notes from the page
        found = _BODY.match(line.text)
        label = (found["label"] or found["round"]) if found else None
        if label is None and (plain := _PLAIN.match(line.text)) and plain["label"] in marks:
            label = plain["label"]
        if label is None and _TITLE.fullmatch(bare(block.text)) and _notes_follow(blocks, number):
            section, body = True, False
            cuts.append(Cut(*whole_lines(text, block.start, block.end), "footnote"))
            continue
        if section and (_heads(block) or (body and label is None and block.gap > 2)):
            section = body = False
        if label is not None and (section or label in marks):
            labels.add(label)
            cuts.append(Cut(*whole_lines(text, block.start, block.end), "footnote"))
            body = True
        elif section and (body and (block.gap <= 1 or line.indent > 0)):
            cuts.append(Cut(*whole_lines(text, block.start, block.end), "footnote"))
        elif not section:
            body = False
    return cuts, labels


def _notes_follow(blocks: Sequence[Block], number: int) -> bool:
    following = blocks[number + 1 : number + 2]
    text = following[0].text if following else ""
    return bool(
        _BODY.match(text) or _NOTE.match(text) or re.match(r"\(?\d{1,3}[.)]?\s|\*", text)
    ) and ("foot" in blocks[number].text.lower() or bool(_BODY.match(text) or _NOTE.match(text)))


def _heads(block: Block) -> bool:
    found = mark(block.lines[0].text)
    return found is not None and (found.sure or (len(block.lines) == 1 and block.gap > 1))


def _points(text: str, found: re.Match[str]) -> bool:
    """Whether a mark points to a note: it hangs on a word, and no line begins with it."""
    before = text[found.start() - 1 : found.start()]
    if before.strip():
        return True
    line = text.rfind("\n", 0, found.start())
    return bool(text[line + 1 : found.start()].strip())


def _marks(
    text: str, labels: set[str], any_body: bool, taken: Sequence[tuple[int, int]]
) -> Iterator[Cut]:
    """The marks of the notes that are gone; numbers hanging on words even without a note."""
    for found in _MARK.finditer(text):
        if _inside(taken, found.start()):
            continue
        label = found["label"]
        before = text[found.start() - 1 : found.start()]
        hangs = before.strip() != "" and before not in "([{"
        if label in labels or (hangs and label.isdigit() and found[0][0] == "["):
            start = found.start()
            after = text[found.end() : found.end() + 1]
            # A mark between spaces takes one of them along; at a line's end the one before it.
            while text[start - 1 : start] == " " and (not after or after in " \n.,;:!?"):
                start -= 1
            yield Cut(start, found.end(), "footnote")


def _asterisks(
    text: str, blocks: Sequence[Block], taken: Sequence[tuple[int, int]]
) -> Iterator[Cut]:
    """Notes that begin with an asterisk or a dagger, where a word before them carries the same."""
    emphasised = [found.span() for found in _EMPHASIS.finditer(text)]
    marks = [
        found
        for found in _STAR_MARK.finditer(text)
        if not _inside(taken, found.start())
        and not _inside(emphasised, found.start())
        # `(1)` behind a space counts something.
        and found[0][:2] != " ("
    ]
    if not marks:
        return
    places = [found.start() for found in marks]
    used: set[int] = set()
    for block in blocks:
        line = block.lines[0].text
        found = _STARS.match(line)
        if not found or _inside(taken, block.start) or _inside(emphasised, block.start):
            continue
        at = bisect_right(places, block.start) - 1
        while at >= 0 and block.start - places[at] < _REACH:
            if marks[at]["label"] == found["label"] and at not in used:
                used.add(at)
                yield Cut(marks[at].start(), marks[at].end(), "footnote")
                yield Cut(*whole_lines(text, block.start, block.end), "footnote")
                break
            at -= 1


def _inside(taken: Sequence[tuple[int, int]], at: int) -> bool:
    index = bisect_right(taken, (at, 1 << 60)) - 1
    return index >= 0 and taken[index][0] <= at < taken[index][1]
