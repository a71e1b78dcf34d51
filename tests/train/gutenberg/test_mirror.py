"""Books from a mirror: what is asked, in which order, how often, and what goes wrong."""

import gzip
import hashlib
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from mirror_stand_in import CATALOG, MirrorStandIn, catalog

from storytui_train.data.documents import Gathered, Refusal
from storytui_train.data.sources import downloading
from storytui_train.data.sources.gutenberg import gather_gutenberg
from storytui_train.data.sources.place import Place
from storytui_train.errors import RecipeError
from storytui_train.recipe import GutenbergSource

TEXTS = {
    number: f"Title: Book {number}\n\nLanguage: English\n\n".encode() + b"It rained. " * 4000
    for number in (5, 11, 35, 84, 1342)
}
ROWS = [
    (5, "Text", "", "Five", "en", "Carroll, Lewis, 1832-1898", "Fantasy", "", "Best Books"),
    (11, "Text", "", "Alice", "en", "Carroll, Lewis, 1832-1898", "Fantasy", "", ""),
    (35, "Text", "", "Time", "en", "Wells, H. G., 1866-1946", "Science fiction", "", ""),
    (1342, "Text", "", "Pride", "en", "Austen, Jane, 1775-1817", "Courtship", "", "Best Books"),
]


def api_book(number: int, topic: str = "ghosts", **more: object) -> dict[str, object]:
    person = {"name": "Shelley, Mary", "birth_year": 1797, "death_year": 1851}
    book: dict[str, object] = {"id": number, "title": f"Book {number}", "authors": [person]}
    book |= {"translators": [], "subjects": [topic], "bookshelves": [], "languages": ["en"]}
    return book | {"copyright": False, "media_type": "Text", "formats": {}} | more


class TestClock:
    """Time that passes when somebody waits, and only then."""

    __test__ = False

    def __init__(self) -> None:
        self.waited: list[float] = []

    def now(self) -> float:
        return sum(self.waited)

    def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)


@pytest.fixture
def mirror() -> Iterator[MirrorStandIn]:
    files = {
        "/0/5/5.txt": TEXTS[5],
        "/1/11/11-0.txt": TEXTS[11],
        "/1/11/11-8.txt": b"not this one",
        "/3/35/35-8.txt": TEXTS[35],
        "/cache/epub/84/pg84.txt": TEXTS[84],
        "/1/3/4/1342/1342-0.txt": TEXTS[1342],
        CATALOG: catalog(ROWS),
    }
    with MirrorStandIn(files, [api_book(each) for each in TEXTS]) as mirror:
        yield mirror


class Gathering:
    """Gathers into a working folder, as a recipe would have it."""

    def __init__(self, mirror: MirrorStandIn, folder: Path) -> None:
        self.mirror = mirror
        self.folder = folder
        self.told: list[str] = []
        self.clock = TestClock()

    def __call__(self, **options: object) -> list[Gathered | Refusal]:
        given = {"mirror": self.mirror.address, **options}
        source = GutenbergSource(**given)  # type: ignore[arg-type]
        place = Place(recipe_folder=self.folder, folder=self.folder / "work", told=self.told.append)
        return list(gather_gutenberg(source, place, self.clock))

    def names(self, **options: object) -> list[str]:
        made = self(**options)
        return [each.source.file if isinstance(each, Gathered) else each.reason for each in made]

    @property
    def books(self) -> Path:
        return self.folder / "work" / "books"

    def parts(self) -> list[str]:
        return sorted(each.name for each in self.books.iterdir() if ".part" in each.name)


@pytest.fixture
def gather(mirror: MirrorStandIn, tmp_path: Path) -> Gathering:
    return Gathering(mirror, tmp_path)


def test_the_best_text_is_asked_for_first(gather: Gathering) -> None:
    names = gather.names(ids=(11, 35, 5, 84))

    assert names == ["11-0.txt", "35-8.txt", "5.txt", "pg84.txt"]
    # Book 84 is not in the catalogue: it was asked again whether there is a newer one.
    assert gather.mirror.paths()[2:] == [
        "/1/11/11-0.txt",
        *("/3/35/35-0.txt", "/3/35/35-8.txt"),
        *("/0/5/5-0.txt", "/0/5/5-8.txt", "/0/5/5.txt"),
        *("/8/84/84-0.txt", "/8/84/84-8.txt", "/8/84/84.txt", "/cache/epub/84/pg84.txt"),
    ]


