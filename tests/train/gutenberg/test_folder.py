"""Books from a folder: a mirror's tree, downloads side by side, a folder for each book."""

import hashlib
import os
from pathlib import Path

import pytest

from storytui_train.data.documents import Gathered, Refusal
from storytui_train.data.sources.gutenberg import gather_gutenberg
from storytui_train.data.sources.headers import read_head
from storytui_train.data.sources.layouts import Shelf, places, tree
from storytui_train.data.sources.place import Place
from storytui_train.errors import RecipeError
from storytui_train.recipe import GutenbergSource

BOOKS = Path(
    os.environ.get("STORYTUI_BOOKS") or Path(__file__).parents[4].joinpath("shared", "books")
)
HEAD = "Title: A Book\n  of Two Lines\n\nAuthor: Ann Author\n\nLanguage: {}\n\nIt was night.\n"


def place(folder: Path) -> Place:
    return Place(recipe_folder=folder, folder=folder / "work", told=lambda line: None)


def gathered(folder: Path, options: GutenbergSource) -> list[Gathered | Refusal]:
    return list(gather_gutenberg(options, place(folder)))


def found(folder: Path, *ids: int) -> list[str]:
    made = gathered(folder, GutenbergSource(folder=".", ids=ids, languages=()))
    return [each.source.file if isinstance(each, Gathered) else each.reason for each in made]


def put(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{name} " + HEAD.format("English"), encoding="utf-8")


@pytest.mark.parametrize(
    ("number", "folder"), [(5, "0/5"), (11, "1/11"), (1342, "1/3/4/1342"), (70000, "7/0/0/0/70000")]
)
def test_a_book_has_a_folder_in_the_tree(number: int, folder: str) -> None:
    assert tree(number) == folder
    assert places(number)[0] == f"{folder}/{number}-0.txt"


@pytest.mark.parametrize(
    ("files", "taken"),
    [
        (["11-x.txt"], "11-x.txt"),
        (["pg11.txt", "pg110.txt"], "pg11.txt"),
        (["11-8.txt", "11.txt", "11-0.txt"], "11-0.txt"),
        (["11-8.txt", "11.txt"], "11.txt"),
        (["11.txt.utf-8"], "11.txt.utf-8"),
        (["1/11/11-8.txt", "1/11/11-0.txt"], "1/11/11-0.txt"),
        (["1/1/11/11-0.txt"], "1/1/11/11-0.txt"),
        (["1/11/11-8.txt", "1/11/old/alice30.txt"], "1/11/11-8.txt"),
        (["1/11/old/alice29.txt", "1/11/old/alice30.txt"], "1/11/old/alice30.txt"),
        (["1/11/old/11-0.txt", "1/11/old/zz.txt"], "1/11/old/11-0.txt"),
        (["cache/epub/11/pg11.txt"], "cache/epub/11/pg11.txt"),
        (["11/pg11.txt"], "11/pg11.txt"),
        (["Alice_11/11-0.txt"], "Alice_11/11-0.txt"),
        (["110.txt", "11.html", "1/1/1/1111/1111-0.txt"], "missing"),
    ],
)
def test_a_text_is_found_where_it_lies(tmp_path: Path, files: list[str], taken: str) -> None:
    put(tmp_path, *files)

    assert found(tmp_path, 11) == [taken]


def test_all_books_of_a_folder_are_found_by_their_numbers(tmp_path: Path) -> None:
    put(tmp_path, "0/5/5.txt", "1/11/11-0.txt", "1/1/110/110-0.txt", "1/3/4/1342/1342-0.txt")
    put(tmp_path, "cache/epub/77/pg77.txt", "35-time.txt", "Emma_158/158.txt", "readme.txt")

    assert list(Shelf(tmp_path).numbers()) == [5, 11, 35, 77, 110, 158, 1342]
    files = found(tmp_path)
    assert files == [
        *("0/5/5.txt", "1/11/11-0.txt", "35-time.txt", "cache/epub/77/pg77.txt"),
        *("1/1/110/110-0.txt", "Emma_158/158.txt", "1/3/4/1342/1342-0.txt"),
    ]


def test_without_a_catalogue_the_text_says_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "11-0.txt").write_text("\ufeff" + HEAD.format("German"), encoding="utf-8")

    (book,) = gathered(tmp_path, GutenbergSource(folder=".", ids=(11,)))

    assert isinstance(book, Gathered)
    source = book.source
    assert (source.id, source.title, source.author, source.language) == (
        *("gutenberg-11", "A Book of Two Lines", "Ann Author", "de"),
    )
    assert source.sha256 == hashlib.sha256((tmp_path / "11-0.txt").read_bytes()).hexdigest()
    assert (Path(book.path), source.file) == (tmp_path / "11-0.txt", "11-0.txt")


