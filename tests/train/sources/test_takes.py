"""What she accepted in the editor, from its own store."""

import hashlib
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from storytui import folders
from storytui.manuscript.home import Home, home_of
from storytui.story.prompt import FORMATS
from storytui.takes.store import TakeStore
from storytui.takes.take import Take
from storytui_train.data.documents import Gathered, Refusal
from storytui_train.data.examples import Row
from storytui_train.data.sources import takes
from storytui_train.data.sources.finished import finished_rows
from storytui_train.data.sources.gathering import gather
from storytui_train.data.sources.place import Place
from storytui_train.recipe import TakesSource

CONTEXT = "The rope was wet. He pulled it in. Nobody came."
WORDS = "Then she came and sat down with him. " * 8


def made(**values: Any) -> Take:
    take = Take(
        prompt=FORMATS["cra-v1"].render(CONTEXT).text,
        format="cra-v1",
        reasoning="He is alone.",
        answer=WORDS + "\n\n“Who are you?” he said. And more of it.",
        state="complete",
        model="Tiny",
    )
    return replace(take, **values)


def accepted(end: int = len(WORDS), **values: Any) -> Take:
    return made(accepted=[10, end], **values)


def keep(place: Place, *kept: Take, name: str = "The Rope.md") -> Home:
    """Takes of a manuscript in the editor's usual place."""
    path = place.recipe_folder / name
    path.write_text("The story.", encoding="utf-8")
    home = home_of(folders.manuscripts_folder(), path, hashlib.sha256(b"The story.").hexdigest())
    with closing(TakeStore(home.takes_path)) as store:
        for each in kept:
            store.keep(each)
    return home


def found(place: Place, **options: Any) -> list[Gathered | Refusal]:
    return list(gather(TakesSource(**options), place))


def rows_of(place: Place, results: list[Gathered | Refusal]) -> list[Row]:
    rows = [
        row
        for each in results
        if isinstance(each, Gathered)
        for row in finished_rows(each, place.folder)
    ]
    return [each for each in rows if isinstance(each, Row)]


def preferences(place: Place) -> list[dict[str, Any]]:
    path = place.folder / "takes-dismissed.jsonl"
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def test_what_was_accepted_is_a_row(place: Place) -> None:
    keep(place, accepted())

    results = found(place)
    [row] = rows_of(place, results)

    assert row.context == CONTEXT
    assert row.continuation == " " + WORDS.strip()
    assert row.reasoning == "He is alone."
    assert row.id.startswith("takes-the-rope-")
    assert row.id.endswith(":0-0~1")
    assert (row.source.kind, row.source.title, row.source.file) == (
        "takes",
        "The Rope",
        "The Rope.md",
    )
    assert row.source.private
    assert row.teacher is not None
    assert row.teacher.model == "Tiny"
    assert [each.form for each in results if isinstance(each, Gathered)] == ["takes"]


def test_of_a_verbatim_format_the_answer_is_what_follows(place: Place) -> None:
    message = FORMATS["storytui-1"].render(CONTEXT + "\n\n", direction="She comes.", words=80)
    keep(place, accepted(prompt=message.text, format="storytui-1", direction="She comes."))

    [row] = rows_of(place, found(place))

    assert (row.context, row.continuation) == (CONTEXT + "\n\n", WORDS)
    assert row.guidance == "She comes."


def test_too_little_is_refused_and_nothing_is_nothing(place: Place) -> None:
    keep(place, accepted(12), made(), accepted())

    results = found(place)

    assert [each.reason for each in results if isinstance(each, Refusal)] == ["short"]
    assert [row.id[-2:] for row in rows_of(place, results)] == ["~3"]


def test_a_prompt_that_is_in_no_format_is_refused(place: Place) -> None:
    keep(place, accepted(prompt="Go on."), accepted(prompt=""))

    assert [each.reason for each in found(place) if isinstance(each, Refusal)] == ["form"] * 2


