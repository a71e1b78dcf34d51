"""A story on disk: read once, saved whole or not at all, its bytes kept as they were.

The text that the editor works on has `\\n` for every line break. On disk a file keeps its own:
line feeds or carriage returns with line feeds, a byte-order mark, and a last line without a
break all come back as they were. A file that cannot come back exactly (two kinds of line break in
one file, or characters that the editor would turn into line breaks) is opened for reading, with
the reason; under another name it can be saved.
"""

import codecs
import contextlib
import errno
import os
import stat
from pathlib import Path

# TextArea splits lines at these as str.splitlines does, and joins them again with its one newline.
_OTHER_BREAKS = {
    "\v": "a vertical tab",
    "\f": "a form feed",
    "\x1c": "the separator U+001C",
    "\x1d": "the separator U+001D",
    "\x1e": "the separator U+001E",
    "\x85": "the line break U+0085",
    "\u2028": "the line separator U+2028",
    "\u2029": "the paragraph separator U+2029",
}

_BREAK_NAMES = {"\n": "LF", "\r\n": "CRLF", "\r": "CR"}


class ManuscriptError(Exception):
    """A story that cannot be read or saved; the message says what happened and what can be done."""


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
        bom: bool = False,
        exists: bool = False,
        read_only: str = "",
    ) -> None:
        self.path = path
        """Where the story is; None while it has no name."""
        self.text = text
        """The text as it is on disk, with `\\n` for every line break."""
        self.newline = newline
        """The file's own line break: `\\n`, `\\r\\n` or `\\r`."""
        self.bom = bom
        """Whether the file begins with a UTF-8 byte-order mark."""
        self.exists = exists
        """Whether there is a file; a new story gets one when it is first saved."""
        self.read_only = read_only
        """Why the file cannot be saved under its own name, as a sentence; empty where it can."""

    @property
    def name(self) -> str:
        """The file's name without its folder; `untitled` while there is none."""
        return self.path.name if self.path is not None else "untitled"

    @classmethod
    def read(cls, path: Path) -> "StoryFile":
        """Read the story at `path`; where there is no file, an empty story that will be one.

        Raises:
            ManuscriptError: it is a folder, not a file, not permitted, or not text in UTF-8.
        """
        data = _read_bytes(path)
        if data is None:
            if not path.parent.is_dir():
                raise ManuscriptError(
                    f"There is no folder {path.parent} for {path.name}. Make it first, or check "
                    "the name."
                )
            return cls(path)
        bom = data.startswith(codecs.BOM_UTF8)
        raw = decode(data, str(path))
        newline = _majority_newline(raw)
        return cls(
            path,
            with_line_feeds(raw),
            newline=newline,
            bom=bom,
            exists=True,
            read_only=_reason_read_only(path, raw),
        )

    def named(self, path: Path) -> "StoryFile":
        """This story under another name, not saved yet; what kept it read-only stays behind."""
        return StoryFile(
            path, self.text, newline=self.newline, bom=self.bom, exists=path.exists(), read_only=""
        )

    def save(self, text: str) -> None:
        """Put `text` in the file's place, whole or not at all.

        The text is written to a temporary file beside the target, forced to the disk, given the
        target's mode and owner, and moved into its place. Symbolic links are followed, so the
        link stays a link.

        Raises:
            ManuscriptError: it could not be saved; the file on disk is as it was before.
        """
        if self.path is None:
            raise ManuscriptError("The story has no name yet. Save it under a name first.")
        if self.read_only:
            raise ManuscriptError(f"{self.read_only} Save it under another name to keep changes.")
        body = text if self.newline == "\n" else text.replace("\n", self.newline)
        try:
            data = body.encode("utf-8")
        except UnicodeEncodeError as error:
            raise ManuscriptError(
                f"{self.name} was not saved: the character at offset {error.start} is half of a "
                "pair and no text. Delete it and save again."
            ) from None
        _replace(self.path, (codecs.BOM_UTF8 if self.bom else b"") + data)
        self.text = text
        self.exists = True


def decode(data: bytes, name: str) -> str:
    """The text in `data`, without a byte-order mark and with its own line breaks.

    Args:
        data: the bytes of a file or of standard input.
        name: what the message calls them.

    Raises:
        ManuscriptError: the bytes are not text, or not in UTF-8.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ManuscriptError(f"{name} is text in UTF-16. Convert it to UTF-8 to open it.")
    zero = data.find(b"\0")
    if zero >= 0:
        raise ManuscriptError(
            f"{name} is not a text file: there is a zero byte at offset {zero}. "
            "Stories are plain text or Markdown in UTF-8."
        )
    try:
        return data.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        mark = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0
        line = data.count(b"\n", 0, mark + error.start) + 1
        raise ManuscriptError(
            f"{name} is not text in UTF-8: in line {line}, the byte 0x{byte:02x} "
            "belongs to no character. Convert it to UTF-8 to open it."
        ) from None


def with_line_feeds(raw: str) -> str:
    """`raw` with `\\n` for every `\\r\\n` and lone `\\r`; other characters are left alone."""
    return raw.replace("\r\n", "\n").replace("\r", "\n")


def _read_bytes(path: Path) -> bytes | None:
    """The file's bytes; None where there is no file but could be one."""
    try:
        # Looked at first: opening a FIFO would wait for a writer that never comes.
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise ManuscriptError(f"{path} is a folder. Name a file in it.")
        if not stat.S_ISREG(mode):
            raise ManuscriptError(f"{path} is not a file that can be edited.")
        return path.read_bytes()
    except FileNotFoundError:
        if path.is_symlink():
            raise ManuscriptError(
                f"{path} is a link to a file that is not there. Remove the link or restore it."
            ) from None
        return None
    except PermissionError:
        raise ManuscriptError(
            f"{path} may not be read. Change its permissions to open it."
        ) from None
    except (OSError, ValueError) as error:
        raise ManuscriptError(f"{path} cannot be read: {_cause(error)}.") from None


