"""The card and the figures: valid for the Hub's own reader, and true."""

import re

import pytest
from example_rows import BOOKS, SOURCE, book_rows, row
from huggingface_hub import DatasetCard, DatasetCardData
from msgspec import structs

from storytui_train.data.dataset.card import card, size_of
from storytui_train.data.dataset.statistics import (
    Statistics,
    Table,
    dialogue_share,
    markdown,
    paragraphs,
    spread,
)
from storytui_train.data.examples import WRITTEN, Row, Teacher
from storytui_train.recipe import Recipe

FILES = {
    "storytui-1": {"train": "storytui-1/train.parquet", "test": "storytui-1/test.parquet"},
    "cra-v1": {"train": "cra-v1/train.parquet"},
}


def statistics(*rows: Row) -> Statistics:
    made = Statistics()
    for each in rows or (row(1), row(2, split="test")):
        made.add(each)
    return made


def read(recipe: Recipe, made: Statistics) -> DatasetCard:
    return DatasetCard(card(recipe, made, FILES, {"no guidance": 2}))


def test_the_hubs_reader_takes_the_head() -> None:
    data = read(Recipe(name="old: stories", licence="CC0-1.0"), statistics()).data

    assert isinstance(data, DatasetCardData)
    assert data.pretty_name == "old: stories"
    assert (data.license, data.language) == ("cc0-1.0", ["en"])
    assert data.task_categories == ["text-generation"]
    assert data.size_categories == ["n<1K"]
    assert data.to_dict()["configs"] == [
        {
            "config_name": "storytui-1",
            "data_files": [
                {"split": "train", "path": "storytui-1/train.parquet"},
                {"split": "test", "path": "storytui-1/test.parquet"},
            ],
            "default": True,
        },
        {
            "config_name": "cra-v1",
            "data_files": [{"split": "train", "path": "cra-v1/train.parquet"}],
        },
    ]


def test_a_licence_that_the_hub_does_not_know_is_named() -> None:
    data = read(Recipe(name="x"), statistics()).data

    assert data.license == "other"
    assert data.to_dict()["license_name"] == "public-domain-in-the-usa"


def test_private_rows_are_said_in_as_many_words() -> None:
    private = structs.replace(SOURCE, private=True, licence="private", id="manuscript-1")
    text = card(Recipe(name="x"), statistics(row(1), row(2, source=private)), FILES, {})

    assert "1 of its rows are cut from manuscripts or takes" in text
    assert "It must not be published" in text
    assert "must not be published" not in card(Recipe(name="x"), statistics(), FILES, {})


def test_sources_licences_teacher_costs_and_what_was_left_out_are_said() -> None:
    text = card(Recipe(name="x"), statistics(), FILES, {"no guidance": 2}, ("plots/a.png",))

    for said in (
        *("Alice (gutenberg-11): 2 rows", "Public domain in the USA: 2 rows"),
        *("deepseek/deepseek-r1: the plans of 2 rows in 4 replies", "0.00 US dollars"),
        *("no guidance: 2 rows", "## Known limits", "| train | 1 | 1 | 1 |", "![a](plots/a.png)"),
    ):
        assert said in text


def test_plans_that_people_wrote_are_called_that_and_bind_nobody() -> None:
    people = Teacher(model=WRITTEN, prompt="")
    own = card(Recipe(name="x"), statistics(row(1, teacher=people)), FILES, {})
    both = card(Recipe(name="x"), statistics(row(1, teacher=people), row(2)), FILES, {})

    for text in (own, both):
        assert "people, who knew the continuation: the plans of 1 rows" in text
    assert "replies" not in own
    assert "provider" not in own
    assert "deepseek/deepseek-r1: the plans of 1 rows in 2 replies" in both
    assert "provider" in both


def test_plans_that_a_model_wrote_elsewhere_are_called_that_models() -> None:
    elsewhere = Teacher(model="a large model", prompt="")
    text = card(Recipe(name="x"), statistics(row(1, teacher=elsewhere)), FILES, {})

    assert "a large model: the plans of 1 rows\n" in text
    assert "people" not in text
    assert "Cost of the rows" not in text
    assert "provider" in text


def test_names_from_files_are_text_and_nothing_else() -> None:
    evil = structs.replace(
        SOURCE, title="A | [click](http://x) <b>\x1b[2J", author="`Ann` | B", id="gutenberg-1"
    )
    text = card(Recipe(name="# *x*\n---\nlicense: mit"), statistics(row(1, source=evil)), FILES, {})
    data = DatasetCard(text).data

    assert data.license == "other"
    assert "\x1b" not in text
    assert r"A \| \[click\](http://x) \<b\>␛\[2J" in text
    assert re.search(r"^\| `Ann` \\\| B \| 1 \|$", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("rows", "size"),
    [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (99_999, "10K<n<100K"), (10**6, "1M<n<10M")],
)
def test_sizes_are_the_hubs(rows: int, size: str) -> None:
    assert size_of(rows) == size


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("", 0.0),
        ("It was dark.", 0.0),
        ("“It was”", 1.0),
        ('x "yz" ', 4 / 7),
        ("“It goes on\n\n“and on”", 1.0),
        ("«Ja» „Ja“", 8 / 9),
        ("It wasn’t the boys’ fault.", 0.0),
        ("‘It isn’t,’ he", 11 / 14),
        ("said so.” Then", 0.0),
    ],
)
def test_speech_is_what_stands_in_quotation_marks(text: str, share: float) -> None:
    assert dialogue_share(text) == pytest.approx(share)


def test_paragraphs_are_counted_by_blank_lines() -> None:
    assert [paragraphs(each) for each in ("", "One\ntwo", "One\n\ntwo\n \nthree", "\n\nOne")] == [
        *(0, 1, 3, 1),
    ]


def test_a_spread_is_of_all_values() -> None:
    assert spread([*range(101)]) == spread([*range(100, -1, -1)])
    made = spread([*range(101)])
    assert (made.mean, made.low, made.median, made.high, made.most) == (50, 10, 50, 90, 100)
    assert spread([]).most == 0


def test_figures_are_by_split() -> None:
    facts = statistics(row(1), row(2), row(3, split="test", scores={})).facts()

    splits = facts["splits"]
    assert isinstance(splits, dict)
    assert {name: each["rows"] for name, each in splits.items()} == {"train": 2, "test": 1}
    assert splits["train"]["measures"]["continuation_words"].mean == 10
    assert splits["train"]["decades"] == {"1830s": 2}
    assert facts["languages"] == {"en": 3}


def test_a_long_table_says_how_much_is_left_out() -> None:
    table = Table("T", ("a",), tuple((str(each),) for each in range(5)))

    assert "And 3 more." in markdown([table], longest=2)
    assert "more." not in markdown([table])


@pytest.mark.skipif(not BOOKS.is_dir(), reason="the books are not beside the checkout")
def test_the_figures_of_real_rows_are_plausible() -> None:
    made = statistics(*book_rows(200))

    assert 0.1 < made.spread("train", "dialogue_share").mean < 0.7
    assert made.spread("train", "continuation_paragraphs").most >= 3
