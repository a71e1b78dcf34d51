"""Gains of plans, by scores that are given: the arithmetic, the choice, what is kept."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storytui.engine.api import EngineDiedError, EngineError, PromptTooLongError
from storytui.engine.scores import Encoded, Passage, Scored
from storytui.engine.scripted import ScriptedEngine
from storytui.story.words import count_words
from storytui_train.data.documents import Source
from storytui_train.data.examples import Row
from storytui_train.data.teacher.judging import (
    FILLER,
    Judge,
    Judged,
    end_of,
    gains_of,
    judge_row,
    passage_of,
    without_plan,
)
from storytui_train.data.teacher.kept_judgements import Gains, KeptJudgements
from storytui_train.data.teacher.masking import middle
from storytui_train.errors import RecipeError, TeacherError
from storytui_train.recipe import ScoreOptions

SOURCE = Source(id="gutenberg-1", kind="gutenberg", title="The Lighthouse")
CONTEXT = "The lamp had gone out.\n\n“You knew,” he said. She looked at the net.\n\nNobody spoke."
TEXT = "\n\nThen the boat came in. She took the oil and climbed the stairs, and he followed her."
PLANS = ("The boat comes in.", "She lights the fire.", "He is angry.")
OTHERS = ("A cat sleeps.", "It rains.", "The train is late.")
OPTIONS = ScoreOptions()


def row(**given: object) -> Row:
    values: dict[str, object] = {
        "id": "gutenberg-1:0-9",
        "source": SOURCE,
        "span": (0, 9),
        "context": CONTEXT,
        "continuation": TEXT,
    }
    return Row(**(values | given))  # type: ignore[arg-type]


def scored(text: str, logprobs: Sequence[float], starts: Sequence[int]) -> Scored:
    return Scored(tokens=tuple(range(len(starts))), logprobs=tuple(logprobs), starts=tuple(starts))


def by_word(text: str) -> list[int]:
    """Where words begin, each with the blank before it: as most tokenizers cut."""
    return [0, *(n for n in range(1, len(text)) if text[n] == " " and text[n - 1] != " ")]


class Told:
    """Scores by a table: what each token gains from each plan."""

    def __init__(self, gains: dict[str, float], *, fails: EngineError | None = None) -> None:
        self.gains = gains
        self.fails = fails
        self.asked: list[Passage] = []

    def score(self, passages: Sequence[Passage]) -> Iterator[Scored]:
        for each in passages:
            if self.fails:
                raise self.fails
            self.asked.append(each)
            plan = each.opening.removeprefix("<reasoning>").removesuffix("</reasoning><answer>")
            gain = self.gains.get(plan, 0.0)
            starts = by_word(each.text)
            yield scored(each.text, [gain - 3.0 - n / 10 for n in range(len(starts))], starts)

    def encode(self, message: str, *pieces: str) -> Encoded:
        raise NotImplementedError


# --- what is read -------------------------------------------------------------------------------


def test_a_row_is_read_in_the_form_that_it_is_served_in() -> None:
    found = passage_of(row(), "A plan.", ScoreOptions(format="storytui-1"))
    assert found.message.endswith(f"### Context:\n{CONTEXT}")
    assert found.opening == "<reasoning>A plan.</reasoning><answer>"
    assert found.text == TEXT


def test_formats_that_are_not_verbatim_have_no_white_space_at_the_seam() -> None:
    found = passage_of(row(context=CONTEXT + "\n\n"), "A plan.", ScoreOptions(format="cra-v1"))
    assert found.message.endswith("Nobody spoke.")
    assert found.text == TEXT.strip()


def test_guidance_is_given_to_the_format_that_needs_it_and_to_no_other() -> None:
    guided = row(guidance="The boat is found.")
    assert (
        "The boat is found." in passage_of(guided, "", ScoreOptions(format="cra-v1-guided")).message
    )
    assert "found" not in passage_of(guided, "", ScoreOptions(format="storytui-1")).message


def test_the_end_of_a_context_begins_with_a_paragraph_or_else_a_sentence() -> None:
    long = "One two three. Four five six.\n\nSeven eight nine ten. Eleven twelve.\n\nThirteen."
    assert end_of(long, 0) == long
    assert end_of(long, 99) == long
    assert end_of(long, 8) == "Seven eight nine ten. Eleven twelve.\n\nThirteen."
    assert end_of(long, 5) == "Eleven twelve.\n\nThirteen."


@given(st.text(alphabet="ab. \n“”", max_size=120), st.integers(1, 12))
def test_the_end_of_a_context_is_its_end_and_no_longer_than_asked(text: str, words: int) -> None:
    found = end_of(text, words)
    assert text.endswith(found)
    assert len(found.split()) <= words or found == text
    assert bool(found.split()) == bool(text.split())


@given(st.lists(st.sampled_from(PLANS), max_size=4))
def test_what_stands_for_no_plan_has_as_many_words_as_the_plans(plans: list[str]) -> None:
    bare = without_plan(plans)
    mean = sum(map(count_words, plans)) / len(plans) if plans else 1
    assert abs(count_words(bare) - mean) <= 0.5
    assert FILLER.startswith(bare)


def test_a_long_plan_has_a_long_stand_in() -> None:
    assert count_words(without_plan(["word " * 300])) == 300


# --- the arithmetic -----------------------------------------------------------------------------


def test_a_gain_is_percent_of_perplexity() -> None:
    text = "one two three four"
    starts = by_word(text)
    bare = scored(text, [-4.0] * 4, starts)
    found = gains_of(text, "nothing", scored(text, [-3.0] * 4, starts), bare)
    # Perplexity falls from e⁴ to e³.
    expected = 100 * (1 - math.e**3 / math.e**4)
    assert found.first == pytest.approx(expected)
    assert found.second == pytest.approx(expected)
    assert found.whole == pytest.approx(expected)
    assert found.masked == 0


def test_a_plan_that_harms_has_a_gain_below_nothing() -> None:
    text = "one two"
    bare = scored(text, [-1.0, -1.0], by_word(text))
    found = gains_of(text, "x", scored(text, [-2.0, -2.0], by_word(text)), bare)
    assert found.whole == pytest.approx(100 * (1 - math.e))


def test_the_halves_are_apart() -> None:
    text = "one two three four"
    starts = by_word(text)
    assert middle(text) == 7
    bare = scored(text, [-4.0] * 4, starts)
    found = gains_of(text, "x", scored(text, [-3.0, -3.0, -4.0, -4.0], starts), bare)
    assert found.first > 60
    assert found.second == 0


def test_words_of_the_plan_count_on_neither_side() -> None:
    text = "The boat came in at night"
    starts = by_word(text)
    bare = scored(text, [-4.0] * 6, starts)
    # It makes its own words sure, and nothing else.
    given = scored(text, [-4.0, 0.0, -4.0, -4.0, -4.0, 0.0], starts)
    found = gains_of(text, "A boat comes by night.", given, bare)
    assert (found.first, found.second, found.whole) == (0, 0, 0)
    assert found.masked == pytest.approx(2 / 6)
    assert gains_of(text, "Nothing.", given, bare).whole > 0


def test_a_continuation_that_is_all_the_plans_words_gains_nothing() -> None:
    text = "boats boats"
    given = scored(text, [0.0, 0.0], by_word(text))
    found = gains_of(text, "The boat.", given, scored(text, [-4.0, -4.0], by_word(text)))
    assert (found.first, found.second, found.whole, found.masked) == (0, 0, 0, 1)


@given(
    st.lists(st.floats(-20, 0), min_size=4, max_size=4),
    st.lists(st.floats(-20, 0), min_size=4, max_size=4),
)
def test_a_gain_is_undone_by_its_opposite(one: list[float], other: list[float]) -> None:
    text = "one two three four"
    starts = by_word(text)
    there = gains_of(text, "x", scored(text, one, starts), scored(text, other, starts))
    back = gains_of(text, "x", scored(text, other, starts), scored(text, one, starts))
    assert (1 - there.whole / 100) * (1 - back.whole / 100) == pytest.approx(1)


# --- the choice ---------------------------------------------------------------------------------


def gains(first: float, second: float) -> Gains:
    return Gains(first=first, second=second, whole=0, masked=0)


def test_the_choice_looks_at_the_first_half_and_the_gain_at_the_second() -> None:
    judged = Judged(
        plans=(gains(1, 9), gains(5, 2), gains(5, 3)), control=(gains(-1, 4), gains(-2, 8))
    )
    assert judged.kept == 1
    assert judged.gain == 2
    assert judged.control_gain == 4
    assert judged.choice == (1, 5, 5)
    assert judged.reported == (9, 2, 3)


def test_of_no_plans_none_is_kept() -> None:
    judged = Judged(plans=())
    assert (judged.kept, judged.gain, judged.control_gain) == (None, None, None)


def test_all_plans_of_a_row_are_scored_in_one_call_behind_the_one_without() -> None:
    engine = Told({PLANS[1]: 0.5, OTHERS[2]: 0.2})
    judged = judge_row(engine, row(), PLANS, OTHERS, OPTIONS)
    assert [each.opening for each in engine.asked] == [
        passage_of(row(), plan, OPTIONS).opening for plan in (without_plan(PLANS), *PLANS, *OTHERS)
    ]
    assert judged.kept == 1
    assert judged.gain == pytest.approx(100 * (1 - math.exp(-0.5)))
    assert judged.control_gain == pytest.approx(100 * (1 - math.exp(-0.2)))


def test_a_plan_that_quotes_gains_nothing_by_the_words_that_it_quotes() -> None:
    engine = ScriptedEngine([()])
    quoting, other = "boat oil stairs followed climbed took came", "nothing of it"
    judged = judge_row(engine, row(), (quoting, other), (), OPTIONS)
    assert judged.plans[0].masked > 0.3
    assert judged.plans[1].masked == 0


# --- what is kept -------------------------------------------------------------------------------


def test_what_was_judged_is_not_scored_again(tmp_path: Path) -> None:
    engine = Told({PLANS[1]: 0.5})
    for _ in range(2):
        kept = KeptJudgements(tmp_path, "0")
        first = judge_row(engine, row(), PLANS, OTHERS, OPTIONS, kept=kept, model="m")
        kept.close()
    assert len(engine.asked) == 1 + len(PLANS) + len(OTHERS)
    assert first == judge_row(Told({PLANS[1]: 0.5}), row(), PLANS, OTHERS, OPTIONS)


@pytest.mark.parametrize(
    ("changed", "options", "model"),
    [
        (row(continuation=TEXT + " So."), OPTIONS, "m"),
        (row(context=CONTEXT + " So."), OPTIONS, "m"),
        (row(), ScoreOptions(format="cra-v1"), "m"),
        (row(), ScoreOptions(context_words=3), "m"),
        (row(), OPTIONS, "another"),
    ],
)
def test_another_row_format_or_model_is_another_judgement(
    tmp_path: Path, changed: Row, options: ScoreOptions, model: str
) -> None:
    engine = Told({})
    kept = KeptJudgements(tmp_path, "0")
    judge_row(engine, row(), PLANS, (), OPTIONS, kept=kept, model="m")
    judge_row(engine, changed, PLANS, (), options, kept=kept, model=model)
    assert len(engine.asked) == 2 * (1 + len(PLANS))
    kept.close()


def test_one_more_plan_of_the_same_length_costs_itself_and_the_comparison(tmp_path: Path) -> None:
    engine = Told({})
    kept = KeptJudgements(tmp_path, "0")
    judge_row(engine, row(), PLANS[:1], (), OPTIONS, kept=kept)
    judge_row(engine, row(), (PLANS[0], "A cat is asleep."), (), OPTIONS, kept=kept)
    assert len(engine.asked) == 2 + 2
    kept.close()


# --- what goes wrong ----------------------------------------------------------------------------


def test_a_row_that_does_not_fit_is_named_with_what_to_do() -> None:
    engine = Told({}, fails=PromptTooLongError("the prompt has 9,000 tokens"))
    with pytest.raises(TeacherError, match=r"gutenberg-1:0-9.*9,000.*score\.context_words"):
        judge_row(engine, row(), PLANS, (), OPTIONS)


def test_an_engine_that_fails_is_said() -> None:
    engine = Told({}, fails=EngineDiedError("The model's process ended."))
    with pytest.raises(TeacherError, match="The judge does not answer"):
        judge_row(engine, row(), PLANS, (), OPTIONS)


class Stopped(Told):
    def score(self, passages: Sequence[Passage]) -> Iterator[Scored]:
        return super().score(passages[:2])


def test_a_judge_that_is_stopped_keeps_nothing_of_the_row(tmp_path: Path) -> None:
    kept = KeptJudgements(tmp_path, "0")
    with pytest.raises(TeacherError, match="stopped"):
        judge_row(Stopped({}), row(), PLANS, (), OPTIONS, kept=kept)
    kept.close()
    assert (tmp_path / "0.jsonl").read_bytes() == b""


def test_a_recipe_without_a_judge_is_said(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"score\.model"):
        Judge(ScoreOptions(), tmp_path)


def test_a_model_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(TeacherError, match=r"none\.gguf"):
        Judge(ScoreOptions(model=str(tmp_path / "none.gguf")), tmp_path)


def test_a_judge_closes_what_it_has(tmp_path: Path) -> None:
    engine = ScriptedEngine([()])
    judge = Judge(ScoreOptions(), tmp_path, engine=engine)
    judged = judge.judge(row(), PLANS, OTHERS)
    judge.close()
    assert engine.closed
    again = Judge(ScoreOptions(), tmp_path, "00001", engine=ScriptedEngine([()]))
    assert again.judge(row(), PLANS, OTHERS) == judged
    again.close()