def _count_newlines(raw: str) -> dict[str, int]:
    """How often each kind of line break stands in `raw`."""
    pairs = raw.count("\r\n")
    return {"\n": raw.count("\n") - pairs, "\r\n": pairs, "\r": raw.count("\r") - pairs}


def _majority_newline(raw: str) -> str:
    counts = _count_newlines(raw)
    return max(counts, key=lambda each: counts[each])


def _reason_read_only(path: Path, raw: str) -> str:
    name = path.name
    if not os.access(path, os.W_OK):
        return f"{name} is open for reading: its permissions do not allow writing."
    kinds = [_BREAK_NAMES[each] for each, count in _count_newlines(raw).items() if count]
    if len(kinds) > 1:
        return (
            f"{name} is open for reading: it mixes line breaks ({' and '.join(kinds)}), "
            "and saving would change them."
        )
    for character, called in _OTHER_BREAKS.items():
        at = raw.find(character)
        if at >= 0:
            line = _line_of(raw, at)
            return (
                f"{name} is open for reading: line {line} holds {called}, "
                "and saving would turn it into a line break."
            )
    return ""


def _line_of(raw: str, end: int) -> int:
    return raw.count("\r" if "\n" not in raw else "\n", 0, end) + 1


def _replace(path: Path, data: bytes) -> None:
    """Put `data` in the place of the file at `path`, whole or not at all."""
    try:
        target = path.resolve()
        before = _stat_or_none(target)
    except (OSError, RuntimeError, ValueError) as error:
        raise ManuscriptError(f"{path} was not saved: {_cause(error)}.") from None
    if before is not None and not stat.S_ISREG(before.st_mode):
        raise ManuscriptError(f"{path} was not saved: something that is not a file has its place.")
    if before is not None and not os.access(target, os.W_OK):
        # Replacing needs only the folder's permission; a file marked read-only is meant to stay.
        raise ManuscriptError(
            f"{path} was not saved: its permissions do not allow writing. "
            "Save it under another name or change them."
        )
    temporary = target.with_name(f".{target.name[:200]}.{os.urandom(4).hex()}.saving")
    # A new file gets the mode that the user's umask gives; a copy of a private one starts private.
    mode = 0o666 if before is None else 0o600
    try:
        descriptor = os.open(
            temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode
        )
        try:
            with open(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                if before is not None:
                    _keep_mode_and_owner(file.fileno(), before)
                os.fsync(file.fileno())
            os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ManuscriptError(_not_saved(path, error)) from error
    _sync_folder(target.parent)


def _stat_or_none(target: Path) -> os.stat_result | None:
    try:
        return target.stat()
    except FileNotFoundError:
        return None


def _keep_mode_and_owner(descriptor: int, before: os.stat_result) -> None:
    if os.name != "posix":
        return
    now = os.fstat(descriptor)
    if (now.st_uid, now.st_gid) != (before.st_uid, before.st_gid):
        # Only root may give a file away; anyone else keeps it under their own name.
        with contextlib.suppress(PermissionError):
            os.fchown(descriptor, before.st_uid, before.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(before.st_mode))


def _sync_folder(folder: Path) -> None:
    """Make the new name last through a power cut, where the system can say so.

    The story is already in its place, so a folder that cannot be synchronised (network and some
    FUSE file systems refuse) is no failure to save.
    """
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


_WHAT_TO_DO = {
    errno.ENOSPC: "the disk is full. Make room and save again",
    errno.EDQUOT: "your quota on the disk is used up. Make room and save again",
    errno.EROFS: "the disk can only be read. Save it under another name elsewhere",
    errno.ENOENT: "its folder is not there. Create the folder, or save it under another name",
    errno.ENOTDIR: "its folder is not there. Create the folder, or save it under another name",
    errno.EACCES: "its folder may not be written to. Save it under another name elsewhere",
    errno.EPERM: "its folder may not be written to. Save it under another name elsewhere",
    errno.ENAMETOOLONG: "the name is too long. Save it under a shorter name",
}


def _not_saved(path: Path, error: OSError) -> str:
    known = _WHAT_TO_DO.get(error.errno or 0)
    why = known or f"{_cause(error)}. Save it under another name or try again"
    return f"{path} was not saved, the file is as it was: {why}."


def _cause(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return str(error)
