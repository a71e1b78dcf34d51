"""Folders: one book in chapters, or several books, and what lies between them."""

import os
from collections.abc import Callable
from pathlib import Path

import docx
import pytest

from storytui_train.data.documents import Gathered, Refusal
from storytui_train.data.sources.extraction import extract
from storytui_train.data.sources.gathering import gather
from storytui_train.data.sources.place import Place
from storytui_train.recipe import ManuscriptSource

Write = Callable[[str, str | bytes], Path]


def found(place: Place, *paths: str, **options: str) -> list[Gathered | Refusal]:
    return list(gather(ManuscriptSource(paths=paths, **options), place))  # type: ignore[arg-type]


def gathered(place: Place, *paths: str, **options: str) -> list[Gathered]:
    return [each for each in found(place, *paths, **options) if isinstance(each, Gathered)]


def text_of(place: Place, folder: str) -> str:
    [one] = gathered(place, folder)
    return extract(one, place.folder).text


def test_chapters_come_in_the_order_of_their_numbers(place: Place, write: Write) -> None:
    for number in (10, 2, 1):
        write(f"rope/Chapter {number}.md", f"This is {number}.\n")

    assert text_of(place, "rope") == (
        "Chapter 1\n\nThis is 1.\n\nChapter 2\n\nThis is 2.\n\nChapter 10\n\nThis is 10.\n"
    )


def test_forms_may_be_mixed_and_text_may_be_wrapped_or_not(place: Place, write: Write) -> None:
    write("rope/1 One.md", "# The First\n\nIt *began*.\n")
    document = docx.Document()
    document.add_paragraph("It went on.")
    document.save(str(place.recipe_folder / "rope" / "2 Two.docx"))
    write("rope/3 Three.html", "<h3>The Third</h3><p>It stayed.</p>")
    write("rope/4 Four.txt", "The rope was\nwet again. It was\nas it _was_.\n\nAnd then\ndry.\n")
    write("rope/5 Five.txt", "It ended.\r\nHe slept.\r\nShe slept.\r\n\r\nThey woke.\r\n")

    assert text_of(place, "rope") == (
        "The First\n\nIt *began*.\n\nTwo\n\nIt went on.\n\nThe Third\n\nIt stayed.\n\n"
        "Four\n\nThe rope was wet again. It was as it *was*.\n\nAnd then dry.\n\n"
        "Five\n\nIt ended.\n\nHe slept.\n\nShe slept.\n\n* * *\n\nThey woke.\n"
    )


def test_the_front_matters_title_is_the_chapters(place: Place, write: Write) -> None:
    write("rope/01.md", "---\ntitle: The Lamp\nauthor: Ada\n---\nIt began.\n")
    write("rope/02.md", "It ended.\n")

    [one] = gathered(place, "rope")

    assert extract(one, place.folder).text == "The Lamp\n\nIt began.\n\n2\n\nIt ended.\n"
    assert (one.source.title, one.source.author) == ("rope", "Ada")


def test_folders_in_a_book_are_its_parts(place: Place, write: Write) -> None:
    write("rope/Part 2/1.md", "Three.")
    write("rope/Part 2/2.md", "Four.")
    write("rope/Part 1/1.md", "One.")
    write("rope/Part 1/2.md", "Two.")

    [one] = gathered(place, "rope")
    extracted = extract(one, place.folder)

    assert [
        (each.level, extracted.text[each.start : each.end]) for each in extracted.headings or ()
    ] == [
        *((1, "Part 1"), (2, "1"), (2, "2")),
        *((1, "Part 2"), (2, "1"), (2, "2")),
    ]


def test_what_is_no_chapter_is_passed_over_and_said(place: Place, write: Write) -> None:
    told: list[str] = []
    for name in ("1.md", "2.md", "2 (1).md", "README.md", "outline.md", "1 old.md", ".hidden.md"):
        write(f"rope/{name}", f"Text of {name}.")
    for name in ("~$1.docx", "__MACOSX/1.md", "research/1.md", "cover.jpg", "2.md~"):
        write(f"rope/{name}", "no")

    [one] = gathered(Place(place.recipe_folder, place.folder, told.append), "rope")

    assert extract(one, place.folder).text == "1\n\nText of 1.md.\n\n2\n\nText of 2.md.\n"
    assert sorted(told) == [
        "rope/1 old.md is passed over: its name says that it is old.",
        "rope/2 (1).md is passed over: it looks like another version of “2”.",
        "rope/README.md is passed over: it is called “README”.",
        "rope/outline.md is passed over: it is called “outline”.",
        "rope/research is passed over: it is called “research”.",
    ]


def test_the_folder_that_holds_the_text_is_no_part(place: Place, write: Write) -> None:
    for name in ("Draft/1.md", "Draft/2.md", "Notes/1.md"):
        write(f"rope/{name}", f"{name}.")

    assert text_of(place, "rope") == "1\n\nDraft/1.md.\n\n2\n\nDraft/2.md.\n"


