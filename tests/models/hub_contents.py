"""Files and repositories that a stand-in for the Hub holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha1, sha256
from pathlib import Path

TOKEN = "hf_rightToken"
"""The one that is let in."""


class Content:
    """A file's bytes, from memory or from a disk."""

    def __init__(self, source: bytes | Path) -> None:
        self._source = source
        self.size = len(source) if isinstance(source, bytes) else source.stat().st_size
        if isinstance(source, bytes):
            self.sha256 = sha256(source).hexdigest()
        else:
            self.sha256 = _sha256_of(source)

    def part(self, begin: int, end: int) -> bytes:
        if isinstance(self._source, bytes):
            return self._source[begin:end]
        with self._source.open("rb") as file:
            file.seek(begin)
            return file.read(end - begin)


@cache
def _sha256_of(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@dataclass
class Repository:
    """What the Hub holds under one name."""

    files: dict[str, Content]
    licence: str = "apache-2.0"
    gated: bool = False
    """Only `TOKEN` gets its files."""
    private: bool = False
    """Only `TOKEN` gets to know of it."""
    downloads: int = 1000
    likes: int = 10

    @property
    def commit(self) -> str:
        told = "\n".join(f"{name} {file.sha256}" for name, file in sorted(self.files.items()))
        return sha1(told.encode()).hexdigest()


def repository(files: Mapping[str, bytes | Path], **more: object) -> Repository:
    return Repository({name: Content(source) for name, source in files.items()}, **more)  # type: ignore[arg-type]
