"""PURE. Quotation marks and dashes in one form, where the options ask for it."""

import re

from storytui_train.data.edits import Edit
from storytui_train.recipe import CleanOptions

_STRAIGHT = {"“": '"', "”": '"', "„": '"', "‟": '"', "‘": "'", "’": "'", "‚": "'", "‛": "'"}
_CURLY = re.compile(r"[\"'`]")
_DASHES = re.compile(r"(?<!-)(?P<around> ?)--(?P<more>-*)(?P<behind> ?)(?!-)|(?<=\w) – (?=\w)")
_ELISIONS = re.compile(
    r"['’](?:tis|twas|twere|twill|em|cause|til|bout|neath|gainst|round|n|im|er|\d\ds?)\b",
    re.IGNORECASE,
)
_OPENING = " \n\t([{—–-*_/“‘"


def typography(text: str, options: CleanOptions) -> list[Edit]:
    """The edits that bring quotation marks and dashes into the form asked for.

    Args:
        text: cleaned.
        options: `quotes` and `dashes` count.
    """
    edits: list[Edit] = []
    if options.quotes == "straight":
        edits += [
            Edit(found.start(), found.end(), _STRAIGHT[found[0]])
            for found in re.finditer("[“”„‟‘’‚‛]", text)
        ]
    elif options.quotes == "curly":
        edits += [
            Edit(found.start(), found.end(), _curly(text, found.start()))
            for found in _CURLY.finditer(text)
        ]
    if options.dashes == "em":
        for found in _DASHES.finditer(text):
            if found[0] == " – ":
                edits.append(Edit(found.start(), found.end(), "—"))
            else:
                length = 2 if found["more"] else 1
                edits.append(
                    Edit(
                        found.start(), found.end(), found["around"] + "—" * length + found["behind"]
                    )
                )
    return sorted(edits)


def _curly(text: str, at: int) -> str:
    """The curly mark that stands for a straight one."""
    sign = text[at]
    before, after = text[at - 1 : at] if at else "", text[at + 1 : at + 2]
    opening = (not before or before in _OPENING) and bool(after.strip())
    # Behind another mark: as that one opens or closes.
    if before in "\"'" and before:
        opening = (at < 2 or text[at - 2 : at - 1] in _OPENING) and bool(after.strip())
    if sign == '"':
        return "“" if opening else "”"
    if sign == "'" and opening and _ELISIONS.match(text, at):
        return "’"
    return "‘" if opening else "’"
