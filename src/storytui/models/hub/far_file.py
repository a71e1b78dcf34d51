"""A file where it lies on the Hub: where its bytes come from, and the bytes from any place on.

Only for the process that talks to the Hub. The token goes to the Hub alone: where the bytes come
from another host, the address itself is signed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx2
from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
from huggingface_hub.utils import XetFileData, build_hf_headers, hf_raise_for_status

import storytui
from storytui.models.hub.faults import FaultError, explained, not_the_hub
from storytui.models.hub.records import is_etag
from storytui.models.hub.session import READ_SECONDS, session

_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


class BrokenOffError(Exception):
    """The bytes ended early; those that came are good."""


@dataclass(frozen=True, slots=True)
class FarFile:
    """A file on the Hub at one commit."""

    repository: str
    name: str
    etag: str
    """Its name in the cache."""
    size: int
    address: str = field(repr=False)
    headers: dict[str, str] = field(repr=False)
    """For that address: with the token only where it is the Hub's own."""
    hub_headers: dict[str, str] = field(repr=False)
    """For the Hub itself, with the token where there is one."""
    xet: XetFileData | None = field(default=None, repr=False)
    """What the Xet protocol needs, where the Hub offers it and she wants it."""


def located(repository: str, name: str, commit: str, size: int) -> FarFile:
    """Ask where the bytes of a file come from; such an address holds for some minutes.

    Args:
        repository: owner/name.
        name: the file's name there.
        commit: the commit.
        size: bytes that it has by the Hub's record.

    Raises:
        FaultError: it is not as the Hub's record has it.
        httpx2.HTTPError: the Hub cannot be reached or refuses.
    """
    session()
    address = hf_hub_url(repository, name, revision=commit)
    headers = build_hf_headers(library_name="storytui", library_version=storytui.__version__)
    try:
        said = get_hf_file_metadata(address, timeout=READ_SECONDS, headers=headers)
    except httpx2.HTTPError as error:
        fault = explained(error, repository, name)
        if fault.trouble in ("missing", "gated", "refused"):
            raise FaultError(fault.sentence, fault.trouble, fault.address) from None
        raise
    if said.commit_hash is None or said.etag is None or not is_etag(said.etag):
        raise FaultError(not_the_hub().sentence, "not-the-hub")
    if said.size not in (None, size):
        raise FaultError(not_the_hub().sentence, "not-the-hub")
    bare = {key: value for key, value in headers.items() if key.lower() != "authorization"}
    allowed = headers if _is_at_the_hub(said.location) else bare
    xet = said.xet_file_data
    if xet is not None and (constants.HF_HUB_DISABLE_XET or not _is_at_the_hub(xet.refresh_route)):
        xet = None
    return FarFile(
        repository,
        name,
        said.etag,
        size,
        said.location,
        # Compressed, the bytes would not be those of the file.
        {**allowed, "Accept-Encoding": "identity"},
        headers,
        xet,
    )


def pieces(file: FarFile, begin: int, end: int) -> Iterator[bytes]:
    """The bytes from `begin` to `end`, as they come, over plain HTTP.

    Raises:
        BrokenOffError: they ended early.
        FaultError: what comes is not the file.
        httpx2.HTTPError: the network or the other side fails.
    """
    headers = dict(file.headers)
    if (begin, end) != (0, file.size):
        headers["Range"] = f"bytes={begin}-{end - 1}"
    at = begin
    with session().stream("GET", file.address, headers=headers) as response:
        hf_raise_for_status(response)
        skip = begin - _begins_at(response, file)
        for piece in _until_broken(response):
            if skip:
                # The other side knows no ranges, and sends what is here already.
                piece, skip = piece[skip:], max(0, skip - len(piece))
            piece = piece[: end - at]
            at += len(piece)
            if piece:
                yield piece
            if at >= end:
                return
    raise BrokenOffError


def _until_broken(response: httpx2.Response) -> Iterator[bytes]:
    try:
        yield from response.iter_raw()
    except (httpx2.NetworkError, httpx2.RemoteProtocolError, httpx2.TimeoutException) as error:
        raise BrokenOffError from error


def _begins_at(response: httpx2.Response, file: FarFile) -> int:
    """From which byte of the file on an answer goes.

    Raises:
        FaultError: it is not this file that is answered.
    """
    begin, size = 0, response.headers.get("Content-Length", "")
    if response.status_code == 206:
        said = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if said is None:
            raise FaultError(not_the_hub().sentence, "not-the-hub")
        begin, size = int(said[1]), said[3]
    html = response.headers.get("Content-Type", "").startswith("text/html")
    if html or (size.isdecimal() and int(size) != file.size):
        raise FaultError(not_the_hub().sentence, "not-the-hub")
    return begin


def _is_at_the_hub(address: str) -> bool:
    """Whether an address is the Hub's own: the token may go there."""
    return httpx2.URL(address).origin == httpx2.URL(constants.ENDPOINT).origin
