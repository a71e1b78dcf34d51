"""Published rows: prompts and responses read back into examples."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storytui.story.prompt import FORMATS
from storytui_train.data.documents import Gathered, Refusal
from storytui_train.data.examples import Row
from storytui_train.data.sources.extraction import extract
from storytui_train.data.sources.finished import finished_rows, starts
from storytui_train.data.sources.gathering import gather
from storytui_train.data.sources.place import Place
from storytui_train.data.sources.prompts import parse
from storytui_train.recipe import PublishedSource

Write = Callable[[str, str | bytes], Path]
CONTEXT = "The rope was wet. He pulled it in. Nobody came."
PROMPT = FORMATS["cra-v1"].render(CONTEXT).text
GUIDED = FORMATS["cra-v1-guided"].render(CONTEXT, direction="She comes.").text
RESPONSE = (
    "<reasoning>\nHe is alone.\n</reasoning>\n<answer>\nThen she came.\n\nShe sat.\n</answer>"
)


def results(place: Place, write: Write, *rows: Any, **options: Any) -> list[Gathered | Refusal]:
    write("rows.jsonl", "".join(json.dumps(each) + "\n" for each in rows))
    return list(gather(PublishedSource(path="rows.jsonl", **options), place))


def rows_of(place: Place, found: list[Gathered | Refusal]) -> list[Row]:
    [gathered] = [each for each in found if isinstance(each, Gathered)]
    assert gathered.rows
    rows = list(finished_rows(gathered, place.folder))
    assert all(isinstance(each, Row) for each in rows)
    return [each for each in rows if isinstance(each, Row)]


def test_a_row_is_read_back(place: Place, write: Write) -> None:
    [row] = rows_of(place, results(place, write, {"prompt": PROMPT, "response": RESPONSE}))

    assert row.id == "published-rows:0-0~1"
    assert row.span == (0, 0)
    assert row.context == CONTEXT
    assert row.continuation == " Then she came.\n\nShe sat."
    assert row.reasoning == "He is alone."
    assert (row.guidance, row.words, row.sentences) == ("", 5, (3, 2))
    assert row.starts == "sentence"
    assert (row.source.kind, row.source.file) == ("published", "rows.jsonl")


def test_a_guided_row_has_its_guidance(place: Place, write: Write) -> None:
    [row] = rows_of(place, results(place, write, {"prompt": GUIDED, "response": RESPONSE}))

    assert (row.context, row.guidance) == (CONTEXT, "She comes.")


def test_columns_may_have_other_names_and_hold_messages(place: Place, write: Write) -> None:
    row = {
        "in": [{"role": "user", "content": PROMPT}],
        "out": [{"role": "assistant", "content": RESPONSE}],
        "author": "Ada",
        "title": "The Rope",
    }

    [one] = rows_of(place, results(place, write, row, prompt="in", response="out"))

    assert (one.source.author, one.source.title) == ("Ada", "The Rope")


@pytest.mark.parametrize(
    ("prompt", "response", "why"),
    [
        ("Continue: " + CONTEXT, RESPONSE, "none of the known formats"),
        (PROMPT.replace("\u2019", "'"), RESPONSE, "none of the known formats"),
        (FORMATS["cra-v1"].render("  \n").text, RESPONSE, "has no context"),
        (PROMPT, "Then she came.", "has no reasoning"),
        (PROMPT, "<reasoning>Why?</reasoning><answer> </answer>", "has no answer"),
        (PROMPT, "", "no prompt or no response"),
        (None, RESPONSE, "no prompt or no response"),
    ],
)
def test_rows_in_another_form_are_refused_with_their_number(
    place: Place, write: Write, prompt: Any, response: Any, why: str
) -> None:
    good = {"prompt": PROMPT, "response": RESPONSE}

    found = results(place, write, good, {"prompt": prompt, "response": response}, good)

    [refusal] = [each for each in found if isinstance(each, Refusal)]
    assert refusal.id == "published-rows:0-0~2"
    assert why in refusal.detail
    assert "line 2 of rows.jsonl" in refusal.detail
    assert [each.id for each in rows_of(place, found)] == [
        "published-rows:0-0~1",
        "published-rows:0-0~3",
    ]


def test_a_malformed_tag_is_mended(place: Place, write: Write) -> None:
    response = "<reasoning>He is alone.</reasoning><answer>Then she came.<answer>"

    [row] = rows_of(place, results(place, write, {"prompt": PROMPT, "response": response}))

    assert row.continuation == " Then she came."


def test_they_are_no_text(place: Place, write: Write) -> None:
    [gathered] = results(place, write, {"prompt": PROMPT, "response": RESPONSE})
    assert isinstance(gathered, Gathered)

    with pytest.raises(ValueError, match="holds rows"):
        extract(gathered, place.folder)


@pytest.mark.parametrize(
    ("context", "continuation", "where"),
    [
        ("He went.", " She came.", "sentence"),
        ("He went", " home.", "mid-sentence"),
        ("He wen", "t.", "mid-sentence"),
        ("He went.", "\n\nShe came.", "paragraph"),
        ("He went.\n\n", "She came.", "paragraph"),
        ("He went.\n\n* * *", "\n\nShe came.", "scene"),
    ],
)
def test_where_a_continuation_starts(context: str, continuation: str, where: str) -> None:
    assert starts(context, continuation) == where


_STORY = st.text(min_size=1, max_size=60)
_LINE = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=20)


@given(_STORY, _LINE.map(lambda text: " ".join(text.split())))
def test_what_was_rendered_is_read_back(context: str, direction: str) -> None:
    plain = parse(FORMATS["cra-v1"].render(context).text)
    guided = parse(FORMATS["cra-v1-guided"].render(context, direction=direction).text)

    assert plain is not None
    assert (plain.format.name, plain.context) == ("cra-v1", context)
    assert guided is not None
    assert (guided.context, guided.direction) == (context, direction)


@given(_STORY, _STORY, _STORY, st.integers(0, 500))
def test_with_all_that_a_format_takes(context: str, notes: str, later: str, words: int) -> None:
    message = FORMATS["storytui-1"].render(
        context, notes=notes, later=later, direction="She comes.", words=words
    )

    asked = parse(message.text)

    assert asked is not None
    assert asked.context == context
    assert (asked.notes, asked.later) == (notes.strip(), later.strip())
    assert (asked.direction, asked.words) == ("She comes.", words)


def test_a_heading_of_the_format_in_the_story_is_told_by_rendering_again() -> None:
    message = FORMATS["storytui-1"].render("One.\n\n### Later:\nTwo.", later="Three.").text

    asked = parse(message)

    # The first is taken for the format's own: nobody can know.
    assert asked is not None
    assert asked.format.render(asked.context, later=asked.later).text == message
