"""The local history of a manuscript: what it was at each save, acceptance and while she worked.

Versions are whole texts that share their parts, so that one costs about as much as what was
changed. Old ones are thinned out: `pruning` says which go.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, cast, get_args

from storytui.manuscript.file import ManuscriptError
from storytui.manuscript.pruning import Kept, dispensable, thinned
from storytui.storage import texts
from storytui.storage.database import Database
from storytui.story.words import count_words

Why = Literal[
    "opened",
    "saved",
    "accepted",
    "working",
    "recovered",
    "replaced",
    "on disk",
    "restored",
    "interrupted save",
]
"""What made a version: `replaced` is the text that a reload or a restoration put away, `on disk`
what another program wrote."""

CAP_BYTES = 100_000_000
_PRUNE_EVERY = 25
"""Additions between two rounds of pruning."""
_SPARE = 0.9
"""How full it may still be, as a share of the cap, once it was over it."""

_MIGRATIONS = (
    texts.SCHEMA
    + """
CREATE TABLE version (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    made_at INTEGER NOT NULL,
    why TEXT NOT NULL,
    words INTEGER NOT NULL,
    characters INTEGER NOT NULL,
    form BLOB NOT NULL,
    text_id INTEGER NOT NULL REFERENCES text (id)
);
""",
)
"""`made_at` is in milliseconds since 1970, UTC."""

_COLUMNS = "number, made_at, why, words, characters, form"
_SIGNIFICANCE = {"working": 0, "opened": 1, "accepted": 2, "saved": 4}
"""How much a reason tells; 3 for all others."""


class HistoryError(ManuscriptError):
    """A version that is not there or cannot be read; the message says which."""


@dataclass(frozen=True, slots=True)
class Version:
    """What the manuscript was at one moment."""

    number: int
    """Its name; never given to another version."""
    when: datetime
    """In the local time zone."""
    why: Why
    words: int
    characters: int
    form: str = ""
    """How the file was written down (encoding, line breaks); for `manuscript.form` to read."""


class History:
    """The versions of one manuscript. It may be used in several threads."""

    def __init__(
        self,
        path: Path,
        *,
        cap_bytes: int = CAP_BYTES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Open the history at `path`, begun where there is none.

        Args:
            path: the database; its folder is there.
            cap_bytes: how large it may become; the newest version and the first always stay.
            clock: seconds since 1970.

        Raises:
            StorageError: it cannot be opened.
        """
        self._database = Database(path, _MIGRATIONS, called="The local history")
        self._cap = cap_bytes
        self._clock = clock
        # The first addition prunes what grew old since the last session.
        self._additions = _PRUNE_EVERY - 1

    @property
    def moved_aside(self) -> Path | None:
        """Where a damaged history went when this one was opened; None where there was none."""
        return self._database.moved_aside

    def add(
        self, text: str, why: Why, form: str = "", *, words: int | None = None
    ) -> Version | None:
        """Keep `text` as the newest version.

        Returns None where the newest version has this text already; a reason that tells more than
        that version's (`saved` after `working`) takes its place.

        Args:
            text: the manuscript, with `\\n` for every line break.
            why: what made it.
            form: how its file is written down, as `manuscript.form` has it; empty: as before.
            words: how many words it has, where that is known: counting takes longer than keeping.

        Raises:
            StorageError: it cannot be kept.
        """
        now = round(self._clock() * 1000)
        with self._database.writing() as connection:
            text_id = texts.put(connection, text)
            newest = connection.execute(
                "SELECT number, why, form, text_id FROM version ORDER BY number DESC LIMIT 1"
            ).fetchone()
            packed_form = texts.packed(form)
            if newest is not None and newest[3] == text_id and form in ("", newest[2].decode()):
                if _significance(why) > _significance(newest[1]):
                    connection.execute(
                        "UPDATE version SET why = ?, made_at = ? WHERE number = ?",
                        (why, now, newest[0]),
                    )
                return None
            words = count_words(text) if words is None else words
            cursor = connection.execute(
                "INSERT INTO version (made_at, why, words, characters, form, text_id) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (now, why, words, len(text), packed_form, text_id),
            )
            number = int(cursor.lastrowid or 0)
        self._additions += 1
        if self._additions >= _PRUNE_EVERY or self._database.used_bytes() > self._cap:
            self.prune()
        return _version((number, now, why, words, len(text), packed_form))

    def versions(self) -> list[Version]:
        """All versions, newest first.

        Raises:
            StorageError: they cannot be read.
        """
        with self._database.reading() as connection:
            rows = connection.execute(f"SELECT {_COLUMNS} FROM version ORDER BY number DESC")
            return [_version(row) for row in rows]

    def version(self, number: int) -> Version:
        """The version with that number.

        Raises:
            HistoryError: there is none.
            StorageError: it cannot be read.
        """
        with self._database.reading() as connection:
            row = connection.execute(
                f"SELECT {_COLUMNS} FROM version WHERE number = ?", (number,)
            ).fetchone()
        if row is None:
            raise _missing(number)
        return _version(row)

    def text(self, number: int) -> str:
        """The text of the version with that number, exactly.

        Raises:
            HistoryError: there is none, or it is damaged.
            StorageError: it cannot be read.
        """
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT text_id FROM version WHERE number = ?", (number,)
            ).fetchone()
            if row is None:
                raise _missing(number)
            try:
                return texts.get(connection, row[0])
            except texts.MissingTextError as error:
                raise HistoryError(
                    f"Version {number} cannot be read: {error}. Choose another version."
                ) from error

    def prune(self) -> None:
        """Thin out what is old, and what does not fit under the cap.

        Raises:
            StorageError: it cannot be written.
        """
        self._additions = 0
        self._drop(dispensable(self._all_kept(), self._clock()))
        if self._database.used_bytes() <= self._cap:
            return
        while self._database.used_bytes() > self._cap * _SPARE:
            gone = thinned(self._all_kept())
            if not gone:
                return
            self._drop(gone)

    def used_bytes(self) -> int:
        """How large it is, in bytes.

        Raises:
            StorageError: it cannot be read.
        """
        return self._database.used_bytes()

    def close(self) -> None:
        """Close the history; closing twice is no error."""
        self._database.close()

    def _all_kept(self) -> list[Kept]:
        with self._database.reading() as connection:
            rows = connection.execute("SELECT number, made_at, why FROM version ORDER BY number")
            return [Kept(number, at / 1000, _significance(why)) for number, at, why in rows]

    def _drop(self, numbers: set[int]) -> None:
        if not numbers:
            return
        with self._database.writing() as connection:
            connection.executemany(
                "DELETE FROM version WHERE number = ?", [(each,) for each in numbers]
            )
            in_use = connection.execute("SELECT text_id FROM version").fetchall()
            texts.sweep(connection, (row[0] for row in in_use))
        self._database.shrink()


def _version(row: tuple[int, int, str, int, int, bytes]) -> Version:
    number, made_at, why, words, characters, form = row
    when = datetime.fromtimestamp(made_at / 1000, UTC).astimezone()
    known = cast(Why, why) if why in get_args(Why) else "saved"
    return Version(number, when, known, words, characters, texts.unpacked(form))


def _significance(why: str) -> int:
    return _SIGNIFICANCE.get(why, 3)


def _missing(number: int) -> HistoryError:
    return HistoryError(
        f"There is no version {number}. See which there are with: storytui history FILE list"
    )
