"""A story on disk: read once, saved whole or not at all, its bytes kept as they were.

The text that the editor works on has `\\n` for every line break and every other character as it
is. What the file has besides (`encoding` says what that can be) comes back as it was. A file that
is not what was last read or saved is never written over unasked.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from storytui.manuscript.breaks import carry_breaks
from storytui.manuscript.disk import DiskState, Stamp, compare, see
from storytui.manuscript.encoding import Form, decode, encode, kept_bytes, shown_encoding
from storytui.manuscript.errors import (
    ChangedOnDiskError,
    LacksCharacterError,
    ManuscriptError,
    NotSavedError,
)

__all__ = [
    "ChangedOnDiskError",
    "DiskState",
    "LacksCharacterError",
    "ManuscriptError",
    "NotSavedError",
    "StoryFile",
    "same_file",
]


class StoryFile:
    """One file of the manuscript, or a story that has no file yet.

    It lives as long as the story is open: `text` is what the file held when it was last read or
    saved, and `save` brings the two together again.
    """

    def __init__(
        self,
        path: Path | None = None,
        text: str = "",
        *,
        newline: str = "\n",
        breaks: Sequence[str] | None = None,
        bom: bool = False,
        encoding: str = "utf-8",
        exists: bool = False,
        read_only: str = "",
    ) -> None:
        self.path = path
        """Where the story is; None while it has no name."""
        self.text = text
        """The text as it is on disk, with `\\n` for every line break."""
        self.breaks = None if breaks is None else tuple(breaks)
        """The break after each line but the last, where they are mixed; else None."""
        self.exists = exists
        """Whether there is a file; a new story gets one when it is first saved."""
        self.read_only = read_only
        """Why the file cannot be saved under its own name, as a sentence; empty where it can."""
        self.sha256 = ""
        """Of the bytes last read or saved, in hex; empty where there are none."""
        self.spare: Path | None = None
        """A folder for the whole copy that is kept while the file is written in place."""
        self._form = Form(encoding, bom, newline)
        self._stamp: Stamp | None = None

    @property
    def name(self) -> str:
        """The file's name without its folder; `untitled` while there is none."""
        return self.path.name if self.path is not None else "untitled"

    @property
    def encoding(self) -> str:
        """How characters are written: `utf-8`, `utf-16-le`, `windows-1252`, `latin-1`, …"""
        return self._form.encoding

    @property
    def newline(self) -> str:
        """The file's line break: `\\n`, `\\r\\n` or `\\r`; of several, the most frequent."""
        return self._form.newline

    @property
    def bom(self) -> bool:
        """Whether the file begins with a byte-order mark."""
        return self._form.bom

    @property
    def changed_at(self) -> datetime | None:
        """When the file was changed last, as far as it was read or saved here."""
        return None if self._stamp is None else self._stamp.when

    @property
    def recognised(self) -> str:
        """What is out of the ordinary about the file's encoding, as a sentence; else empty."""
        if self.encoding != "utf-8":
            return f"{self.name} is in {shown_encoding(self.encoding)}."
        if kept := kept_bytes(self.text):
            what = "one byte that belongs" if kept == 1 else f"{kept:,} bytes that belong"
            return f"{self.name} has {what} to no character of UTF-8; it is kept as it is."
        return ""

    @classmethod
    def read(cls, path: Path, *, encoding: str | None = None) -> "StoryFile":
        """Read the story at `path`; where there is no file, an empty story that will be one.

        Args:
            path: the file.
            encoding: the encoding asked for; None recognises it. A file that is not there yet is
                made in it, or in UTF-8.

        Raises:
            ManuscriptError: it is a folder, not a file, not permitted, too large, no text, or not
                in the encoding that was asked for.
        """
        seen = see(path)
        if seen is None:
            if not path.parent.is_dir():
                raise ManuscriptError(
                    f"There is no folder {path.parent} for {path.name}. Make it first, or check "
                    "the name."
                )
            return cls(path, encoding=decode(b"", str(path), encoding).form.encoding)
        decoded = decode(seen.data, str(path), encoding)
        story = cls(path, decoded.text, breaks=decoded.breaks, exists=True)
        story._form = decoded.form
        story._remember(seen.data, seen.stamp)
        if not seen.writable:
            story.read_only = (
                f"{path.name} is open for reading: its permissions do not allow writing."
            )
        elif not decoded.exact:
            story.read_only = (
                f"{path.name} is open for reading: not all of its bytes would come back as they "
                f"are in {shown_encoding(decoded.form.encoding)}."
            )
        return story

    def named(self, path: Path) -> "StoryFile":
        """This story under another name, not saved yet; what kept it read-only stays behind.

        A file that has the name already is taken as seen: who calls this has asked about it.
        """
        story = StoryFile(path, self.text, breaks=self.breaks, exists=path.exists())
        story._form = self._form
        story.spare = self.spare
        if self.path is not None and self.sha256 and same_file(self.path, path):
            story.sha256, story._stamp = self.sha256, self._stamp
        elif story.exists and (seen := see(path)) is not None:
            story._remember(seen.data, seen.stamp)
        return story

    def look(self) -> DiskState:
        """How the file on disk stands to what was last read from it or saved to it."""
        if self.path is None:
            return DiskState("same")
        stamp, digest = self._stamp, self.sha256
        state, seen = compare(self.path, stamp, digest)
        # It may be looked at in a thread while it is saved.
        if self._stamp is stamp and self.sha256 == digest:
            self._stamp = seen
        return state

    def bytes_of(
        self, text: str, breaks: Sequence[str] | None = None, *, encoding: str | None = None
    ) -> bytes:
        """What the file would hold if `text` were saved; the arguments are those of `save`.

        Raises:
            LacksCharacterError: the encoding lacks a character.
            ManuscriptError: a character is half of a pair.
        """
        return encode(text, self._form_in(encoding), self._breaks_for(text, breaks))

    def save(
        self,
        text: str,
        breaks: Sequence[str] | None = None,
        *,
        encoding: str | None = None,
        overwrite: bool = False,
    ) -> None:
        """Put `text` in the file's place, whole or not at all; `saving` says how.

        Args:
            text: with `\\n` for every line break.
            breaks: the break after each line but the last, for a file that mixes them; None gives
                lines that stayed the breaks that they had.
            encoding: the encoding to save in from now on; None keeps the file's.
            overwrite: write over a file that is not what was last read or saved.

        Raises:
            LacksCharacterError: the encoding lacks a character; UTF-8 has it.
            ChangedOnDiskError: the file is not what was last read or saved.
            ManuscriptError: it could not be saved. But for a NotSavedError that says `touched`,
                the file on disk is as it was before.
        """
        if self.path is None:
            raise ManuscriptError("The story has no name yet. Save it under a name first.")
        if self.read_only:
            raise ManuscriptError(f"{self.read_only} Save it under another name to keep changes.")
        form = self._form_in(encoding)
        breaks = self._breaks_for(text, breaks)
        try:
            data = encode(text, form, breaks)
        except LacksCharacterError as error:
            raise LacksCharacterError(
                f"{self.name} was not saved: {error}.",
                character=error.character,
                line=error.line,
                encoding=error.encoding,
            ) from None
        except ManuscriptError as error:
            raise ManuscriptError(f"{self.name} was not saved: {error}.") from None
        if not overwrite:
            self._refuse_changed()
        # Not needed to read a story, and so not to paint it.
        from storytui.manuscript.saving import put

        try:
            found = put(self.path, data, spare=self.spare)
        except NotSavedError as error:
            if error.touched:
                self._remember_what_is_there()
            raise
        self._form = form
        self.text = text
        self.breaks = breaks
        self.exists = True
        self._remember(data, Stamp.of(found))

    def _refuse_changed(self) -> None:
        """Raise unless the file is what was last read or saved."""
        state = self.look()
        if state.state == "same":
            return
        if state.state == "gone":
            raise ChangedOnDiskError(
                f"{self.name} was not saved: the file is not there any more. It may have been "
                "moved or deleted. Save it here again, or under another name.",
                when=None,
                gone=True,
            )
        if state.state == "changed":
            what = "has changed on disk" if self.sha256 else "has appeared on disk"
            raise ChangedOnDiskError(
                f"{self.name} was not saved: it {what} since it was opened. Compare the two, "
                "reload the file, or keep yours.",
                when=state.when,
                gone=False,
            )
        assert self.path is not None
        if not self.path.parent.is_dir():
            raise NotSavedError(
                f"{self.path} was not saved: its folder is not there. Create the folder, or save "
                "it under another name."
            )
        raise NotSavedError(
            f"{self.path} was not saved: the file cannot be looked at. Save it under another "
            "name elsewhere, or again when the drive is back."
        )

    def _form_in(self, encoding: str | None) -> Form:
        if encoding is None or encoding == self._form.encoding:
            return self._form
        return replace(self._form, encoding=encoding, bom=False, tail=b"")

    def _breaks_for(self, text: str, breaks: Sequence[str] | None) -> tuple[str, ...] | None:
        if breaks is not None and len(breaks) == text.count("\n"):
            return tuple(breaks)
        return carry_breaks(self.text, self.breaks, text, self.newline)

    def _remember(self, data: bytes, stamp: Stamp) -> None:
        self.sha256 = sha256(data).hexdigest()
        self._stamp = stamp

    def _remember_what_is_there(self) -> None:
        """Know what a failed save has left, so that it is not taken for somebody else's doing."""
        assert self.path is not None
        try:
            seen = see(self.path)
        except ManuscriptError:
            return
        if seen is not None:
            self.exists = True
            self._remember(seen.data, seen.stamp)


def same_file(one: Path, other: Path) -> bool:
    """Whether two paths name one file, or one that could be."""
    try:
        return one.resolve() == other.resolve()
    except (OSError, RuntimeError):
        return False
