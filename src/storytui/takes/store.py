"""The takes of one manuscript, kept with everything that they were asked for and came to."""

import json
import struct
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from sqlite3 import Connection
from typing import Any, cast, get_args

from storytui.storage import texts
from storytui.storage.database import Database, StorageError
from storytui.takes.take import Kind, State, Take

_MIGRATIONS = (
    texts.SCHEMA
    + """
CREATE TABLE take (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    made_at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    stop TEXT NOT NULL,
    dismissed INTEGER NOT NULL,
    accepted TEXT NOT NULL,
    of_its_place INTEGER NOT NULL,
    place INTEGER NOT NULL,
    before_hash TEXT NOT NULL,
    seed INTEGER NOT NULL,
    words INTEGER NOT NULL,
    format TEXT NOT NULL,
    model_hash TEXT NOT NULL,
    model BLOB NOT NULL,
    model_path BLOB NOT NULL,
    settings BLOB NOT NULL,
    direction BLOB NOT NULL,
    opening BLOB NOT NULL,
    reasoning BLOB NOT NULL,
    answer BLOB NOT NULL,
    problem BLOB NOT NULL,
    reasoning_tokens BLOB NOT NULL,
    answer_tokens BLOB NOT NULL,
    prompt INTEGER NOT NULL REFERENCES text (id)
);
CREATE INDEX take_made_at ON take (made_at);
""",
)
"""`made_at` is in microseconds since 1970, UTC; `accepted` a JSON list of ends in the answer; texts
are UTF-8 as `storage.texts.packed` makes it; tokens are 32 bits each, little-endian."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DAY = 24 * 3600


@dataclass(frozen=True, slots=True)
class KeptTake:
    """A take, and its number among all takes of the manuscript, which no other is ever given."""

    number: int
    take: Take


class TakeStore:
    """The takes of one manuscript. It may be used in several threads."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        """Open the takes at `path`, begun where there are none.

        Args:
            path: the database; its folder is there.
            clock: seconds since 1970.

        Raises:
            StorageError: they cannot be opened.
        """
        self._database = Database(path, _MIGRATIONS, called="The list of takes")
        self._clock = clock

    @property
    def moved_aside(self) -> Path | None:
        """Where damaged takes went when these were opened; None where there were none."""
        return self._database.moved_aside

    def keep(self, take: Take) -> None:
        """Keep a take as it is now; one that was kept before is what it is now.

        Raises:
            StorageError: it cannot be kept.
        """
        with self._database.writing() as connection:
            connection.execute(_KEEP, _values(take, texts.put(connection, take.prompt)))

    def takes(self) -> list[Take]:
        """All takes, oldest first.

        Raises:
            StorageError: they cannot be read.
        """
        return [each.take for each in self.numbered()]

    def numbered(self) -> list[KeptTake]:
        """All takes with their numbers, oldest first.

        Raises:
            StorageError: they cannot be read.
        """
        return list(self._found("ORDER BY number"))

    def take(self, name: int | str) -> KeptTake | None:
        """The take with that number, or that id or the beginning of one; None where there is none.

        Raises:
            StorageError: it cannot be read.
        """
        if isinstance(name, int):
            return next(self._found("WHERE number = ?", name), None)
        if not name:
            return None
        several = list(self._found("WHERE substr(id, 1, ?) = ? LIMIT 2", len(name), name))
        return several[0] if len(several) == 1 else None

    def by_ids(self, ids: Collection[str]) -> dict[str, Take]:
        """The takes with these ids, by their id; those that are not kept are left out.

        Raises:
            StorageError: they cannot be read.
        """
        listed = json.dumps(list(ids))
        found = self._found("WHERE id IN (SELECT value FROM json_each(?))", listed)
        return {each.take.id: each.take for each in found}

    def set_model_hash(self, ids: Collection[str], model_hash: str) -> None:
        """Say which model file wrote these takes, where that is not known yet.

        Raises:
            StorageError: it cannot be kept.
        """
        with self._database.writing() as connection:
            connection.executemany(
                "UPDATE take SET model_hash = ? WHERE id = ? AND model_hash = ''",
                [(model_hash, each) for each in ids],
            )

    def retain(self, days: int) -> int:
        """Forget the takes that are older than `days` days (0 keeps all); returns how many.

        Raises:
            StorageError: they cannot be deleted.
        """
        if days <= 0:
            return 0
        oldest = round((self._clock() - days * _DAY) * 1_000_000)
        with self._database.writing() as connection:
            gone = connection.execute("DELETE FROM take WHERE made_at < ?", (oldest,)).rowcount
            if gone:
                in_use = connection.execute("SELECT prompt FROM take").fetchall()
                texts.sweep(connection, (row[0] for row in in_use))
        if gone:
            self._database.shrink()
        return gone

    def used_bytes(self) -> int:
        """How large they are, in bytes.

        Raises:
            StorageError: they cannot be read.
        """
        return self._database.used_bytes()

    def close(self) -> None:
        """Close the takes; closing twice is no error."""
        self._database.close()

    def _found(self, where: str, *values: object) -> Iterator[KeptTake]:
        with self._database.reading() as connection:
            rows = connection.execute(f"{_SELECT} {where}", values).fetchall()
            kept = [_kept(connection, row) for row in rows]
        yield from kept


def _values(take: Take, prompt: int) -> dict[str, object]:
    """What stands in each column."""
    return {
        "id": take.id,
        "made_at": (take.made_at - _EPOCH) // _MICROSECOND,
        "kind": take.kind,
        "state": take.state,
        "stop": take.stop,
        "dismissed": take.dismissed,
        "accepted": json.dumps(take.accepted),
        "of_its_place": take.number,
        "place": take.place,
        "before_hash": take.before_hash,
        "seed": take.seed,
        "words": take.words,
        "format": take.format,
        "model_hash": take.model_hash,
        "model": texts.packed(take.model),
        "model_path": texts.packed(take.model_path),
        "settings": texts.packed(take.settings),
        "direction": texts.packed(take.direction),
        "opening": texts.packed(take.opening),
        "reasoning": texts.packed(take.reasoning),
        "answer": texts.packed(take.answer),
        "problem": texts.packed(take.problem),
        "reasoning_tokens": struct.pack(f"<{len(take.reasoning_tokens)}I", *take.reasoning_tokens),
        "answer_tokens": struct.pack(f"<{len(take.answer_tokens)}I", *take.answer_tokens),
        "prompt": prompt,
    }


_COLUMNS = tuple(_values(Take(), 0))
_SELECT = f"SELECT {', '.join(_COLUMNS)}, number FROM take"
_KEEP = (
    f"INSERT INTO take ({', '.join(_COLUMNS)}) "
    f"VALUES ({', '.join(f':{each}' for each in _COLUMNS)}) "
    f"ON CONFLICT (id) DO UPDATE SET {', '.join(f'{each} = excluded.{each}' for each in _COLUMNS)}"
)


def _kept(connection: Connection, row: tuple[Any, ...]) -> KeptTake:
    found = dict(zip(_COLUMNS, row, strict=False))
    try:
        prompt = texts.get(connection, found["prompt"])
    except texts.MissingTextError as error:
        raise StorageError(
            f"The prompt of take {row[-1]} cannot be read: {error}. Show another take."
        ) from error
    take = Take(
        number=found["of_its_place"],
        id=found["id"],
        kind=cast(Kind, found["kind"]),
        made_at=_EPOCH + found["made_at"] * _MICROSECOND,
        place=found["place"],
        before_hash=found["before_hash"],
        prompt=prompt,
        opening=texts.unpacked(found["opening"]),
        settings=texts.unpacked(found["settings"]),
        seed=found["seed"],
        model=texts.unpacked(found["model"]),
        model_path=texts.unpacked(found["model_path"]),
        model_hash=found["model_hash"],
        format=found["format"],
        direction=texts.unpacked(found["direction"]),
        words=found["words"],
        reasoning=texts.unpacked(found["reasoning"]),
        answer=texts.unpacked(found["answer"]),
        reasoning_tokens=_tokens(found["reasoning_tokens"]),
        answer_tokens=_tokens(found["answer_tokens"]),
        state=cast(State, found["state"]) if found["state"] in get_args(State) else "failed",
        problem=texts.unpacked(found["problem"]),
        stop=found["stop"],
        accepted=json.loads(found["accepted"]),
        dismissed=bool(found["dismissed"]),
    )
    return KeptTake(row[-1], take)


def _tokens(data: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(data) // 4}I", data)
