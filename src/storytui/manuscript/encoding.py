"""Bytes to text and back, so that what was not edited comes back byte for byte.

A text has `\\n` for every line break and every other character as it is. What else the bytes held
is kept beside it: the encoding, a byte-order mark, the file's line break, or one for each line
where a file mixes them. A byte that belongs to no character becomes a lone surrogate (PEP 383) and
turns into that byte again.
"""

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from storytui.manuscript.breaks import with_line_feeds
from storytui.manuscript.errors import LacksCharacterError, ManuscriptError

_BOMS = {
    "utf-8": codecs.BOM_UTF8,
    "utf-32-le": codecs.BOM_UTF32_LE,  # before UTF-16, whose mark it begins with
    "utf-32-be": codecs.BOM_UTF32_BE,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
}

_OWN_NAMES = {"cp1252": "windows-1252", "iso8859-1": "latin-1", "utf-8-sig": "utf-8"}

_SHOWN_NAMES = {
    "utf-8": "UTF-8",
    "utf-16-le": "UTF-16 (little-endian)",
    "utf-16-be": "UTF-16 (big-endian)",
    "utf-32-le": "UTF-32 (little-endian)",
    "utf-32-be": "UTF-32 (big-endian)",
    "windows-1252": "Windows-1252",
    "latin-1": "Latin-1",
}

# What begins like this is no text, however many of its bytes could be.
_MAGIC = {
    b"PK\x03\x04": "a ZIP archive, as .docx, .odt and .epub are",
    b"PK\x05\x06": "a ZIP archive",
    b"%PDF-": "a PDF document",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old Office document",
    b"\x89PNG\r\n\x1a\n": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF87a": "a GIF picture",
    b"GIF89a": "a GIF picture",
    b"\x1f\x8b\x08": "a gzip archive",
    b"BZh91AY&SY": "a bzip2 archive",
    b"\xfd7zXZ\0": "an xz archive",
    b"(\xb5/\xfd": "a Zstandard archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a RAR archive",
    b"\x7fELF": "a program",
    b"SQLite format 3\0": "a SQLite database",
    b"GGUF": "a GGUF model",
    b"OggS\0": "an Ogg recording",
    b"ID3\x03": "an MP3 recording",
    b"ID3\x04": "an MP3 recording",
}

_SAMPLE = 1 << 16
# Control characters that texts do hold: BEL to CR (with the form feed), SUB at the end of files
# from DOS, ESC.
_TEXT_CONTROLS = bytes([*range(7, 14), 26, 27])
_ASCII = bytes(range(128))
_CONTROLS = bytes(sorted(set(range(32)) - set(_TEXT_CONTROLS)))


_TEXTS = "Stories are plain text or Markdown; an encoding named with --encoding opens it anyway."


@dataclass(frozen=True, slots=True)
class Form:
    """How a text is written as bytes."""

    encoding: str = "utf-8"
    """A codec of Python's, by one name each: `utf-8`, `utf-16-le`, `windows-1252`, `latin-1`, …"""
    bom: bool = False
    """Whether the bytes begin with a byte-order mark."""
    newline: str = "\n"
    """The line break: `\\n`, `\\r\\n` or `\\r`; where they are mixed, the most frequent."""
    tail: bytes = b""
    """Bytes after the text that are less than a character of UTF-16 or UTF-32."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text, and what is needed to make its bytes again."""

    text: str
    form: Form
    breaks: tuple[str, ...] | None
    """The break after each line but the last where they are mixed; None where they are not."""
    exact: bool
    """Whether the bytes come back as they were."""


def decode(data: bytes, name: str, encoding: str | None = None) -> Decoded:
    """The text in `data`.

    Args:
        data: the bytes of a file or of standard input.
        name: what a message calls them.
        encoding: the encoding asked for; None recognises it.

    Raises:
        ManuscriptError: they are no text, or there is no such encoding, or they are not in it.
    """
    raw, form = _recognised(data, name) if encoding is None else _asked(data, name, encoding)
    newline, breaks = _breaks_of(raw)
    form = Form(form.encoding, form.bom, newline, form.tail)
    decoded = Decoded(with_line_feeds(raw), form, breaks, exact=True)
    try:
        exact = encode(decoded.text, form, breaks) == data
    except (ManuscriptError, UnicodeError):
        exact = False
    if exact:
        return decoded
    if encoding is not None:
        raise ManuscriptError(
            f"{name} cannot be opened in {shown_encoding(form.encoding)}: its bytes would not come "
            "back as they are. Name another encoding, or none to have it recognised."
        )
    return Decoded(decoded.text, form, breaks, exact=False)


