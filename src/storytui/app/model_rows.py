"""Models as rows of a list, in columns that fit the screen."""

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from storytui.app.fetching import size
from storytui.models.offers import Offer
from storytui.story.visible import visible

_APART = "  "
_NAME_COLUMNS = 36
"""The most that a name takes where there is little room."""
_ROOM_FOR_MORE = 24
"""Columns that must be left before what a model is good at is begun in its row."""


def rows(offers: Sequence[Offer], width: int) -> list[Content]:
    """One row for each offer.

    Args:
        offers: those whose columns stand under one another.
        width: columns of the list.
    """
    names = [_cut(_name(each), _NAME_COLUMNS) for each in offers]
    kinds = [_cut(visible(each.kind, newlines=False), 8) for each in offers]
    sizes = [size(each.size) if each.size else "" for each in offers]
    verdicts = [visible(each.verdict, newlines=False) for each in offers]
    name_width, kind_width, size_width, verdict_width = (
        max((cell_len(each) for each in column), default=0)
        for column in (names, kinds, sizes, verdicts)
    )
    made = []
    for each, name, kind, its_size, verdict in zip(
        offers, names, kinds, sizes, verdicts, strict=True
    ):
        fixed = _APART.join(
            (_wide(name, name_width), _wide(kind, kind_width), its_size.rjust(size_width))
        )
        left = width - cell_len(fixed) - len(_APART)
        style = "" if each.fits else "$dim"
        shown = _cut(verdict, max(left, 8))
        row: list[str | tuple[str, str]] = [
            (fixed, style),
            _APART,
            (shown, "$dim" if each.fits else "$warning"),
        ]
        left -= verdict_width + len(_APART)
        if left >= _ROOM_FOR_MORE:
            more = _cut(_more(each), left)
            row += [_wide("", verdict_width - cell_len(shown)), _APART, (more, "$dim")]
        made.append(Content.assemble(*row))
    return made


def details(offer: Offer) -> Content:
    """What there is to say of a model, a line each."""
    verdict = visible(offer.verdict, newlines=False)
    whole = f"{verdict[:1].upper()}{verdict[1:]}." if verdict else ""
    lines = [whole, _more(offer), *(visible(each, newlines=False) for each in offer.details)]
    return Content("\n".join(each for each in lines if each))


def _name(offer: Offer) -> str:
    mark = "● " if offer.in_use else "  "
    return mark + visible(offer.name, newlines=False)


def _more(offer: Offer) -> str:
    begun = f"{size(offer.begun)} of it are here already" if offer.begun else ""
    parts = (begun, offer.good_at.rstrip("."), offer.licence)
    return visible(" · ".join(filter(None, parts)), newlines=False)


def _cut(text: str, width: int) -> str:
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, max(0, width - 1)).rstrip() + "…"


def _wide(text: str, width: int) -> str:
    return text + " " * max(0, width - cell_len(text))
