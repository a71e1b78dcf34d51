"""What names of files say."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storytui_train.data.sources import names


@pytest.mark.parametrize(
    "order",
    [
        ["1", "2", "10", "11", "100"],
        ["Chapter 1", "Chapter 2", "Chapter 10"],
        ["Chapter One", "Chapter Two", "Chapter Three", "Chapter Ten", "Chapter Twenty-One"],
        ["Chapter I", "Chapter II", "Chapter IV", "Chapter IX", "Chapter X", "Chapter XL"],
        ["Prologue", "01 The Lamp", "02 The Rope", "Epilogue"],
        ["ch1", "ch2", "ch10"],
        ["1.1 Lamp", "1.2 Rope", "1.10 Boat", "2.1 Sea"],
        ["Part 1 - Chapter 2", "Part 1 - Chapter 10", "Part 2 - Chapter 1"],
        ["one", "two", "three"],
        ["Apple", "banana", "Cherry"],
    ],
)
def test_names_are_sorted_as_people_do(order: list[str]) -> None:
    mixed = order[:]
    random.Random(1).shuffle(mixed)

    assert sorted(mixed, key=names.natural_key) == order


@given(st.lists(st.text(max_size=12), max_size=6))
def test_any_names_have_one_order(given_names: list[str]) -> None:
    forward = sorted(given_names, key=names.natural_key)
    given_names.reverse()
    backward = sorted(given_names, key=names.natural_key)

    # Equal only where they are the same letters, however they were composed.
    assert [names.natural_key(each) for each in forward] == [
        names.natural_key(each) for each in backward
    ]


@pytest.mark.parametrize(
    ("stem", "title"),
    [
        ("03 - The Lighthouse", "The Lighthouse"),
        ("03_the_lighthouse", "the lighthouse"),
        ("3. The Lighthouse", "The Lighthouse"),
        ("01.02 The Lighthouse", "The Lighthouse"),
        ("Chapter 3", "Chapter 3"),
        ("Chapter-3", "Chapter 3"),
        ("03", "3"),
        ("the-lighthouse", "the lighthouse"),
        ("The well-known rope", "The well-known rope"),
        ("1984", "1984"),
    ],
)
def test_a_title_is_made_of_a_name(stem: str, title: str) -> None:
    assert names.title_of(stem) == title


@pytest.mark.parametrize(
    ("stem", "others"),
    [
        ("README", ()),
        ("notes", ()),
        ("Outline", ()),
        ("character sheets", ()),
        ("Chapter 3 old", ()),
        ("Chapter 3 (old)", ()),
        ("Chapter 3_backup", ()),
        ("Chapter 3.bak", ()),
        ("Chapter 3 draft 2", ("Chapter 3",)),
        ("Chapter 3 (1)", ("Chapter 3",)),
        ("Chapter 3 copy", ("chapter 3",)),
        ("Chapter 3 v2", ("Chapter 3",)),
    ],
)
def test_what_is_no_chapter_is_known_by_its_name(stem: str, others: tuple[str, ...]) -> None:
    assert names.why_no_chapter(stem, others)


@pytest.mark.parametrize(
    ("stem", "others"),
    [
        ("03 Notes", ()),
        ("Notes from the Sea", ()),
        ("The Old Man", ()),
        ("Chapter 3 draft 2", ("Chapter 2",)),
        ("Chapter 3 (1)", ()),
        ("The Plan of the House", ()),
        ("Bold", ()),
    ],
)
def test_and_what_only_sounds_so_is_a_chapter(stem: str, others: tuple[str, ...]) -> None:
    assert names.why_no_chapter(stem, others) == ""


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("The Lighthouse (2nd draft)", "the-lighthouse-2nd-draft"),
        ("Œuvre: Ünder", "œuvre-under"),
        ("../../etc", "etc"),
        ("***", ""),
        ("Сказка", "сказка"),
    ],
)
def test_a_slug_is_safe(text: str, slug: str) -> None:
    assert names.slug(text) == slug
