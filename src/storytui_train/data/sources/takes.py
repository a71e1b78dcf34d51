"""What she accepted in the editor, with the context that the model was sent: opt-in, private.

The editor's own store is never opened, only copied: an editor may be writing in it.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from storytui import folders
from storytui.manuscript.home import Home, find_home, homes
from storytui.storage.database import StorageError
from storytui.story.words import count_words
from storytui.takes.store import KeptTake, TakeStore
from storytui_train.data.documents import Gathered, Refusal, Source
from storytui_train.data.sources import names
from storytui_train.data.sources.finished import Finished, write_rows
from storytui_train.data.sources.place import Place
from storytui_train.data.sources.preferences import keep_preferences, preferences_of
from storytui_train.data.sources.prompts import continuation, parse
from storytui_train.data.sources.reading import RefusedError, refused
from storytui_train.recipe import TakesSource

STAGE = "gather"
_COPIES_TRIED = 5


def gather_takes(options: TakesSource, place: Place) -> Iterator[Gathered | Refusal]:
    """The takes of each manuscript of which enough was accepted, as one file of rows.

    What she dismissed, and other replies to the same prompt, go to
    `place.folder / "takes-dismissed.jsonl"`, beside what she took instead.

    Args:
        options: the source.
        place: where the recipe and its working folder are.
    """
    found = 0
    for home in _homes(options, place):
        if isinstance(home, Refusal):
            yield home
            continue
        if not home.takes_path.exists():
            continue
        found += 1
        try:
            yield from _gather(home, options, place)
        except RefusedError as error:
            yield _refusal(f"takes-{home.id[:8]}", error)
    if not found:
        yield _refusal(
            "takes",
            RefusedError("missing", "No takes are kept on this machine for what the recipe names."),
        )


def _homes(options: TakesSource, place: Place) -> Iterator[Home | Refusal]:
    root = folders.manuscripts_folder()
    if options.folder:
        named = place.recipe_folder / folders.as_typed(options.folder)
        root = named / "manuscripts" if (named / "manuscripts").is_dir() else named
    if not options.manuscripts:
        yield from sorted(homes(root), key=lambda home: home.id)
        return
    for name in options.manuscripts:
        path = place.recipe_folder / folders.as_typed(name)
        home = find_home(root, path, _hash_of(path))
        if home is None:
            error = RefusedError("missing", f"Nothing is kept about {path.name}. Check the name.")
            yield _refusal(f"takes-{names.slug(path.stem) or 'unnamed'}", error)
        else:
            yield home


def _hash_of(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _gather(home: Home, options: TakesSource, place: Place) -> Iterator[Gathered | Refusal]:
    name = home.files[0].name if home.files else "unnamed"
    id = f"takes-{names.slug(Path(name).stem) or 'unnamed'}-{home.id[:8]}"
    takes = read_takes(home)
    rows: list[Finished] = []
    for kept in takes:
        try:
            row = _row(kept, name, options.minimum_words)
        except RefusedError as error:
            yield _refusal(f"{id}:0-0~{kept.number}", error)
            continue
        rows += [row] if row else []
    chosen = {row.number for row in rows}
    keep_preferences(place.folder, id, preferences_of(id, takes, chosen, private=options.private))
    if not rows:
        return
    below = write_rows(place.folder, id, rows, private=options.private)
    yield Gathered(
        source=Source(
            id=id,
            kind="takes",
            file=name,
            sha256=hashlib.sha256((place.folder / below).read_bytes()).hexdigest(),
            encoding="utf-8",
            title=names.title_of(Path(name).stem),
            licence="private" if options.private else "",
            private=options.private,
        ),
        path=below,
        form="takes",
        rows=True,
    )


def read_takes(home: Home) -> list[KeptTake]:
    """All takes of a manuscript, oldest first, from a copy of its store.

    Raises:
        RefusedError: they cannot be read.
    """
    name = home.files[0].name if home.files else "a manuscript without a name"
    with tempfile.TemporaryDirectory(prefix="storytui-takes-") as folder:
        copy = Path(folder) / home.takes_path.name
        _copy(home.takes_path, copy, name)
        try:
            with closing(TakeStore(copy)) as store:
                if store.moved_aside is not None:
                    raise RefusedError("unreadable", f"The takes of {name} are damaged.")
                return store.numbered()
        except StorageError as error:
            raise RefusedError("unreadable", f"The takes of {name}: {error}") from error


def _copy(store: Path, copy: Path, name: str) -> None:
    """Copy a store with its log of what is not in it yet, as both were at one moment.

    Raises:
        RefusedError: they may not be read, or do not stay the same long enough.
    """
    log = store.with_name(f"{store.name}-wal")
    try:
        for _ in range(_COPIES_TRIED):
            before = _states(store, log)
            shutil.copyfile(store, copy)
            target = copy.with_name(f"{copy.name}-wal")
            target.unlink(missing_ok=True)
            if log.exists():
                shutil.copyfile(log, target)
            if _states(store, log) == before:
                return
    except OSError as error:
        raise refused(error, f"The store of takes of {name}") from error
    raise RefusedError("busy", f"The takes of {name} are being written. Try again in a moment.")


def _states(*paths: Path) -> list[tuple[int, int, int]]:
    found = [os.stat(path) for path in paths if path.exists()]
    return [(each.st_ino, each.st_size, each.st_mtime_ns) for each in found]


def _row(kept: KeptTake, name: str, minimum_words: int) -> Finished | None:
    """A take as a row; None where nothing of it was accepted.

    Raises:
        RefusedError: too little was, or its prompt cannot be read back.
    """
    take = kept.take
    accepted = take.answer[: take.taken]
    if not accepted.strip():
        return None
    words = count_words(accepted)
    if words < minimum_words:
        raise RefusedError(
            "short",
            f"Of take {kept.number} of {name} {words} words were taken, of {minimum_words}.",
        )
    asked = parse(take.prompt, take.format)
    if asked is None or not asked.context.strip():
        raise RefusedError(
            "form", f"The prompt of take {kept.number} of {name} is in no format that is known."
        )
    context, text = continuation(asked, accepted)
    return Finished(
        number=kept.number,
        context=context,
        continuation=text,
        reasoning=take.reasoning.strip(),
        guidance=take.direction or asked.direction,
        model=take.model,
    )


def _refusal(id: str, error: RefusedError) -> Refusal:
    return Refusal(stage=STAGE, id=id, reason=error.reason, detail=error.detail)
