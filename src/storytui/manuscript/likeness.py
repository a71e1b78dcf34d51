"""Make the file that takes another's place like it: owner, extended attributes, mode."""

import errno
import os
import stat
import sys
from pathlib import Path
from threading import Lock

from storytui.manuscript.saving_faults import NOT_OFFERED

_UMASK = Lock()


class CannotKeepError(Exception):
    """A new file in the old one's place would lack something that the old one has."""


def make_alike(descriptor: int, target: Path, before: os.stat_result) -> None:
    """Give an open new file the owner, the extended attributes and the mode of the old one.

    Args:
        descriptor: the new file.
        target: the old one.
        before: what the system says of the old one.

    Raises:
        CannotKeepError: the system does not let one of them be kept.
        OSError: the disk reported a fault.
    """
    _keep_owner(descriptor, before)
    _keep_attributes(descriptor, target)
    # Last: giving a file away, and access lists, change its mode.
    _keep_mode(descriptor, before)


def take_usual_mode(descriptor: int) -> None:
    """Give a new file the mode that the umask leaves."""
    if os.name == "posix":
        # There is no way to ask for it without setting it; this one lets nobody in meanwhile.
        with _UMASK:
            umask = os.umask(0o077)
            os.umask(umask)
        os.fchmod(descriptor, 0o666 & ~umask)


def _keep_owner(descriptor: int, before: os.stat_result) -> None:
    if os.name != "posix":
        return
    now = os.fstat(descriptor)
    if (now.st_uid, now.st_gid) != (before.st_uid, before.st_gid):
        try:
            os.fchown(descriptor, before.st_uid, before.st_gid)
        except PermissionError:
            # Only root may give a file away.
            raise CannotKeepError from None


def _keep_mode(descriptor: int, before: os.stat_result) -> None:
    if os.name == "posix":
        os.fchmod(descriptor, stat.S_IMODE(before.st_mode))


def _keep_attributes(descriptor: int, target: Path) -> None:
    """Give the new file the old one's extended attributes, access lists among them.

    Raises:
        CannotKeepError: the system does not let them be read or set.
    """
    if sys.platform != "linux":
        return
    wanted = _attributes(target)
    found = _attributes(descriptor)
    try:
        for name in found.keys() - wanted.keys():
            os.removexattr(descriptor, name)
        for name, value in wanted.items():
            if found.get(name) != value:
                os.setxattr(descriptor, name, value)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise
        raise CannotKeepError from None


def _attributes(file: Path | int) -> dict[str, bytes]:
    if sys.platform != "linux":
        return {}
    try:
        return {name: os.getxattr(file, name) for name in os.listxattr(file)}
    except OSError as error:
        if error.errno in NOT_OFFERED:
            return {}
        if error.errno == errno.EIO:
            raise
        raise CannotKeepError from None