def encode(text: str, form: Form, breaks: Sequence[str] | None = None) -> bytes:
    """The bytes of `text`; the inverse of `decode`.

    Args:
        text: with `\\n` for every line break.
        form: how it is written.
        breaks: the break after each line but the last; None writes the form's own everywhere.

    Raises:
        LacksCharacterError: the encoding has no bytes for a character; UTF-8 would have.
        ManuscriptError: a character is half of a surrogate pair, and no byte that was kept.
    """
    body = _with_breaks(text, form.newline, breaks)
    errors = _errors(form.encoding)
    try:
        data = body.encode(form.encoding, errors)
    except UnicodeEncodeError as error:
        character = body[error.start]
        line = text.count("\n", 0, text.find(character)) + 1
        if "\ud800" <= character <= "\udfff":
            raise ManuscriptError(
                f"the character at offset {text.find(character)}, in line {line}, is half of a "
                "pair and no text. Delete it and save again"
            ) from None
        shown = f"“{character}”" if character.isprintable() else f"U+{ord(character):04X}"
        raise LacksCharacterError(
            f"line {line} holds {shown}, which {shown_encoding(form.encoding)} has no bytes for. "
            "Save it in UTF-8, or take the character out",
            character=character,
            line=line,
            encoding=form.encoding,
        ) from None
    return (_BOMS[form.encoding] if form.bom else b"") + data + form.tail


def shown_encoding(encoding: str) -> str:
    """The name of an encoding as a writer reads it."""
    return _SHOWN_NAMES.get(encoding, encoding)


def kept_bytes(text: str) -> int:
    """How many bytes in `text` belong to no character and are kept as they are."""
    return len(re.findall("[\udc80-\udcff]", text)) if not _is_clean(text) else 0


