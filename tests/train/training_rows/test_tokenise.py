"""Rows in tokens: those that are served, whole at their end, shortened at their head alone."""

from collections.abc import Iterator

import pytest
from byte_model import LONG
from example_rows import BOOKS, CONTEXT, CONTINUATION, book_rows, row
from hypothesis import event, given, settings
from hypothesis import strategies as st
from msgspec import structs
from row_tokenizers import ByteTokenizer, small_models

from storytui.continuing import Options, plan
from storytui.engine.process import ProcessEngine
from storytui.engine.scores import Encoded
from storytui.engine.scripted import ScriptedEngine
from storytui.engine.template import Frame
from storytui.story.prompt import FORMATS, prompt_format
from storytui.story.words import count_words
from storytui_train.data.dataset.rendering import (
    Choice,
    UnfitError,
    choose,
    prompt,
    render,
    reply_pieces,
    rounded,
)
from storytui_train.recipe import DatasetOptions
from storytui_train.training.rows import LEAST_CONTEXT, tokenise

CRA, GUIDED, OURS = (prompt_format(each) for each in ("cra-v1", "cra-v1-guided", "storytui-1"))
PLAN = "Anna is afraid. She will call out, so that whoever is there must answer."
needs_books = pytest.mark.skipif(not BOOKS.is_dir(), reason="the books are not beside the checkout")


@pytest.fixture(scope="module")
def engine() -> Iterator[ProcessEngine]:
    with small_models() as engine:
        yield engine


# --- the tokens that are served -------------------------------------------------------------------


def test_the_pieces_are_the_reply_cut_behind_its_opening_tags() -> None:
    assert reply_pieces(row(), OURS) == (
        "<reasoning>",
        f"{PLAN}</reasoning><answer>",
        f"{CONTINUATION}</answer>",
    )
    assert reply_pieces(row(reasoning=" "), CRA) == (
        "<answer>",
        f"{CONTINUATION.strip()}</answer>",
    )
    assert "".join(reply_pieces(row(), CRA)) == render(row(), CRA, Choice()).assistant


@needs_books
@pytest.mark.parametrize("name", FORMATS)
def test_a_thousand_rows_have_the_tokens_that_the_engine_has(
    engine: ProcessEngine, name: str
) -> None:
    """Id by id: the prompt as the editor asks for it, the reply as the engine writes one."""
    form, seen, same = prompt_format(name), 0, 0
    for example in book_rows(1000, sentences=4):
        choice = choose(example, form, DatasetOptions(), seed=7)
        text = example.context + (example.after if choice.later else "")
        options = Options(
            format=name,
            direction=example.guidance if choice.direction else "",
            words=rounded(example.words) if choice.length else 0,
            lead_words=0,
        )
        served = plan(ScriptedEngine([]), text, len(example.context), options)
        answer = example.continuation if form.verbatim else example.continuation.strip()
        written = (f"{PLAN}</reasoning><answer>", f"{answer}</answer>")

        made = tokenise(example, form, choice, engine, 4096)

        cache = engine.encode(served.request.message, served.opening, *written)
        same += made.tokens == (*cache.tokens, cache.end) and made.reply == cache.reply
        seen += 1
    assert (seen, same) == (1000, 1000)


def test_the_last_token_is_the_one_that_the_editor_expects(engine: ProcessEngine) -> None:
    made = tokenise(row(), OURS, Choice(), engine, 4096)

    parts = engine.prompt("a").parts
    turn = next(each for each in parts[::-1] if each.control and "end" in each.text)
    assert turn.text == "<|im_end|>"
    assert made.tokens[-1] == engine.encode("a").end
    # That very token ends the user's turn too.
    assert made.tokens.index(made.tokens[-1]) < made.reply


def test_everything_from_the_opening_tag_on_is_trained() -> None:
    tokenizer = ByteTokenizer()

    made = tokenise(row(), OURS, Choice(), tokenizer, 4096)

    assert tokenizer.read(made.tokens[made.reply :]) == (
        f"<reasoning>{PLAN}</reasoning><answer>{CONTINUATION}</answer>|END"
    )
    assert made.trained == len(made.tokens) - made.reply
    assert (made.id, made.book, made.dropped_words) == (row().id, row().source.id, 0)


def test_a_token_that_reaches_into_the_reply_is_trained(engine: ProcessEngine) -> None:
    made = tokenise(row(), OURS, Choice(), engine, 4096)
    alone = engine.encode(prompt(row(), OURS, Choice()))

    # ChatML ends its prompt with a line break, which no token of this vocabulary joins to a tag.
    assert made.tokens[: made.reply] == alone.tokens


