"""Stages: what did not change is skipped, and what is made is the same however it is made."""

import errno
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from storytui_train.data.documents import Gathered
from storytui_train.data.edits import apply
from storytui_train.data.examples import Row
from storytui_train.data.pipeline import running
from storytui_train.data.sources.extraction import extract

Train = Callable[..., tuple[int, str, str]]
STAGES = ("gather", "clean", "choose", "chunk", "split", "reason", "dataset")


def rows_of(folder: Path) -> list[Row]:
    """The rows of a stage, in order."""
    decoder = msgspec.json.Decoder(Row)
    parts = sorted((folder / "parts").glob("*.jsonl"))
    return [decoder.decode(line) for part in parts for line in part.read_bytes().splitlines()]


def files_of(folder: Path) -> dict[str, bytes]:
    """The bytes of all files below a folder."""
    return {
        each.relative_to(folder).as_posix(): each.read_bytes()
        for each in sorted(folder.rglob("*"))
        if each.is_file()
    }


def without_gathering(files: dict[str, bytes]) -> dict[str, bytes]:
    """Gathering looks each time; what it finds is the same, the time is not."""
    return {name: data for name, data in files.items() if not name.startswith("gather")}


def test_a_recipe_is_done_once(recipe: Path, train: Train) -> None:
    status, _, told = train("run", recipe)
    assert status == 0, told
    work = recipe.with_suffix("")
    before = files_of(work)
    assert all(f"{name}.json" in before for name in STAGES)

    status, _, told = train("run", recipe)

    assert status == 0
    assert told.count("nothing changed, skipped") == len(STAGES) - 1
    assert without_gathering(files_of(work)) == without_gathering(before)


def test_only_what_depends_on_a_change_is_done_again(recipe: Path, train: Train) -> None:
    train("run", recipe)
    recipe.write_text(recipe.read_text().replace("test = 0.2", "test = 0.3"))
    told = train("run", recipe)[2]
    for name in ("clean", "choose", "chunk"):
        assert f"{name}: nothing changed" in told
    assert "split: nothing changed" not in told


def test_a_changed_book_is_read_again(recipe: Path, shelf: Path, train: Train) -> None:
    train("run", recipe)
    before = rows_of(recipe.with_suffix("") / "split")
    path = shelf / "alder.md"
    path.write_text(path.read_text().replace("harbour", "quay"))
    told = train("run", recipe)[2]
    assert "skipped" not in told
    after = rows_of(recipe.with_suffix("") / "split")
    assert len(after) == len(before)
    changed = [new for old, new in zip(before, after, strict=True) if old.context != new.context]
    assert {each.source.title for each in changed} == {"The Alder"}


def test_any_number_of_processes_and_pieces_makes_the_same_rows(recipe: Path, train: Train) -> None:
    train("run", recipe, "--until", "split")
    one = rows_of(recipe.with_suffix("") / "split")
    other = recipe.with_name("other.toml")
    other.write_text(recipe.read_text().replace("workers = 1", "workers = 2\ntasks = 3"))
    assert train("run", other, "--until", "split")[0] == 0
    two = rows_of(other.with_suffix("") / "split")
    assert sorted(one, key=lambda row: row.id) == sorted(two, key=lambda row: row.id)
    assert len(one) == len(two) > 20


def test_each_row_can_be_found_again_in_its_file(recipe: Path, train: Train) -> None:
    train("run", recipe, "--until", "split")
    work = recipe.with_suffix("")
    lines = (work / "gather" / "parts" / "sources.jsonl").read_bytes().splitlines()
    sources = [msgspec.json.decode(line, type=Gathered) for line in lines]
    texts = {each.source.id: extract(each, work).text for each in sources}
    rows = rows_of(work / "split")
    assert rows
    for row in rows:
        found = apply(texts[row.source.id], row.edits, *row.span)
        assert found == row.context + row.continuation


