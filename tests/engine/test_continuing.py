"""From manuscript and cursor to a reply."""

import pytest
from msgspec import structs

from storytui.continuing import (
    NoStoryError,
    Options,
    continue_story,
    plan,
    show_prompt,
    trained_on_the_format,
)
from storytui.engine.api import Finished, PromptTooLongError, Retracted, Sampling, Text
from storytui.engine.process import ProcessEngine
from storytui.story.prompt import UnknownFormatError

PARAGRAPH = "She walked along the sea wall and counted the lamps that were still lit. "
BOOK = "# One\n\n" + "\n\n".join(f"{n}. {PARAGRAPH * 4}" for n in range(200))


def test_the_window_ends_at_the_cursor_and_fits(engine: ProcessEngine) -> None:
    offset = BOOK.index("150.") - 2
    options = Options(words=40, reasoning_tokens=64)
    planned = plan(engine, BOOK, offset, options)
    assert BOOK[planned.window.start : offset].rstrip() == planned.window.text
    assert planned.request.message.endswith(planned.window.text)
    assert planned.window.start > 0
    reply = sum(segment.tokens + 32 for segment in planned.request.segments)
    tokens = show_prompt(engine, BOOK, offset, options).tokens
    context = engine.load().context
    assert tokens + reply <= context
    # The budget is used: no whole paragraph more would have fitted.
    assert tokens + reply > context - 2 * engine.count([PARAGRAPH * 4])[0]


def test_the_window_begins_at_a_paragraph(engine: ProcessEngine) -> None:
    planned = plan(engine, BOOK, len(BOOK), Options(words=40, reasoning_tokens=64))
    assert BOOK[planned.window.start - 2 : planned.window.start] == "\n\n"


def test_a_reply_comes_from_the_real_model(engine: ProcessEngine) -> None:
    options = Options(words=20, reasoning_tokens=32, sampling=Sampling(seed=3))
    texts = {"reasoning": "", "answer": ""}
    for event in continue_story(engine, BOOK, 900, options):
        if isinstance(event, Text):
            texts[event.segment] += event.text
        elif isinstance(event, Retracted):
            texts[event.segment] = texts[event.segment][: event.kept]
    assert isinstance(event, Finished)
    assert texts["reasoning"]
    assert texts["answer"]


def test_a_direction_opens_the_reasoning(engine: ProcessEngine) -> None:
    planned = plan(engine, BOOK, 900, Options(direction="the wall  breaks"))
    assert planned.opening == "<reasoning>the wall breaks."
    assert "wall  breaks" not in planned.request.message


def test_a_direction_goes_into_a_format_that_takes_guidance(engine: ProcessEngine) -> None:
    planned = plan(engine, BOOK, 900, Options(format="cra-v1-guided", direction="the wall breaks"))
    assert "### Guidance: the wall breaks\n\n### Context:\n" in planned.request.message
    assert planned.opening == "<reasoning>"


def test_without_reasoning_the_answer_comes_at_once(engine: ProcessEngine) -> None:
    planned = plan(engine, BOOK, 900, Options(reasoning_tokens=0))
    assert [segment.name for segment in planned.request.segments] == ["answer"]


@pytest.mark.parametrize("before", ["", "  \n\n "])
def test_an_empty_story_is_said(engine: ProcessEngine, before: str) -> None:
    with pytest.raises(NoStoryError, match="first sentence"):
        plan(engine, before + "Later.", len(before), Options())


def test_too_many_words_for_the_context_are_said(engine: ProcessEngine) -> None:
    with pytest.raises(PromptTooLongError, match="fewer words"):
        plan(engine, BOOK, 900, Options(words=4000))


def test_a_model_that_never_saw_the_format_hears_the_storys_last_words(
    engine: ProcessEngine,
) -> None:
    answer = plan(engine, BOOK, 900, Options()).request.segments[-1]
    assert BOOK[:900].rstrip().endswith(answer.lead)
    assert len(answer.lead.split()) == 60
    assert plan(engine, BOOK, 900, Options(lead_words=0)).request.segments[-1].lead == ""


def test_a_model_trained_on_the_format_gets_nothing_but_the_tags(engine: ProcessEngine) -> None:
    info = engine.load()
    assert not trained_on_the_format(info)
    assert trained_on_the_format(structs.replace(info, name="CRA-v1-7B"))


def test_an_unknown_format_is_said(engine: ProcessEngine) -> None:
    with pytest.raises(UnknownFormatError, match="cra-v1-guided"):
        plan(engine, BOOK, 900, Options(format="cra-v9"))
