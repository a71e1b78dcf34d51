"""The bytes of a plain text as text, its line breaks as they are.

The text is `bytes.decode(encoding)` without a byte-order mark, so that a span can be found again
in the file's bytes. What was written in several encodings is mended later, where text is cleaned.
"""

import codecs
import re
import unicodedata
from functools import cache

from storytui_train.data.documents import Extracted
from storytui_train.data.sources.reading import RefusedError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LIKELY = ("cp1252", "latin-1", "mac_roman", "cp850", "cp437")
"""Encodings of one byte a character that texts were written in; of equals the first is taken."""
_SAMPLE = 1 << 16
_DECLARED = re.compile(
    rb"^[ \t]*character set encoding:[ \t]*(.{1,60}?)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE
)
_ENCODING_NAME = re.compile(
    r"iso[- _]?(?:latin[- _]?\d{1,2}|8859[-_ ]\d{1,2})|latin[-_ ]?\d{1,2}|utf[-_]?\d{1,2}|"
    r"(?:windows|cp|code ?page|ms)[-_ ]?\d{3,4}|mac[-_ ]?roman|koi8[-_]r|big5|gb\d+|"
    r"shift[-_]jis|euc[-_]\w+|iso[-_ ]646[-_ ]us|(?:us[-_ ])?ascii",
    re.IGNORECASE,
)
_C1 = re.compile(b"[\x80-\x9f]")
_CONTROLS = bytes([*range(1, 7), *range(14, 26), *range(28, 32)])
_QUOTES_AND_DASHES = frozenset("“”‘’„‚«»‹›—–…•£§°")


def extract_plain(data: bytes, shown: str) -> Extracted:
    """A plain text: what it says, hard-wrapped or not, with everything round the story.

    Args:
        data: the file's bytes.
        shown: what messages call it.

    Raises:
        RefusedError: it is no text, or there is nothing in it.
    """
    text, encoding = decoded(data, shown)
    if not text.strip():
        raise RefusedError("empty", f"{shown} is empty.")
    return Extracted(text=text, encoding=encoding)


def decoded(data: bytes, shown: str, declared: str = "") -> tuple[str, str]:
    """The text in `data` without a byte-order mark, and Python's name of its encoding.

    A byte-order mark decides, then zero bytes as UTF-16 has them, then whether it is UTF-8, then
    what it says of itself, then which encoding makes letters of its bytes.

    Args:
        data: the bytes.
        shown: what messages call them.
        declared: the encoding that is said elsewhere (in markup); empty: looked for in a header.

    Raises:
        RefusedError: it is no text.
    """
    for mark, name in _MARKS:
        if data.startswith(mark) and _is_in(data[len(mark) :], name):
            return data[len(mark) :].decode(name), name
    if b"\0" in data:
        if wide := _without_mark(data):
            return data.decode(wide), wide
        raise _binary(shown)
    sample = data[:_SAMPLE]
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    if controls > 16 and controls * 100 > len(sample):
        raise _binary(shown)
    if _is_in(data, "utf-8"):
        return data.decode("utf-8"), "utf-8"
    said = _declared(data, declared)
    name = said if said and _is_in(data, said) else _likeliest(data)
    return data.decode(name), name


def _binary(shown: str) -> RefusedError:
    return RefusedError("binary", f"{shown} is not a text: it holds bytes that no text has.")


def _is_in(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except (UnicodeError, LookupError):
        return False
    return True


def _without_mark(data: bytes) -> str:
    """UTF-16 without a byte-order mark, where its zero bytes give it away; else empty."""
    if len(data) % 2:
        return ""
    sample = data[:_SAMPLE]
    zeros = {"utf-16-be": sample[::2].count(0), "utf-16-le": sample[1::2].count(0)}
    name = max(zeros, key=lambda each: zeros[each])
    few, many = sorted(zeros.values())
    # Half of the units are letters of ASCII, and hardly one is a character zero.
    if many * 4 < len(sample) or few * 20 > many or not _is_in(data, name):
        return ""
    return "" if "\0" in data.decode(name) else name


def _declared(data: bytes, said: str) -> str:
    """The encoding that a header or markup names, if it says more than ASCII; else empty."""
    if not said:
        line = _DECLARED.search(data[:_SAMPLE])
        said = line[1].decode("ascii", "ignore") if line else ""
    found = _ENCODING_NAME.search(said)
    if found is None:
        return ""
    name = re.sub(r"(?i)(?:iso[- _]?)?latin[- _]?", "latin-", found[0])
    name = re.sub(r"(?i)code ?page[-_ ]?", "cp", name).replace(" ", "-")
    try:
        name = codecs.lookup(name).name
    except LookupError:
        return ""
    if name in ("ascii", "utf-8"):
        return ""
    if name == "iso8859-1":
        # Many a text that is said to be in Latin-1 has the quotation marks of Windows.
        return "cp1252" if _C1.search(data) else "latin-1"
    return name


def _likeliest(data: bytes) -> str:
    """The encoding of one byte a character in which the bytes beyond ASCII read best."""
    scores = {name: _score(data, name) for name in _LIKELY if _is_in(data, name)}
    return max(scores, key=lambda each: scores[each])


def _score(data: bytes, encoding: str) -> float:
    """How much the bytes beyond ASCII look like letters in words and marks beside them."""
    text = data.decode(encoding)
    score = 0.0
    for found in re.finditer(r"(?s)(.?)([^\x00-\x7f]+)(.?)", text):
        before, signs, after = found.groups()
        in_word = before.isalpha() or after.isalpha()
        for sign in signs:
            score += _value(sign, in_word=in_word, capital_inside=before.islower())
    return score


@cache
def _value(sign: str, *, in_word: bool, capital_inside: bool) -> float:
    if sign in _QUOTES_AND_DASHES:
        return 1.0
    category = unicodedata.category(sign)
    if category == "Ll":
        # A letter of a Western language beats a Greek or rarer one.
        return 1.2 if in_word and sign <= "\xff" else 0.3
    if category == "Lu":
        return -0.5 if capital_inside else 0.8
    if category == "Cc":
        return -3.0
    return -0.3