def test_a_book_comes_with_what_the_catalogue_says(gather: Gathering) -> None:
    (book,) = gather(ids=(11,))

    assert isinstance(book, Gathered)
    source = book.source
    assert (source.author, source.birth, source.death) == ("Carroll, Lewis", 1832, 1898)
    assert (source.title, source.language, source.subjects) == ("Alice", "en", ("Fantasy",))
    assert source.url == f"{gather.mirror.address}/1/11/11-0.txt"
    assert source.sha256 == hashlib.sha256(TEXTS[11]).hexdigest()
    assert (gather.folder / "work" / book.path).read_bytes() == TEXTS[11]


def test_a_second_run_asks_for_nothing_that_is_here(gather: Gathering) -> None:
    first = gather(ids=(11, 35, 5))
    asked = len(gather.mirror.asked)

    assert gather(ids=(11, 35, 5)) == first
    assert len(gather.mirror.asked) == asked


def test_a_file_that_was_changed_or_lost_is_fetched_again(gather: Gathering) -> None:
    gather(ids=(11, 35, 5))
    (gather.books / "11-0.txt").write_bytes(b"x" * len(TEXTS[11]))
    (gather.books / "gutenberg-35.json").unlink()
    (gather.books / "5.txt").unlink()
    gather.mirror.asked.clear()

    gather(ids=(11, 35, 5))

    assert [each.path for each in gather.mirror.asked if each.status == 200] == [
        *("/1/11/11-0.txt", "/3/35/35-8.txt", "/0/5/5.txt"),
    ]
    assert (gather.books / "11-0.txt").read_bytes() == TEXTS[11]


def test_the_catalogue_is_asked_for_again_only_if_it_lacks_a_book(gather: Gathering) -> None:
    gather(ids=(11,))
    gather.mirror.asked.clear()

    gather(ids=(11, 84))

    (asked,) = [each for each in gather.mirror.asked if each.path == CATALOG]
    assert (asked.status, asked.sent) == (304, 0)
    assert asked.headers["if-none-match"] == gather.mirror.etag(CATALOG)


def test_a_newer_catalogue_takes_the_old_ones_place(gather: Gathering) -> None:
    gather(ids=(11,))
    more = (84, "Text", "", "Frankenstein", "en", "Shelley, Mary, 1797-1851", "Gothic", "", "")
    gather.mirror.files[CATALOG] = catalog([*ROWS, more])

    *_, book = gather(ids=(11, 84))

    assert isinstance(book, Gathered)
    assert book.source.title == "Frankenstein"
    assert b"Frankenstein" in gzip.decompress((gather.books / "pg_catalog.csv.gz").read_bytes())


def test_authors_and_subjects_are_of_the_catalogue(gather: Gathering) -> None:
    assert gather.names(authors=("Carroll",)) == ["5.txt", "11-0.txt"]
    assert gather.names(subjects=("science",)) == ["35-8.txt"]
    assert gather.names(topics=("best books",), limit=1) == ["5.txt"]


def test_a_catalogue_on_this_machine_is_taken(gather: Gathering) -> None:
    (gather.folder / "mine.csv.gz").write_bytes(catalog(ROWS))

    assert gather.names(authors=("Austen",), catalog="mine.csv.gz") == ["1342-0.txt"]
    assert CATALOG not in gather.mirror.paths()


# --- politeness -----------------------------------------------------------------------------------


def test_there_is_time_between_two_requests(gather: Gathering) -> None:
    gather(ids=(35, 5), seconds_between=3.5)

    assert gather.clock.waited == [3.5] * (len(gather.mirror.asked) - 1)
    assert len(gather.mirror.asked) == 6


def test_requests_say_who_asks(gather: Gathering) -> None:
    gather(ids=(11,), contact="ann@example.org")

    agents = {each.headers["user-agent"] for each in gather.mirror.asked}
    assert len(agents) == 1
    (agent,) = agents
    assert agent.startswith("storytui-train/")
    assert "ann@example.org" in agent


@pytest.mark.parametrize("contact", ["ann\r\nX-Evil: 1", "änn@example.org"])
def test_a_contact_is_one_line_of_ascii(gather: Gathering, contact: str) -> None:
    with pytest.raises(RecipeError, match="contact"):
        gather(ids=(11,), contact=contact)


