"""What the Hub says about repositories and their files."""

import re
from collections.abc import Iterable, Sequence

import msgspec

from storytui.models.gguf_choice import choose_files

_PART = re.compile(r"[^/\\\x00:]+")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_ETAG = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class HubModel(msgspec.Struct, frozen=True, kw_only=True):
    """A repository that a search brought; its texts are fit to be shown."""

    repository: str
    """owner/name"""
    downloads: int = 0
    """In the last thirty days."""
    likes: int = 0
    licence: str = ""
    """As the Hub has it, like apache-2.0; empty: it names none."""
    gated: bool = False
    """Its terms are to be accepted on the Hub's page first."""
    updated: str = ""
    """The day of its last change, like 2025-07-31; empty: not known."""


class HubFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a repository."""

    name: str
    """With `/` between folders; as the Hub has it, so not fit to be shown as it is."""
    size: int
    sha256: str = ""
    """Empty where the Hub has no record of it: for small files that are no models."""


class HubRepository(msgspec.Struct, frozen=True, kw_only=True):
    """A repository at one commit."""

    repository: str
    revision: str
    """What was asked for: a branch, a tag or a commit."""
    commit: str
    files: tuple[HubFile, ...]
    licence: str = ""
    gated: bool = False

    def chosen(self, patterns: Sequence[str]) -> tuple[HubFile, ...]:
        """The model that is wanted, or all its parts in order; see `gguf_choice.choose_files`.

        Raises:
            ModelError: there is none; the message says what there is.
        """
        by_name = {each.name: each for each in self.files}
        return tuple(by_name[name] for name in choose_files(by_name, patterns, self.repository))


def total(files: Iterable[HubFile]) -> int:
    """Bytes of all of them."""
    return sum(each.size for each in files)


def is_safe_name(name: str) -> bool:
    """Whether a name out of a repository stays inside the folder it is put in."""
    parts = name.split("/")
    return all(_PART.fullmatch(part) and part not in (".", "..") for part in parts)


def is_commit(text: str) -> bool:
    """Whether a revision is a commit's own name."""
    return _COMMIT.fullmatch(text) is not None


def is_etag(text: str) -> bool:
    """Whether a text is such an entity tag as the Hub gives, and no path."""
    return _ETAG.fullmatch(text) is not None