def test_a_folder_of_books_is_several(place: Place, write: Write) -> None:
    write("all/The Rope.md", "It began. " * 40_000)
    write("all/The Lamp.md", "It shone. " * 40_000)
    write("all/The Boat/1.md", "It sank.")
    write("all/The Boat/2.md", "It rose.")

    assert [(each.form, each.source.file) for each in gathered(place, "all")] == [
        ("markdown", "The Lamp.md"),
        ("markdown", "The Rope.md"),
        ("folder", "The Boat"),
    ]


@pytest.mark.parametrize(("folders", "count"), [("book", 1), ("books", 2), ("auto", 1)])
def test_the_recipe_may_say_what_a_folder_is(
    place: Place, write: Write, folders: str, count: int
) -> None:
    write("all/The Rope.md", "It began.")
    write("all/The Lamp.md", "It shone.")

    assert len(gathered(place, "all", folders=folders)) == count


def test_books_of_project_gutenberg_are_never_chapters(place: Place, write: Write) -> None:
    for number in (1, 2):
        write(f"all/{number}.txt", f"The Project Gutenberg EBook of {number}\n\nIt began.\n")

    assert [each.form for each in gathered(place, "all")] == ["text", "text"]


def test_a_loop_of_links_ends(place: Place, write: Write) -> None:
    write("rope/1.md", "One.")
    write("rope/2.md", "Two.")
    os.symlink("..", place.recipe_folder / "rope" / "Part 3")

    assert text_of(place, "rope") == "1\n\nOne.\n\n2\n\nTwo.\n"


def test_a_chapter_that_cannot_be_read_is_refused_and_the_others_are_read(
    place: Place, write: Write
) -> None:
    write("rope/1.md", "One.")
    write("rope/2.md", b"")
    write("rope/3.odt", "no")
    write("rope/4.docx", "no")
    write("rope/5.md", "Five.")

    refusals = [each for each in found(place, "rope") if isinstance(each, Refusal)]

    assert [each.reason for each in refusals] == ["empty", "not read yet", "unreadable"]
    assert text_of(place, "rope") == "1\n\nOne.\n\n5\n\nFive.\n"


def test_a_folder_that_changed_is_not_what_was_gathered(place: Place, write: Write) -> None:
    write("rope/1.md", "One.")
    path = write("rope/2.md", "Two.")
    [one] = gathered(place, "rope")
    path.write_text("Three.")

    with pytest.raises(Exception, match="was changed after it was gathered"):
        extract(one, place.folder)


def test_ids_are_each_ones_own_and_the_same_bytes_come_once(place: Place, write: Write) -> None:
    write("a/The Rope.md", "It began.")
    write("b/The Rope.md", "It began otherwise.")
    write("c/The Rope.md", "It began.")

    all_found = found(place, "a/The Rope.md", "b/The Rope.md", "c/The Rope.md")

    assert [each.source.id for each in all_found if isinstance(each, Gathered)] == [
        "manuscript-the-rope",
        "manuscript-the-rope-2",
    ]
    assert [each.reason for each in all_found if isinstance(each, Refusal)] == ["duplicate"]


def test_a_draft_that_lies_alone_is_the_text(place: Place, write: Write) -> None:
    write("rope/Draft.md", "It began.")
    write("rope/notes.md", "Do not forget.")

    assert text_of(place, "rope") == "It began.\n"


def test_what_is_passed_over_between_books_is_said(place: Place, write: Write) -> None:
    told: list[str] = []
    write("all/The Rope.md", "It began. " * 40_000)
    write("all/Ideas.md", "A rope.")

    list(
        gather(
            ManuscriptSource(paths=("all",)), Place(place.recipe_folder, place.folder, told.append)
        )
    )

    assert told == ["all/Ideas.md is passed over: it is called “Ideas”."]


def test_the_recipes_title_is_for_a_single_manuscript(place: Place, write: Write) -> None:
    write("all/The Rope.md", "It began. " * 40_000)
    write("all/The Lamp.md", "It shone. " * 40_000)

    titles = [each.source.title for each in gathered(place, "all", title="Mine")]
    [one] = gathered(place, "all/The Rope.md", title="Mine")

    assert titles == ["The Lamp", "The Rope"]
    assert one.source.title == "Mine"


@pytest.mark.parametrize("folders", ["auto", "books", "book"])
@pytest.mark.parametrize("name", ["out", "Part Two"])
def test_a_working_folder_among_manuscripts_is_no_text(
    folders: str, name: str, place: Place, write: Write
) -> None:
    for number in (1, 2):
        write(f"novels/Chapter {number}.md", f"This is {number}.\n")
    write(f"novels/{name}/.storytui-train", "1\n")
    write(f"novels/{name}/evaluation/report.md", "# Evaluation\n\nShe wrote it herself.\n")
    write(f"novels/{name}/dataset/parts/rows/test.jsonl", "{}\n")
    write(f"novels/{name}/Chapter 3.md", "This was made of them.\n")

    texts = [
        extract(each, place.folder).text for each in gathered(place, "novels", folders=folders)
    ]
    assert len(texts) == (2 if folders == "books" else 1)
    for text in texts:
        assert "herself" not in text
        assert "made of them" not in text


def test_a_home_folder_of_nobody_is_refused(place: Place) -> None:
    [one] = found(place, "~nobody-of-that-name/rope")

    assert isinstance(one, Refusal)
    assert one.reason == "missing"
