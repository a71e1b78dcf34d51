"""Takes as they are kept: in the store as they grow, in the journal as they lie on the desk."""

import time
from collections.abc import Callable, Sequence

from storytui.app.desk import Desk
from storytui.app.screens.story import StoryScreen
from storytui.engine.model_info import ModelInfo
from storytui.manuscript.journal_records import OpenTakes
from storytui.takes.take import Take

KEEP_SECONDS = 1.0
"""How often a reply that is being written is kept."""


class KeptTakes:
    """Keeps the takes of one desk."""

    def __init__(self, screen: StoryScreen, desk: Desk) -> None:
        """Keep what is on `desk` where the screen's safekeeping keeps everything."""
        self.model_hash = ""
        """The model's; empty until its file was read."""
        self._hashed = ""
        """The path of the model that it belongs to, or is to belong to."""
        self._screen = screen
        self._desk = desk
        self._laid = OpenTakes((0, 0), -1, [])
        """What the journal last heard of the desk."""
        self._kept_at = 0.0

    def keep(self, *takes: Take) -> None:
        """Have takes kept as they are now, and the journal know what lies on the desk."""
        for take in takes:
            self._screen.safekeeping.take(take)
        laid = self._desk.laid_open()
        if laid != self._laid:
            self._laid = laid
            self._screen.safekeeping.laid_open(laid)

    def keep_shown(self) -> None:
        """Have the shown take kept as it is now."""
        if self._desk.shelf.current is not None:
            self.keep(self._desk.shelf.current)

    def keep_written(self, takes: Sequence[Take], *, ended: bool) -> None:
        """Replies are kept while they grow, now and then, and when they have ended."""
        now = time.monotonic()
        if takes and (ended or now - self._kept_at > KEEP_SECONDS):
            self._kept_at = now
            self.keep(*takes)

    def lay_open(self, laid: OpenTakes, then: Callable[[], None]) -> None:
        """Put the takes of a session that did not end well back on the desk, where it is empty.

        Args:
            laid: what lay on it.
            then: called when they lie there.
        """
        archive = self._screen.safekeeping.archive
        if archive is None or not laid.takes:
            return

        def back(takes: dict[str, Take]) -> None:
            if self._desk.place is None:
                self._desk.lay_open(laid, takes)
                then()
                self.keep()

        archive.takes_by_id([each.id for each in laid.takes], back)

    def find_hash(self, info: ModelInfo) -> None:
        """The model's hash belongs to every take; it comes when the file was read.

        Where a take was asked for before the model was there, its name is put down too. A model on
        a server has no file here.
        """
        self._name_model(info)
        if info.remote:
            self._hashed, self.model_hash = info.path, ""
            return

        path = info.path

        def found(sha256: str) -> None:
            if path == self._hashed:
                self.model_hash = sha256
            for take in self._desk.shelf.takes:
                if not take.model_hash and take.model_path in ("", path):
                    take.model_hash = sha256
                    self.keep(take)

        if path != self._hashed:
            self._hashed, self.model_hash = path, ""
        archive = self._screen.safekeeping.archive
        if archive is not None and path and not self.model_hash:
            archive.fingerprint(path, found)

    def _name_model(self, info: ModelInfo) -> None:
        for take in self._desk.shelf.takes:
            if not take.model and take.state != "failed":
                take.model, take.model_path = info.name, info.path
                self.keep(take)
