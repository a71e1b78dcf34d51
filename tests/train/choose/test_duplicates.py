"""Near-duplicate editions, through datatrove's four steps."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from datatrove.data import Document as Page
from datatrove.executor.local import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep

from storytui_train.data.choose import duplicates
from storytui_train.data.choose.shingles import Shingles, tokens
from storytui_train.data.documents import Document, Refusal

Make = Callable[..., Document]
Story = Callable[[str], str]
AMERICAN = {"our\\b": "or", "\\bcolour": "color", "\\bgrey": "gray", "\\bto-day": "today", "’": "'"}


def page(document: Document) -> Page:
    return Page(
        text=document.cleaned.text,
        id=document.source.id,
        metadata={"document": msgspec.to_builtins(document)},
    )


def sifted(
    folder: Path, documents: Sequence[Document], tasks: int = 1, keep: Sequence[str] = ()
) -> tuple[list[Document], list[Refusal]]:
    """What stays of documents that are spread over tasks, and what is said of the rest."""
    place = str(folder)
    parts = [documents[rank::tasks] for rank in range(tasks)]
    for rank, part in enumerate(parts):
        duplicates.signature_block(place).run(map(page, part), rank, tasks)
    for rank in range(duplicates.BUCKETS):
        duplicates.buckets_block(place).run(None, rank, duplicates.BUCKETS)
    duplicates.cluster_block(place, keep).run()
    stay: list[Document] = []
    refused: list[Refusal] = []
    for rank, part in enumerate(parts):
        block = duplicates.filter_block(place, lambda refusal, _: refused.append(refusal))
        for each in block.run(map(page, part), rank, tasks):
            stay.append(msgspec.convert(each.metadata["document"], Document))
    return (
        sorted(stay, key=lambda each: each.source.id),
        sorted(refused, key=lambda each: (each.id, each.detail)),
    )


def ids(documents: Sequence[Document]) -> list[str]:
    return [document.source.id for document in documents]


def other_edition(text: str) -> str:
    """Straight quotes, American spelling, a preface, and a misprint every few hundred words."""
    for pattern, spelling in AMERICAN.items():
        text = re.sub(pattern, spelling, text)
    text = text.replace("“", '"').replace("”", '"').replace("—", "--")
    words = text.split(" ")
    words[::300] = ["misprnit"] * len(words[::300])
    return (
        "This edition follows the first, with the errors that its printer left in it.\n\n" * 20
        + (" ".join(words))
    )


def in_chapters(text: str, count: int) -> list[str]:
    """A text in so many parts, each of whole paragraphs."""
    paragraphs = text.split("\n\n")
    size = -(-len(paragraphs) // count)
    return ["\n\n".join(paragraphs[at : at + size]) for at in range(0, len(paragraphs), size)]


def test_another_edition_of_a_novel_goes_and_the_longest_stays(
    document: Make, story: Story, tmp_path: Path
) -> None:
    text = story("84")
    shorter = text[: int(len(text) * 0.97)]
    books = [
        document(shorter, id="first", title="Frankenstein"),
        document(other_edition(text), id="second", title="Frankenstein"),
        document(text, id="third", title="Frankenstein"),
        document(story("35"), id="time-machine"),
    ]
    stay, refused = sifted(tmp_path, books)
    assert ids(stay) == ["second", "time-machine"]
    assert [(each.id, each.reason) for each in refused] == [
        ("first", "duplicate"),
        ("third", "duplicate"),
    ]
    assert "“Frankenstein” (second; " in refused[0].detail
    assert 'add "first" to choose.keep' in refused[0].detail


def test_two_volumes_go_where_the_whole_is_there(
    document: Make, story: Story, tmp_path: Path
) -> None:
    chapters = in_chapters(story("120"), 34)
    books = [
        document(*chapters, id="whole"),
        document(*(other_edition(each) for each in chapters[:20]), id="volume-1"),
        document(*chapters[20:], id="volume-2"),
    ]
    stay, refused = sifted(tmp_path, books)
    assert ids(stay) == ["whole"]
    assert {each.reason for each in refused} == {"duplicate"}


def test_two_books_of_one_author_stay(document: Make, story: Story, tmp_path: Path) -> None:
    first, second = in_chapters(story("1661"), 2)
    books = [document(first, id="first"), document(second, id="second")]
    assert sifted(tmp_path, books) == (books, [])


def test_a_selection_loses_the_stories_that_a_collection_has(
    document: Make, story: Story, tmp_path: Path
) -> None:
    collection = in_chapters(story("2814"), 15)
    others = in_chapters(story("160"), 10)
    books = [
        document(*collection, id="collection", title="Dubliners"),
        document(others[0], other_edition(collection[3]), *others[1:4], id="selection"),
        document(collection[7], id="story"),
        document(*in_chapters(collection[9], 3), id="story-in-parts"),
    ]
    stay, refused = sifted(tmp_path, books)
    assert ids(stay) == ["collection", "selection"]
    assert stay[0] == books[0]
    assert stay[1].cleaned.text == books[1].cleaned.text
    assert stay[1].cleaned.chapters == (
        books[1].cleaned.chapters[0],
        *books[1].cleaned.chapters[2:],
    )
    assert [(each.id, each.reason) for each in refused] == [
        ("selection", "duplicate chapter"),
        ("story", "duplicate"),
        ("story-in-parts", "duplicate"),
    ]
    assert "chapter 4 of “Dubliners” (collection" in refused[0].detail


@pytest.fixture
def shelf(document: Make, story: Story) -> list[Document]:
    """Books in several editions, and others."""
    made = []
    for number in ("11", "35", "215"):
        text = story(number)
        made += [
            document(*in_chapters(text, 5), id=f"{number}-a"),
            document(*in_chapters(other_edition(text), 5), id=f"{number}-b"),
            document(text, id=f"{number}-c"),
        ]
    return [*made, document(story("71"), id="71")]


def test_the_same_stays_however_books_are_spread_over_tasks(
    shelf: list[Document], tmp_path: Path
) -> None:
    once = sifted(tmp_path / "1", shelf)
    assert ids(once[0]) == ["11-b", "215-b", "35-b", "71"]
    assert sifted(tmp_path / "3", shelf, 3) == once
    assert sifted(tmp_path / "12", shelf[::-1], 12) == once  # some tasks have nothing to do
    verdicts = {each.read_bytes() for each in tmp_path.glob("*/clusters/duplicates.json")}
    assert len(verdicts) == 1


def test_what_the_recipe_keeps_stays(shelf: list[Document], tmp_path: Path) -> None:
    stay, _ = sifted(tmp_path, shelf, keep=["11-a", "35-a", "35-c"])
    assert ids(stay) == ["11-a", "215-b", "35-a", "35-c", "71"]


def test_nothing_to_do_is_done(document: Make, tmp_path: Path) -> None:
    assert sifted(tmp_path / "none", []) == ([], [])
    books = [document("I am here", id="a"), document(id="b"), document("", "I am here", id="c")]
    assert sifted(tmp_path / "short", books) == (books, [])


class Shelf(PipelineStep):  # type: ignore[misc]
    """Gives each task its documents, as a reader would."""

    type, name = "reader", "shelf"

    def __init__(self, documents: list[Document]) -> None:
        super().__init__()
        self.documents = documents

    def run(self, data: object = None, rank: int = 0, world_size: int = 1) -> Iterator[Page]:
        yield from map(page, self.documents[rank::world_size])


class Written(PipelineStep):  # type: ignore[misc]
    """Writes the ids that arrive."""

    type, name = "writer", "written"

    def __init__(self, folder: str) -> None:
        super().__init__()
        self.folder = folder

    def run(self, data: Iterator[Page], rank: int = 0, world_size: int = 1) -> None:
        Path(self.folder, f"{rank}.ids").write_text(" ".join(each.id for each in data))


def test_the_blocks_run_under_datatroves_executor(document: Make, tmp_path: Path) -> None:
    folder = str(tmp_path)
    text = "\n\n".join(
        f"In the year {n} the river froze over, {n * 7} days long." for n in range(90)
    )
    shelf = Shelf([document(text, id="a"), document(f"{text} More.", id="b")])

    def run(tasks: int, *blocks: PipelineStep) -> None:
        LocalPipelineExecutor(
            list(blocks), tasks=tasks, workers=1, logging_dir=str(tmp_path / blocks[-1].name)
        ).run()

    run(2, shelf, duplicates.signature_block(folder))
    run(duplicates.BUCKETS, duplicates.buckets_block(folder))
    run(1, duplicates.cluster_block(folder))
    run(2, shelf, duplicates.filter_block(folder), Written(folder))
    assert sorted(path.read_text() for path in tmp_path.glob("*.ids")) == ["", "b"]


def test_each_chapter_is_read_once_and_long_ones_in_pieces(
    document: Make, story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chapters = in_chapters(story("345"), 3)
    read: list[int] = []
    permuted: list[int] = []
    of, get = Shingles.of, duplicates.MinhashDedupSignature.get_signature

    def reading(self: Shingles, text: str) -> object:
        read.append(len(text))
        return of(self, text)

    def permuting(self: object, shingles: Sequence[int]) -> object:
        permuted.append(len(shingles))
        return get(self, shingles)

    monkeypatch.setattr(Shingles, "of", reading)
    monkeypatch.setattr(duplicates.MinhashDedupSignature, "get_signature", permuting)
    duplicates.signature_block(str(tmp_path)).run(iter([page(document(*chapters))]))
    assert read == [len(each) for each in chapters]
    assert max(permuted) <= 4_096
    read.clear()
    monkeypatch.setattr(duplicates, "_STRETCH", 100_000)
    duplicates.signature_block(str(tmp_path)).run(iter([page(document(chapters[0]))]))
    assert max(read) == 100_000
    assert sum(read) == len(chapters[0])


def test_spelling_that_editions_differ_in_makes_no_difference() -> None:
    old = "To-day, at ten o’clock—so the “Encyclopædia” says—the café’s œuvre … was _not_ shown."
    new = 'Today, at ten oclock--so the "Encyclopaedia" says--the cafe\'s oeuvre... was not shown.'
    assert tokens(old) == tokens(new)


def test_letters_of_scripts_without_spaces_are_words() -> None:
    assert tokens("我们坐。Tea") == ["我", "们", "坐", "tea"]


def test_runs_are_the_same_in_every_process_and_know_their_order() -> None:
    def runs(text: str) -> set[int]:
        return set(Shingles(3, lambda word: int.from_bytes(word[:8], "big")).of(text).tolist())

    assert runs("a b c d") == {
        *runs("a b c"),
        *runs("b c d"),
    }
    assert not runs("a b c") & runs("c b a")
    assert runs("a b") == set()
