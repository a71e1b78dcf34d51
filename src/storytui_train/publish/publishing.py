"""Sends a publication to the Hub, repository by repository; says how far it is."""

from collections.abc import Callable, Sequence

import msgspec

from storytui.models.hub.errors import HubError
from storytui.models.hub.messages import PATIENCE, Progress, Uploaded
from storytui.models.hub.place import HubPlace
from storytui.models.hub.sending import Sending
from storytui_train.errors import PublishError
from storytui_train.publish.publication import Bundle, Publication, size_of


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A repository that was brought to the Hub."""

    part: str
    repository: str
    address: str
    commit: str
    bytes: int
    """Of its files."""
    private: bool


def send(
    publication: Publication,
    place: HubPlace,
    *,
    message: str,
    told: Callable[[Bundle, Progress], None],
    patience: Sequence[float] = PATIENCE,
) -> tuple[Sent, ...]:
    """Send it all. What came there in an earlier try is not sent again.

    Args:
        publication: what is sent.
        place: the Hub.
        message: of the commits.
        told: how far it is, a few times a second.
        patience: seconds to wait before each further try, while none gets on.

    Raises:
        PublishError: it did not all come there; the message says what stands.
        KeyboardInterrupt: she stopped it; what came there stays.
    """
    sent: list[Sent] = []
    for bundle in publication.bundles:
        running = Sending(
            place,
            bundle.repository,
            bundle.files,
            kind=bundle.kind,
            private=publication.private,
            message=message,
            patience=patience,
        )
        try:
            for step in running:
                told(bundle, step)
        except HubError as error:
            before = ", ".join(each.repository for each in sent)
            stands = f" {before} came there whole." if before else ""
            raise PublishError(f"{error}{stands}") from error
        except BaseException:
            running.cancel()
            raise
        sent.append(_sent(bundle, running.uploaded))
    return tuple(sent)


def _sent(bundle: Bundle, uploaded: Uploaded) -> Sent:
    return Sent(
        part=bundle.part,
        repository=bundle.repository,
        address=uploaded.address,
        commit=uploaded.commit,
        bytes=sum(size_of(each) for each in bundle.files),
        private=uploaded.private,
    )
