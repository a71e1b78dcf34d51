"""A manuscript's identity, and the folder of its own where everything about it is kept.

A manuscript is known by an id, not by a path: history, takes and journal stay with it when its
file is renamed, moved or replaced. What is known of it stands in `manuscript.json`, as a list of
files, of which the editor shows one. The folder is readable by its owner only.
"""

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec

from storytui.manuscript.file import ManuscriptError

_RECORD = "manuscript.json"
_VERSION = 1


class FileRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a manuscript, and how to know it again under another name."""

    path: str
    """Absolute, with symbolic links followed."""
    device: int = 0
    inode: int = 0
    sha256: str = ""
    """Of its bytes when they were last read or saved; empty where there was no file yet."""


class _Record(msgspec.Struct, kw_only=True):
    """What `manuscript.json` holds."""

    version: int = _VERSION
    id: str
    files: tuple[FileRecord, ...] = ()


class HomeError(ManuscriptError):
    """What belongs to a manuscript cannot be kept; the message says why."""


class Home:
    """The folder of one manuscript."""

    def __init__(self, folder: Path, id: str, records: tuple[FileRecord, ...] = ()) -> None:
        """Describe a folder; use `find_home`, `home_of` or `new_home`."""
        self.folder = folder
        self.id = id
        """The manuscript's own name, which no rename changes."""
        self.records = records
        """Its files, in their order."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The paths of its files; none while the story has no name."""
        return tuple(Path(each.path) for each in self.records)

    @property
    def history_path(self) -> Path:
        """The database of its versions."""
        return self.folder / "history.sqlite3"

    @property
    def takes_path(self) -> Path:
        """The database of its takes."""
        return self.folder / "takes.sqlite3"

    @property
    def lock_path(self) -> Path:
        """Who has it open."""
        return self.folder / "lock"

    @property
    def spare(self) -> Path:
        """Where whole copies go while a file is written in place."""
        return self.folder

    def journal_path(self, session: str) -> Path:
        """The journal of one session."""
        return self.folder / f"journal-{session}"

    def journals(self) -> list[Path]:
        """The journals that are there, oldest first."""
        found = [(each.stat().st_mtime_ns, each) for each in self.folder.glob("journal-*")]
        return [path for _, path in sorted(found)]

    def remember(self, path: Path, sha256: str) -> None:
        """Know `path` as the manuscript's file, as it is now.

        Raises:
            HomeError: it cannot be written down.
        """
        record = _record_of(path, sha256)
        if self.records[:1] != (record,):
            # The editor shows one file: it replaces the first, and the others stay.
            self.records = (record, *self.records[1:])
            self._write()

    def make(self) -> None:
        """See that the folder is there.

        Raises:
            HomeError: it cannot be made.
        """
        if not (self.folder / _RECORD).exists():
            self._write()

    def _write(self) -> None:
        data = msgspec.json.encode(_Record(id=self.id, files=self.records))
        try:
            _make_private(self.folder)
            temporary = self.folder / f"{_RECORD}.{uuid.uuid4().hex[:8]}"
            with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                out.write(data)
                out.flush()
                os.fsync(out.fileno())
            os.replace(temporary, self.folder / _RECORD)
        except OSError as error:
            raise HomeError(
                f"History, takes and journal cannot be kept in {self.folder}: "
                f"{error.strerror}. The story itself can be edited and saved."
            ) from error

    def leave(self) -> None:
        """Remove the folder where nothing was kept in it; `lock` must be given up before."""
        with contextlib.suppress(OSError):
            if {each.name for each in self.folder.iterdir()} <= {_RECORD}:
                (self.folder / _RECORD).unlink(missing_ok=True)
                self.folder.rmdir()

    def forget(self) -> None:
        """Remove everything that was kept about the manuscript; its own files stay.

        Raises:
            HomeError: something could not be removed.
        """
        try:
            shutil.rmtree(self.folder)
        except FileNotFoundError:
            return
        except OSError as error:
            raise HomeError(
                f"{error.filename} could not be removed: {error.strerror}. "
                "Remove it by hand, or change its permissions and try again."
            ) from error


def find_home(root: Path, path: Path, sha256: str = "") -> Home | None:
    """The home of the manuscript that `path` is a file of; None where it was never opened.

    A file is known by its path. Where no manuscript has that path, it may have been renamed or
    moved: then it is the manuscript whose own file is gone and had these bytes. A hard link is the
    file that it links to; a copy beside the original is a manuscript of its own.

    Args:
        root: the folder that holds the manuscripts' folders.
        path: the file; it need not exist any more.
        sha256: of the file's bytes, where they are known.
    """
    wanted = _record_of(path, sha256)
    moved: Home | None = None
    for home in homes(root):
        for record in home.records:
            if record.path == wanted.path:
                return home
            if os.path.exists(record.path):
                # A second name of one file is that file; a copy of it is not.
                same = wanted.inode != 0 and wanted.inode == record.inode
                same = same and wanted.device == record.device
            else:
                # Moved. The inode alone proves nothing: it is given to the next file that is made.
                same = bool(sha256) and record.sha256 == sha256
            if same:
                moved = home
    return moved


def home_of(root: Path, path: Path, sha256: str = "") -> Home:
    """The home of the manuscript that `path` is a file of, made where there is none.

    Raises:
        HomeError: it cannot be made.
    """
    home = find_home(root, path, sha256) or new_home(root)
    home.remember(path, sha256)
    return home


def new_home(root: Path) -> Home:
    """The home of a manuscript that has no file yet; nothing is written before it is needed."""
    name = uuid.uuid4().hex
    return Home(root / name, name)


def homes(root: Path) -> Iterator[Home]:
    """Every manuscript that is known, in no order; what cannot be read is passed over."""
    try:
        folders = sorted(os.scandir(root), key=lambda each: each.name)
    except OSError:
        return
    for folder in folders:
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            data = Path(folder.path, _RECORD).read_bytes()
            record = msgspec.json.decode(data, type=_Record)
            yield Home(Path(folder.path), record.id, record.files)


def _make_private(folder: Path) -> None:
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    if os.name == "posix" and folder.stat().st_mode & 0o077:
        folder.chmod(0o700)


def _record_of(path: Path, sha256: str) -> FileRecord:
    resolved = path.resolve()
    try:
        found = resolved.stat()
    except OSError:
        return FileRecord(path=str(resolved), sha256=sha256)
    return FileRecord(path=str(resolved), device=found.st_dev, inode=found.st_ino, sha256=sha256)
