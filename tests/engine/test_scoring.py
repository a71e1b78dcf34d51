"""How likely texts are: what is scored, what is evaluated for it, and where tokens begin."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from byte_model import CONTROL, END, LONG, ByteModel, ByteVocabulary, draws
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from storytui.engine.answers import encoded, scores
from storytui.engine.api import EngineError, PromptTooLongError, Request, Sampling, SegmentPlan
from storytui.engine.scores import Encoded, Passage, Scored
from storytui.engine.scoring import Scorer, log_probability
from storytui.engine.scripted import ScriptedEngine
from storytui.engine.sendable import sendable_passage
from storytui.engine.template import Frame
from storytui.engine.tokens import SplitFrame, encode_reply, tokens_of_passage
from storytui.engine.writing import Writer

FRAME = Frame("<|turn|>", "<|turn|>")
VOCABULARY = ByteVocabulary()
SPLIT = SplitFrame(FRAME, VOCABULARY)
CONTEXT = "Once upon a time there was a lamp in the village, and it had gone out."
PLANS = ["She looks for oil.", "A bell rings.", "She looks for the boat."]
TEXT = " The boat was gone."


def passage(plan: str = "", text: str = TEXT, message: str = CONTEXT) -> Passage:
    return Passage(message=message, opening=f"<reasoning>{plan}</reasoning><answer>", text=text)


def scored(model: ByteModel, passages: Sequence[Passage], writer: Writer | None = None):  # type: ignore[no-untyped-def]
    writer = writer or Writer(model)
    writer.make_way()
    steps = Scorer(model, writer.cells).score(passages, lambda: False)
    return [each for each in steps if each is not None]


def from_cold(each: Passage) -> Scored:
    return scored(ByteModel([]), [each])[0]


def without_costs(each: Scored) -> Scored:
    return structs.replace(each, evaluated=0, reused=0)


def tokens_before(each: Passage) -> list[int]:
    return tokens_of_passage(SPLIT, each, VOCABULARY).tokens


# --- what is scored -----------------------------------------------------------------------------


def test_a_bare_passage_is_plain_text_from_its_beginning_on() -> None:
    bare = Passage(message=CONTEXT, opening=" So", text=TEXT, bare=True)
    found = tokens_of_passage(SPLIT, bare, VOCABULARY)
    tokens = VOCABULARY.tokenize(CONTEXT + " So" + TEXT)
    assert [each for each in found.tokens if each != VOCABULARY.bos] == tokens
    assert CONTROL not in tokens
    assert tokens_before(structs.replace(bare, bare=False)) != found.tokens
    assert from_cold(bare).tokens == tuple(found.tokens[found.first :])


def test_what_travels_is_a_passage_as_it_was() -> None:
    bare = Passage(message="a \ud800", opening="b", text="c", bare=True)
    assert sendable_passage(bare) == structs.replace(bare, message="a \ufffd")


def test_each_token_has_the_probability_that_the_logits_before_it_give() -> None:
    found = from_cold(passage("A bell rings."))
    tokens = tokens_before(passage("A bell rings."))
    first = len(tokens) - len(found.tokens)
    assert found.tokens == tuple(tokens[first:])
    for number in range(len(found.tokens)):
        model = ByteModel([])
        for at, token in enumerate(tokens[: first + number]):
            model.evaluate([token], at)
        # The simulated logits name every token; 512 of them.
        assert found.logprobs[number] == log_probability(model.logits(), tokens[first + number])


def test_the_probabilities_of_all_tokens_add_up_to_one() -> None:
    model = ByteModel([])
    model.evaluate([1], 0)
    logits = model.logits()
    total = sum(2.718281828459045 ** log_probability(logits, n) for n in range(len(logits)))
    assert total == pytest.approx(1.0, abs=1e-6)


def test_logits_that_are_no_numbers_are_refused() -> None:
    model = ByteModel([])
    model.evaluate([1], 0)
    logits = model.logits().copy()
    logits[3] = float("nan")
    with pytest.raises(EngineError, match="no numbers"):
        log_probability(logits, 3)


def test_a_token_over_the_seam_counts_with_the_text() -> None:
    # "answer>" and "><" are tokens: the second reaches from the opening into the text.
    each = Passage(message="m", opening="a>", text="<b")
    found = from_cold(each)
    assert found.tokens == (256 + LONG.index("><"), ord("b"))
    assert found.starts == (0, 1)


def test_a_text_that_is_empty_has_no_scores_and_costs_nothing() -> None:
    assert from_cold(passage("A bell rings.", text="")) == Scored(tokens=(), logprobs=(), starts=())


@given(st.text(max_size=30), st.text(max_size=10), st.text(min_size=1, max_size=60))
def test_the_tokens_begin_at_characters_of_the_text(message: str, opening: str, text: str) -> None:
    each = Passage(message=message, opening=opening, text=text)
    found = tokens_of_passage(SPLIT, each, VOCABULARY)
    pieces = [VOCABULARY.piece(token) for token in found.tokens[found.first :]]
    raw = text.encode()
    # All tokens behind the first are within the text, and end with it.
    at = len(raw) - sum(map(len, pieces[1:]))
    assert found.starts[0] == 0
    assert b"".join(pieces).endswith(raw)
    for piece, start in zip(pieces[1:], found.starts[1:], strict=True):
        assert len(raw[:at].decode("utf-8", "ignore")) == start
        at += len(piece)


class BlankFirst(ByteVocabulary):
    """Puts a blank before every run, as SentencePiece does, and has no token for a bell."""

    def tokenize(self, text: str) -> list[int]:
        return super().tokenize(" " + text.replace("\a", ""))

    def tokenize_inside(self, text: str) -> list[int]:
        return super().tokenize(text.replace("\a", ""))


def test_blanks_that_a_vocabulary_adds_and_bytes_that_it_lacks_move_nothing() -> None:
    vocabulary = BlankFirst()
    frame = SplitFrame(FRAME, vocabulary)
    found = tokens_of_passage(frame, Passage(message="m", text="a\abc"), vocabulary)
    assert [vocabulary.piece(t) for t in found.tokens[found.first :]] == [b" ", b"a", b"b", b"c"][
        1:
    ]
    assert found.starts == (0, 1, 3)


class Lowering(ByteVocabulary):
    """Changes the text that it is given."""

    def tokenize(self, text: str) -> list[int]:
        return super().tokenize(text.lower())

    tokenize_inside = tokenize


def test_a_vocabulary_that_changes_a_text_is_refused() -> None:
    vocabulary = Lowering()
    with pytest.raises(EngineError, match="another model file"):
        tokens_of_passage(
            SplitFrame(FRAME, vocabulary), Passage(message="m", text="The END"), vocabulary
        )


def test_a_text_with_nothing_before_it_is_refused() -> None:
    model = ByteModel([])
    model.frame = Frame("", "")
    with pytest.raises(EngineError, match="nothing before it"):
        scored(model, [Passage(message="", text="Once")])


def test_what_does_not_fit_is_refused_before_anything_is_evaluated() -> None:
    model = ByteModel([], context=200)
    with pytest.raises(PromptTooLongError, match="200"):
        scored(model, [passage(), passage(text="x" * 200)])
    assert model.evaluated == 0


# --- what it costs ------------------------------------------------------------------------------


def test_what_passages_share_is_evaluated_once() -> None:
    model = ByteModel([])
    together = [passage(plan) for plan in ("", *PLANS)]
    found = scored(model, together)
    tokens = [tokens_before(each) for each in together]
    # The first whole but for its last token; of the others what follows the first difference.
    shared = [
        next(n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
        for one, other in pairwise(tokens)
    ]
    expected = [len(tokens[0]) - 1]
    expected += [len(each) - 1 - kept for each, kept in zip(tokens[1:], shared, strict=True)]
    assert [each.evaluated for each in found] == expected
    assert [each.evaluated + each.reused for each in found] == [len(each) - 1 for each in tokens]
    assert model.evaluated == sum(expected)


def test_the_scores_do_not_depend_on_the_order_nor_on_what_else_is_scored() -> None:
    together = [passage(plan) for plan in ("", *PLANS)]
    alone = [without_costs(from_cold(each)) for each in together]
    model = ByteModel([])
    writer = Writer(model)
    for order in (together, together[::-1]):
        found = {
            each.opening: it for each, it in zip(order, scored(model, order, writer), strict=True)
        }
        assert [without_costs(found[each.opening]) for each in together] == alone


@given(st.permutations([passage(plan) for plan in ("", *PLANS)]), st.sampled_from([0, 40]))
def test_a_memory_that_cannot_be_cut_anywhere_gives_the_same(
    together: list[Passage], window: int
) -> None:
    model = ByteModel([], can_move=False, window=window)
    found = scored(model, together)
    assert [without_costs(each) for each in found] == [
        without_costs(from_cold(each)) for each in together
    ]
    # It went back to a checkpoint in front of the plans, and not to the beginning.
    assert all(each.reused >= len(CONTEXT) - 40 for each in found[1:])


def test_what_was_read_after_other_words_is_not_used() -> None:
    model = ByteModel(draws("He waits.") + draws("She came."))
    writer = Writer(model)
    list(writer.write(request(CONTEXT), lambda: False))
    list(writer.write(request(CONTEXT.replace("upon a ", "in a ")), lambda: True))
    assert writer.cells.approximate
    each = passage(message=CONTEXT.replace("upon a ", "in a "))
    assert without_costs(scored(model, [each], writer)[0]) == without_costs(from_cold(each))


def test_a_reply_after_scores_reuses_what_they_evaluated_and_is_as_from_cold() -> None:
    model = ByteModel(draws("He waits.") + draws("She came."))
    writer = Writer(model)
    scored(model, [passage("A bell rings.")], writer)
    before = model.evaluated
    events = list(writer.write(request(CONTEXT), lambda: False))
    prompt = 2 + len(VOCABULARY.tokenize(CONTEXT)) + len(VOCABULARY.tokenize("<reasoning>"))
    assert events[-1].statistics.evaluated_tokens == 1  # type: ignore[union-attr]
    assert events[-1].statistics.prompt_tokens == prompt  # type: ignore[union-attr]
    assert model.evaluated > before
    assert model.exact == len(model.cells)


def test_a_stop_ends_it_within_one_batch() -> None:
    model = ByteModel([])
    together = [passage(plan) for plan in PLANS]
    stops = iter([False, True])
    steps = list(Scorer(model, Writer(model).cells).score(together, lambda: next(stops)))
    assert steps == [None, None]
    assert model.decodes == 2


def request(message: str) -> Request:
    return Request(
        message=message,
        segments=tuple(
            SegmentPlan(name=each, opening=f"<{each}>", closing=f"</{each}>", tokens=99)
            for each in ("reasoning", "answer")
        ),
        sampling=Sampling(),
    )


# --- the tokens of a reply ----------------------------------------------------------------------


PROSE = (
    st.text(alphabet=".<>/a tThe ", max_size=30)
    .map(str.strip)
    .filter(lambda text: text and not any(tag in text for tag in ("<reasoning", "</", "<answer")))
)


@given(PROSE, PROSE)
def test_a_reply_in_pieces_has_the_tokens_that_a_written_reply_has(plan: str, answer: str) -> None:
    # The model draws the plan as its tokenizer writes it.
    drawn = [*VOCABULARY.tokenize(plan), END]
    model = ByteModel(drawn + draws(answer))
    list(Writer(model).write(request(CONTEXT), lambda: False))
    pieces = ("<reasoning>", f"{plan}</reasoning><answer>", answer)
    tokens = encode_reply(SPLIT, CONTEXT, pieces[:2], VOCABULARY)
    assert model.cells[: len(tokens.tokens)] == list(tokens.tokens)
    prompt = encode_reply(SPLIT, CONTEXT, pieces[:1], VOCABULARY)
    assert tokens.tokens[: len(prompt.tokens)] == prompt.tokens
    assert prompt.reply == 2 + len(VOCABULARY.tokenize(CONTEXT)) == tokens.reply
    assert prompt.end == END


def test_a_reply_in_one_piece_has_no_seams() -> None:
    reply = "<reasoning>the</reasoning><answer>the end"
    found = encode_reply(SPLIT, "m", (reply,), VOCABULARY)
    assert found.tokens[:3] == (CONTROL, ord("m"), CONTROL)
    assert found.tokens[found.reply :] == tuple(VOCABULARY.tokenize(reply))


def test_the_reply_of_a_message_alone_begins_at_its_end() -> None:
    found = encode_reply(SPLIT, "m", (), VOCABULARY)
    assert found.tokens == (CONTROL, ord("m"), CONTROL)
    assert found.reply == 3


class OtherEnds(ByteVocabulary):
    """Whose turns end with a token that ends what is written."""

    ends = frozenset([END, CONTROL])


class NoEnd(ByteVocabulary):
    """Whose texts have no end."""

    end_of_text = None


@pytest.mark.parametrize(
    ("vocabulary", "frame", "end"),
    [
        (ByteVocabulary(), FRAME, END),
        (OtherEnds(), FRAME, CONTROL),
        (OtherEnds(), Frame("", "\n\n"), END),
        (NoEnd(), FRAME, -1),
    ],
)
def test_a_reply_ends_as_the_users_turn_where_that_ends_replies(
    vocabulary: ByteVocabulary, frame: Frame, end: int
) -> None:
    assert encode_reply(SplitFrame(frame, vocabulary), "m", ("a",), vocabulary).end == end


# --- what the other side may say ----------------------------------------------------------------


GOOD = Scored(tokens=(1, 2), logprobs=(-1.0, -2.0), starts=(0, 3))


@pytest.mark.parametrize(
    "wrong",
    [
        structs.replace(GOOD, logprobs=(-1.0,)),
        structs.replace(GOOD, logprobs=(-1.0, 2.0)),
        structs.replace(GOOD, logprobs=(-1.0, float("nan"))),
        structs.replace(GOOD, starts=(0,)),
        structs.replace(GOOD, starts=(3, 0)),
        structs.replace(GOOD, starts=(0, 99)),
        structs.replace(GOOD, starts=(-1, 0)),
        structs.replace(GOOD, evaluated=-1),
    ],
)
def test_scores_that_make_no_sense_are_told(wrong: Scored) -> None:
    assert scores(GOOD, passage())
    assert not scores(wrong, passage())


def test_tokens_that_make_no_sense_are_told() -> None:
    assert encoded(Encoded(tokens=(1, 2), reply=2, end=-1))
    assert not encoded(Encoded(tokens=(1, 2), reply=3, end=-1))
    assert not encoded(Encoded(tokens=(1, -2), reply=0, end=-1))


def test_the_scripted_engine_scores_what_its_plan_names_higher() -> None:
    engine = ScriptedEngine([()])
    told, untold = engine.score([passage("The boat was gone."), passage("Nothing.")])
    assert sum(told.logprobs) > sum(untold.logprobs)
    again = next(engine.score([passage("The boat was gone.")]))
    assert again == told
    assert scores(told, passage())
    found = engine.encode("m", "a reply", " more")
    assert found.tokens[: found.reply] == engine.encode("m").tokens
    assert engine.scored == [passage("The boat was gone."), passage("Nothing."), engine.scored[0]]