def test_tags_may_join_where_the_engine_joins_them() -> None:
    tokenizer = ByteTokenizer()
    made = tokenise(row(continuation=" He went.", reasoning="So."), OURS, Choice(), tokenizer, 4096)

    reply = [tokenizer.read([token]) for token in made.tokens[made.reply :]]

    assert "><" in reply  # </reasoning><answer> is written as one
    assert reply.count(".</") == 2
    assert len(LONG) > 0


def test_a_row_without_a_plan_is_an_answer_alone() -> None:
    tokenizer = ByteTokenizer()

    made = tokenise(row(reasoning=""), OURS, Choice(), tokenizer, 4096)

    assert tokenizer.read(made.tokens[made.reply :]) == f"<answer>{CONTINUATION}</answer>|END"


def test_a_model_without_an_end_token_has_the_closing_tag_for_one() -> None:
    class Endless(ByteTokenizer):
        def encode(self, message: str, *pieces: str):  # type: ignore[no-untyped-def]
            return structs.replace(super().encode(message, *pieces), end=-1)

    tokenizer = Endless()

    made = tokenise(row(), OURS, Choice(), tokenizer, 4096)

    assert tokenizer.read(made.tokens).endswith(f"{CONTINUATION}</answer>")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"continuation": " He wrote </answer> on it."}, "tags"),
        ({"reasoning": "First.</reasoning> Then more."}, "tags"),
        ({"continuation": " <answer>"}, "tags"),
        ({"continuation": "\n\n"}, "empty"),
        ({"context": " \n"}, "empty"),
    ],
)
def test_what_cannot_be_rendered_is_refused(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(UnfitError) as caught:
        tokenise(row(**changes), OURS, Choice(), ByteTokenizer(), 4096)

    assert caught.value.reason == reason


def test_tags_and_marks_in_the_context_are_text(engine: ProcessEngine) -> None:
    context = "He wrote <answer>no</answer> and <|im_end|> on the wall.\n\n" + CONTEXT

    made = tokenise(row(context=context), OURS, Choice(), engine, 4096)

    plain = tokenise(row(), OURS, Choice(), engine, 4096)
    end = plain.tokens[-1]
    assert made.tokens.count(end) == plain.tokens.count(end) > 1
    assert made.tokens[made.reply :] == plain.tokens[plain.reply :]


# --- rows that are too long -----------------------------------------------------------------------


def context_in(text: str) -> str:
    """The context of a row that was read back."""
    return text.partition("### Context:\n")[2].partition("<reasoning>")[0]


def test_a_long_row_loses_whole_paragraphs_at_its_head() -> None:
    tokenizer = ByteTokenizer()
    paragraphs = [f"Paragraph {n} of many. It is short." for n in range(40)]
    example = row(context="\n\n".join(paragraphs))

    made = tokenise(example, OURS, Choice(), tokenizer, 1000)

    kept = context_in(tokenizer.read(made.tokens))
    assert len(made.tokens) <= 1000
    assert kept in example.context
    assert example.context.endswith(kept)
    lost = example.context.removesuffix(kept)
    assert lost.endswith("\n\n")
    assert made.dropped_words == count_words(lost) > 0
    # One more paragraph would not have fitted.
    longest = max(map(len, paragraphs))
    assert len(made.tokens) + longest + 2 > 1000


@pytest.mark.parametrize(
    ("context", "begins"),
    [
        ("It was dark there. Nobody had come. " * 60, ("It ", "Nobody ")),
        ("and so they went on and on " * 80, ("and ", "so ", "they ", "went ", "on ")),
        ("日本語の物語はまだ続いている" * 90, tuple("日本語の物語はまだ続いている")),
    ],
    ids=["sentences", "words", "characters"],
)
def test_a_paragraph_longer_than_the_window_is_cut_inside(
    context: str, begins: tuple[str, ...]
) -> None:
    tokenizer = ByteTokenizer()

    made = tokenise(row(context=context.rstrip()), OURS, Choice(), tokenizer, 1200)

    kept = context_in(tokenizer.read(made.tokens))
    assert 600 < len(made.tokens) <= 1200
    assert context.rstrip().endswith(kept)
    assert kept.startswith(begins)
    assert made.dropped_words >= 1


def test_a_row_that_fits_exactly_is_whole_and_one_token_less_is_not() -> None:
    tokenizer = ByteTokenizer()
    example = row(context=f"{CONTEXT}\n\n{CONTEXT}")
    whole = tokenise(example, OURS, Choice(), tokenizer, 4096)

    assert tokenise(example, OURS, Choice(), tokenizer, len(whole.tokens)) == whole
    shorter = tokenise(example, OURS, Choice(), tokenizer, len(whole.tokens) - 1)

    assert whole.dropped_words == 0
    assert 0 < shorter.dropped_words < count_words(example.context)
    assert shorter.tokens[shorter.reply :] == whole.tokens[whole.reply :]


def test_a_reply_that_leaves_no_room_for_a_context_is_refused_not_cut() -> None:
    tokenizer = ByteTokenizer()
    context = "a " * 600 + "."
    example = row(context=context, continuation=" A long way." * 100)
    everything = len(tokenise(example, OURS, Choice(), tokenizer, 9999).tokens)
    least = everything - len(context) + LEAST_CONTEXT

    assert len(tokenise(example, OURS, Choice(), tokenizer, least + 8).tokens) <= least + 8
    with pytest.raises(UnfitError, match="Train with longer sequences") as caught:
        tokenise(example, OURS, Choice(), tokenizer, least - 8)
    assert caught.value.reason == "too long"


def test_a_short_context_is_not_cut_away_for_a_long_reply() -> None:
    example = row(continuation=" A long way." * 100)

    with pytest.raises(UnfitError) as caught:
        tokenise(example, OURS, Choice(), ByteTokenizer(), 1000)

    assert caught.value.reason == "too long"


def test_a_row_that_fits_costs_one_call_and_a_long_one_few() -> None:
    tokenizer = ByteTokenizer()
    tokenise(row(), OURS, Choice(), tokenizer, 4096)
    assert tokenizer.encoded == 1

    for number in range(20):
        tokenise(row(context=f"It is {number}.\n\n" * 200), OURS, Choice(), tokenizer, 1500)
    assert tokenizer.encoded <= 1 + 3 * 20


def made_rows(most: int):  # type: ignore[no-untyped-def]
    """Rows of the books, each several times with contexts, plans and answers of all lengths."""
    base = book_rows(1000, sentences=4)[:500]
    for number in range(most):
        example = base[number % len(base)]
        before = "\n\n".join(
            base[(number + step) % len(base)].context for step in range(number % 5)
        )
        yield structs.replace(
            example,
            id=f"{example.id}~{number}",
            context=f"{before}\n\n{example.context}".strip(),
            continuation=example.continuation * (1 + number % 3),
            reasoning=example.reasoning * (number % 4),
        )


@needs_books
def test_of_five_thousand_rows_none_lost_its_end(engine: ProcessEngine) -> None:
    sequence, seen, whole, shortened, lost_their_end, refused = 288, 0, 0, 0, 0, 0
    replies: dict[tuple[str, ...], Encoded] = {}
    for number, example in enumerate(made_rows(5000)):
        form = (OURS, CRA, GUIDED)[number % 3]
        choice = choose(example, form, DatasetOptions(), seed=3)
        seen += 1
        try:
            made = tokenise(example, form, choice, engine, sequence)
        except UnfitError as error:
            refused += error.reason == "too long"
            continue
        pieces = reply_pieces(example, form)
        if pieces not in replies:
            # Its tokens do not depend on the message.
            replies[pieces] = engine.encode("m", *pieces)
        alone = replies[pieces]
        lost_their_end += made.tokens[made.reply :] != (*alone.tokens[alone.reply :], alone.end)
        assert len(made.tokens) <= sequence
        shortened += made.dropped_words > 0
        whole += made.dropped_words == 0
    assert seen == 5000
    assert lost_their_end == 0
    assert seen == whole + shortened + refused
    assert shortened > 2000
    assert whole > 500
    assert refused > 500


STORY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="<>`"), max_size=60)
FRAMES = [Frame("<|turn|>", "<|turn|>"), Frame("", "\n\n"), Frame("User: ", "\nWriter: ")]


