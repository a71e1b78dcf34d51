"""Gets files of a repository into the cache, whole and checked.

Only for the process that talks to the Hub. The library's own download keeps nothing of a file
that did not come to its end (file_download.py, version 2.4: a temporary file of its own, removed on
every failure), so the bytes are fetched here. Its locks, its layout and its ways to ask are used.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
from huggingface_hub import constants
from huggingface_hub.errors import OfflineModeIsEnabled
from huggingface_hub.utils import WeakFileLock

from storytui.folders import as_typed
from storytui.models.fingerprint import note
from storytui.models.hub import cache
from storytui.models.hub.far_file import FarFile, located
from storytui.models.hub.faults import (
    FaultError,
    explained,
    of_disk,
    parent_folder,
    shown,
    troubles,
)
from storytui.models.hub.hashing import read_and_remembered, remembered, sha256_of
from storytui.models.hub.messages import MARGIN, Answer, Fetch, Fetched
from storytui.models.hub.meter import Meter
from storytui.models.hub.records import HubFile, HubRepository, total
from storytui.models.hub.session import record
from storytui.models.hub.stream import Stream
from storytui.models.remembering import marks_of

_APPENDING = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
_LOCK_SECONDS = 0.5
"""How long a lock is waited for before it is said again how far its holder is."""


def fetch(order: Fetch, say: Callable[[Answer], None]) -> Fetched:
    """Get the files; what is here already is not fetched.

    Raises:
        FaultError: they did not all come; the sentence says what stands.
    """
    folder = as_typed(constants.HF_HUB_CACHE)
    try:
        found = record(order.repository, order.revision)
    except troubles() as error:
        fault = explained(error, order.repository)
        here = cache.standing(folder, order.repository, order.revision, order.files)
        if here and fault.trouble in ("offline", "unreachable"):
            return Fetched(tuple(str(each) for each in here), 0)
        raise FaultError(fault.sentence, fault.trouble, fault.address) from None
    files = _wanted(found, order.files)
    work = _Work(order, folder, found, files, say)
    return work.run()


def _wanted(found: HubRepository, names: tuple[str, ...]) -> tuple[HubFile, ...]:
    by_name = {each.name: each for each in found.files}
    for name in names:
        if name not in by_name:
            raise FaultError(
                f"{shown(found.repository)} has no file {shown(name)}. It may have been renamed: "
                "name the repository alone to see what it has.",
                "missing",
            )
    return tuple(by_name[name] for name in names)


class _Work:
    """One order's files, one after the other."""

    def __init__(
        self,
        order: Fetch,
        folder: Path,
        found: HubRepository,
        files: tuple[HubFile, ...],
        say: Callable[[Answer], None],
    ) -> None:
        self._order = order
        self._folder = folder
        self._found = found
        self._files = files
        self._hashes = Path(order.hashes) if order.hashes else None
        self._meter = Meter(say, total(files))
        self._before = 0
        """Bytes of the files that are done."""
        self._fetched = 0

    def run(self) -> Fetched:
        paths: list[str] = []
        for number, file in enumerate(self._files):
            try:
                paths.append(str(self._one(number, file)))
            except OSError as error:
                # Of the network's, some are OSErrors too.
                if isinstance(error, httpx2.HTTPError | OfflineModeIsEnabled):
                    raise
                fault = of_disk(error, str(self._folder))
                raise FaultError(fault.sentence, fault.trouble) from None
            self._before += file.size
        cache.put_ref(
            self._folder, self._found.repository, self._order.revision, self._found.commit
        )
        return Fetched(tuple(paths), self._fetched)

    def _one(self, number: int, file: HubFile) -> Path:
        name = shown(file.name)
        self._meter.at("asking", self._before, name)
        stream = Stream(
            lambda: located(self._found.repository, file.name, self._found.commit, file.size),
            self._order.patience,
            lambda note, done: self._meter.at("waiting", self._before + done, name, note),
        )
        far = stream.located()
        sha256 = _agreed(file, far)
        place = cache.slot(
            self._folder, self._found.repository, self._found.commit, file.name, far.etag
        )
        if self._stands(place, file, sha256):
            cache.put_link(place)
            return place.link
        self._make_sure_of_room(number)
        place.blob.parent.mkdir(parents=True, exist_ok=True)
        place.lock.parent.mkdir(parents=True, exist_ok=True)
        with self._held(place, name):
            # Whoever held the lock may have fetched it.
            if not self._stands(place, file, sha256):
                self._make_sure_of_room(number)
                self._fill(stream, place, file)
                self._check(place, file, sha256)
                place.partial.replace(place.blob)
            cache.put_link(place)
        return place.link

    def _stands(self, place: cache.Slot, file: HubFile, sha256: str) -> bool:
        """Whether the file is here and is what it should be; a wrong one is removed."""
        blob = place.blob if place.blob.exists() else place.link
        if not blob.exists():
            return False
        if blob.stat().st_size == file.size and (
            not sha256
            or remembered(blob, self._hashes) == sha256
            or read_and_remembered(blob, self._hashes, self._checking(file)) == sha256
        ):
            return True
        for each in (place.link, place.blob):
            each.unlink(missing_ok=True)
        return False

    def _make_sure_of_room(self, number: int) -> None:
        """See that what is missing, of this file and those behind it, will find room.

        Raises:
            FaultError: it will not.
        """
        missing = 0
        for file in self._files[number:]:
            etag = file.sha256
            there = cache.slot(
                self._folder, self._found.repository, self._found.commit, file.name, etag
            )
            if not etag or not there.blob.exists():
                missing += max(0, file.size - (cache.size_of(there.partial) if etag else 0))
        free = shutil.disk_usage(parent_folder(self._folder)).free
        if missing and missing + MARGIN > free:
            raise FaultError(
                f"{size(missing)} are still to come, and the disk that holds "
                f"{shown(str(self._folder))} has {size(free)} free. Make "
                f"{size(missing + MARGIN - free)} of room there, or set HF_HOME to a folder on "
                "another disk.",
                "no-room",
            )

    @contextmanager
    def _held(self, place: cache.Slot, name: str) -> Iterator[None]:
        """The library's lock on a blob: one program at a time fetches it."""
        with ExitStack() as stack:
            while True:
                try:
                    stack.enter_context(WeakFileLock(place.lock, timeout=_LOCK_SECONDS))
                    break
                except TimeoutError:
                    self._meter.at(
                        "waiting",
                        self._before + cache.size_of(place.partial),
                        name,
                        "another program is fetching it",
                    )
            yield

    def _fill(self, stream: Stream, place: cache.Slot, file: HubFile) -> None:
        """Fetch what is missing of a file."""
        if cache.size_of(place.partial) > file.size:
            place.partial.unlink()
        partial = os.open(place.partial, _APPENDING, 0o666)
        try:
            have = os.fstat(partial).st_size
            name = shown(file.name)
            self._meter.at("fetching", self._before + have, name)
            for piece in stream.from_byte(have):
                _write(partial, piece)
                have += len(piece)
                self._fetched += len(piece)
                self._meter.at("fetching", self._before + have, name)
            os.fsync(partial)
        finally:
            os.close(partial)

    def _check(self, place: cache.Slot, file: HubFile, sha256: str) -> None:
        """Hold what came against the Hub's record.

        Raises:
            FaultError: it is something else, and is removed.
        """
        marks = marks_of([place.partial])
        found = sha256_of(place.partial, self._checking(file)) if sha256 else ""
        if found == sha256 and cache.size_of(place.partial) == file.size:
            # The mark of a file outlives its moving.
            note(place.blob, self._hashes, marks, found)
            return
        place.partial.unlink()
        cache.remove_empty(place.blob.parent.parent)
        raise FaultError(
            f"{shown(file.name)} came with other bytes than the Hub's record says (its sha256 is "
            "another), and was removed. Try again. If it happens again, something on the way "
            "changes what is fetched: try another network.",
            "wrong-bytes",
        )

    def _checking(self, file: HubFile) -> Callable[[int], None]:
        name = shown(file.name)
        return lambda done: self._meter.at("checking", self._before + done, name)


def size(count: int) -> str:
    """Bytes as she reads them."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{-(-count // 2**20)} MiB"


def _agreed(file: HubFile, far: FarFile) -> str:
    """The sha256 that both the record and the file's entity tag give.

    Raises:
        FaultError: they give two.
    """
    by_tag = far.etag if len(far.etag) == 64 else ""
    if file.sha256 and by_tag and file.sha256 != by_tag:
        raise FaultError(
            f"The Hub says two things about {shown(file.name)}: its record and the file disagree. "
            "Try again later.",
            "busy",
        )
    return file.sha256 or by_tag


def _write(to: int, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[os.write(to, view) :]
