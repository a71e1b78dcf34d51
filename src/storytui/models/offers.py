"""Models that can be had, as a writer chooses among them, and where they come from: the protocol.

A screen shows offers and asks a shelf for them; what is behind a shelf (this machine, the Hugging
Face Hub) is the business of whoever makes it. All calls block and belong in a thread, but for
`Fetch.cancel`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from storytui.engine.api import Engine, EngineError
from storytui.engine.model_info import Adapter

Group = Literal["here", "catalogue", "hub", "repository"]
"""Where an offer comes from: it is on this machine, of the catalogue, a file that was searched for
on the Hub, or a repository there whose files are not known yet."""


class FetchEndedError(EngineError):
    """A model could not be fetched; the message says why, and what stands of it."""


class FetchCancelledError(FetchEndedError):
    """The writer ended it; what is here stays, and the next try goes on from there."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One model, with what it would be on this machine. Texts are fit to be shown."""

    id: str
    """What the shelf knows it by."""
    name: str
    group: Group
    kind: str = ""
    """Its quantisation, as in `Q4_K_M`; empty where that is not known."""
    size: int = 0
    """Bytes; 0: not known."""
    verdict: str = ""
    """What it would be on this machine; empty where that cannot be said."""
    fits: bool = True
    good_at: str = ""
    licence: str = ""
    path: Path | None = None
    """Its file, where it is here."""
    called: str = ""
    """The name that it is chosen by, where its path leads to another one: that of an adapter which
    was trained here is its base's."""
    begun: int = 0
    """Bytes of it that an earlier download left here."""
    in_use: bool = False
    details: tuple[str, ...] = ()
    """What else there is to say, a sentence each."""


@dataclass(frozen=True, slots=True)
class Offers:
    """What there is to choose from."""

    machine: str
    """What models run on here, with its memory."""
    offers: tuple[Offer, ...]
    """In the order in which they are shown: those that are here first."""
    best: str = ""
    """The id of the one to choose first; empty where none suits."""
    warnings: tuple[str, ...] = ()
    """What the writer should know first: a graphics card that is not used."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """How far a download is."""

    done: int
    total: int
    """Bytes; 0: not known yet."""
    bytes_per_second: float = 0.0
    seconds_left: float | None = None
    checking: bool = False
    """Whether all is here, and its checksum is being made."""
    note: str = ""
    """What is waited for, in words; empty while it gets on."""


class Fetch(Protocol):
    """One download."""

    def run(self, told: Callable[[Fetched], None]) -> Path:
        """Fetch it; returns the (first) file.

        Raises:
            FetchCancelledError: `cancel` was called.
            FetchEndedError: it failed.
        """
        ...

    def cancel(self) -> None:
        """End it soon; may be called from any thread, before `run` and after it."""
        ...


@dataclass(frozen=True, slots=True)
class Used:
    """A model that was chosen."""

    make: Callable[[], Engine]
    """Makes its engine; blocks."""
    only_now: str = ""
    """Why the next start will not have it, a sentence; empty: it will."""
    adapters: tuple[Adapter, ...] = ()
    """What is laid over it."""


class Shelf(Protocol):
    """Where models come from."""

    def offers(self) -> Offers:
        """What is here and what could be; asks the machine, not the network.

        Raises:
            EngineError: the machine could not be asked.
        """
        ...

    def search(self, query: str) -> tuple[Offer, ...]:
        """What the Hub has of it: repositories.

        Raises:
            EngineError: it could not be asked.
        """
        ...

    def files(self, repository: str) -> tuple[Offer, ...]:
        """The models of a repository on the Hub, each with its verdict; best first.

        Raises:
            EngineError: it could not be asked, or has none.
        """
        ...

    def fetch(self, offer: Offer) -> Fetch:
        """What fetches an offer; nothing is begun."""
        ...

    def use(self, path: Path, called: str = "") -> Used:
        """Remember a model as the chosen one.

        Args:
            path: its file.
            called: its name, where it has one that goes before the file; see `Offer.called`.

        Raises:
            EngineError: the file is no model, or an adapter that belongs to it cannot be used.
        """
        ...

    def fetching(self, offer: Offer | None) -> None:
        """Note for the next start which offer is fetched now; None: it came, or she ended it."""
        ...

    def close(self) -> None:
        """End what is asked of the Hub, soon; may be called from any thread."""
        ...
