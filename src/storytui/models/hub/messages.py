"""What the process that talks to the Hub is asked for, and what it answers: JSON, a line each."""

from typing import Literal

import msgspec

from storytui.models.hub.errors import Trouble
from storytui.models.hub.records import HubModel, HubRepository
from storytui.models.shape import Shape

PATIENCE = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds to wait before each further try, while none gets on."""
MARGIN = 64 << 20
"""Bytes that stay free on the disk."""

Phase = Literal["asking", "waiting", "fetching", "checking", "sending"]
"""waiting: for the network to come back, for the Hub, or for another program that fetches it."""


class Search(msgspec.Struct, frozen=True, tag=True):
    """Find repositories of GGUF files."""

    query: str
    limit: int


class Look(msgspec.Struct, frozen=True, tag=True):
    """Say what a repository holds."""

    repository: str
    revision: str


class Measure(msgspec.Struct, frozen=True, tag=True):
    """Read a model's header where it lies."""

    record: HubRepository
    files: tuple[str, ...]


class Fetch(msgspec.Struct, frozen=True, tag=True):
    """Get files into the cache."""

    repository: str
    revision: str
    files: tuple[str, ...]
    hashes: str
    patience: tuple[float, ...] = PATIENCE


class Verify(msgspec.Struct, frozen=True, tag=True):
    """Hold files in the cache against the Hub's record."""

    repository: str
    commit: str
    names: tuple[str, ...]
    paths: tuple[str, ...]
    hashes: str
    offline: bool


class Remove(msgspec.Struct, frozen=True, tag=True):
    """Take files out of the cache."""

    paths: tuple[str, ...]


class SentFile(msgspec.Struct, frozen=True):
    """A file that goes to the Hub."""

    name: str
    """In the repository, with `/` between folders."""
    path: str
    """On the disk; empty: `text` is what it holds."""
    text: str = ""


class Upload(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Bring files into a repository, which is made where there is none."""

    repository: str
    kind: Literal["model", "dataset"]
    private: bool
    """Seen by nobody but its owner; a repository that is there and open is then not touched."""
    files: tuple[SentFile, ...]
    message: str
    """Of the commit."""
    patience: tuple[float, ...] = PATIENCE


Order = Search | Look | Measure | Fetch | Verify | Remove | Upload


class Progress(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """How far it is."""

    phase: Phase
    done: int
    """Bytes of all files together that are here (fetching), were read (checking), or are there
    (sending)."""
    total: int
    """Bytes of all files together."""
    bytes_per_second: float = 0.0
    """Over the last seconds; 0: not known yet."""
    seconds_left: float | None = None
    """None: not known."""
    file: str = ""
    """Which file, fit to be shown."""
    note: str = ""
    """What is waited for, in words; empty in other phases."""


class Models(msgspec.Struct, frozen=True, tag=True):
    """Answers `Search`."""

    models: tuple[HubModel, ...]


class Looked(msgspec.Struct, frozen=True, tag=True):
    """Answers `Look`."""

    record: HubRepository


class Measured(msgspec.Struct, frozen=True, tag=True):
    """Answers `Measure`."""

    shape: Shape
    fetched: int
    """Bytes that came over the network for it."""


class Fetched(msgspec.Struct, frozen=True, tag=True):
    """Answers `Fetch`."""

    paths: tuple[str, ...]
    fetched: int
    """Bytes of files that came over the network; what stood here already is not among them."""


class Verdict(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Answers `Verify`."""

    good: bool
    against: Literal["hub", "name"]
    """Held against the Hub's record, or the hash that the file's name in the cache is."""
    wrong: tuple[str, ...] = ()
    """The files that are not what they should be, fit to be shown."""


class Removed(msgspec.Struct, frozen=True, tag=True):
    """Answers `Remove`."""

    freed: int
    """Bytes of the disk."""


class Uploaded(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Answers `Upload`."""

    address: str
    """Of the repository's page."""
    commit: str
    sent: int
    """Bytes of large files that went over the network by plain HTTP; what was there already is
    not among them. Xet does not say."""
    private: bool
    """Whether nobody but its owner sees it."""


class Fault(msgspec.Struct, frozen=True, tag=True):
    """Answers anything: nothing came of it."""

    sentence: str
    trouble: Trouble
    address: str = ""


Answer = Progress | Models | Looked | Measured | Fetched | Verdict | Removed | Uploaded | Fault
