"""PURE. How much of a prose text is spoken."""

import re

_DOUBLE = re.compile(
    r'"[^"\n]*(?:"|$)|“[^”\n]*(?:”|$)|„[^“”\n]*(?:[“”]|$)|«[^»\n]*(?:»|$)|»[^«\n]*(?:«|$)',
    re.MULTILINE,
)
"""A quotation in double marks; one that is not closed in its paragraph goes on in the next, and
reaches to the paragraph's end."""
_SINGLE = re.compile(r"(?<!\w)[‘'](?=\w)(?:[^‘’'\n]|(?<=\w)[’'](?=\w))*[,.!?;—–-][’'](?!\w)")
"""In single marks, which are apostrophes too: only one that ends with a mark inside is speech."""
_DASHED = re.compile(r"^[ \t]*(?:—|–|--|―)[ \t]*\w[^\n]*", re.MULTILINE)
"""A paragraph that opens with a dash, as speech does in Joyce, and in French and Spanish."""
_SIGNS = re.compile(r"[\"“„«»]|(?<!\w)[‘']|^[ \t]*(?:—|–|--|―)", re.MULTILINE)


def dialogue_share(text: str) -> float:
    """The share of the characters of `text` that stand in quotation marks or behind dashes.

    A book uses one way throughout; the one with the most is taken.
    """
    if not text or _SIGNS.search(text) is None:
        return 0.0
    most = max(
        sum(found.end() - found.start() for found in pattern.finditer(text))
        for pattern in (_DOUBLE, _SINGLE, _DASHED)
    )
    return most / len(text)
