"""PURE. What the head of a Project Gutenberg text says about it."""

import re

import msgspec

HEAD = 8_192
"""Characters in which a head's lines stand."""

_FIELD = re.compile(
    r"^(Title|Author|Language|Translator|Release Date|Posting Date)\s*:[ \t]*(.*)$", re.IGNORECASE
)
_NUMBER = re.compile(r"\[\s*e-?(?:book|text)\s*#\s*(\d{1,7})\s*\]", re.IGNORECASE)
_COPYRIGHTED = re.compile(
    r"\bthis\s+is\s+a\s+\*?copyrighted\*?\s+project\s+gutenberg\b", re.IGNORECASE
)
_LANGUAGES = {
    **{"english": "en", "french": "fr", "german": "de", "finnish": "fi", "dutch": "nl"},
    **{"italian": "it", "spanish": "es", "portuguese": "pt", "hungarian": "hu", "greek": "el"},
    **{"chinese": "zh", "esperanto": "eo", "swedish": "sv", "danish": "da", "latin": "la"},
    **{"catalan": "ca", "polish": "pl", "japanese": "ja", "norwegian": "no", "welsh": "cy"},
    **{"czech": "cs", "russian": "ru", "tagalog": "tl", "icelandic": "is", "bulgarian": "bg"},
}
"""Of the catalogue's languages those with fifty books or more."""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The lines at a text's beginning, as far as they are there."""

    number: int | None = None
    title: str = ""
    author: str = ""
    """As it is printed: `Lewis Carroll`."""
    language: str = ""
    """ISO 639-1."""
    copyrighted: bool = False
    """Whether it says that it is under copyright."""


def read_head(text: str) -> Head:
    """Read the `Title:`, `Author:` and `Language:` lines and the number of a text.

    Args:
        text: the beginning of it, at least `HEAD` characters or all of it.
    """
    fields: dict[str, str] = {}
    last = ""
    for line in text[:HEAD].splitlines():
        found = _FIELD.match(line.strip().lstrip("\ufeff"))
        if found:
            last = found[1].lower()
            if last not in fields:
                fields[last] = found[2].strip()
            else:
                last = ""
        elif last and line.startswith((" ", "\t")) and line.strip():
            # A long title goes on on the next line, indented.
            fields[last] = f"{fields[last]} {line.strip()}"
        else:
            last = ""
    number = _NUMBER.search(text[:HEAD])
    language = re.split(r"[,;/&]| and ", fields.get("language", ""))[0].strip().lower()
    return Head(
        number=int(number[1]) if number else None,
        title=" ".join(fields.get("title", "").split()),
        author=" ".join(fields.get("author", "").split()),
        language=_LANGUAGES.get(language, language if re.fullmatch("[a-z]{2}", language) else ""),
        copyrighted=bool(_COPYRIGHTED.search(text[:HEAD])),
    )
