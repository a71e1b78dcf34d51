"""From manuscript and cursor to a reply."""

from collections.abc import Sequence
from typing import cast

import pytest
from msgspec import structs

from storytui.continuing import (
    NoStoryError,
    Options,
    continue_side_by_side,
    continue_story,
    plan,
    requests_side_by_side,
    show_prompt,
)
from storytui.engine.api import (
    Engine,
    Finished,
    Prompt,
    PromptTooLongError,
    Retracted,
    Sampling,
    Statistics,
    Text,
)
from storytui.engine.counting import RememberedCounts, RememberedPrompts
from storytui.engine.model_info import ModelInfo
from storytui.engine.process import ProcessEngine
from storytui.engine.scripted import ScriptedEngine, segment
from storytui.manuscript.reading_places import ReadingPlaces
from storytui.story.prompt import FORMATS, UnknownFormatError

PARAGRAPH = "She walked along the sea wall and counted the lamps that were still lit. "
FINISHED = Finished(
    "closed",
    Statistics(
        prompt_tokens=100,
        reused_tokens=60,
        evaluated_tokens=40,
        generated_tokens=12,
        first_token_ms=12.34,
        tokens_per_second=56.78,
    ),
)


class Says:
    """An engine whose model says something else of itself."""

    def __init__(self, engine: ProcessEngine, info: ModelInfo) -> None:
        self._info = info
        self.count, self.prompt = engine.count, engine.prompt

    def load(self) -> ModelInfo:
        return self._info


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
    # A new window leaves a quarter of the budget for what comes, and less than a paragraph more.
    budget = context - reply - (tokens - engine.count([planned.window.text])[0])
    paragraph = engine.count([PARAGRAPH * 4])[0]
    assert budget / 4 <= context - reply - tokens <= budget / 4 + 2 * paragraph


def test_the_window_begins_at_a_paragraph(engine: ProcessEngine) -> None:
    planned = plan(engine, BOOK, len(BOOK), Options(words=40, reasoning_tokens=64))
    assert BOOK[planned.window.start - 2 : planned.window.start] == "\n\n"


def test_the_window_stays_where_it_was_while_she_goes_on(engine: ProcessEngine) -> None:
    places = ReadingPlaces()
    options = Options(words=40, reasoning_tokens=64)
    starts = [
        plan(engine, BOOK, BOOK.index(f"{n}.") - 2, options, places).window.start
        for n in (150, 152, 154)
    ]
    assert starts[0] == starts[1] == starts[2]


def test_a_place_that_was_only_passed_by_is_not_remembered(engine: ProcessEngine) -> None:
    places = ReadingPlaces()
    plan(engine, BOOK, 9000, Options(), places, remember=False)
    show_prompt(engine, BOOK, 9000, Options(), places)
    assert places.starts() == ()


@pytest.mark.parametrize("name", FORMATS)
def test_the_request_says_where_the_story_begins(engine: ProcessEngine, name: str) -> None:
    options = Options(format=name, direction="the wall breaks", notes="Anna is the keeper.")
    planned = plan(engine, BOOK, 900, options)
    request = planned.request
    assert request.message[request.story :].startswith(planned.window.text)
    assert 0 < request.fixed <= request.story


def test_notes_and_what_follows_go_into_a_format_that_takes_them(engine: ProcessEngine) -> None:
    options = Options(
        format="storytui-1", words=40, notes="Anna is the keeper.", direction="the wall breaks"
    )
    planned = plan(engine, BOOK, 900, options)
    message = planned.request.message
    later = message[message.index("### Later:\n") + 11 : message.index("\n\n### Direction:")]
    assert "### Notes:\nAnna is the keeper.\n\n### Context:\n# One" in message
    assert BOOK[900:].strip().startswith(later)
    assert 300 < len(later) <= 600
    assert later.endswith("lit.")
    assert message.endswith("### Direction: the wall breaks\n\n### Length: about 40 words")
    assert planned.opening == "<reasoning>"


