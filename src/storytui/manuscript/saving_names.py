"""The names of the files that a save makes: for which file, and what they hold when whole."""

import os
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

TEMPORARY = "saving"
"""A temporary file, made beside its target to be moved into its place."""
COPY = "whole"
"""A copy of the new text, kept while the target is written in place."""

# Some file systems allow 143 bytes in a name; the rest of it takes 85.
_STEM_BYTES = 50

_NAME = re.compile(
    r"\.(?P<stem>.+)\.(?P<place>[0-9a-f]{16})-(?P<length>[0-9a-f]+)-(?P<hash>[0-9a-f]{32})"
    rf"-[0-9a-f]{{8}}\.(?P<kind>{TEMPORARY}|{COPY})",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class SaveName:
    """What the name of such a file says."""

    kind: str
    stem: str
    """The beginning of its target's name."""
    place: str
    """A hash of its target's path."""
    length: int
    """Bytes that it holds when it is whole."""
    hash: str
    """The first half of their SHA-256, in hex."""

    def is_for(self, target: Path) -> bool:
        """Whether it was made for the file at `target`, symbolic links followed."""
        return self.place == place_of(target)

    def is_whole(self, data: bytes) -> bool:
        """Whether `data` is all that it was to hold."""
        return len(data) == self.length and digest_of(data) == self.hash


def name_for(target: Path, data: bytes, kind: str) -> str:
    """A name that is not in use, for a file that is to hold `data`."""
    mark = os.urandom(4).hex()
    return f".{stem_of(target)}.{place_of(target)}-{len(data):x}-{digest_of(data)}-{mark}.{kind}"


def read_name(name: str) -> SaveName | None:
    """What `name` says; None where it is no such name."""
    found = _NAME.fullmatch(name)
    if found is None or len(found["length"]) > 16:
        return None
    return SaveName(
        found["kind"], found["stem"], found["place"], int(found["length"], 16), found["hash"]
    )


def stem_of(target: Path) -> str:
    """The beginning of a file's name, of few enough bytes."""
    return os.fsencode(target.name)[:_STEM_BYTES].decode("utf-8", "ignore") or "story"


def place_of(target: Path) -> str:
    """A hash of a file's path, of 16 hex digits."""
    return sha256(os.fsencode(target)).hexdigest()[:16]


def digest_of(data: bytes) -> str:
    """The first half of the SHA-256 of `data`, in hex."""
    return sha256(data).hexdigest()[:32]
