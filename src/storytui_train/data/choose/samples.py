"""PURE. Stretches from all through a book, so that what they show costs the same for any length."""

from collections.abc import Sequence

from storytui_train.data.documents import Document

_REACH = 2_000
"""Characters that a stretch may begin earlier, to begin with a paragraph."""


def bodies(document: Document) -> list[str]:
    """The text of each chapter, headings and what stands outside of chapters left out."""
    text = document.cleaned.text
    return [text[chapter.start : chapter.end] for chapter in document.cleaned.chapters]


def samples(texts: Sequence[str], count: int, size: int) -> list[str]:
    """Stretches of the same length, evenly spread over `texts` taken as one.

    Args:
        texts: the chapters.
        count: how many, at the most.
        size: the length of each, in characters; where the texts are not `count` times as long,
            they are returned whole, in pieces of about this length.

    Returns:
        Stretches that begin with a paragraph where one begins near, none of them blank.
    """
    whole = "\n\n".join(text for text in texts if text.strip())
    room = len(whole) - size
    if room <= 0:
        return [whole] if whole else []
    pieces = min(count, -(-len(whole) // size))
    found: list[str] = []
    for number in range(pieces):
        at = room * number // max(pieces - 1, 1)
        paragraph = whole.rfind("\n\n", max(0, at - _REACH), at) + 2
        start = paragraph if at and paragraph > 1 else at
        found.append(whole[start : start + size])
    return [piece for piece in found if piece.strip()]
