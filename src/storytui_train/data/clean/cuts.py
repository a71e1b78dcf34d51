"""PURE. Stretches that are taken out of a text, and why."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from storytui_train.data.clean.layout import Torn
from storytui_train.data.documents import Loss
from storytui_train.data.edits import Edit, Edited


class Cut(NamedTuple):
    """Characters that are taken away, and what stands in their place."""

    start: int
    end: int
    why: str
    """As in `Loss.why`."""
    text: str = ""


def ordered(cuts: Iterable[Cut]) -> list[Cut]:
    """Cuts in order; of two that overlap the one that begins first, or the longer."""
    found: list[Cut] = []
    for cut in sorted(cuts, key=lambda each: (each.start, -each.end)):
        if cut.start == cut.end and not cut.text:
            continue
        if not found or cut.start >= found[-1].end:
            found.append(cut)
        elif cut.end > found[-1].end:
            last = found[-1]
            found[-1] = last._replace(end=cut.end, text=last.text + cut.text)
    return found


def take(edited: Edited, cuts: Sequence[Cut]) -> tuple[Edited, list[Loss], list[Torn]]:
    """A text without its cuts.

    Args:
        edited: the text as it is now.
        cuts: in order, none overlapping another.

    Returns:
        The text after them; what was lost, in characters of the source; where, in the text after
        them, something was taken away.
    """
    if not cuts:
        return edited, [], []
    losses: list[Loss] = []
    torn: list[Torn] = []
    shift = 0
    for cut in cuts:
        text = edited.text[cut.start : cut.end]
        words = len(text.split()) - len(cut.text.split())
        if text.strip():
            where = edited.stretch(cut.start, cut.end)
            losses.append(Loss(cut.why, where.start, where.end, max(words, 0)))
        gone = cut.end - cut.start - len(cut.text)
        torn.append(Torn(cut.start + shift, 0 if "\n" in text else gone))
        shift -= gone
    edits = [Edit(cut.start, cut.end, cut.text) for cut in cuts]
    return edited.edit(edits), losses, torn


def whole_lines(text: str, start: int, end: int) -> tuple[int, int]:
    """A stretch, widened to the lines it is on where nothing else is on them.

    Otherwise it takes one of the spaces round it along, so that none are left double.
    """
    before = text.rfind("\n", 0, start) + 1
    after = text.find("\n", end)
    after = len(text) if after < 0 else after
    alone_before = not text[before:start].strip()
    alone_after = not text[end:after].strip()
    if alone_before and alone_after:
        return before, min(after + 1, len(text))
    if alone_after:
        while start > before and text[start - 1] == " ":
            start -= 1
    elif alone_before or text[start - 1 : start] == " ":
        while text[end : end + 1] == " ":
            end += 1
    return start, end


def moved(places: Sequence[int], edits: Sequence[Edit]) -> list[int]:
    """Where offsets in order come to stand after edits; those inside one stand at its start."""
    shifts: list[int] = []
    total = 0
    for edit in edits:
        total += len(edit.text) - (edit.end - edit.start)
        shifts.append(total)
    ends = [edit.end for edit in edits]
    found = []
    for place in places:
        # Edits that end at or before the place lie before it, but for one that begins there too.
        at = bisect_left(ends, place)
        shift = shifts[at - 1] if at else 0
        if at < len(edits) and edits[at].end == place and edits[at].start < place:
            shift = shifts[at]
        elif at < len(edits) and edits[at].start < place:
            place = edits[at].start
        found.append(place + shift)
    return found
