"""Texts in a database, kept so that versions of one text share what they have in common.

A text is cut into chunks where its own lines say so, not at fixed offsets, so that an edit in one
place leaves nearly all other chunks the same; each chunk is stored once, compressed. The idea is
that of content-defined chunking (Muthitacharoen, Chen and Mazières, "A low-bandwidth network file
system", 2001), with lines and sentences instead of a rolling window.
"""

import hashlib
import re
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

SCHEMA = """
CREATE TABLE chunk (
    id INTEGER PRIMARY KEY,
    sha256 BLOB NOT NULL UNIQUE,
    data BLOB NOT NULL
);
CREATE TABLE text (
    id INTEGER PRIMARY KEY,
    sha256 BLOB NOT NULL UNIQUE,
    chunks BLOB NOT NULL
);
"""
"""The tables that the functions here need; the first part of a database's first migration."""

_MEAN = 2048
"""Bytes of a chunk beyond `_LEAST`, on average."""
_LEAST = 512
_MOST = 16384
_LONG_LINE = 1024
"""Bytes from which a line is cut into sentences."""
_SENTENCE = re.compile(rb"[^.!?]*[.!?]+\s*|[^.!?]+")


class MissingTextError(LookupError):
    """A database has no text with that id."""


def put(connection: sqlite3.Connection, text: str) -> int:
    """Keep a text, inside the caller's transaction; returns its id.

    The same text has the same id. Every `str` is kept exactly, halves of characters included.
    """
    data = packed(text)
    digest = hashlib.sha256(data).digest()
    row = connection.execute("SELECT id FROM text WHERE sha256 = ?", (digest,)).fetchone()
    if row is not None:
        return int(row[0])
    ids = [_put_chunk(connection, chunk) for chunk in _chunks(data)]
    cursor = connection.execute(
        "INSERT INTO text (sha256, chunks) VALUES (?, ?)", (digest, _recipe(ids))
    )
    return int(cursor.lastrowid or 0)


def get(connection: sqlite3.Connection, text_id: int) -> str:
    """The text with that id.

    Raises:
        MissingTextError: there is none, or it has changed since it was kept.
    """
    row = connection.execute("SELECT sha256, chunks FROM text WHERE id = ?", (text_id,)).fetchone()
    if row is None:
        raise MissingTextError(f"there is no text {text_id}")
    parts = []
    for chunk in _ids(row[1]):
        found = connection.execute("SELECT data FROM chunk WHERE id = ?", (chunk,)).fetchone()
        if found is None:
            raise MissingTextError(f"a part of text {text_id} is not there")
        parts.append(zlib.decompress(found[0]))
    data = b"".join(parts)
    if hashlib.sha256(data).digest() != row[0]:
        raise MissingTextError(f"text {text_id} is not what was kept")
    return unpacked(data)


def sweep(connection: sqlite3.Connection, in_use: Iterable[int]) -> None:
    """Delete every text that is not in use, and the chunks that no other text has.

    Chunks are not counted as they are used: a count in each of a book's thousand chunks would be
    written anew with every version.

    Args:
        connection: inside the caller's transaction.
        in_use: ids of the texts that stay.
    """
    kept = set(in_use)
    chunks: set[int] = set()
    gone = []
    for text_id, recipe in connection.execute("SELECT id, chunks FROM text"):
        if text_id in kept:
            chunks.update(_ids(recipe))
        else:
            gone.append((text_id,))
    connection.executemany("DELETE FROM text WHERE id = ?", gone)
    orphans = [row for row in connection.execute("SELECT id FROM chunk") if row[0] not in chunks]
    connection.executemany("DELETE FROM chunk WHERE id = ?", orphans)


def packed(text: str) -> bytes:
    """A text as bytes that `unpacked` makes the same text of, whatever it holds."""
    return text.encode("utf-8", "surrogatepass")


def unpacked(data: bytes) -> str:
    """The text that `packed` was given."""
    return data.decode("utf-8", "surrogatepass")


# --- chunks ------------------------------------------------------------------------------------


def _put_chunk(connection: sqlite3.Connection, chunk: bytes) -> int:
    digest = hashlib.sha256(chunk).digest()
    row = connection.execute("SELECT id FROM chunk WHERE sha256 = ?", (digest,)).fetchone()
    if row is not None:
        return int(row[0])
    cursor = connection.execute(
        "INSERT INTO chunk (sha256, data) VALUES (?, ?)", (digest, zlib.compress(chunk))
    )
    return int(cursor.lastrowid or 0)


def _chunks(data: bytes) -> Iterator[bytes]:
    """Cut where a line's or sentence's own checksum says so; the longer it is, the likelier."""
    begin = end = 0
    for piece in _pieces(data):
        if end > begin and end - begin + len(piece) > _MOST:
            yield data[begin:end]
            begin = end
        end += len(piece)
        if end - begin >= _LEAST and zlib.crc32(piece) * _MEAN < len(piece) << 32:
            yield data[begin:end]
            begin = end
    if end > begin:
        yield data[begin:end]


def _pieces(data: bytes) -> Iterator[bytes]:
    """Lines; the sentences of long lines; nothing longer than a chunk may be."""
    for line in data.splitlines(keepends=True):
        if len(line) <= _LONG_LINE:
            yield line
            continue
        for sentence in _SENTENCE.findall(line):
            for at in range(0, len(sentence), _MOST):
                yield sentence[at : at + _MOST]


# --- recipes: which chunks a text consists of --------------------------------------------------


def _recipe(ids: Sequence[int]) -> bytes:
    """Ids as differences: those of a text that was kept whole are all 1, and compress to nothing.

    Each difference is zigzag-coded, seven bits a byte.
    """
    coded = bytearray()
    for before, after in zip([0, *ids], ids, strict=False):
        step = after - before
        rest = step << 1 if step >= 0 else (-step << 1) - 1
        while rest > 0x7F:
            coded.append(rest & 0x7F | 0x80)
            rest >>= 7
        coded.append(rest)
    return zlib.compress(bytes(coded), 9)


def _ids(recipe: bytes) -> Iterator[int]:
    return accumulate(_steps(recipe))


def _steps(recipe: bytes) -> Iterator[int]:
    value = shift = 0
    for byte in zlib.decompress(recipe):
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield -((value + 1) >> 1) if value & 1 else value >> 1
            value = shift = 0
