"""A download: starts it, says how far it is, cancels it. What was fetched is never fetched again.

Files come into the cache of Hugging Face in the library's own layout, so that other programs
share them. An end at any byte, of the network, this program or the machine, leaves what was
fetched for the next try to go on from.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from storytui.models.hub.errors import HubError
from storytui.models.hub.messages import PATIENCE, Fetch, Fetched, Progress
from storytui.models.hub.place import HubPlace
from storytui.models.hub.process import COMMAND, HubProcess


class Download:
    """Files of one repository on their way into the cache; iterate over it once."""

    def __init__(
        self,
        place: HubPlace,
        repository: str,
        files: Sequence[str],
        *,
        revision: str = "main",
        patience: Sequence[float] = PATIENCE,
        command: Sequence[str] = COMMAND,
    ) -> None:
        """
        Args:
            place: the Hub.
            repository: owner/name.
            files: the model, or all its parts in order, by their names there.
            revision: a branch, a tag or a commit.
            patience: seconds to wait before each further try, while none gets on.
            command: what runs as the process that fetches.
        """
        order = Fetch(repository, revision, tuple(files), str(place.hashes or ""), tuple(patience))
        self._process = HubProcess(place, order, command)
        self._fetched: Fetched | None = None

    def __iter__(self) -> Iterator[Progress]:
        """How far it is, a few times a second; ends when all files are here and checked. Blocks.

        Raises:
            HubError: it did not come to its end; the message says what stands and what to do.
        """
        for answer in self._process.answers():
            if isinstance(answer, Fetched):
                self._fetched = answer
            elif isinstance(answer, Progress):
                yield answer

    def run(self) -> Path:
        """Do it all without looking; returns `path`.

        Raises:
            HubError: as for iterating.
        """
        for _ in self:
            pass
        return self.path

    def cancel(self) -> None:
        """End it at once, from any thread: whoever iterates gets a `HubError`."""
        self._process.end()

    @property
    def path(self) -> Path:
        """The model, or the first of its parts, as llama.cpp is given it.

        Raises:
            HubError: it did not come to its end.
        """
        return self.paths[0]

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files, in their order.

        Raises:
            HubError: it did not come to its end.
        """
        if self._fetched is None:
            raise HubError("The download did not come to its end. Try again.")
        return tuple(Path(each) for each in self._fetched.paths)

    @property
    def bytes_fetched(self) -> int:
        """Bytes of the files that came over the network in this download; 0 before its end."""
        return self._fetched.fetched if self._fetched else 0