def test_each_artefact_says_what_made_it(recipe: Path, train: Train) -> None:
    train("run", recipe)
    work = recipe.with_suffix("")
    record = json.loads((work / "chunk.json").read_text())
    assert record["stage"] == "chunk"
    assert record["settings"][0]["context_sentences"] == 12
    assert record["counts"]["rows"] == len(rows_of(work / "chunk"))
    assert record["versions"]["pysbd"]
    choose = json.loads((work / "choose.json").read_text())
    assert choose["outputs"].items() <= record["inputs"].items()


def test_a_stage_can_be_asked_for_again(recipe: Path, train: Train) -> None:
    train("run", recipe)
    told = train("run", recipe, "--again", "chunk")[2]
    assert "clean: nothing changed" in told
    assert "chunk: nothing changed" not in told
    # It made the same, so what follows needs nothing.
    assert "split: nothing changed" in told


def test_rows_marked_as_bad_are_left_out(recipe: Path, train: Train) -> None:
    train("run", recipe)
    work = recipe.with_suffix("")
    first = rows_of(work / "reason")[0].id
    (work / "marks.jsonl").write_text(json.dumps({"id": first, "bad": True}) + "\n")
    before = json.loads((work / "dataset.json").read_text())["counts"]["rows"]
    told = train("run", recipe)[2]
    assert "reason: nothing changed" in told
    assert json.loads((work / "dataset.json").read_text())["counts"]["rows"] == before - 1


def test_two_at_once_are_kept_apart(recipe: Path, train: Train) -> None:
    program = (
        "import time, sys; from pathlib import Path;"
        "from storytui_train.data.pipeline.workplace import Workplace;"
        "place = Workplace(Path(sys.argv[1]), Path());"
        "alone = place.alone(); alone.__enter__(); print('in', flush=True); time.sleep(60)"
    )
    work = recipe.with_suffix("")
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(work)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "in\n"
        status, _, told = train("run", recipe)
        assert status == 1
        assert f"Another storytui-train works in {work} (process {other.pid}" in told
    finally:
        other.kill()
        other.communicate()
    assert train("run", recipe, "--until", "gather")[0] == 0


def test_a_text_that_cannot_be_read_is_listed_and_the_others_go_on(
    recipe: Path, shelf: Path, train: Train
) -> None:
    (shelf / "empty.md").write_bytes(b"")
    (shelf / "odd.txt").write_bytes(bytes(range(256)) * 40)
    (shelf / "locked.docx").write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(4_000))
    status, _, told = train("run", recipe, "--until", "split")
    assert status == 0, told
    work = recipe.with_suffix("")
    listed = b"".join((work / name / "refused.jsonl").read_bytes() for name in STAGES[:3])
    refused = [json.loads(line) for line in listed.splitlines()]
    assert {each["id"].split("-")[-1] for each in refused} == {"empty", "odd", "locked"}
    assert all(each["detail"] for each in refused)
    assert rows_of(work / "split")


@pytest.mark.parametrize("stage", STAGES[1:6])
def test_a_full_disk_is_said_and_the_next_run_goes_on(
    recipe: Path, train: Train, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    train("run", recipe)
    whole = files_of(recipe.with_suffix("") / "dataset" / "parts")
    write = running.write_record
    fails = True

    def full(path: Path, record: object) -> None:
        if fails and path.name == f"{stage}.json":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write(path, record)  # type: ignore[arg-type]

    monkeypatch.setattr(running, "write_record", full)
    status, _, told = train("run", recipe, "--again", stage)
    assert status == 1
    assert "No space left on device" in told
    assert not (recipe.with_suffix("") / f"{stage}.json").exists()
    fails = False
    assert train("run", recipe)[0] == 0
    assert files_of(recipe.with_suffix("") / "dataset" / "parts") == whole


def test_an_interrupt_is_one_however_it_comes(
    recipe: Path, train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the midst of an import, Python raises another error for it."""

    def interrupted(*_: object, **__: object) -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as error:
            raise RuntimeError("Error calling __set_name__") from error

    from storytui_train.stages import chain

    monkeypatch.setattr(chain, "run_chain", interrupted)
    status, _, told = train("run", recipe)
    assert status == 130
    assert told.startswith("storytui-train: Stopped.")