def _is_clean(text: str) -> bool:
    """Whether `text` has no lone surrogate; encoding finds that out faster than a pattern."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _with_breaks(text: str, newline: str, breaks: Sequence[str] | None) -> str:
    if breaks is None:
        return text if newline == "\n" else text.replace("\n", newline)
    lines = text.split("\n")
    if len(breaks) != len(lines) - 1:
        raise ValueError(f"{len(breaks)} line breaks for {len(lines)} lines")
    # A lone CR, an empty line and a LF would be read as one break: the empty line gets CR LF.
    told_apart = [
        "\r\n" if each == "\n" and not line and before == "\r" else each
        for line, before, each in zip(lines, chain([""], breaks), breaks, strict=False)
    ]
    return "".join(chain.from_iterable(zip_longest(lines, told_apart, fillvalue="")))


def _breaks_of(raw: str) -> tuple[str, tuple[str, ...] | None]:
    """The most frequent line break in `raw`, and all of them where they are mixed."""
    pairs = raw.count("\r\n")
    counts = {"\n": raw.count("\n") - pairs, "\r\n": pairs, "\r": raw.count("\r") - pairs}
    newline = max(counts, key=lambda each: counts[each])
    if sum(map(bool, counts.values())) < 2:
        return newline, None
    return newline, tuple(re.findall("\r\n|\r|\n", raw))


def _recognised(data: bytes, name: str) -> tuple[str, Form]:
    """The text of `data`, with its own line breaks, in the encoding that it seems to have."""
    for encoding, bom in _BOMS.items():
        if data.startswith(bom):
            body = data[len(bom) :]
            if encoding.startswith("utf-32") and not _is_strictly(body, encoding):
                continue
            return _decoded(body, encoding, bom=True)
    _refuse_other_kinds(data, name)
    if wide := _without_mark(data):
        return _decoded(data, wide)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return _not_quite_utf8(data, name)
    _refuse_controls(data, name, share=10)
    return text, Form()


def _not_quite_utf8(data: bytes, name: str) -> tuple[str, Form]:
    """Text in UTF-8 with some bytes that do not belong there, or in one byte a character."""
    _refuse_controls(data, name, share=20)
    text = data.decode("utf-8", "surrogateescape")
    strays = kept_bytes(text)
    beyond_ascii = len(data.translate(None, _ASCII))
    # In a text of one byte a character, letters beyond ASCII hardly ever make one of UTF-8.
    if beyond_ascii - strays >= strays:
        return text, Form()
    if re.search(b"[\x80-\x9f]", data):
        return _decoded(data, "windows-1252")
    return _decoded(data, "latin-1")


def _asked(data: bytes, name: str, asked: str) -> tuple[str, Form]:
    """The text of `data` in an encoding that was asked for by name."""
    encoding = canonical_encoding(asked)
    if encoding in ("utf-16", "utf-32"):
        ends = [f"{encoding}-le", f"{encoding}-be"]
        marked = [each for each in ends if data.startswith(_BOMS[each])]
        guess = _without_mark(data) if encoding == "utf-16" else ""
        encoding = (*marked, guess or ends[0])[0]
    bom = _BOMS.get(encoding, b"")
    marked_so = bool(bom) and data.startswith(bom)
    try:
        return _decoded(data[len(bom) :] if marked_so else data, encoding, bom=marked_so)
    except (UnicodeError, LookupError, ValueError):
        raise ManuscriptError(
            f"{name} is not text in {shown_encoding(encoding)}. Name another encoding, or none to "
            "have it recognised."
        ) from None


def canonical_encoding(asked: str) -> str:
    """The one name by which the encoding `asked` for is known here.

    Raises:
        ManuscriptError: there is no such encoding of text.
    """
    try:
        name = codecs.lookup(asked).name
        b"".decode(asked)
        "".encode(asked)
    except (LookupError, ValueError, UnicodeError):
        raise ManuscriptError(
            f"There is no encoding called {asked}. Common ones are utf-8, utf-16, windows-1252 "
            "and latin-1."
        ) from None
    return _OWN_NAMES.get(name, name)


def _decoded(body: bytes, encoding: str, *, bom: bool = False) -> tuple[str, Form]:
    unit = {"utf-16": 2, "utf-32": 4}.get(encoding[:6], 1)
    whole = len(body) - len(body) % unit
    text = body[:whole].decode(encoding, _errors(encoding))
    return text, Form(encoding, bom=bom, tail=body[whole:])


def _errors(encoding: str) -> str:
    """How what is no character is kept: as half a pair where units are wide, else as a byte."""
    return "surrogatepass" if encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"


def _without_mark(data: bytes) -> str:
    """UTF-16 without a byte-order mark, where its zero bytes give it away; else empty."""
    if len(data) < 4 or len(data) % 2 or b"\0" not in data:
        return ""
    sample = data[:_SAMPLE]
    zeros = {"utf-16-be": sample[::2].count(0), "utf-16-le": sample[1::2].count(0)}
    encoding = max(zeros, key=lambda each: zeros[each])
    few, many = sorted(zeros.values())
    # Half of the units are letters of ASCII, and hardly one is a character zero.
    if many * 4 < len(sample) or few * 20 > many:
        return ""
    return encoding if _is_strictly(data, encoding) else ""


def _is_strictly(body: bytes, encoding: str) -> bool:
    try:
        body.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _refuse_other_kinds(data: bytes, name: str) -> None:
    for magic, kind in _MAGIC.items():
        if data.startswith(magic):
            raise ManuscriptError(f"{name} is not a text file: it is {kind}. {_TEXTS}")


def _refuse_controls(data: bytes, name: str, *, share: int) -> None:
    """Refuse what holds more than one control character in `share` bytes."""
    sample = data[:_SAMPLE]
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    if controls > 16 and controls * share > len(sample):
        raise ManuscriptError(
            f"{name} is not a text file: {controls} of its first {len(sample)} bytes are control "
            f"characters. {_TEXTS}"
        )