def test_the_path_of_a_machine_is_in_no_source(tmp_path: Path) -> None:
    put(tmp_path, "1/11/11-0.txt")

    (book,) = gathered(tmp_path, GutenbergSource(folder=str(tmp_path)))

    assert isinstance(book, Gathered)
    assert str(tmp_path) not in str(book.source)


def test_a_book_under_copyright_is_left_out(tmp_path: Path) -> None:
    text = "**This is a COPYRIGHTED Project Gutenberg eBook, Details Below**\n" + HEAD
    (tmp_path / "11.txt").write_text(text.format("English"), encoding="utf-8")

    assert found(tmp_path, 11) == ["copyright"]


def test_a_catalogue_leads_to_no_file_outside_its_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("hers", encoding="utf-8")
    folder = tmp_path / "books"
    put(folder, "5.txt")
    (folder / "catalog.tsv").write_text("id\ttitle\tfile\n9\tX\t../secret.txt\n", encoding="utf-8")

    made = gathered(tmp_path, GutenbergSource(folder="books", ids=(9,)))

    assert [each.reason for each in made if isinstance(each, Refusal)] == ["missing"]


def test_a_file_that_cannot_be_read_is_said_and_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "5.txt", "11.txt")
    real = open

    def refuses(file: object, *rest: object) -> object:
        if str(file).endswith("5.txt"):
            raise PermissionError(13, "Permission denied", str(file))
        return real(file, *rest)  # type: ignore[call-overload]

    monkeypatch.setattr("builtins.open", refuses)

    assert found(tmp_path, 5, 11) == ["unreadable", "11.txt"]


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="is not there"):
        gathered(tmp_path, GutenbergSource(folder="nowhere"))


def test_an_author_without_a_catalogue_is_said(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="a catalogue is needed"):
        gathered(tmp_path, GutenbergSource(folder=".", authors=("Austen",)))


@pytest.mark.parametrize(
    ("line", "language"),
    [("English", "en"), ("german", "de"), ("English, French", "en"), ("fr", "fr"), ("Klingon", "")],
)
def test_a_head_says_the_language(line: str, language: str) -> None:
    assert read_head(f"Language: {line}\n").language == language


def test_a_head_has_a_number_in_every_form() -> None:
    forms = ["[EBook #35]", "[eBook #35]", "[E-Text #35]", "[Etext #35]"]

    assert [read_head(f"Release Date: July, 1992  {each}").number for each in forms] == [35] * 4


needs_books = pytest.mark.skipif(not BOOKS.is_dir(), reason="the books are not beside the checkout")


@needs_books
def test_the_real_books_are_gathered_with_what_their_catalogue_says() -> None:
    made = list(gather_gutenberg(GutenbergSource(folder=str(BOOKS)), place(BOOKS.parent)))
    books = {each.source.gutenberg_id: each.source for each in made if isinstance(each, Gathered)}

    assert len(made) == 18
    assert [each.id for each in made if isinstance(each, Refusal)] == ["gutenberg-22367"]
    assert [each.reason for each in made if isinstance(each, Refusal)] == ["language"]
    assert (books[1342].author, books[1342].birth, books[1342].death) == (
        "Austen, Jane",
        1775,
        1817,
    )
    listed = (BOOKS / "catalog.tsv").read_text(encoding="utf-8")
    assert all(each.sha256 in listed for each in books.values())


@needs_books
def test_the_heads_of_the_real_books_agree_with_the_catalogue() -> None:
    made = list(gather_gutenberg(GutenbergSource(folder=str(BOOKS), languages=()), place(BOOKS)))
    languages = {}
    for each in made:
        assert isinstance(each, Gathered)
        text = Path(each.path).read_bytes().decode("utf-8", "replace")
        languages[each.source.id] = (read_head(text).language, each.source.language)

    assert all(head in ("", listed) for head, listed in languages.values())
    assert sum(bool(head) for head, _ in languages.values()) >= 15
