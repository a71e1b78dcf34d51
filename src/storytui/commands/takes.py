"""`storytui takes FILE list|show`: the replies to a manuscript, and what became of them."""

import argparse
import json
from contextlib import closing
from pathlib import Path
from typing import Any

from storytui.commands.ending import fail
from storytui.commands.kept import (
    NothingKeptError,
    home_of_file,
    print_json,
    print_lines,
    print_text,
    shown_time,
    shown_words,
)
from storytui.manuscript.file import ManuscriptError
from storytui.storage.database import StorageError
from storytui.story.words import count_words
from storytui.takes.store import KeptTake, TakeStore
from storytui.takes.take import Take


def run_takes(options: argparse.Namespace) -> int:
    """List takes, or show one; returns the exit status."""
    path = Path(options.file)
    try:
        home = home_of_file(path)
        if not home.takes_path.exists():
            raise NothingKeptError(f"There are no takes of {path} yet. Ask for one in the editor.")
        with closing(TakeStore(home.takes_path)) as store:
            if options.verb == "show":
                return _show(store, path, options)
            return _list(store, path, as_json=options.json)
    except (ManuscriptError, StorageError) as error:
        return fail(error)


def _list(store: TakeStore, path: Path, *, as_json: bool) -> int:
    kept = store.numbered()
    if as_json:
        print_json({"file": str(path), "takes": [_described(each) for each in kept]})
        return 0
    rows = [
        (
            str(each.number),
            shown_time(each.take.made_at),
            each.take.state,
            shown_words(count_words(each.take.answer)),
            _became(each.take),
        )
        for each in reversed(kept)
    ]
    if not rows:
        raise NothingKeptError(f"There are no takes of {path} any more: all were old enough to go.")
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    print_lines(
        [
            f"{number:>{widths[0]}}  {when}  {state:{widths[2]}}  {words:>{widths[3]}}  {became}"
            for number, when, state, words, became in rows
        ]
    )
    return 0


def _became(take: Take) -> str:
    """What became of a take: `all taken`, `34 words taken, dismissed`."""
    words = count_words(take.answer[: take.taken])
    if not take.taken:
        taken = "nothing taken"
    elif take.finished_with:
        taken = "all taken"
    else:
        taken = f"{shown_words(words)} taken"
    return f"{taken}, dismissed" if take.dismissed else taken


def _described(kept: KeptTake) -> dict[str, Any]:
    take = kept.take
    return {
        "number": kept.number,
        "id": take.id,
        "kind": take.kind,
        "made_at": take.made_at.isoformat(),
        "place": take.place,
        "state": take.state,
        "words": count_words(take.answer),
        "accepted": take.accepted,
        "dismissed": take.dismissed,
        "seed": take.seed,
        "model": take.model,
        "format": take.format,
    }


def _show(store: TakeStore, path: Path, options: argparse.Namespace) -> int:
    name = options.take
    kept = store.take(int(name)) if name.isdecimal() else store.take(name)
    if kept is None and name.isdecimal():
        kept = store.take(name)  # the beginning of an id may be digits alone
    if kept is None:
        raise NothingKeptError(
            f"There is no take {name} of {path}. See which there are with: "
            f"storytui takes {path} list"
        )
    take = kept.take
    if options.json:
        print_json({"file": str(path), **_described(kept), **_content(take)})
    elif options.prompt:
        print_text(take.prompt)
    else:
        print_text("\n".join([*_head(kept), *_segments(take)]) + "\n")
    return 0


def _content(take: Take) -> dict[str, Any]:
    return {
        "reasoning": take.reasoning,
        "answer": take.answer,
        "direction": take.direction,
        "prompt": take.prompt,
        "opening": take.opening,
        "settings": _settings(take),
        "before_hash": take.before_hash,
        "model_path": take.model_path,
        "model_hash": take.model_hash,
        "reasoning_tokens": take.reasoning_tokens,
        "answer_tokens": take.answer_tokens,
        "stop": take.stop,
        "problem": take.problem,
    }


def _head(kept: KeptTake) -> list[str]:
    take = kept.take
    rows = [
        ("take", f"{kept.number} ({take.id})"),
        ("made", shown_time(take.made_at)),
        ("place", f"#{take.place}"),
        ("state", f"{take.state}; {_became(take)}"),
        ("problem", take.problem),
        ("model", take.model),
        ("server" if "://" in take.model_path else "file", take.model_path),
        ("sha256", take.model_hash),
        ("format", take.format),
        ("seed", str(take.seed)),
        ("direction", take.direction),
        *((name, _plain(value)) for name, value in _flat(_settings(take))),
    ]
    width = max(len(name) for name, _ in rows)
    return [f"{name:{width}}  {value}" for name, value in rows if value]


def _segments(take: Take) -> list[str]:
    found = []
    for name, text in (("reasoning", take.reasoning), ("answer", take.answer)):
        if text:
            found += ["", f"--- {name} ---", text.strip("\n")]
    return found


def _settings(take: Take) -> Any:
    try:
        return json.loads(take.settings) if take.settings else {}
    except ValueError:
        return {}


def _flat(settings: Any) -> list[tuple[str, Any]]:
    """The settings without their tables; those that the head tells already are left out."""
    if not isinstance(settings, dict):
        return []
    found: list[tuple[str, Any]] = []
    for name, value in settings.items():
        found += _flat(value) if isinstance(value, dict) else [(str(name), value)]
    return [(name, value) for name, value in found if name not in ("seed", "format", "direction")]


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
