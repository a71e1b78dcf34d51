"""Scores and tokens of real models: against a fresh evaluation, token by token."""

import math
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest

from storytui.engine.api import (
    Finished,
    PromptTooLongError,
    Request,
    Retracted,
    Sampling,
    SegmentPlan,
    Text,
)
from storytui.engine.cells import Cells
from storytui.engine.llama import LlamaModel
from storytui.engine.messages import ModelConfig
from storytui.engine.process import ProcessEngine
from storytui.engine.scores import Passage, Scored
from storytui.engine.scoring import Scorer
from storytui.engine.tokens import SplitFrame, encode_reply, tokens_of_passage
from storytui.engine.writing import Writer
from storytui.samples import sample_text
from storytui.story.prompt import FORMATS

SAMPLE = sample_text()
MIDDLE = SAMPLE.index("\n\n", 900)
CONTEXT, TEXT = SAMPLE[:MIDDLE], SAMPLE[MIDDLE : MIDDLE + 300]
PLANS = ("", "She thinks of the lamp, and of who put it out.", "A boat comes in at night.")
NOISE = 0.15
"""Of a log-probability, on average: a token that is evaluated alone and one in a batch differ so
much on a CPU, more than which tokens are evaluated with it."""


def passages(text: str = TEXT, context: str = CONTEXT) -> list[Passage]:
    message = FORMATS["storytui-1"].render(context).text
    return [
        Passage(message=message, opening=f"<reasoning>{plan}</reasoning><answer>", text=text)
        for plan in PLANS
    ]


@pytest.fixture(scope="module", params=["smollm2", "smollm2-scores", "gemma3"])
def model(request: pytest.FixtureRequest, small_model: Path, other_small_model: Path) -> LlamaModel:
    name, _, kind = request.param.partition("-")
    path = small_model if name == "smollm2" else other_small_model
    return LlamaModel(
        ModelConfig(
            path=str(path),
            context=1536,
            scores=kind == "scores",
        ),
        lambda _: None,
    )


def score(cells: Cells, model: LlamaModel, asked: list[Passage]) -> list[Scored]:
    found = Scorer(model, cells).score(asked, lambda: False)
    return [each for each in found if each is not None]


def one_by_one(model: LlamaModel, asked: Passage) -> list[float]:
    """The text's log-probabilities, each token evaluated alone in a cold cache."""
    found = tokens_of_passage(SplitFrame(model.frame, model.vocabulary), asked, model.vocabulary)
    model.clear()
    logprobs = []
    for at, token in enumerate(found.tokens[:-1]):
        model.evaluate([token], at)
        if at + 1 >= found.first:
            logits = model.logits().astype(np.float64)
            peak = logits.max()
            total = math.log(float(np.exp(logits - peak).sum())) + peak
            logprobs.append(float(logits[found.tokens[at + 1]]) - total)
    return logprobs


def test_a_score_is_what_a_fresh_evaluation_token_by_token_says(model: LlamaModel) -> None:
    asked = passages()[1]
    cells = Cells(model)
    cells.forget()
    (found,) = score(cells, model, [asked])
    fresh = one_by_one(model, asked)
    assert len(found.logprobs) == len(fresh)
    differences = [abs(a - b) for a, b in zip(found.logprobs, fresh, strict=True)]
    assert fmean(differences) < NOISE
    assert abs(fmean(found.logprobs) - fmean(fresh)) < 0.03
    cells.forget()


def test_the_tokens_of_a_text_stand_for_it_and_begin_where_is_said(model: LlamaModel) -> None:
    text = TEXT + "„Grüße“, sagte sie — 你好 🙂."
    found = tokens_of_passage(
        SplitFrame(model.frame, model.vocabulary), passages(text)[1], model.vocabulary
    )
    pieces = [model.vocabulary.piece(token) for token in found.tokens[found.first :]]
    assert b"".join(pieces).decode().endswith(text)
    raw = text.encode()
    at = len(raw) - sum(map(len, pieces[1:]))
    for piece, start in zip(pieces[1:], found.starts[1:], strict=True):
        assert len(raw[:at].decode("utf-8", "ignore")) == start
        at += len(piece)


def test_sums_do_not_depend_on_the_order_and_what_is_shared_is_evaluated_once(
    model: LlamaModel,
) -> None:
    cells = Cells(model)
    cells.forget()
    asked = passages()
    alone = []
    for each in asked:
        cells.forget()
        alone += score(cells, model, [each])
    cells.forget()
    together = score(cells, model, asked)
    backwards = score(cells, model, asked[::-1])[::-1]
    for one, two, three in zip(alone, together, backwards, strict=True):
        assert one.tokens == two.tokens == three.tokens
        for other in (two, three):
            assert abs(fmean(one.logprobs) - fmean(other.logprobs)) < 0.03
    context = len(model.vocabulary.tokenize(CONTEXT))
    assert together[0].evaluated > context
    for each, plan in zip(together[1:], PLANS[1:], strict=True):
        own = len(model.vocabulary.tokenize(plan)) + len(each.tokens)
        assert each.evaluated <= own + 24
        assert each.evaluated + each.reused == together[0].evaluated + (
            len(model.vocabulary.tokenize(f"<reasoning>{plan}</reasoning>"))
            - len(model.vocabulary.tokenize("<reasoning></reasoning>"))
        )
    cells.forget()


