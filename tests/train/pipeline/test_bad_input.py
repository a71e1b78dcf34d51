"""What cannot be read, reached or followed: said clearly, and the others go on."""

import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
from teacher_stand_in import KEY, StandIn
from training_shelf import paragraphs

from storytui_train.data.pipeline import workplace
from storytui_train.data.pipeline.stages import STAGES
from storytui_train.recipe import load

Train = Callable[..., tuple[int, str, str]]
SENTENCES = ("--context-sentences", 12, "--continuation-sentences", 6)


def password_protected() -> bytes:
    """The first bytes of an encrypted .docx: an OLE file, not a ZIP archive."""
    name = "EncryptedPackage".encode("utf-16-le")
    return bytes.fromhex("d0cf11e0a1b11ae1") + bytes(500) + name + bytes(3_000)


def locked_zip() -> bytes:
    """An archive whose only part is marked as encrypted."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("word/document.xml", "<w:document/>")
    data = bytearray(buffer.getvalue())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def no_language() -> str:
    """Words of no language, in sentences."""
    drawn = Random(1)

    def word() -> str:
        return "".join(drawn.choices("qxzjkvwfgq", k=drawn.randint(2, 9)))

    def sentence() -> str:
        return " ".join(word() for _ in range(9)).capitalize() + "."

    return "\n\n".join(" ".join(sentence() for _ in range(5)) for _ in range(90))


BAD: dict[str, bytes] = {
    "empty.txt": b"",
    "blank.md": b" \n\n \n",
    "binary.txt": bytes(range(256)) * 64,
    "picture.md": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20,
    "protected.docx": password_protected(),
    "locked.epub": locked_zip(),
    "damaged.docx": b"PK\x03\x04 and no more of it",
    "nowhere.txt": no_language().encode(),
}


def write_bad(folder: Path, name: str) -> Path:
    """One of the bad files; `large.txt` has 200 MB, of which nothing is on the disk."""
    path = folder / name
    if name == "large.txt":
        with path.open("wb") as file:
            file.truncate(200_000_000)
    else:
        path.write_bytes(BAD[name])
    return path


def one_sentence(told: str) -> str:
    """The last line told, which says what went wrong; there is no traceback."""
    assert "Traceback" not in told
    last = told.strip().splitlines()[-1]
    assert last.startswith("storytui-train: ")
    assert last.endswith(".")
    return last


@pytest.mark.parametrize("name", [*BAD, "large.txt"])
def test_a_file_that_is_no_text_is_named_with_the_reason(
    tmp_path: Path, name: str, train: Train
) -> None:
    path = write_bad(tmp_path, name)
    status, out, told = train("prepare", path, "--out", tmp_path / "out", *SENTENCES)
    assert (status, out) == (1, "")
    said = one_sentence(told)
    assert name in said or path.stem in said
    assert not (tmp_path / "out" / "chunks.jsonl").exists()


def test_all_others_go_on(tmp_path: Path, shelf: Path, train: Train) -> None:
    for name in (*BAD, "large.txt"):
        write_bad(shelf, name)
    more = ("--any-kind", "--languages", "en", "--json")
    status, out, told = train("prepare", shelf, "--out", tmp_path / "out", *SENTENCES, *more)
    assert status == 0, told
    report = json.loads(out)
    assert report["rows"] > 100
    left_out = {each["title"] or each["id"]: each["detail"] for each in report["refused"]}
    for name in (*BAD, "large.txt"):
        stem = name.partition(".")[0]
        said = [why for title, why in left_out.items() if stem in title.lower()]
        assert said, f"nothing is said of {name}"
        assert all(why.endswith(".") for why in said)


def test_a_run_tells_what_it_leaves_out(recipe: Path, shelf: Path, train: Train) -> None:
    for name in BAD:
        write_bad(shelf, name)
    status, _, told = train("run", recipe, "--until", "split")
    assert status == 0
    lines = [line for line in told.splitlines() if line.startswith("  left out: ")]
    for name in ("blank.md", "binary.txt", "damaged.docx", "empty.txt"):
        assert any(name in line for line in lines), told
    assert "Traceback" not in told


def test_more_than_a_few_are_counted(recipe: Path, shelf: Path, train: Train) -> None:
    for number in range(9):
        (shelf / f"empty-{number}.md").write_bytes(b"")
    told = train("run", recipe, "--until", "gather")[2]
    assert told.count("  left out: ") == 6
    assert "4 more, with the reasons in" in told


def test_a_folder_without_permission_is_named_and_the_others_go_on(
    tmp_path: Path, shelf: Path, train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = shelf / "closed"
    closed.mkdir()
    (closed / "one.md").write_text("# One\n\n" + paragraphs("One", 30, 1))
    scandir, listdir = os.scandir, os.listdir

    def guarded(real: Callable[..., object]) -> Callable[..., object]:
        def call(path: object = ".") -> object:
            if isinstance(path, str | Path) and Path(path).name == "closed":
                raise PermissionError(13, "Permission denied", str(path))
            return real(path)

        return call

    # Root may read all.
    monkeypatch.setattr(os, "scandir", guarded(scandir))
    monkeypatch.setattr(os, "listdir", guarded(listdir))
    out = tmp_path / "out"
    status, _, told = train("prepare", shelf, "--out", out, "--any-kind", *SENTENCES)
    assert status == 0, told
    assert "closed" in told
    assert "may not be read" in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("argv", "part"),
    [
        (("prepare", "nothing-here.txt", "--out", "out"), "nothing-here.txt is not there"),
        (("prepare", "shelf", "--out", "shelf/alder.md"), "is a file; --out names a folder"),
        (("prepare", "shelf", "--out", "out", "--catalog", "none.tsv"), "none.tsv is not there"),
        (("prepare", "shelf", "--out", "out", "--catalog", "shelf/alder.md"), "alder.md"),
        (("prepare", "shelf", "--out", "out", "--catalog", "shelf"), "shelf"),
        (("run", "nothing.toml"), "nothing.toml cannot be read"),
        (("run", "shelf"), "shelf cannot be read"),
        (("run", "recipe.toml", "--until", "clean", "--again", "split"), "comes after clean"),
        (("chunk", "recipe.toml", "--again", "dataset"), "comes after chunk"),
        (("show", "nothing.jsonl"), "nothing.jsonl is not there"),
        (("init", "recipe.toml"), "is there already"),
    ],
)
def test_what_cannot_be_followed_is_a_mistake_in_the_call(
    recipe: Path, argv: tuple[str, ...], part: str, train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(recipe.parent)
    status, out, told = train(*argv)
    assert (status, out) == (2, "")
    assert part in one_sentence(told)


@pytest.mark.parametrize(
    ("before", "after", "part"),
    [
        ('name = "shelf"', 'name = "shelf', "not valid TOML"),
        ("workers = 1", "wokers = 1", "wokers"),
        ("workers = 1", 'workers = "many"', "int"),
        ('type = "manuscripts"', 'type = "manuscript"', "manuscript"),
        ('by = "book"', 'by = "books"', "books"),
        ("[[sources]]", "[sources]", "sources"),
        ('paths = ["shelf"]', "", "paths"),
    ],
)
def test_a_recipe_that_cannot_be_followed_says_where(
    recipe: Path, before: str, after: str, part: str, train: Train
) -> None:
    recipe.write_text(recipe.read_text().replace(before, after))
    status, _, told = train("run", recipe)
    assert status == 2
    said = one_sentence(told)
    assert str(recipe) in said
    assert part in said


def test_a_recipe_that_is_no_text_is_said(recipe: Path, train: Train) -> None:
    recipe.write_bytes(b"\xff\xfe\x00name")
    status, _, told = train("run", recipe)
    assert status == 2
    assert "is not UTF-8" in one_sentence(told)


@pytest.mark.parametrize("option", ["--workers", "--context-sentences", "--varied-cuts"])
@pytest.mark.parametrize("value", ["many", "-1", "0x", "nan"])
def test_a_number_that_is_none_is_a_mistake_in_the_call(
    option: str, value: str, train: Train, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        train("prepare", "here", "--out", "there", f"{option}={value}")
    assert ended.value.code == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert f"argument {option}: {value} is not a" in said


def test_a_recipe_whose_folder_of_books_is_gone(recipe: Path, shelf: Path, train: Train) -> None:
    shutil.rmtree(shelf)
    status, _, told = train("run", recipe)
    assert status == 1
    assert "shelf" in one_sentence(told)


def test_sources_that_vanish_or_change_after_they_were_gathered(recipe: Path, shelf: Path) -> None:
    """They are listed with the reason, and the others go on."""
    told: list[str] = []

    def tell(line: str) -> None:
        told.append(line)
        if line.startswith("gather: "):
            (shelf / "alder.md").unlink()
            with (shelf / "birch.md").open("a") as file:
                file.write("\n\nOne more line.\n")

    from storytui_train.data.pipeline.running import refusals, run_stages

    place = workplace.Workplace(recipe.with_suffix(""), recipe.parent)
    with place.alone():
        run_stages(STAGES, load(recipe), place, tell, until="chunk", explain=True)
    assert {each.reason for each in refusals(place, ("clean",))} == {"missing", "changed"}
    assert any("alder.md" in line and "Check the path" in line for line in told)
    assert any("birch.md" in line and "was changed" in line for line in told)
    assert told[-1].startswith("chunk: ")


@pytest.fixture
def keyed(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.005)
    monkeypatch.setattr("openai._base_client.MAX_RETRY_DELAY", 0.02)
    monkeypatch.setenv("STAND_IN_KEY", KEY)
    with StandIn() as stand_in:
        yield stand_in
        stand_in.stop()


def with_teacher(recipe: Path, url: str) -> None:
    """Add a teacher to a recipe."""
    teacher = f'kind = "endpoint"\nurl = "{url}"\n'
    teacher += 'model = "stand-in/teacher"\nretries = 1\nrows = 3\n'
    teacher += 'key_variable = "STAND_IN_KEY"\n'
    recipe.write_text(f"{recipe.read_text()}[teacher]\n{teacher}")


def test_a_wrong_key_is_said_without_the_key(
    recipe: Path, keyed: StandIn, train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_teacher(recipe, keyed.url)
    monkeypatch.setenv("STAND_IN_KEY", "sk-wrong-one")
    status, _, told = train("run", recipe)
    assert status == 1
    assert "key" in one_sentence(told)
    assert "sk-wrong-one" not in told
    assert len(keyed.headers) < 10
    monkeypatch.setenv("STAND_IN_KEY", KEY)
    status, _, told = train("run", recipe)
    assert status == 0, told


def test_an_endpoint_that_is_not_there_is_said(recipe: Path, keyed: StandIn, train: Train) -> None:
    with_teacher(recipe, "http://127.0.0.1:9/v1")
    status, _, told = train("run", recipe)
    assert status == 1
    assert "did not answer" in one_sentence(told) or "cannot be reached" in one_sentence(told)
    assert not (recipe.with_suffix("") / "reason.json").exists()


def test_a_working_folder_that_is_a_file(recipe: Path, train: Train) -> None:
    recipe.with_suffix("").write_text("here already")
    status, _, told = train("run", recipe)
    assert status == 2
    assert "is a file" in one_sentence(told)
    assert recipe.with_suffix("").read_text() == "here already"


def test_a_working_folder_that_is_somebody_elses_is_left_alone(
    recipe: Path, shelf: Path, train: Train
) -> None:
    """A recipe of the shelf's own name would work in the shelf, and remove what is in its way."""
    mine = shelf / "dataset"
    mine.mkdir()
    (mine / "diary.md").write_text("mine")
    other = recipe.with_name("shelf.toml")
    other.write_text(recipe.read_text())
    status, _, told = train("run", other)
    assert status == 2
    assert "is not empty, and no working folder" in one_sentence(told)
    assert (mine / "diary.md").read_text() == "mine"


