"""Asks the Hub's API. Only for the process that talks to the Hub."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx2
from huggingface_hub import HfApi
from huggingface_hub.utils import HFValidationError, get_session

import storytui
from storytui.models.hub.faults import FaultError, not_the_hub, shown
from storytui.models.hub.messages import Look, Looked, Models, Search
from storytui.models.hub.records import (
    HubFile,
    HubModel,
    HubRepository,
    is_commit,
    is_etag,
    is_safe_name,
)

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo

CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
_MOST_TEXT = 200


def session() -> httpx2.Client:
    """The library's client, with an end to its waiting, which it has none of by itself."""
    client = get_session()
    client.timeout = httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
    return client


def api() -> HfApi:
    """The library's way to the API."""
    session()
    return HfApi(library_name="storytui", library_version=storytui.__version__)


def search(order: Search) -> Models:
    """Repositories of GGUF files, those fetched most often first."""
    with as_from_the_hub():
        found = api().list_models(
            search=order.query,
            filter="gguf",
            sort="downloads",
            limit=order.limit,
            expand=["downloads", "likes", "gated", "lastModified", "tags"],
        )
        return Models(tuple(_model(each) for each in found))


def look(order: Look) -> Looked:
    """What a repository holds."""
    return Looked(record(order.repository, order.revision))


def record(repository: str, revision: str) -> HubRepository:
    """What a repository holds, with size and hash of each file.

    Raises:
        FaultError: what answers is not the Hub.
        httpx2.HTTPError: it cannot be reached or refuses.
    """
    if not is_safe_name(revision):
        raise FaultError(f"{shown(revision)} is no name of a revision. Leave it out.", "missing")
    with as_from_the_hub():
        info = api().model_info(
            repository, revision=revision, files_metadata=True, timeout=READ_SECONDS
        )
        files = [
            HubFile(
                name=each.rfilename,
                size=int((each.lfs.size if each.lfs else each.size) or 0),
                sha256=each.lfs.sha256 if each.lfs and is_etag(each.lfs.sha256) else "",
            )
            for each in info.siblings or ()
        ]
        commit = info.sha or ""
        if not is_commit(commit):
            raise ValueError("no commit")
        return HubRepository(
            repository=repository,
            revision=revision,
            commit=commit,
            # What would leave the folder it is put in is not there, as far as we go.
            files=tuple(each for each in files if is_safe_name(each.name) and each.size >= 0),
            licence=_licence(info),
            gated=bool(info.gated),
        )


@contextmanager
def as_from_the_hub() -> Iterator[None]:
    """An answer that cannot be understood did not come from the Hub."""
    try:
        yield
    except (HFValidationError, httpx2.HTTPError, httpx2.InvalidURL):
        raise
    except (ValueError, TypeError, KeyError, AttributeError, LookupError) as error:
        raise FaultError(not_the_hub().sentence, "not-the-hub") from error


def _model(info: "ModelInfo") -> HubModel:
    return HubModel(
        repository=_short(info.id),
        downloads=info.downloads or 0,
        likes=info.likes or 0,
        licence=_licence(info),
        gated=bool(info.gated),
        updated=info.last_modified.date().isoformat() if info.last_modified else "",
    )


def _licence(info: "ModelInfo") -> str:
    for tag in info.tags or ():
        if isinstance(tag, str) and tag.startswith("license:"):
            return _short(tag.removeprefix("license:"))
    return ""


def _short(text: str) -> str:
    return shown(text[:_MOST_TEXT])