def test_windows_that_are_cut_go_back_to_a_checkpoint_before_the_plans(
    other_small_model: Path,
) -> None:
    config = ModelConfig(path=str(other_small_model), context=1536, whole_windows=False)
    model = LlamaModel(config, lambda _: None)
    cells = Cells(model)
    asked = passages(TEXT[:80], SAMPLE[: SAMPLE.index("\n\n", 3000)])[1:]
    found = score(cells, model, asked)
    assert found[0].evaluated > 512 + model.batch
    assert found[1].evaluated < 128
    cells.forget()
    (alone,) = score(cells, model, asked[1:])
    assert alone.tokens == found[1].tokens
    assert abs(fmean(alone.logprobs) - fmean(found[1].logprobs)) < NOISE


def request(seed: int) -> Request:
    message = FORMATS["cra-v1"].render(CONTEXT[-600:]).text
    return Request(
        message=message,
        segments=(
            SegmentPlan(name="reasoning", opening="<reasoning>", closing="</reasoning>", tokens=40),
            SegmentPlan(name="answer", opening="<answer>", closing="</answer>", tokens=8),
        ),
        sampling=Sampling(seed=seed),
    )


def test_what_is_evaluated_for_a_reply_is_what_encode_says(model: LlamaModel) -> None:
    # The prompt in any case; the tags and what stands before them too.
    writer = Writer(model)
    split = SplitFrame(model.frame, model.vocabulary)
    writer.forget()
    whole = 0
    for seed in range(4):
        asked = request(seed)
        plan = ""
        before: list[int] = []
        for event in writer.write(asked, lambda: False):
            if isinstance(event, Text) and event.segment == "reasoning":
                plan += event.text
            if isinstance(event, Retracted) and event.segment == "reasoning":
                plan = plan[: event.kept]
            if isinstance(event, Text) and event.segment == "answer" and not before:
                before = list(writer.cells.tokens)
        assert isinstance(event, Finished)
        pieces = ("<reasoning>", f"{plan}</reasoning><answer>")

        def tokens(
            count: int, pieces: tuple[str, ...] = pieces, m: str = asked.message
        ) -> list[int]:
            found = encode_reply(split, m, pieces[:count], model.vocabulary)
            return list(found.tokens)

        prompt, opened = tokens(1), tokens(2)
        assert before[: len(prompt)] == prompt
        assert opened[: len(prompt)] == prompt
        tail = model.vocabulary.tokenize_inside("</reasoning><answer>")[1:]
        end = next(n for n in range(len(prompt), len(before)) if before[n : n + len(tail)] == tail)
        assert opened[-len(tail) :] == tail
        reached = before[: end + len(tail)]
        assert b"".join(map(model.vocabulary.piece, reached[len(prompt) :])).decode() == pieces[1]
        whole += reached == opened
    # What was sampled is mostly how the tokenizer writes it.
    assert whole >= 2
    writer.forget()


# --- through the child process ------------------------------------------------------------------


@pytest.fixture(scope="module")
def scoring_engine(small_model: Path) -> Iterator[ProcessEngine]:
    engine = ProcessEngine(ModelConfig(path=str(small_model), context=2048, scores=True))
    yield engine
    engine.close()


def test_an_engine_scores_in_order_and_counts(scoring_engine: ProcessEngine) -> None:
    scoring_engine.rebuild()
    found = list(scoring_engine.score(passages()))
    assert len(found) == len(PLANS)
    total = scoring_engine.prompt(passages()[0].message, passages()[0].opening + TEXT).tokens
    assert found[0].evaluated == total - 1
    assert all(each.evaluated < 200 < each.reused for each in found[1:])
    assert len({each.tokens for each in found}) == 1


def test_a_reply_goes_on_behind_scores(scoring_engine: ProcessEngine) -> None:
    asked = Request(
        message=passages()[0].message, segments=request(0).segments, sampling=Sampling()
    )
    list(scoring_engine.score(passages()))
    last = list(scoring_engine.generate(asked))[-1]
    assert isinstance(last, Finished)
    assert last.statistics.evaluated_tokens == 1


def test_what_does_not_fit_is_said_and_the_engine_goes_on(scoring_engine: ProcessEngine) -> None:
    with pytest.raises(PromptTooLongError, match="2,048"):
        list(scoring_engine.score(passages(TEXT * 40)))
    assert list(scoring_engine.score([])) == []
    assert len(list(scoring_engine.score(passages()[:1]))) == 1


def test_a_stop_leaves_the_rest_unscored(scoring_engine: ProcessEngine) -> None:
    scoring_engine.rebuild()
    seen = []
    for each in scoring_engine.score(passages() * 8):
        seen.append(each)
        scoring_engine.stop()
    assert 1 <= len(seen) <= 3


def test_leaving_the_scores_early_ends_them(scoring_engine: ProcessEngine) -> None:
    scores = scoring_engine.score(passages() * 8)
    next(scores)
    scores.close()  # type: ignore[attr-defined]
    assert len(list(scoring_engine.score(passages()))) == len(PLANS)


def test_a_reply_is_encoded_as_the_prompt_is(scoring_engine: ProcessEngine) -> None:
    message = passages()[0].message
    found = scoring_engine.encode(message, "<reasoning>", "plan</reasoning><answer>", " text")
    prompt = scoring_engine.encode(message, "<reasoning>")
    assert len(prompt.tokens) == scoring_engine.prompt(message, "<reasoning>").tokens
    assert found.tokens[: len(prompt.tokens)] == prompt.tokens
    assert found.reply == prompt.reply == scoring_engine.encode(message).reply
    # ChatML's <|im_end|> ends a turn.
    assert found.end == 2


def test_lone_surrogates_do_not_break_it(scoring_engine: ProcessEngine) -> None:
    (found,) = scoring_engine.score([Passage(message="a \ud800", text="b \udfff c")])
    assert found.starts[-1] < 5