@pytest.mark.parametrize(
    "address",
    ["https://www.gutenberg.org", "http://GUTENBERG.org/files", "https://www.gutenberg.org./x"],
)
def test_the_web_site_is_not_harvested(gather: Gathering, address: str) -> None:
    with pytest.raises(RecipeError, match=r"Name a mirror in the recipe: https://aleph"):
        gather(ids=(11,), mirror=address)

    assert gather.clock.waited == []


def test_nor_where_a_mirror_leads_to_it(gather: Gathering) -> None:
    gather.mirror.redirects["/1/11/11-0.txt"] = "https://www.gutenberg.org/files/11/11-0.txt"

    with pytest.raises(RecipeError, match="web site, which is for people"):
        gather(ids=(11,))


def test_a_busy_server_is_given_the_time_it_asks_for(gather: Gathering) -> None:
    gather.mirror.busy = 2
    gather.mirror.retry_after = "41"

    assert gather.names(ids=(11,)) == ["11-0.txt"]
    assert gather.clock.waited[:2] == [41.0, 41.0]
    assert [each.status for each in gather.mirror.asked] == [429, 429, 200, 200]


def test_a_server_that_stays_busy_is_left_alone(gather: Gathering) -> None:
    gather(ids=(5,))
    gather.mirror.asked.clear()
    gather.mirror.busy = 1000

    made = gather(ids=(11, 35, 1342, 5))

    reasons = [each.reason if isinstance(each, Refusal) else "here" for each in made]
    assert reasons == ["unreachable", "unreachable", "unreachable", "here"]
    assert len(gather.mirror.asked) == 8, "four for each of the first two books"
    assert "too busy" in str(made[0])


# --- what goes wrong ------------------------------------------------------------------------------


def test_a_text_that_is_cut_off_is_gone_on_with(gather: Gathering) -> None:
    gather(ids=(5,))
    gather.mirror.asked.clear()
    gather.mirror.cuts = [10_000, 20_000]

    assert gather.names(ids=(11,)) == ["11-0.txt"]
    assert [each.headers.get("range") for each in gather.mirror.asked] == [
        *(None, "bytes=10000-", "bytes=30000-"),
    ]
    assert sum(each.sent for each in gather.mirror.asked) == len(TEXTS[11])
    assert (gather.books / "11-0.txt").read_bytes() == TEXTS[11]
    assert gather.parts() == []


def test_what_came_of_a_text_is_kept_for_the_next_run(gather: Gathering) -> None:
    gather(ids=(5,))
    gather.mirror.cuts = [5_000] * 4
    (refused,) = gather(ids=(11,))
    gather.mirror.asked.clear()

    assert isinstance(refused, Refusal)
    assert "cut off after 20,000 bytes" in refused.detail
    assert not (gather.books / "11-0.txt").exists()
    assert gather.names(ids=(11,)) == ["11-0.txt"]
    assert [each.headers["range"] for each in gather.mirror.asked] == ["bytes=20000-"]
    assert (gather.books / "11-0.txt").read_bytes() == TEXTS[11]


def test_a_text_that_changed_meanwhile_is_fetched_anew(gather: Gathering) -> None:
    gather(ids=(5,))
    gather.mirror.cuts = [5_000] * 4
    gather(ids=(11,))
    new = b"Another edition. " * 3000
    gather.mirror.files["/1/11/11-0.txt"] = new

    assert gather.names(ids=(11,)) == ["11-0.txt"]
    assert (gather.books / "11-0.txt").read_bytes() == new


def test_a_server_without_ranges_sends_all_of_it_again(gather: Gathering) -> None:
    gather(ids=(5,))
    gather.mirror.ranges = False
    gather.mirror.cuts = [30_000]

    assert gather.names(ids=(11,)) == ["11-0.txt"]
    assert (gather.books / "11-0.txt").read_bytes() == TEXTS[11]


def test_a_page_in_place_of_a_text_is_no_text(gather: Gathering) -> None:
    gather(ids=(5,))
    gather.mirror.pages_for_missing = True

    made = gather(ids=(999, 11))

    assert [each.reason if isinstance(each, Refusal) else "here" for each in made] == [
        *("unreadable", "here"),
    ]
    assert "is a page of the server, not a text" in str(made[0])
    assert gather.parts() == []


def test_a_book_that_is_not_there_is_said_and_others_come(gather: Gathering) -> None:
    made = gather(ids=(7, 11))

    assert [each.reason if isinstance(each, Refusal) else "here" for each in made] == [
        *("missing", "here"),
    ]
    assert "no plain text of book 7" in str(made[0])