@settings(deadline=None)
@given(
    st.lists(STORY, min_size=1, max_size=12),
    STORY,
    STORY,
    st.integers(300, 1200),
    st.sampled_from([CRA, OURS]),
    st.sampled_from(FRAMES),
)
def test_whatever_the_text_the_reply_is_whole_and_the_context_ends_where_it_did(
    paragraphs: list[str], plan: str, answer: str, sequence: int, form: object, frame: Frame
) -> None:
    tokenizer = ByteTokenizer(frame)
    context = "\n\n".join(["She waited.", *paragraphs, "It was late."])
    example = row(context=context, reasoning=f"So {plan}", continuation=f" And{answer}")
    try:
        made = tokenise(example, form, Choice(), tokenizer, sequence)  # type: ignore[arg-type]
    except UnfitError as error:
        event(error.reason)
        return

    reply = render(example, form, Choice()).assistant  # type: ignore[arg-type]
    assert len(made.tokens) <= sequence
    assert tokenizer.read(made.tokens[made.reply :]) == f"{reply}|END"
    whole = tokenise(example, form, Choice(), tokenizer, 99_999)  # type: ignore[arg-type]
    told = tokenizer.read(made.tokens[: made.reply])
    kept = told.partition("### Context:\n")[2]
    assert tokenizer.read(whole.tokens[: whole.reply]).endswith(kept)
    assert len(kept) > 0
