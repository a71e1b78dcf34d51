"""Texts come back exactly, and versions of one text share what they have in common."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storytui.storage import texts
from storytui.storage.database import Database

WORDS = ["the", "lamp", "was", "out", "and", "she", "knew", "what", "he", "would", "not", "say"]


def a_story(paragraphs: int, *, seed: int = 1) -> str:
    chance = random.Random(seed)
    return "\n\n".join(
        " ".join(chance.choice(WORDS) for _ in range(chance.randrange(20, 150))) + "."
        for _ in range(paragraphs)
    )


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "texts.sqlite3", [texts.SCHEMA], called="The texts")


def put(database: Database, text: str) -> int:
    with database.writing() as connection:
        return texts.put(connection, text)


def get(database: Database, text_id: int) -> str:
    with database.reading() as connection:
        return texts.get(connection, text_id)


def rows(database: Database, table: str) -> int:
    with database.reading() as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


odd_text = st.text(
    st.one_of(
        st.sampled_from("ab .!\n\r\0\f\v\x85\u2028\ud800\udc80\udcff\ufeff"),
        st.characters(exclude_categories=()),
    ),
    max_size=200,
)


def test_every_text_comes_back_exactly(tmp_path: Path) -> None:
    database = Database(tmp_path / "texts.sqlite3", [texts.SCHEMA], called="The texts")

    @given(st.lists(st.tuples(odd_text, st.integers(1, 300)), min_size=1, max_size=4))
    def comes_back(parts: list[tuple[str, int]]) -> None:
        text = "".join(part * times for part, times in parts)
        assert get(database, put(database, text)) == text

    comes_back()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "a" * 100_000,
        "\n" * 100_000,
        "He went. " * 20_000,
        "\ud800\udc00 is no pair",
        "灯は消えていた。" * 10_000,
    ],
    ids=["nothing", "a break", "one word", "breaks", "one line", "halves", "no spaces"],
)
def test_a_text_of_an_unusual_kind_comes_back_exactly(database: Database, text: str) -> None:
    assert get(database, put(database, text)) == text


def test_the_same_text_is_kept_once(database: Database) -> None:
    assert put(database, a_story(30)) == put(database, a_story(30))
    assert rows(database, "text") == 1


def inserted(text: str, at: int) -> str:
    return f"{text[:at]} And then?{text[at:]}"


def as_one_line(text: str) -> str:
    return text.replace("\n\n", " ")


@pytest.mark.parametrize("laid_out", [str, as_one_line], ids=["paragraphs", "one line"])
def test_an_edit_anywhere_changes_few_chunks(
    database: Database, laid_out: Callable[[str], str]
) -> None:
    text = laid_out(a_story(400))
    put(database, text)
    whole = rows(database, "chunk")
    assert whole > 30

    for at in range(0, len(text), len(text) // 20):
        before = rows(database, "chunk")
        put(database, inserted(text, at))
        assert rows(database, "chunk") - before <= 3


def test_what_is_not_in_use_is_swept_out_and_the_rest_stays(database: Database) -> None:
    text = a_story(100)
    first, second = put(database, text), put(database, inserted(text, 9000))
    alone = rows(database, "chunk")
    put(database, a_story(100, seed=2))

    with database.writing() as connection:
        texts.sweep(connection, [first, second])

    assert (rows(database, "text"), rows(database, "chunk")) == (2, alone)
    assert get(database, first) == text
    assert get(database, second) == inserted(text, 9000)


def test_when_nothing_is_in_use_nothing_stays(database: Database) -> None:
    put(database, a_story(20))
    with database.writing() as connection:
        texts.sweep(connection, [])

    assert (rows(database, "text"), rows(database, "chunk")) == (0, 0)


def test_a_text_that_is_not_there_is_named(database: Database) -> None:
    with pytest.raises(texts.MissingTextError, match="no text 7"):
        get(database, 7)


def test_a_text_that_lost_a_part_is_not_given_out_in_pieces(database: Database) -> None:
    text_id = put(database, a_story(50))
    with database.writing() as connection:
        connection.execute("DELETE FROM chunk WHERE id = 3")

    with pytest.raises(texts.MissingTextError, match="a part of text"):
        get(database, text_id)


def test_a_text_with_another_part_in_its_place_is_not_given_out(database: Database) -> None:
    text_id = put(database, a_story(50))
    with database.writing() as connection:
        connection.execute("UPDATE chunk SET data = (SELECT data FROM chunk WHERE id = 1)")

    with pytest.raises(texts.MissingTextError, match="not what was kept"):
        get(database, text_id)
