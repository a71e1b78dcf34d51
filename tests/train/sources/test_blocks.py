"""How blocks become one text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storytui_train.data.sources.blocks import (
    BREAK,
    GAP,
    Block,
    Run,
    compose,
    inline,
    is_scene_break,
    tidy,
)


def paragraphs(*texts: str) -> list[Block]:
    return [Block("paragraph", each) for each in texts]


@pytest.mark.parametrize(
    "text", ["***", "* * *", "*", "#", "# # #", "⁂", "~~~", "~ ~ ~", "—o—", "-----", "• • •", "❦"]
)
def test_ornaments_alone_are_a_scene_break(text: str) -> None:
    assert is_scene_break(text)


@pytest.mark.parametrize(
    "text", ["", "—", "…", "...", "!", "?!", "“”", "xxx", "X", "1.", "a", "--"]
)
def test_marks_that_may_be_text_are_none(text: str) -> None:
    assert not is_scene_break(text)


@pytest.mark.parametrize(
    ("runs", "text"),
    [
        ([Run("It "), Run("was ", True), Run("so.")], "It *was* so."),
        ([Run("a", True), Run(" "), Run("b", True)], "*a b*"),
        ([Run("un", True), Run("believable")], "*un*believable"),
        ([Run("both", True, True)], "***both***"),
        ([Run("bold", False, True), Run(" end")], "**bold** end"),
        ([Run("He said"), Run(", ", True), Run("no")], "He said, no"),
        ([Run(" ", True)], ""),
        ([Run("one\ntwo", True)], "*one\ntwo*"),
    ],
)
def test_emphasis_stands_close_to_its_words(runs: list[Run], text: str) -> None:
    assert inline(runs) == text


def test_blanks_are_one_blank_and_what_cannot_be_seen_goes() -> None:
    assert tidy("a\u00a0b\tc  d \n e\u00adf\u200b\x07") == "a b c d\nef"


def test_a_few_empty_paragraphs_are_scene_breaks() -> None:
    blocks = [*paragraphs("One.", "Two.", "Three.", "Four."), GAP, *paragraphs("Five.", "Six.")]

    assert compose(blocks).text == "One.\n\nTwo.\n\nThree.\n\nFour.\n\n* * *\n\nFive.\n\nSix.\n"


def test_empty_paragraphs_between_all_are_spacing_and_a_wider_gap_is_a_scene_break() -> None:
    blocks = paragraphs("One.")
    for text in ("Two.", "Three.", "Four."):
        blocks += [GAP, Block("paragraph", text)]
    blocks += [GAP, GAP, Block("paragraph", "Five."), GAP, Block("paragraph", "Six.")]

    assert compose(blocks).text == ("One.\n\nTwo.\n\nThree.\n\nFour.\n\n* * *\n\nFive.\n\nSix.\n")


def test_scene_breaks_stand_between_paragraphs_only() -> None:
    blocks = [
        BREAK,
        Block("heading", "I", 1),
        BREAK,
        *paragraphs("One."),
        BREAK,
        BREAK,
        *paragraphs("Two."),
        BREAK,
        Block("heading", "II", 1),
        *paragraphs("Three."),
        BREAK,
    ]

    assert compose(blocks).text == "I\n\nOne.\n\n* * *\n\nTwo.\n\nII\n\nThree.\n"


def test_headings_are_where_they_are_said_to_be_and_levels_begin_at_one() -> None:
    found = compose(
        [
            Block("heading", "Part One", 2),
            Block("heading", "Chapter\n 1", 4),
            *paragraphs("One."),
            Block("heading", "Chapter 2", 4),
            *paragraphs("Two."),
            Block("heading", "Part Two", 2),
            *paragraphs("Three."),
        ]
    )

    assert [(each.level, found.text[each.start : each.end]) for each in found.headings or ()] == [
        (1, "Part One"),
        (2, "Chapter 1"),
        (2, "Chapter 2"),
        (1, "Part Two"),
    ]


@pytest.mark.parametrize("title", ["", "The Rope"])
def test_a_heading_over_all_others_is_the_title_and_left_out(title: str) -> None:
    blocks = [
        Block("heading", "The Rope", 1),
        Block("heading", "I", 2),
        *paragraphs("One."),
        Block("heading", "II", 2),
        *paragraphs("Two."),
    ]

    assert compose(blocks, title=title).text == "I\n\nOne.\n\nII\n\nTwo.\n"


def test_chapters_are_found_by_their_words_where_none_is_marked() -> None:
    blocks = paragraphs("Chapter One", "It began.", "I went.", "**Chapter Two**", "It ended.")

    found = compose(blocks)

    titles = [found.text[each.start : each.end] for each in found.headings or ()]
    assert titles == ["Chapter One", "Chapter Two"]


def test_a_line_that_reads_like_a_heading_in_the_middle_is_none_alone() -> None:
    found = compose(paragraphs("It began.", "Prologue", "It ended."))

    assert found.headings == ()


def test_the_items_of_a_list_are_lines() -> None:
    blocks = [Block("item", "- rope"), Block("item", "- lamp"), *paragraphs("Then she left.")]

    assert compose(blocks).text == "- rope\n- lamp\n\nThen she left.\n"


def test_two_line_breaks_part_paragraphs() -> None:
    assert compose(paragraphs("One.\nTwo.\n\nThree.")).text == "One.\nTwo.\n\nThree.\n"


# Without the number sign: it makes a paragraph a heading where nothing else is one.
_TEXT = st.text(alphabet="ab .*\n\u00a0\t—“”", max_size=30)
_BLOCKS = st.lists(
    st.one_of(
        st.builds(Block, st.sampled_from(["paragraph", "item", "title"]), _TEXT),
        st.builds(Block, st.just("heading"), _TEXT, st.integers(1, 6)),
        st.sampled_from([BREAK, GAP]),
    ),
    max_size=12,
)


@given(_BLOCKS)
def test_any_blocks_give_a_text_of_the_promised_form(blocks: list[Block]) -> None:
    found = compose(blocks)

    assert found.finished
    parts = found.text.removesuffix("\n").split("\n\n") if found.text else []
    for part in parts:
        assert part
        assert part == tidy(part)
        assert not re.search(r"\n\s*\n", part)
    breaks = [at for at, part in enumerate(parts) if part == "* * *"]
    assert not {0, len(parts) - 1} & set(breaks)
    assert all(each + 1 not in breaks for each in breaks)
    headings = found.headings or ()
    assert all(found.text[each.start : each.end] in parts for each in headings)
    assert {each.level for each in headings} == set(range(1, len({e.level for e in headings}) + 1))


@given(_BLOCKS)
def test_no_word_is_lost_or_gained(blocks: list[Block]) -> None:
    """Of paragraphs; headings may be the title or of contents."""

    def letters(texts: list[str]) -> str:
        return re.sub(r"[^ab]", "", "".join(texts))

    written = letters([each.text for each in blocks if each.kind in ("paragraph", "item")])
    found = compose(blocks)
    spans = [(each.start, each.end) for each in found.headings or ()]
    rest, at = [], 0
    for start, end in spans:
        rest.append(found.text[at:start])
        at = end
    rest.append(found.text[at:])
    assert letters(rest) == written
