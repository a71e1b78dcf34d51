"""One file from a server onto the disk: in parts if it has to be, whole in the end, or not at all.

`{name}.part` is what came so far, with `{name}.part.json` that says of what. The file gets its
name when it is whole; the caller writes down what it is, last.
"""

import hashlib
import os
from contextlib import suppress
from email.message import Message
from pathlib import Path

import httpx
import msgspec

from storytui.story.visible import visible
from storytui_train.data.sources.polite import Polite
from storytui_train.errors import SourceError, UnreachableError

MOST_BYTES = 64 << 20
"""Of one file. The longest books have 10 MB, the packed catalogue 6; a text of 64 MB is none."""
GOING_ON = 3
"""How often a file that was cut off is gone on with in one run."""
_PIECE = 1 << 16


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """A file that came, and how to ask whether there is a newer one."""

    url: str
    sha256: str
    size: int
    """Bytes."""
    etag: str = ""
    modified: str = ""
    """Last-Modified, as the server says it."""


class MissingError(SourceError):
    """A server has no such file."""


class NoRoomError(SourceError):
    """The disk is full, or the folder cannot be written; nothing else will fit either."""


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    """Of what a part is."""

    url: str
    validator: str
    """A strong ETag or a Last-Modified: another one, and the part is worth nothing."""


class _NoTextError(SourceError):
    """What came is no text, so no part of it is worth keeping."""


class _OtherError(SourceError):
    """What is there does not go on from the part that is here, which was thrown away."""


class _CutOffError(SourceError):
    """The body ended before it was whole."""


def fetch(polite: Polite, url: str, to: Path, before: Fetched | None = None) -> Fetched | None:
    """Fetch a file, or go on with it where a part of it is here.

    Args:
        polite: asks for it.
        url: where it is.
        to: its name on the disk; its folder is made.
        before: what came the last time and is still there: asked for only if it has changed.

    Returns:
        What came; None where what came before has not changed.

    Raises:
        MissingError: there is none.
        UnreachableError: the server does not answer.
        NoRoomError: the disk is full.
        SourceError: it is refused, cut off again and again, too large, or a page in place of a
            text.
        RecipeError: the address is none that may be asked.
    """
    for attempt in range(1 + GOING_ON):
        had = _length(to)
        try:
            return _fetch(polite, url, to, before)
        except _OtherError:
            if attempt == GOING_ON:
                raise
        except _CutOffError:
            if attempt == GOING_ON or _length(to) <= had:
                raise
        except OSError as error:
            raise NoRoomError(
                f"{visible(str(to), newlines=False)} cannot be written: {error.strerror}. Make "
                "room or choose another working folder, and run again; what has come is kept."
            ) from error
    raise AssertionError("the last attempt returns or raises")


def _fetch(polite: Polite, url: str, to: Path, before: Fetched | None) -> Fetched | None:
    to.parent.mkdir(parents=True, exist_ok=True)
    part, about = _part(to), _about(to)
    headers = {}
    start = 0
    known = _read_part(about)
    if known and known.url == url and known.validator and part.exists():
        start = part.stat().st_size
    if start and known:
        headers = {"Range": f"bytes={start}-", "If-Range": known.validator}
    elif before is not None and before.url == url:
        if before.etag:
            headers["If-None-Match"] = before.etag
        if before.modified:
            headers["If-Modified-Since"] = before.modified
    with polite.asking(url, headers) as answer:
        if answer.status_code == httpx.codes.NOT_MODIFIED and not start and before is not None:
            return None
        digest = hashlib.sha256()
        if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE and start:
            if answer.headers.get("Content-Range") != f"bytes */{start}":
                _forget(part, about)
                raise _OtherError(f"{_shown(url)} is not what it was when a part of it came.")
            # All of it is here already; only its name was missing.
            came = 0
            with open(part, "rb") as file:
                digest = hashlib.file_digest(file, "sha256")
        else:
            _refuse(answer, url)
            if answer.status_code != httpx.codes.PARTIAL_CONTENT:
                start = 0
            elif _begins(answer) != start:
                _forget(part, about)
                raise _OtherError(f"{_shown(url)} was gone on with at another place than asked.")
            if not start:
                # Bytes of something else must not be found beside what says they are of this.
                _forget(part)
            about.write_bytes(msgspec.json.encode(_Part(url=url, validator=_validator(answer))))
            try:
                came = _receive(answer, url, part, start, digest)
            except _NoTextError:
                _forget(part, about)
                raise
    size = start + came
    if not size:
        _forget(part, about)
        raise SourceError(f"{_shown(url)} is empty.")
    os.replace(part, to)
    about.unlink()
    return Fetched(
        url=url,
        sha256=digest.hexdigest(),
        size=size,
        etag=answer.headers.get("ETag", ""),
        modified=answer.headers.get("Last-Modified", ""),
    )


