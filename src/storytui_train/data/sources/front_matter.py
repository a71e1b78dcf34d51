"""PURE. What stands at the head of a Markdown file between lines of dashes, for programs.

Only lines of `name: value` are read: a title and an author need no more of YAML or TOML.
"""

import re

_YAML = re.compile(r"\A\ufeff?---[ \t]*\n(.*?)(?:^(?:---|\.\.\.)[ \t]*$\n?)", re.DOTALL | re.M)
_TOML = re.compile(r"\A\ufeff?\+\+\+[ \t]*\n(.*?)(?:^\+\+\+[ \t]*$\n?)", re.DOTALL | re.M)
_FIELD = re.compile(r"^([A-Za-z][\w -]*?)[ \t]*[:=][ \t]*(.*?)[ \t]*$")
_LIST_ITEM = re.compile(r"^[ \t]*-[ \t]+(.*?)[ \t]*$")
_NAMES = {
    "title": "title",
    "author": "author",
    "authors": "author",
    "creator": "author",
    "language": "language",
    "lang": "language",
}


def without_front_matter(text: str) -> tuple[str, dict[str, str]]:
    """The text behind the front matter, and its title, author and language where they are given.

    Args:
        text: with `\\n` for line breaks.
    """
    for pattern in (_YAML, _TOML):
        found = pattern.match(text)
        if found and _is_front_matter(found[1]):
            return text[found.end() :], _fields(found[1])
    return text, {}


def _is_front_matter(body: str) -> bool:
    """Whether a head holds fields and no prose: a scene break may open a story too."""
    lines = [line for line in body.split("\n") if line.strip()]
    top = [line for line in lines if line[:1] not in (" ", "\t", "-", "#", "]", "}")]
    return all(_FIELD.match(line) or line.startswith("[") for line in top)


def _fields(body: str) -> dict[str, str]:
    found: dict[str, str] = {}
    waiting = ""
    for line in body.split("\n"):
        field = _FIELD.match(line)
        item = _LIST_ITEM.match(line)
        if field:
            name = _NAMES.get(field[1].lower(), "")
            value = field[2].strip("[]").split('", "')[0].strip("\"' ")
            waiting = name if name and not value else ""
            if name and value and value not in ("|", ">"):
                found.setdefault(name, value)
        elif item and waiting:
            found.setdefault(waiting, item[1].strip("\"'"))
            waiting = ""
    if "language" in found:
        found["language"] = found["language"][:2].lower()
    return found
