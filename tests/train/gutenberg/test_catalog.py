"""The catalogue: two forms, people with their years, and which books a recipe names."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storytui_train.data.sources.catalog import (
    CatalogBook,
    Person,
    choose_books,
    people_of,
    read_catalog,
)
from storytui_train.errors import RecipeError
from storytui_train.recipe import GutenbergSource

HEADER = "Text#,Type,Issued,Title,Language,Authors,Subjects,LoCC,Bookshelves\n"
ALICE = (
    '11,Text,2008-06-27,"Alice\'s Adventures in Wonderland",en,'
    '"Carroll, Lewis, 1832-1898; Tenniel, John, 1820-1914 [Illustrator]",'
    '"Fantasy fiction; Children\'s stories",PR; PZ,"Children\'s Literature; Browsing: Fiction"\n'
)
ROWS = (
    ALICE + '22367,Text,2007-08-21,"Die Verwandlung",de,"Kafka, Franz, 1883-1924",'
    '"Metamorphosis -- Fiction",PT,\n'
    '6130,Text,2004-07-01,"The Iliad\r\nof Homer",en,"Homer, 751? BCE-651? BCE; '
    'Pope, Alexander, 1688-1744 [Translator]","Epic poetry, Greek",PA,\n'
    '999999,Sound,2004-07-01,Noises,en,"Carroll, Lewis, 1832-1898",,,\n'
    '1342,Text,1998-06-01,"Pride and ""Prejudice""",en,"Austen, Jane, 1775-1817",'
    '"Courtship -- Fiction",PR,Best Books\n'
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "pg_catalog.csv"
    path.write_text(HEADER + ROWS, encoding="utf-8", newline="")
    return path


@pytest.mark.parametrize(
    ("text", "people"),
    [
        (
            "Carroll, Lewis, 1832-1898; Tenniel, John, 1820-1914 [Illustrator]",
            [
                Person(name="Carroll, Lewis", birth=1832, death=1898),
                Person(name="Tenniel, John", birth=1820, death=1914, role="Illustrator"),
            ],
        ),
        ("Homer, 751? BCE-651? BCE", [Person(name="Homer", birth=-751, death=-651)]),
        ("Plato, 428-348 BC", [Person(name="Plato", birth=-428, death=-348)]),
        ("Livy, 60 BCE-17", [Person(name="Livy", birth=-60, death=17)]),
        ("Polo, Marco, 1254?-1324?", [Person(name="Polo, Marco", birth=1254, death=1324)]),
        ("Ozaki, Yei Theodora, -1932", [Person(name="Ozaki, Yei Theodora", death=1932)]),
        ("Doctorow, Cory, 1971-", [Person(name="Doctorow, Cory", birth=1971)]),
        (
            "Wells, H. G. (Herbert George), 1866-1946",
            [Person(name="Wells, H. G. (Herbert George)", birth=1866, death=1946)],
        ),
        ("Li, Bo, graf, 1828-1910", [Person(name="Li, Bo, graf", birth=1828, death=1910)]),
        ("Various; Li [Editor]", [Person(name="Various"), Person(name="Li", role="Editor")]),
        ("Smith-Jones, Ann", [Person(name="Smith-Jones, Ann")]),
        ("", []),
        (" ; ;", []),
    ],
)
def test_people_have_names_years_and_what_they_did(text: str, people: list[Person]) -> None:
    assert list(people_of(text)) == people


NAMES = st.text(st.characters(categories=["Lu", "Ll"]), min_size=1, max_size=12)


@given(NAMES, NAMES, st.integers(1, 2020), st.integers(1, 2020), st.sampled_from(["", "?"]))
def test_years_are_read_back(last: str, first: str, birth: int, death: int, doubt: str) -> None:
    (person,) = people_of(f"{last}, {first}, {birth}{doubt}-{death}{doubt}")

    assert person == Person(name=f"{last}, {first}", birth=birth, death=death)