def _receive(
    answer: httpx.Response, url: str, part: Path, start: int, digest: "hashlib._Hash"
) -> int:
    """Write the body behind what is there; returns how many bytes came.

    Raises:
        _CutOffError: it ended too soon; what came is on the disk.
    """
    came = 0
    with open(part, "r+b" if start else "wb") as file:
        if start:
            for piece in iter(lambda: file.read(min(_PIECE, start - file.tell())), b""):
                digest.update(piece)
        file.seek(start)
        file.truncate()
        try:
            for piece in answer.iter_bytes():
                if start + came == 0 and _is_page(answer, piece):
                    raise _NoTextError(f"{_shown(url)} is a page of the server, not a text.")
                file.write(piece)
                digest.update(piece)
                came += len(piece)
                if start + came > MOST_BYTES:
                    raise _NoTextError(
                        f"{_shown(url)} is larger than {MOST_BYTES >> 20} MB; that is no book."
                    )
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.ReadTimeout) as error:
            raise _CutOffError(
                f"{_shown(url)} was cut off after {start + came:,} bytes. What has come is kept; "
                "run again to go on with it."
            ) from error
        except httpx.DecodingError as error:
            raise _NoTextError(f"{_shown(url)} came packed, and damaged.") from error
        file.flush()
        os.fsync(file.fileno())
    return came


def _refuse(answer: httpx.Response, url: str) -> None:
    status = answer.status_code
    if status in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT):
        return
    # A short page is read to its end, so that the connection can be used again.
    for _ in zip(range(16), answer.iter_bytes(), strict=False):
        pass
    if status in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
        raise MissingError(f"There is no {_shown(url)}.")
    host = visible(answer.url.host, newlines=False)
    if status == httpx.codes.TOO_MANY_REQUESTS or status in (502, 503, 504):
        raise UnreachableError(
            f"{host} is too busy (status {status}), also after waiting as long as it asked; try "
            "later, with more seconds between requests, or name another mirror."
        )
    raise SourceError(f"{host} refuses {_shown(url)} (status {status}).")


def _is_page(answer: httpx.Response, first: bytes) -> bool:
    """Whether an answer is HTML: many mirrors say "not found" with a page and status 200."""
    message = Message()
    message["Content-Type"] = answer.headers.get("Content-Type", "text/plain")
    begin = first[:256].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return message.get_content_type() in ("text/html", "application/xhtml+xml") or (
        begin.startswith((b"<!doctype html", b"<html"))
    )


def _validator(answer: httpx.Response) -> str:
    """What If-Range may hold; empty: an answer that cannot be gone on with."""
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        return ""
    etag: str = answer.headers.get("ETag", "")
    if etag and not etag.startswith("W/"):
        return etag
    return str(answer.headers.get("Last-Modified", ""))


def _begins(answer: httpx.Response) -> int:
    unit, _, rest = answer.headers.get("Content-Range", "").partition(" ")
    first = rest.partition("-")[0]
    return int(first) if unit == "bytes" and first.isdigit() else -1


def _read_part(about: Path) -> _Part | None:
    try:
        return msgspec.json.decode(about.read_bytes(), type=_Part)
    except (OSError, msgspec.DecodeError):
        return None


def _forget(*paths: Path) -> None:
    for path in paths:
        with suppress(FileNotFoundError):
            path.unlink()


def _part(to: Path) -> Path:
    return to.with_name(to.name + ".part")


def _about(to: Path) -> Path:
    return to.with_name(to.name + ".part.json")


def _length(to: Path) -> int:
    try:
        return _part(to).stat().st_size
    except OSError:
        return 0


def _shown(url: str) -> str:
    return visible(url, newlines=False)