def test_a_working_folder_of_another_version(recipe: Path, train: Train) -> None:
    train("run", recipe, "--until", "gather")
    (recipe.with_suffix("") / workplace.OWN).write_bytes(b"7\n")
    status, _, told = train("run", recipe)
    assert status == 1
    assert "another version" in one_sentence(told)


def test_a_working_folder_that_may_not_be_written(
    recipe: Path, train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(path: Path, _data: bytes) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    # Root may write all.
    monkeypatch.setattr(workplace, "write_atomically", closed)
    status, _, told = train("run", recipe)
    assert status == 1
    assert "Nothing can be written in" in one_sentence(told)


def test_a_damaged_file_between_stages_is_named(recipe: Path, train: Train) -> None:
    train("run", recipe, "--until", "chunk")
    part = next((recipe.with_suffix("") / "chunk" / "parts").glob("*.jsonl"))
    part.write_bytes(part.read_bytes()[:-40])
    status, _, told = train("run", recipe, "--until", "split")
    assert status == 1
    assert "--again chunk" in one_sentence(told)
    assert train("run", recipe, "--until", "split", "--again", "chunk")[0] == 0


def test_the_disk_is_full_when_the_rows_are_written_out(
    tmp_path: Path, shelf: Path, train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    from storytui_train.data.pipeline import preparing

    def full(path: Path, _data: bytes) -> None:
        raise OSError(28, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(preparing, "write_atomically", full)
        argv = ("prepare", shelf, "--out", tmp_path / "out", "--any-kind", *SENTENCES)
        status, _, told = train(*argv)
    assert status == 1
    assert "No space left on device" in one_sentence(told)
    assert not (tmp_path / "out" / "report.json").exists()
    assert train(*argv)[0] == 0
    assert (tmp_path / "out" / "report.json").exists()