def test_texts_are_read_and_sounds_are_not(path: Path) -> None:
    books = list(read_catalog(path))

    assert [each.id for each in books] == [11, 22367, 6130, 1342]
    assert [each.title for each in books[2:]] == ["The Iliad of Homer", 'Pride and "Prejudice"']
    assert [each.name for each in books[0].authors] == ["Carroll, Lewis"]
    assert books[0].shelves == ("Children's Literature", "Browsing: Fiction")
    assert books[0].subjects == ("Fantasy fiction", "Children's stories")


def test_a_packed_catalogue_is_the_same_whatever_it_is_called(path: Path, tmp_path: Path) -> None:
    packed = tmp_path / "list"
    packed.write_bytes(gzip.compress(path.read_bytes()))

    assert list(read_catalog(packed)) == list(read_catalog(path))


def test_a_table_with_tabs_takes_quotes_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "catalog.tsv"
    path.write_text(
        "id\ttitle\tauthor\tauthor_birth\tauthor_death\tlanguage\tsubject\tfile\n"
        '5\t"Quoted\tPoe, Edgar\t1809\t1849\ten\tDeath -- Fiction | Ghosts\t5-x.txt\r\n'
        "6\tOther\tHomer\t-750\t\tel\t\t\n",
        encoding="utf-8-sig",
        newline="",
    )

    assert list(read_catalog(path)) == [
        CatalogBook(
            id=5,
            title='"Quoted',
            languages=("en",),
            people=(Person(name="Poe, Edgar", birth=1809, death=1849),),
            subjects=("Death -- Fiction", "Ghosts"),
            file="5-x.txt",
        ),
        CatalogBook(
            id=6, title="Other", languages=("el",), people=(Person(name="Homer", birth=-750),)
        ),
    ]


def test_a_catalogue_is_read_as_far_as_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "pg_catalog.csv"
    path.write_text(HEADER + ALICE + "not a number,Text,,,,,,,\n", encoding="utf-8")

    assert next(read_catalog(path)).id == 11


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is no catalogue"),
        (b"name,year\nx,1\n", "has name, year"),
        (HEADER.encode() + b"eleven,Text,,,,,,,\n", "row 2 .* “eleven”"),
        (HEADER.encode() + b"1,Text,,\xff\xfe,,,,,\n", "not UTF-8"),
        (gzip.compress((HEADER + ROWS * 50).encode())[:-300], "cut off"),
        (b"\x1b[2J,x\n", "␛"),
    ],
)
def test_what_is_no_catalogue_is_said(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "catalog"
    path.write_bytes(data)

    with pytest.raises(RecipeError, match=said):
        list(read_catalog(path))


def test_a_catalogue_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read: No such file"):
        list(read_catalog(tmp_path / "none.csv"))


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (GutenbergSource(ids=(1342, 22367)), [1342, 22367]),
        (GutenbergSource(authors=("carroll",)), [11]),
        (GutenbergSource(authors=("Jane Austen",)), [1342]),
        (GutenbergSource(authors=("Pope, Alexander",)), []),
        (GutenbergSource(authors=("Tenniel",)), []),
        (GutenbergSource(authors=("kafka",)), []),
        (GutenbergSource(authors=("kafka",), languages=("de", "fr")), [22367]),
        (GutenbergSource(authors=("kafka",), languages=()), [22367]),
        (GutenbergSource(subjects=("-- fiction",), languages=()), [1342, 22367]),
        (GutenbergSource(topics=("best books", "fantasy")), [11, 1342]),
        (GutenbergSource(ids=(1342,), authors=("carroll", "homer")), [1342, 11, 6130]),
        (GutenbergSource(ids=(1342,), authors=("carroll", "homer"), limit=2), [1342, 11]),
        (GutenbergSource(authors=(" ",)), []),
        (GutenbergSource(), []),
    ],
)
def test_a_recipe_names_books(path: Path, options: GutenbergSource, ids: list[int]) -> None:
    assert [each.id for each in choose_books(read_catalog(path), options)] == ids


def test_the_order_of_the_catalogue_does_not_matter(path: Path) -> None:
    options = GutenbergSource(topics=("fiction",), languages=())
    books = list(read_catalog(path))

    def turned() -> Iterator[CatalogBook]:
        yield from reversed(books)

    assert choose_books(turned(), options) == choose_books(books, options)
