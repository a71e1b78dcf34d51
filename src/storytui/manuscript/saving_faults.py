"""What the system answers when a story cannot be saved, as sentences."""

import errno
from dataclasses import dataclass
from pathlib import Path

NOT_OFFERED = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF}
"""What some file systems answer to what they cannot do, which is no fault of the disk."""


@dataclass(frozen=True, slots=True)
class _Fault:
    what: str
    to_do: str


_FOLDER_GONE = _Fault("its folder is not there", "Create the folder, or save it under another name")
_REFUSED = _Fault("its folder may not be written to", "Save it under another name elsewhere")
_NO_ANSWER = _Fault(
    "the disk or the network drive does not answer",
    "Save it under another name elsewhere, or again when the drive is back",
)
_FAULTS = {
    errno.ENOSPC: _Fault("the disk is full", "Make room and save again"),
    errno.EDQUOT: _Fault("your quota on the disk is used up", "Make room and save again"),
    errno.EROFS: _Fault("the disk can only be read", "Save it under another name elsewhere"),
    errno.ENOENT: _FOLDER_GONE,
    errno.ENOTDIR: _FOLDER_GONE,
    errno.EACCES: _REFUSED,
    errno.EPERM: _REFUSED,
    errno.ENAMETOOLONG: _Fault("the name is too long", "Save it under a shorter name"),
    errno.EFBIG: _Fault(
        "the disk takes no file of this size", "Save it under another name elsewhere"
    ),
    errno.ESTALE: _NO_ANSWER,
    errno.ETIMEDOUT: _NO_ANSWER,
    errno.ENODEV: _NO_ANSWER,
    errno.ENXIO: _NO_ANSWER,
    getattr(errno, "ENOTCONN", errno.ESTALE): _NO_ANSWER,
    getattr(errno, "EHOSTDOWN", errno.ESTALE): _NO_ANSWER,
    getattr(errno, "EHOSTUNREACH", errno.ESTALE): _NO_ANSWER,
    getattr(errno, "EREMOTEIO", errno.ESTALE): _NO_ANSWER,
}


def not_saved(path: Path, error: Exception) -> str:
    """The sentences for a save that failed and left the file alone."""
    return f"{path} was not saved, the file is as it was: {because(error)}."


def because(error: Exception) -> str:
    """What kept a story from being saved, and what can be done, to end a sentence with."""
    known = _FAULTS.get(error.errno or 0) if isinstance(error, OSError) else None
    if known is None:
        return f"{cause(error)}. Save it under another name or try again"
    return f"{known.what}. {known.to_do}"


def cause(error: Exception) -> str:
    """What the system said, to stand within a sentence."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return str(error)