def test_redirects_are_followed_but_not_in_circles(gather: Gathering) -> None:
    gather.mirror.redirects["/1/11/11-0.txt"] = f"{gather.mirror.address}/3/35/35-8.txt"
    gather.mirror.redirects["/0/5/5-0.txt"] = "/0/5/5-8.txt"
    gather.mirror.redirects["/0/5/5-8.txt"] = "/0/5/5-0.txt"

    made = gather(ids=(11, 5, 1342))

    assert isinstance(made[0], Gathered)
    assert (gather.books / "11-0.txt").read_bytes() == TEXTS[35]
    assert "from one address to the next without end" in str(made[1])
    assert isinstance(made[2], Gathered)


def test_a_mirror_that_is_not_there_is_asked_for_two_books(gather: Gathering) -> None:
    (gather.folder / "mine.csv.gz").write_bytes(catalog(ROWS))

    made = gather(ids=(11, 35, 5), mirror="http://127.0.0.1:9", catalog="mine.csv.gz")

    assert [str(each) and each.reason for each in made if isinstance(each, Refusal)] == [
        *("unreachable", "unreachable", "unreachable"),
    ]
    # Four attempts for each of two books, with time between them.
    assert len([each for each in gather.clock.waited if each > 0]) >= 6


def test_authors_without_a_catalogue_are_refused_as_a_whole(gather: Gathering) -> None:
    (refused,) = gather(authors=("Austen",), mirror="http://127.0.0.1:9")

    assert isinstance(refused, Refusal)
    assert refused.reason == "unreachable"
    assert "can be named in the recipe as `catalog`" in refused.detail


def test_numbers_need_no_catalogue(gather: Gathering) -> None:
    del gather.mirror.files[CATALOG]

    (book,) = gather(ids=(11,))

    assert isinstance(book, Gathered)
    assert book.source.title == "Book 11"
    assert any("read from the books" in line for line in gather.told)


def test_a_full_disk_is_said_and_nothing_is_half_written(
    gather: Gathering, monkeypatch: pytest.MonkeyPatch
) -> None:
    gather(ids=(5,))
    gather.mirror.asked.clear()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(downloading.os, "fsync", full)
    (refused,) = gather(ids=(11, 35))

    assert isinstance(refused, Refusal)
    assert "No space left on device. Make room" in refused.detail
    assert not (gather.books / "11-0.txt").exists()
    assert gather.mirror.paths() == ["/1/11/11-0.txt"], "nothing else would fit either"
    monkeypatch.undo()
    assert gather.names(ids=(11, 35)) == ["11-0.txt", "35-8.txt"]


def test_a_text_without_end_is_no_book(gather: Gathering, monkeypatch: pytest.MonkeyPatch) -> None:
    gather(ids=(5,))
    monkeypatch.setattr(downloading, "MOST_BYTES", 20_000)

    assert gather.names(ids=(11,)) == ["unreadable"]
    assert gather.parts() == []


def test_what_a_recipe_leaves_open_is_said(gather: Gathering) -> None:
    with pytest.raises(RecipeError, match="names no books"):
        gather()
    with pytest.raises(RecipeError, match="is no mirror"):
        gather(ids=(1,), mirror="ftp://example.org")


# --- the API --------------------------------------------------------------------------------------


def test_topics_are_asked_of_the_api_page_by_page(gather: Gathering) -> None:
    names = gather.names(topics=("ghosts",), api=gather.mirror.address)

    assert names == ["5.txt", "11-0.txt", "35-8.txt", "pg84.txt", "1342-0.txt"]
    pages = [each for each in gather.mirror.paths() if each.startswith("/books")]
    assert len(pages) == 3
    assert pages[0] == "/books?sort=ascending&topic=ghosts&languages=en"


def test_no_more_pages_than_books_are_asked_for(gather: Gathering) -> None:
    assert len(gather.names(topics=("ghosts",), api=gather.mirror.address, limit=2)) == 2
    assert sum(each.startswith("/books") for each in gather.mirror.paths()) == 1


def test_what_the_catalogue_lacks_the_api_knows(gather: Gathering) -> None:
    *_, book = gather(ids=(11, 84), api=f"{gather.mirror.address}/books/")

    assert isinstance(book, Gathered)
    assert (book.source.author, book.source.birth) == ("Shelley, Mary", 1797)
    assert "/books?sort=ascending&ids=84" in gather.mirror.paths()


