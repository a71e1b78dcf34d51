"""Files and folders that are named on the command line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from storytui_train.data.documents import Gathered, Refusal
from storytui_train.data.sources.extraction import extract
from storytui_train.data.sources.gathering import gather_paths
from storytui_train.data.sources.marks import is_gutenberg, number_in, number_of
from storytui_train.data.sources.place import Place

from .test_plain import BOOKS

Write = Callable[[str, str | bytes], Path]

BOOK = """The Project Gutenberg EBook of The Rope, by Ada Keeper

Title: The Rope

Author: Ada Keeper

Release Date: January 1, 2001 [EBook #9911]

Language: English

*** START OF THIS PROJECT GUTENBERG EBOOK THE ROPE ***

It began.
"""
CATALOG = (
    "id\ttitle\tauthor\tauthor_birth\tauthor_death\tlanguage\tsubject\tfile\n"
    '9911\tThe "Rope"\tKeeper, Ada\t1850\t1900\ten\tRopes -- Fiction | Sea stories\t\n'
    "77\tThe Lamp\tLight, Tom\t1860\t\ten\tLamps\tlamp.txt\n"
)


def gathered(place: Place, *paths: str, catalog: Path | None = None) -> list[Gathered]:
    found = list(gather_paths([Path(each) for each in paths], place, catalog=catalog))
    assert all(isinstance(each, Gathered) for each in found), found
    return [each for each in found if isinstance(each, Gathered)]


@pytest.mark.parametrize("name", ["9911-the-rope.txt", "pg9911.txt", "9911-0.txt", "rope.txt"])
def test_a_book_is_known_by_its_number_and_has_what_the_catalogue_says(
    place: Place, write: Write, name: str
) -> None:
    write(name, BOOK)

    [one] = gathered(place, name, catalog=write("catalog.tsv", CATALOG))

    source = one.source
    assert (source.id, source.kind, source.gutenberg_id) == ("gutenberg-9911", "gutenberg", 9911)
    assert (source.title, source.author) == ('The "Rope"', "Keeper, Ada")
    assert (source.birth, source.death, source.language) == (1850, 1900, "en")
    assert source.subjects == ("Ropes -- Fiction", "Sea stories")
    assert (source.private, source.licence) == (False, "Public domain in the USA")
    assert (source.file, one.form) == (name, "text")


def test_a_text_without_marks_is_one_where_the_catalogue_names_its_file(
    place: Place, write: Write
) -> None:
    write("lamp.txt", "It shone.\n")

    [one] = gathered(place, "lamp.txt", catalog=write("catalog.tsv", CATALOG))

    assert (one.source.id, one.source.author) == ("gutenberg-77", "Light, Tom")


def test_without_a_catalogue_the_header_says_who_wrote_it(place: Place, write: Write) -> None:
    write("rope.txt", BOOK)

    [one] = gathered(place, "rope.txt")

    assert one.source.id == "gutenberg-9911"
    assert (one.source.title, one.source.author) == ("The Rope", "Ada Keeper")
    assert one.source.language == "en"


def test_a_book_that_says_no_number_has_its_files_name(place: Place, write: Write) -> None:
    write("timem.txt", BOOK.replace(" [EBook #9911]", ""))

    [one] = gathered(place, "timem.txt")

    assert (one.source.id, one.source.gutenberg_id) == ("gutenberg-timem", None)
    assert one.source.kind == "gutenberg"


def test_a_page_of_html_may_be_one_too(place: Place, write: Write) -> None:
    write(
        "9911-h.htm",
        "<html><body><p>*** START OF THE PROJECT GUTENBERG EBOOK THE ROPE ***</p><h2>I</h2>"
        "<p>It began.</p><p>*** END OF THE PROJECT GUTENBERG EBOOK THE ROPE ***</p></body></html>",
    )

    [one] = gathered(place, "9911-h.htm", catalog=write("catalog.tsv", CATALOG))

    assert (one.source.id, one.form) == ("gutenberg-9911", "html")
    assert extract(one, place.folder).text == "I\n\nIt began.\n"


def test_a_first_line_may_be_all_that_it_says(place: Place, write: Write) -> None:
    write("rope.txt", "Project Gutenberg's The Rope, by Ada Keeper\n\nIt began.\n")

    [one] = gathered(place, "rope.txt")

    assert (one.source.title, one.source.author) == ("The Rope", "Ada Keeper")
    assert one.source.authors == ("Ada Keeper",)


@pytest.mark.parametrize("name", ["11-my-own.txt", "1984.txt", "my-own.txt"])
def test_her_own_text_stays_hers_whatever_its_name(place: Place, write: Write, name: str) -> None:
    write(name, "It began.\n")

    [one] = gathered(place, name, catalog=write("catalog.tsv", CATALOG.replace("77", "11")))

    assert (one.source.kind, one.source.private) == ("manuscript", True)


def test_a_table_of_texts_may_be_named_too(place: Place, write: Write) -> None:
    write("texts.jsonl", '{"text": "It began."}\n{"text": "It ended."}\n')

    assert [each.source.id for each in gathered(place, "texts.jsonl")] == [
        "dataset-texts-1",
        "dataset-texts-2",
    ]
    assert all(each.source.private for each in gathered(place, "texts.jsonl"))


@pytest.mark.parametrize(
    "line",
    [
        "*** START OF THE PROJECT GUTENBERG EBOOK THE ROPE ***",
        "*** START OF THIS PROJECT GUTENBERG EBOOK THE ROPE ***",
        "***START OF THE PROJECT GUTENBERG EBOOK THE ROPE***",
        "*END THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*",
        "The Project Gutenberg Etext of The Rope",
        "End of Project Gutenberg's The Rope, by Ada Keeper",
        "End of the Project Gutenberg EBook of The Rope",
        "Project Gutenberg’s The Rope, by Ada Keeper",
        "*** END OF THE PROJECT GUTENBERG EBOOK, THE ROPE ***",
    ],
)
def test_the_marks_of_four_decades_are_known(line: str) -> None:
    assert is_gutenberg(line.encode())
    assert is_gutenberg(b"It began.\n" * 9000 + line.encode() + b"\n" * 500)


def test_a_story_in_which_somebody_speaks_of_it_has_no_marks() -> None:
    assert not is_gutenberg(b"She had read it on Project Gutenberg, at the end of the war.")


@pytest.mark.parametrize(
    ("name", "number"),
    [("11-alice.txt", 11), ("pg11.txt", 11), ("11-0.txt", 11), ("11.txt", 11), ("rope.txt", None)],
)
def test_the_number_in_a_name(name: str, number: int | None) -> None:
    assert number_of(Path(name)) == number


@pytest.mark.parametrize("mark", ["[eBook #11]", "[EBook #11]", "[Etext #11]", "[ebook # 11 ]"])
def test_the_number_in_a_text(mark: str) -> None:
    assert number_in(f"Release Date: {mark}\n".encode()) == 11


@pytest.mark.skipif(not BOOKS.is_dir(), reason="the shared books are not beside the checkout")
@pytest.mark.parametrize("with_catalog", [True, False])
def test_the_shared_books_are_eighteen_books(place: Place, with_catalog: bool) -> None:
    catalog = BOOKS / "catalog.tsv" if with_catalog else None

    found = list(gather_paths([BOOKS], place, catalog=catalog))

    assert not [each for each in found if isinstance(each, Refusal)]
    sources = [each.source for each in found if isinstance(each, Gathered)]
    assert len(sources) == 18
    assert {each.kind for each in sources} == {"gutenberg"}
    numbers = {int(each.name.partition("-")[0]) for each in BOOKS.glob("*.txt")}
    assert {each.gutenberg_id for each in sources} == numbers
    assert all(each.title for each in sources)
    # One of them says nothing of itself.
    assert sum(not each.author for each in sources) == (0 if with_catalog else 1)
    assert all(each.birth for each in sources) == with_catalog
