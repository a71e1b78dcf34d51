"""How likely a model finds what the author wrote, and how much its own plans help it there."""

import math
from collections.abc import Sequence

import msgspec

from storytui.continuing import Plan
from storytui.engine.api import Engine, EngineError
from storytui.engine.scores import Passage, Scored
from storytui.story.prompt import ANSWER, REASONING, prompt_format
from storytui.story.words import count_words
from storytui_train.data.dataset.rendering import rounded
from storytui_train.data.examples import Row
from storytui_train.data.teacher.judging import gains_of, without_plan
from storytui_train.evaluate.asking import Asked, planned
from storytui_train.evaluate.contestants import Contestant


class Likelihood(msgspec.Struct, frozen=True, kw_only=True):
    """How likely a row's continuation is to a model."""

    prompt: float
    """Bits, after the prompt as the editor makes it, no plan between."""
    plain: float
    """Bits, after the context as plain text, without format and chat template."""
    bytes: int
    """Of the text that was scored, in UTF-8."""
    tokens: int
    """Of that text."""
    cut: bool
    """Whether the model's context was too short for all of the row's."""


class Gain(msgspec.Struct, frozen=True, kw_only=True):
    """What plans gain of a continuation's perplexity, in percent, over words that say nothing."""

    own: float
    """The model's own plan, words that it shares with the continuation left out."""
    control: float
    """Its plan for another row, likewise."""
    unmasked: float
    """Its own, all words counted."""
    masked: float
    """Share of the tokens that were left out for its own."""
    after: float
    """Bits of the continuation behind its own plan."""


def likelihood(engine: Engine, contestant: Contestant, row: Row, asked: Asked) -> Likelihood:
    """Score a row's continuation.

    Raises:
        PromptTooLongError: the row does not fit its context.
        EngineError: the engine failed.
    """
    plan = _plan(engine, contestant, row, asked)
    with_prompt = _passage(plan, row, "")
    gap, text = _continuation(row)
    plain = Passage(message=plan.window.text, opening=gap, text=text, bare=True)
    in_prompt, as_plain = _scores(engine, [with_prompt, plain])
    return Likelihood(
        prompt=bits(in_prompt),
        plain=bits(as_plain),
        bytes=len(text.encode("utf-8", "replace")),
        tokens=len(in_prompt.tokens),
        cut=plan.window.start > 0,
    )


def gain(
    engine: Engine, contestant: Contestant, row: Row, own: str, other: str, asked: Asked
) -> Gain:
    """Score a row's continuation behind plans.

    Args:
        engine: the model's.
        contestant: the model.
        row: the example.
        own: the plan that the model wrote for it.
        other: one that it wrote for another row.
        asked: as for `likelihood`.

    Raises:
        PromptTooLongError: a passage does not fit its context.
        EngineError: the engine failed.
    """
    plan = _plan(engine, contestant, row, asked)
    plans = (without_plan((own, other)), own, other)
    passages = [_passage(plan, row, each) for each in plans]
    nothing, with_own, with_other = _scores(engine, passages)
    text = passages[0].text
    found = gains_of(text, own, with_own, nothing)
    return Gain(
        own=found.whole,
        control=gains_of(text, other, with_other, nothing).whole,
        unmasked=gains_of(text, "", with_own, nothing).whole,
        masked=found.masked,
        after=bits(with_own),
    )


def bits(scored: Scored) -> float:
    """The bits that a text takes by a model's probabilities."""
    return -math.fsum(scored.logprobs) / math.log(2)


def _plan(engine: Engine, contestant: Contestant, row: Row, asked: Asked) -> Plan:
    """What is asked is as long as the true text, as a writer would ask for it.

    Room is kept for this text alone, and for a plan, so that it has the same context with one and
    without.
    """
    engine.load()
    words = rounded(count_words(row.continuation))
    (room,) = engine.count([row.continuation])
    return planned(engine, contestant, row, asked, words=words, room=room)


def _continuation(row: Row) -> tuple[str, str]:
    """The white space that is given, and the text that is scored.

    White space is given to every model, however it reads: where a tokenizer has one token for a
    full stop and the line breaks behind it, as Qwen's and Llama 3's have, scoring the breaks would
    score the stop too behind plain text, and not behind a tag. A blank stays a part of the token
    of the word behind it, everywhere.
    """
    text = row.continuation.rstrip()
    bare = text.lstrip()
    return text[: len(text) - len(bare)], bare


def _passage(plan: Plan, row: Row, thought: str) -> Passage:
    gap, text = _continuation(row)
    lead = plan.request.segments[-1].lead
    reasoning = f"{REASONING.opening}{thought}{REASONING.closing}" if thought else ""
    # An answer that is not verbatim begins behind its tag at once, as in training.
    given = gap if lead or prompt_format(plan.format).verbatim else ""
    return Passage(
        message=plan.request.message,
        opening=f"{reasoning}{ANSWER.opening}{lead}{given}",
        text=text,
    )


def _scores(engine: Engine, passages: Sequence[Passage]) -> list[Scored]:
    scores = list(engine.score(passages))
    if len(scores) < len(passages):
        raise EngineError("the scoring was stopped before its end")
    return scores
