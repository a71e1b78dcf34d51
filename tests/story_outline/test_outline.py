"""What counts as the beginning of a chapter."""

import pytest

from storytui.story.outline import Chapter, chapters


def titles(text: str) -> list[str]:
    return [each.title for each in chapters(text.split("\n"))]


def test_markdown_headings_are_chapters_with_their_levels():
    text = "# The Lamp\n\nIt went out.\n\n## Eleven minutes ##\n\nNobody said so."
    assert chapters(text.split("\n")) == [
        Chapter(0, "The Lamp", 1),
        Chapter(4, "Eleven minutes", 2),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "CHAPTER IV",
        "Chapter Three",
        "Chapter Twenty-One: The Key",
        "CHAPTER XII. Alice’s Evidence",
        "PART ONE--The Old Buccaneer",
        "  Book the First",
        "I.",
        "XIV",
        "iv.",
        "12",
        "Prologue",
        "EPILOGUE",
        "III. THE WILD WOOD",
        "**Chapter 7**",
    ],
)
def test_a_heading_that_stands_alone_is_found(line):
    text = f"He went home.\n\n{line}\n\nThe lamp had been out for eleven minutes."
    assert titles(text) == [line.strip().strip("*")]


@pytest.mark.parametrize(
    "line",
    [
        "Chapter one of my life was over before it began.",
        "Part of me wanted to stay.",
        "I",
        "I went to the window.",
        "1. buy lamp oil",
        "IVX.",
        "Mix",
        "did",
        "#hashtag",
        "####### seven",
        "Act surprised, he said.",
        "“Chapter One,” she read.",
        "Chapter " + "one " * 40,
    ],
)
def test_prose_is_no_heading(line):
    expected = ["I"] if line == "I" else []
    assert titles(f"He went home.\n\n{line}\n\nThe lamp was out.") == expected


def test_a_heading_needs_an_empty_line_before_it():
    assert titles("She read on:\nCHAPTER IV\n\nand stopped.") == []


def test_a_title_on_the_line_below_belongs_to_its_chapter():
    assert titles("CHAPTER I.\nThe Period\n\nIt was the best of times.") == [
        "CHAPTER I. The Period"
    ]


def test_the_highest_heading_there_is_has_level_one():
    text = "Chapter One\n\nText.\n\nChapter Two\n\nText."
    assert [each.level for each in chapters(text.split("\n"))] == [1, 1]
    text = "PART ONE\n\nChapter One\n\nText."
    assert [each.level for each in chapters(text.split("\n"))] == [1, 2]


def test_a_table_of_contents_is_left_out():
    prose = "The lamp had been out for eleven minutes. " * 20
    text = f"CHAPTER I\n\nCHAPTER II\n\nCHAPTER I\n\n{prose}\n\nCHAPTER II\n\n{prose}"
    assert [each.line for each in chapters(text.split("\n"))] == [4, 8]


def test_chapters_without_text_yet_are_listed_all_the_same():
    assert titles("# One\n\n# Two\n\n# One") == ["One", "Two", "One"]
    assert titles("Chapter 1\n\nChapter 2\n\nChapter 3") == ["Chapter 1", "Chapter 2", "Chapter 3"]


def test_an_empty_story_has_no_chapters():
    assert chapters([""]) == []
    assert chapters([]) == []
