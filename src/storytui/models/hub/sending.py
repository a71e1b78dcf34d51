"""An upload: starts it, says how far it is, cancels it. What came to the Hub is never sent again.

An end at any byte, of the network, this program or the machine, leaves in the Hub's storage what
came there; the next try goes on from there, and nobody sees anything of it before all is there.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

from storytui.models.hub.errors import HubError
from storytui.models.hub.messages import PATIENCE, Progress, SentFile, Upload, Uploaded
from storytui.models.hub.place import HubPlace
from storytui.models.hub.process import COMMAND, HubProcess


class Sending:
    """Files on their way into one repository; iterate over it once."""

    def __init__(
        self,
        place: HubPlace,
        repository: str,
        files: Sequence[SentFile],
        *,
        kind: Literal["model", "dataset"] = "model",
        private: bool = True,
        message: str,
        patience: Sequence[float] = PATIENCE,
        command: Sequence[str] = COMMAND,
    ) -> None:
        """
        Args:
            place: the Hub; its environment, or the place that its library knows, has the token.
            repository: owner/name; made where there is none.
            files: what it is to hold; other files that it has stay.
            kind: of the repository.
            private: whether nobody but its owner is to see it. One that is there and open to
                everybody is then not touched.
            message: of the commit.
            patience: seconds to wait before each further try, while none gets on.
            command: what runs as the process that sends.
        """
        self._offline = place.offline
        self._uploaded: Uploaded | None = None
        order = Upload(
            repository=repository,
            kind=kind,
            private=private,
            files=tuple(files),
            message=message,
            patience=tuple(patience),
        )
        self._process = HubProcess(place, order, command)

    def __iter__(self) -> Iterator[Progress]:
        """How far it is, a few times a second; ends when all is in the repository. Blocks.

        Raises:
            HubError: it did not come to its end; the message says what stands and what to do.
        """
        if self._offline:
            raise HubError(
                "Nothing is sent to the Hub while HF_HUB_OFFLINE is set. Unset it.", "offline"
            )
        for answer in self._process.answers():
            if isinstance(answer, Uploaded):
                self._uploaded = answer
            elif isinstance(answer, Progress):
                yield answer

    def run(self) -> Uploaded:
        """Do it all without looking; returns `uploaded`.

        Raises:
            HubError: as for iterating.
        """
        for _ in self:
            pass
        return self.uploaded

    def cancel(self) -> None:
        """End it at once, from any thread: whoever iterates gets a `HubError`."""
        self._process.end()

    @property
    def uploaded(self) -> Uploaded:
        """What came of it.

        Raises:
            HubError: it did not come to its end.
        """
        if self._uploaded is None:
            raise HubError("The upload did not come to its end. Try again.")
        return self._uploaded
