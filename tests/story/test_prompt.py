"""The prompt formats, character for character: models were trained on these texts."""

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


def test_cra_v1() -> None:
    assert prompt_format("cra-v1").user_message("It was late.\n\n“Come in,” he said.") == CRA_V1
    assert "writer\u2019s" in CRA_V1


def test_cra_v1_guided() -> None:
    form = prompt_format("cra-v1-guided")
    assert form.user_message("It was late.", "the bell rings") == CRA_V1_GUIDED


@pytest.mark.parametrize("name", FORMATS)
def test_the_reply_is_reasoning_then_answer(name: str) -> None:
    tags = [(each.name, each.opening, each.closing) for each in FORMATS[name].segments]
    assert tags == [
        ("reasoning", "<reasoning>", "</reasoning>"),
        ("answer", "<answer>", "</answer>"),
    ]


def test_guidance_has_a_place_or_is_refused() -> None:
    assert prompt_format("cra-v1-guided").takes_guidance
    with pytest.raises(ValueError, match="no guidance"):
        prompt_format("cra-v1").user_message("It was late.", "the bell rings")


def test_a_story_with_braces_and_headings_stays_as_it_is() -> None:
    story = "{context} {guidance} %s\n### Context:\nmore"
    assert prompt_format("cra-v1").user_message(story).endswith(story)


def test_an_unknown_format_lists_the_known_ones() -> None:
    with pytest.raises(UnknownFormatError, match="cra-v1, cra-v1-guided"):
        prompt_format("alpaca")