def test_at_the_storys_end_nothing_follows(engine: ProcessEngine) -> None:
    planned = plan(engine, BOOK, len(BOOK), Options(format="storytui-1"))
    assert "### Later" not in planned.request.message


def test_notes_do_not_go_into_a_format_that_takes_none(engine: ProcessEngine) -> None:
    planned = plan(engine, BOOK, 900, Options(notes="Anna is the keeper."))
    assert "Anna" not in planned.request.message


def test_a_verbatim_answer_goes_on_behind_the_very_last_character(engine: ProcessEngine) -> None:
    text = "The lamp was out.\n\n"
    planned = plan(engine, text, len(text), Options(format="storytui-1"))
    assert "### Context:\nThe lamp was out.\n\n\n\n### Length" in planned.request.message
    answer = planned.request.segments[-1]
    assert answer.verbatim
    assert answer.lead == text


def test_notes_without_room_for_a_story_are_said(engine: ProcessEngine) -> None:
    options = Options(format="storytui-1", notes="Anna is the keeper. " * 400)
    with pytest.raises(PromptTooLongError, match="shorten the notes"):
        plan(engine, BOOK, 900, options)


def test_a_key_asks_the_models_process_for_next_to_nothing(engine: ProcessEngine) -> None:
    asked: list[int] = []

    class Listening:
        """The engine, and what it is asked to count."""

        def __init__(self) -> None:
            self.counts = RememberedCounts(self._ask)
            self.prompts = RememberedPrompts(self._render)
            self.load = engine.load

        def count(self, texts: Sequence[str]) -> list[int]:
            return self.counts(texts)

        def prompt(self, message: str, opening: str = "") -> Prompt:
            return self.prompts(message, opening)

        def _ask(self, texts: Sequence[str]) -> list[int]:
            asked.append(sum(map(len, texts)))
            return engine.count(texts)

        def _render(self, message: str, opening: str) -> Prompt:
            asked.append(len(message))
            return engine.prompt(message, opening)

    listening, places = cast(Engine, Listening()), ReadingPlaces()
    plan(listening, BOOK, len(BOOK), Options(), places)
    asked.clear()
    plan(listening, BOOK + "Then", len(BOOK) + 4, Options(), places)
    # The lead and the last paragraph.
    assert len(asked) == 1
    assert sum(asked) < 1000


def test_several_replies_come_side_by_side_each_with_its_own_seed() -> None:
    scripts = [
        (*segment("reasoning", "She waits."), *segment("answer", answer), FINISHED)
        for answer in ("“I knew,” she said.", "“No,” she said.")
    ]
    scripted = ScriptedEngine(scripts)
    answers = ["", ""]
    for number, event in continue_side_by_side(scripted, BOOK, 900, Options(candidates=2)):
        if isinstance(event, Text) and event.segment == "answer":
            answers[number] += event.text
    assert answers == ["“I knew,” she said.", "“No,” she said."]


def test_the_requests_of_several_replies_differ_in_their_seed_only(engine: ProcessEngine) -> None:
    request = plan(engine, BOOK, 900, Options(sampling=Sampling(seed=5))).request
    several = requests_side_by_side(request, 3)
    assert [each.sampling.seed for each in several] == [5, 6, 7]
    assert {structs.replace(each, sampling=request.sampling) for each in several} == {request}


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
    trained = cast(Engine, Says(engine, structs.replace(engine.load(), stored_format="storytui-1")))
    planned = plan(trained, BOOK, 900, Options())
    assert planned.format == "storytui-1"
    assert planned.request.segments[-1].lead == ""
    assert planned.request.message.startswith("### Task: Continue the story from the very end")
    named = plan(trained, BOOK, 900, Options(format="cra-v1"))
    assert (named.format, named.request.segments[-1].lead) == ("cra-v1", "")


def test_an_unknown_format_is_said(engine: ProcessEngine) -> None:
    with pytest.raises(UnknownFormatError, match="cra-v1-guided"):
        plan(engine, BOOK, 900, Options(format="cra-v9"))
