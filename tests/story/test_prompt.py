"""The prompt formats, character for character: models were trained on these texts."""

from typing import Any

import pytest

from storytui.story.prompt import FORMATS, UnknownFormatError, prompt_format

CRA_V1 = """\
### System: You are a writer’s assistant.

### Task: Understand how the story flows, what motivations the characters have and how they will \
interact with each other and the world as a step by step thought process before continuing the \
story.

### Context:
It was late.

“Come in,” he said."""

CRA_V1_GUIDED = """\
### Task: Understand how the story flows, what motivations the characters have and how\x20
they will interact with each other and the world as a step by step thought process before \
continuing the story. Keep
the guidance in mind when writing the story.

### Guidance: the bell rings

### Context:
It was late."""

STORYTUI_1 = """\
### Task: Continue the story from the very end of the context. First think, step by step, about \
where the story stands, what each person wants and what must happen next; then write it.

### Notes:
Plain and dry.

Anna is the keeper.

### Context:
It was late.

“Come in,” he said.\x20

### Later:
The lamp went out.

### Direction: the bell rings, and nobody comes

### Length: about 120 words"""


def test_cra_v1() -> None:
    message = prompt_format("cra-v1").render("It was late.\n\n“Come in,” he said.")
    assert message.text == CRA_V1
    assert "writer\u2019s" in CRA_V1


def test_cra_v1_guided() -> None:
    form = prompt_format("cra-v1-guided")
    assert form.render("It was late.", direction="the bell rings").text == CRA_V1_GUIDED


def test_storytui_1() -> None:
    message = prompt_format("storytui-1").render(
        "It was late.\n\n“Come in,” he said. ",
        notes="\nPlain and dry.\n\nAnna is the keeper.\n",
        later="\nThe lamp went out.",
        direction="the bell rings,\nand nobody comes",
        words=120,
    )
    assert message.text == STORYTUI_1


def test_storytui_1_leaves_out_what_is_empty_with_its_heading() -> None:
    message = prompt_format("storytui-1").render("It was late.", notes=" \n")
    task = STORYTUI_1.split("\n\n")[0]
    assert message.text == f"{task}\n\n### Context:\nIt was late."


@pytest.mark.parametrize("name", FORMATS)
def test_the_message_says_where_the_story_begins(name: str) -> None:
    form = FORMATS[name]
    direction = "the bell rings" if form.takes_direction else ""
    notes = "Anna is the keeper." if form.takes_notes else ""
    message = form.render("It was late.", direction=direction, notes=notes)
    assert message.text[message.story :].startswith("It was late.")


def test_guidance_is_fixed_and_notes_are_not() -> None:
    guided = prompt_format("cra-v1-guided").render("It was late.", direction="the bell rings")
    assert guided.fixed == guided.story
    noted = prompt_format("storytui-1").render("It was late.", notes="Anna is the keeper.")
    assert noted.text[noted.fixed :].startswith("Anna is the keeper.")
    without = prompt_format("storytui-1").render("It was late.", direction="the bell rings")
    assert without.fixed == without.story


def test_what_changes_most_comes_last() -> None:
    form = prompt_format("storytui-1")
    one = form.render("It was late.", notes="Anna.", direction="the bell rings", words=80).text
    other = form.render("It was late.", notes="Anna.", later="Rain.", words=120).text
    assert one.startswith(form.render("It was late.", notes="Anna.").text)
    assert other.startswith(form.render("It was late.", notes="Anna.").text)


def test_only_a_verbatim_answer_follows_the_very_last_character() -> None:
    assert [form.name for form in FORMATS.values() if form.verbatim] == ["storytui-1"]


@pytest.mark.parametrize("name", FORMATS)
def test_the_reply_is_reasoning_then_answer(name: str) -> None:
    tags = [(each.name, each.opening, each.closing) for each in FORMATS[name].segments]
    assert tags == [
        ("reasoning", "<reasoning>", "</reasoning>"),
        ("answer", "<answer>", "</answer>"),
    ]


@pytest.mark.parametrize(
    ("name", "takes"),
    [
        ("cra-v1", (False, False, False, False)),
        ("cra-v1-guided", (False, False, True, False)),
        ("storytui-1", (True, True, True, True)),
    ],
)
def test_a_format_says_what_it_takes(name: str, takes: tuple[bool, ...]) -> None:
    form = FORMATS[name]
    said = (form.takes_notes, form.takes_later, form.takes_direction, form.takes_length)
    assert said == takes


@pytest.mark.parametrize(
    ("given", "slot"),
    [
        ({"direction": "the bell rings"}, "direction"),
        ({"notes": "Anna."}, "notes"),
        ({"later": "Rain."}, "later"),
        ({"words": 120}, "length"),
    ],
)
def test_what_a_format_has_no_place_for_is_refused(given: dict[str, Any], slot: str) -> None:
    with pytest.raises(ValueError, match=f"takes no {slot}"):
        prompt_format("cra-v1").render("It was late.", **given)


def test_a_story_with_braces_and_headings_stays_as_it_is() -> None:
    story = "{context} {guidance} %s\n### Context:\nmore"
    assert prompt_format("cra-v1").render(story).text.endswith(story)


def test_an_unknown_format_lists_the_known_ones() -> None:
    with pytest.raises(UnknownFormatError, match="cra-v1, cra-v1-guided"):
        prompt_format("alpaca")
