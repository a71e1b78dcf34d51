"""Whether a model's files are what they were: their structure, and their sha256 where it is known.

Hugging Face's cache names a large file by its sha256, and Ollama's store every file; for others
counts what was recorded when they were added or first looked at.
"""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from storytui.engine.api import ModelError
from storytui.models.added import Added, whole
from storytui.models.checking import examine
from storytui.models.fingerprint import fingerprint
from storytui.models.walking import shown

Origin = Literal["Hugging Face", "Ollama", "recorded", ""]
"""Who says what a file's sha256 is to be; empty: nobody."""

_OLLAMA_BLOB = re.compile(r"sha256-([0-9a-f]{64})")
_HUB_BLOB = re.compile(r"[0-9a-f]{64}")
"""Small files, which have no record of their own there, are named by 40 digits of another sum."""


@dataclass(frozen=True, slots=True)
class FileVerdict:
    """What was found out about one file."""

    path: Path
    sha256: str
    expected: str
    """Empty where nothing is known to compare with."""
    origin: Origin

    @property
    def right(self) -> bool:
        """Whether it is what it is to be, as far as that is known."""
        return not self.expected or self.expected == self.sha256

    @property
    def sentence(self) -> str:
        """The verdict, fit to be shown."""
        name = shown(self.path)
        if not self.expected:
            return f"{name}: sha256 {self.sha256}; nothing was known to compare it with."
        whose = _WHOSE[self.origin]
        if self.right:
            return f"{name}: ok, by {whose}."
        return (
            f"{name} is not what it was: its sha256 is {self.sha256}, and by {whose} it is to be "
            f"{self.expected}. Get the file again."
        )


_WHOSE = {
    "Hugging Face": "its name in the Hugging Face cache",
    "Ollama": "its name in Ollama's store",
    "recorded": "what was recorded before",
    "": "",
}


def expected_sum(path: Path, added: Added) -> tuple[str, Origin]:
    """What a file's sha256 is to be, and who says so; empty texts where nobody does."""
    true = Path(os.path.realpath(path))
    for each in (path, true):
        if match := _OLLAMA_BLOB.fullmatch(each.name):
            return match[1], "Ollama"
    if true.parent.name == "blobs" and _HUB_BLOB.fullmatch(true.name):
        return true.name, "Hugging Face"
    recorded = added.sums.get(whole(path), "")
    return (recorded, "recorded") if recorded else ("", "")


def verify(
    files: Sequence[Path], added: Added, before_each: Callable[[Path], None]
) -> list[FileVerdict]:
    """Check a model's structure, then read all its files. Blocks, a second or so for each GiB.

    Args:
        files: all of the model's, in their order.
        added: what was recorded about files.
        before_each: told of a file before it is read.

    Raises:
        ModelError: the structure is broken, or a file cannot be read.
    """
    if not files:
        raise ModelError("The model has no files.")
    examine(files[0], None)
    verdicts = []
    for path in files:
        before_each(path)
        expected, origin = expected_sum(path, added)
        # Not by what is remembered of it: a disk may lose bits without the file's time changing.
        verdicts.append(FileVerdict(path, fingerprint(path, None), expected, origin))
    return verdicts