def test_a_book_that_the_api_says_is_under_copyright_is_left_out(gather: Gathering) -> None:
    gather.mirror.books[:] = [api_book(84, copyright=True)]

    assert gather.names(ids=(84,), api=gather.mirror.address) == ["copyright"]


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ({"next_host": "http://elsewhere.example"}, "only its own host is asked"),
        ({"next_again": True}, "names itself as the next page"),
    ],
)
def test_an_api_that_leads_astray_is_left(
    gather: Gathering, trouble: dict[str, object], said: str
) -> None:
    for key, value in trouble.items():
        setattr(gather.mirror, key, value)

    made = gather(ids=(11,), topics=("ghosts",), api=gather.mirror.address)

    assert said in str([each for each in made if isinstance(each, Refusal)])
    assert any(isinstance(each, Gathered) for each in made)


def test_something_else_than_an_api_is_said(gather: Gathering) -> None:
    gather.mirror.files["/x/books"] = b"<html>hello"

    made = gather(topics=("ghosts",), api=f"{gather.mirror.address}/x")

    assert "does not answer as a Gutendex API does" in str(made)


# --- rsync ----------------------------------------------------------------------------------------

RSYNC = """#!{python}
import pathlib, shutil, sys
arguments = sys.argv[1:]
with open({log!r}, "a") as log:
    log.write(repr(arguments) + "\\n")
status = pathlib.Path({status!r})
if status.exists():
    print("rsync: [Receiver] something is wrong", file=sys.stderr)
    sys.exit(int(status.read_text()))
to = pathlib.Path(arguments[-1])
missing = False
for name in sys.stdin.read().split("\\0"):
    file = pathlib.Path({source!r}, name)
    if file.is_file():
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, to / name)
    else:
        missing = True
sys.exit(23 if missing else 0)
"""


@pytest.fixture
def rsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mirror: MirrorStandIn) -> Path:
    """A program `rsync` that copies from a folder; its log of arguments is beside it."""
    import sys

    source, programs = tmp_path / "module", tmp_path / "bin"
    for name, data in mirror.files.items():
        path = source / name.removeprefix("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    programs.mkdir()
    program = programs / "rsync"
    program.write_text(
        RSYNC.format(
            python=sys.executable,
            log=str(programs / "log"),
            status=str(programs / "status"),
            source=str(source),
        )
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    return programs


def test_books_come_by_rsync_in_few_calls(gather: Gathering, rsync: Path) -> None:
    names = gather.names(ids=(11, 35, 5, 84, 7), mirror="rsync://mirror.example/gutenberg")

    assert names == ["11-0.txt", "35-8.txt", "5.txt", "pg84.txt", "missing"]
    calls = (rsync / "log").read_text().splitlines()
    assert len(calls) == 2 + 4, "the catalogue, asked again for what it lacks, and four names"
    assert all("'--', 'rsync://mirror.example/gutenberg/'" in each for each in calls)
    assert gather.mirror.asked == []
    kept = json.loads((gather.books / "gutenberg-35.json").read_text())
    assert kept["fetched"]["sha256"] == hashlib.sha256(TEXTS[35]).hexdigest()


def test_a_second_run_calls_no_rsync(gather: Gathering, rsync: Path) -> None:
    first = gather(ids=(11, 35), mirror="rsync://mirror.example/gutenberg")
    calls = (rsync / "log").read_text()

    assert gather(ids=(11, 35), mirror="rsync://mirror.example/gutenberg") == first
    assert (rsync / "log").read_text() == calls


@pytest.mark.parametrize(("status", "reason"), [("10", "unreachable"), ("12", "unreachable")])
def test_an_rsync_that_fails_is_said(
    gather: Gathering, rsync: Path, status: str, reason: str
) -> None:
    (rsync / "status").write_text(status)

    (refused,) = gather(ids=(11,), mirror="rsync://mirror.example/gutenberg")

    assert isinstance(refused, Refusal)
    assert (refused.reason, "something is wrong" in refused.detail) == (reason, True)


def test_without_rsync_it_is_said_what_to_do(
    gather: Gathering, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(RecipeError, match="needs the program rsync, which is not on this machine"):
        gather(ids=(11,), mirror="rsync://mirror.example/gutenberg")


def test_an_address_is_no_option(gather: Gathering, rsync: Path) -> None:
    with pytest.raises(RecipeError, match="no address for rsync"):
        gather(ids=(11,), mirror="rsync://mirror.example/x -e evil")
    assert not (rsync / "log").exists()
