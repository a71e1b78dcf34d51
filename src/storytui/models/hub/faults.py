"""What the library, the network and the disk say went wrong, in sentences for her.

Only for the process that talks to the Hub. Of what an error says, nothing is passed on: it may
hold signed addresses.
"""

import errno
import ssl
from pathlib import Path

import httpx2
from huggingface_hub import constants, errors, get_token
from huggingface_hub.utils import HFValidationError

from storytui.models.hub.errors import Trouble
from storytui.models.hub.messages import Fault
from storytui.story.visible import visible

_BUSY = (408, 425, 429)


class FaultError(Exception):
    """Carries a fault to where it is answered."""

    def __init__(self, sentence: str, trouble: Trouble, address: str = "") -> None:
        super().__init__(sentence)
        self.fault = Fault(sentence, trouble, address)


def troubles() -> tuple[type[Exception], ...]:
    """What may come out of the library, the network, and what looks at their answers."""
    return (FaultError, httpx2.HTTPError, httpx2.InvalidURL, HFValidationError, OSError)


def explained(error: Exception, repository: str, file: str = "") -> Fault:
    """The fault that an error of the library's or the network's is.

    Args:
        error: one of `troubles`; a fault that is known stays as it is.
        repository: owner/name of what was asked for; empty: nothing in particular.
        file: the file that was asked for; empty: none.
    """
    if isinstance(error, FaultError):
        return error.fault
    host = _host()
    name = shown(repository)
    if isinstance(error, errors.OfflineModeIsEnabled):
        return Fault(
            "The Hub is not asked while HF_HUB_OFFLINE is set. Unset it, or take a model that is "
            "here already.",
            "offline",
        )
    if isinstance(error, HFValidationError):
        return Fault(f"{name} is no name of a repository. One looks like owner/name.", "missing")
    if isinstance(error, errors.HfHubHTTPError):
        return _refusal(error, host, name, file)
    if isinstance(error, httpx2.ProxyError):
        return Fault(
            f"The proxy on the way to {host} does not let anything through. Check HTTPS_PROXY.",
            "unreachable",
        )
    if isinstance(error, httpx2.InvalidURL | httpx2.UnsupportedProtocol):
        return Fault(
            f"{shown(constants.ENDPOINT)}, to which HF_ENDPOINT is set, is no address. One looks "
            "like https://huggingface.co.",
            "not-the-hub",
        )
    if is_untrusted(error):
        return Fault(
            f"The connection to {host} is not safe: its certificate is not one that this machine "
            "trusts. Check the machine's clock, and whether this network looks into connections.",
            "unreachable",
        )
    if isinstance(error, httpx2.TransportError):
        return Fault(f"{host} cannot be reached. Check the network connection.", "unreachable")
    if isinstance(error, OSError) and error.errno is not None:
        return of_disk(error, constants.HF_HUB_CACHE)
    return not_the_hub()


def of_disk(error: OSError, place: str) -> Fault:
    """The fault that an error of the file system's is."""
    where = shown(str(error.filename or place))
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Fault(
            f"The disk that holds {shown(place)} is full. Make room there, or set HF_HOME to a "
            "folder on another disk. What was fetched stays, and the next try goes on from there.",
            "no-room",
        )
    if error.errno == errno.EFBIG:
        return Fault(
            f"The disk that holds {shown(place)} takes no file of this size. Set HF_HOME to a "
            "folder on another disk. What was fetched stays there.",
            "no-room",
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return Fault(
            f"{where} may not be written. Change its permissions, or set HF_HOME to another "
            "folder.",
            "failed",
        )
    reason = (error.strerror or "input/output error").lower()
    return Fault(f"{where} cannot be used: {reason}. Check the disk.", "failed")


def not_the_hub() -> Fault:
    """What answers is something else."""
    host = _host()
    return Fault(
        f"What answers as {host} is not the Hugging Face Hub. In a network with a page to sign "
        "in, open a browser and sign in first; otherwise check HF_ENDPOINT and the proxy.",
        "not-the-hub",
    )


def is_passing(error: Exception) -> bool:
    """Whether another try in a moment may go well."""
    if isinstance(error, errors.HfHubHTTPError):
        status = error.response.status_code
        return status in _BUSY or status >= 500
    return (
        isinstance(error, httpx2.TransportError)
        and not isinstance(error, httpx2.ProxyError | httpx2.UnsupportedProtocol)
        and not is_untrusted(error)
    )


def asked_to_wait(error: Exception) -> float:
    """Seconds that the Hub asks to wait; 0: it does not say."""
    if not isinstance(error, errors.HfHubHTTPError):
        return 0.0
    said = error.response.headers.get("Retry-After", "").strip()
    return float(said) if said.isascii() and said.isdigit() else 0.0


def is_untrusted(error: Exception) -> bool:
    """Whether the other side is not known to be who it says it is."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def shown(text: str) -> str:
    """Text of anybody's, fit to stand in a sentence."""
    return visible(text[:300], newlines=False)


def _refusal(error: errors.HfHubHTTPError, host: str, name: str, file: str) -> Fault:
    status = error.response.status_code
    said = error.response.headers.get("X-Error-Message", "")
    page = f"{constants.ENDPOINT}/{name}"
    tokens = f"{constants.ENDPOINT}/settings/tokens"
    has_token = get_token() is not None
    if status == 401 and "Invalid credentials" in said:
        return Fault(
            f"{host} does not take the token in HF_TOKEN. Make a new one at {shown(tokens)}, or "
            "unset it for models that are open to all.",
            "refused",
            tokens,
        )
    if isinstance(error, errors.GatedRepoError):
        after = (
            "Accept them there with the account that your token is of; some owners answer by hand."
            if has_token
            else f"Accept them there, make a token at {shown(tokens)}, and set HF_TOKEN to it."
        )
        return Fault(f"{name} has terms to accept first: {shown(page)}. {after}", "gated", page)
    if isinstance(error, errors.DisabledRepoError):
        return Fault(f"{name} was closed on {host}. Choose another model.", "missing")
    if isinstance(error, errors.RevisionNotFoundError):
        return Fault(f"{name} on {host} has no such revision. Leave it out.", "missing")
    if isinstance(error, errors.RemoteEntryNotFoundError):
        return Fault(
            f"{name} on {host} has no file {shown(file)}. It may have been renamed: name the "
            "repository alone to see what it has.",
            "missing",
        )
    if isinstance(error, errors.RepositoryNotFoundError) or status in (401, 404):
        after = "" if has_token else ", and set HF_TOKEN if it is private"
        what = f"There is no repository {name}" if name else "There is nothing of this kind"
        return Fault(f"{what} on {host}. Check the name{after}.", "missing")
    if status == 403:
        return Fault(
            f"{host} does not let this token at {name}. Give the token the right to read it at "
            f"{shown(tokens)}.",
            "refused",
            tokens,
        )
    if status == 429:
        wait = asked_to_wait(error)
        when = f"in {wait:.0f} seconds" if 0 < wait <= 90 else f"in {wait / 60:.0f} minutes"
        return Fault(
            f"{host} has been asked too often from here. Try again {when if wait else 'later'}.",
            "busy",
        )
    if status in _BUSY or status >= 500:
        return Fault(f"{host} is out of order at the moment. Try again later.", "busy")
    return not_the_hub()


def _host() -> str:
    return shown(constants.ENDPOINT.partition("://")[2] or constants.ENDPOINT)


def parent_folder(path: Path) -> Path:
    """The nearest folder above a path that is there."""
    while not path.is_dir() and path != path.parent:
        path = path.parent
    return path