def test_what_was_dismissed_and_left_is_kept_beside_what_was_taken(place: Place) -> None:
    other = FORMATS["cra-v1"].render("Another place.").text
    keep(
        place,
        accepted(id="1" * 32),
        made(id="2" * 32, dismissed=True, answer="A worse one."),
        made(id="3" * 32, answer="Another."),
        made(id="4" * 32, prompt=other, dismissed=True, answer="Nobody took it."),
        made(id="5" * 32, prompt=other, answer="Nor this, but who knows."),
        made(id="6" * 32, state="failed", answer="Half a"),
    )

    found(place)

    pairs = {
        (each["chosen"] and each["chosen"]["take"][0], each["rejected"]["take"][0])
        for each in preferences(place)
    }
    assert pairs == {("1", "2"), ("1", "3"), (None, "4")}
    [pair] = [each for each in preferences(place) if each["rejected"]["take"][0] == "2"]
    assert pair["prompt"] == made().prompt
    assert pair["chosen"]["answer"] == WORDS
    assert pair["rejected"] == {
        "take": "2" * 32,
        "reasoning": "He is alone.",
        "answer": "A worse one.",
    }
    assert pair["private"]
    assert pair["dismissed"]


def test_only_the_manuscripts_that_the_recipe_names(place: Place) -> None:
    keep(place, accepted())
    keep(place, accepted(), name="The Lamp.md")

    assert len(rows_of(place, found(place))) == 2
    [row] = rows_of(place, found(place, manuscripts=("The Lamp.md",)))
    assert row.source.title == "The Lamp"
    [refusal] = found(place, manuscripts=("Unknown.md",))[:1]
    assert isinstance(refusal, Refusal)
    assert refusal.detail == "Nothing is kept about Unknown.md. Check the name."


@pytest.mark.parametrize("below", ["", "manuscripts"])
def test_the_editors_folder_may_be_named(place: Place, below: str) -> None:
    home = keep(place, accepted())
    elsewhere = place.recipe_folder / "elsewhere"
    elsewhere.mkdir()
    home.folder.parent.rename(elsewhere / "manuscripts")

    assert len(rows_of(place, found(place, folder=f"elsewhere/{below}"))) == 1


def test_no_takes_at_all_is_said(place: Place) -> None:
    [refusal] = found(place)

    assert isinstance(refusal, Refusal)
    assert refusal.reason == "missing"


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        each.name: (each.read_bytes(), each.stat().st_mtime_ns) for each in sorted(folder.iterdir())
    }


def test_the_store_is_not_touched(place: Place) -> None:
    home = keep(place, accepted())
    before = snapshot(home.folder)

    assert rows_of(place, found(place))

    assert snapshot(home.folder) == before


def test_what_an_open_editor_wrote_last_is_read(place: Place) -> None:
    home = keep(place, accepted())
    with closing(TakeStore(home.takes_path)) as store:
        store.keep(accepted())
        assert home.takes_path.with_name("takes.sqlite3-wal").stat().st_size > 0
        before = snapshot(home.folder)

        assert len(rows_of(place, found(place))) == 2

        assert snapshot(home.folder) == before


def test_a_damaged_store_is_refused_and_stays(place: Place) -> None:
    home = keep(place, accepted())
    home.takes_path.write_bytes(b"no database at all, but as long as one would be" * 100)
    keep(place, accepted(), name="The Lamp.md")
    before = snapshot(home.folder)

    results = found(place)

    assert [each.reason for each in results if isinstance(each, Refusal)] == ["unreadable"]
    assert len(rows_of(place, results)) == 1
    assert snapshot(home.folder) == before


def test_a_store_that_never_rests_is_said_to_be_busy(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(place, accepted())
    counted = iter(range(1000))
    monkeypatch.setattr(takes, "_states", lambda *paths: [(next(counted), 0, 0)])

    [refusal] = [each for each in found(place) if isinstance(each, Refusal)]

    assert refusal.reason == "busy"


def test_a_store_of_a_newer_version_is_refused(place: Place) -> None:
    home = keep(place, accepted())
    with closing(sqlite3.connect(home.takes_path)) as connection:
        connection.execute("PRAGMA user_version = 99")

    [refusal] = [each for each in found(place) if isinstance(each, Refusal)]

    assert refusal.reason == "unreadable"


def test_gathering_again_gives_the_same_bytes(place: Place) -> None:
    keep(place, accepted(), made(dismissed=True))
    keep(place, accepted(), name="The Lamp.md")

    def written() -> dict[str, bytes]:
        files = [each for each in place.folder.rglob("*") if each.is_file()]
        return {each.relative_to(place.folder).as_posix(): each.read_bytes() for each in files}

    found(place)
    first = written()
    found(place, manuscripts=("The Lamp.md",))

    assert written() == first
    assert all((place.folder / each).stat().st_mode & 0o077 == 0 for each in first)
