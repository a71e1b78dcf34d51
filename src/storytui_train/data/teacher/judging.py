"""How much plans help: by how many percent they lower the perplexity of the true continuation.

A local model reads a row's context, a plan and the continuation, in the form that it is trained and
served in, and once without the plan. Words that the plan shares with the continuation are left out
on both sides. The plan is chosen by the first half of the continuation, and its gain is reported
on the second, beside that of the best of as many plans of another row: the maximum of noise is
positive too.
"""

import math
import re
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import msgspec

from storytui.engine.api import Engine, EngineError, PromptTooLongError
from storytui.engine.scores import Passage, Scored, Scoring
from storytui.story.prompt import ANSWER, REASONING, PromptFormat, prompt_format
from storytui.story.sentences import sentence_starts
from storytui.story.visible import visible
from storytui.story.words import count_words
from storytui_train.data.examples import Row
from storytui_train.data.teacher.engines import fingerprint_of, model_to_run, open_engine
from storytui_train.data.teacher.kept_judgements import Gains, KeptJudgements
from storytui_train.data.teacher.masking import middle, shared_spans, unmasked
from storytui_train.errors import RecipeError, TeacherError
from storytui_train.recipe import ScoreOptions

VERSION = "gain-1"
"""Of how a gain is worked out: another one is another judgement."""
FILLER = (
    "I think about what has been told so far and about what could be told now. There is no need to "
    "hurry. I want to go on in the same manner, with the same care, and to keep to what is already "
    "there. Each sentence should follow from the one before it. I look at the whole once more and "
    "then at the last lines of it, and I take the time that this needs. When I have done so, I "
    "begin to write. "
)
"""Says nothing of any story: what stands in the plan's place where there is none."""
PARAGRAPH_SHARE = 0.75
"""Of the words asked for that a context keeps where it is cut at a paragraph's beginning."""
_WORDS = re.compile(r"\S+")


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a row's plans, and of as many of another row's."""

    plans: tuple[Gains, ...]
    control: tuple[Gains, ...] = ()

    @property
    def choice(self) -> tuple[float, ...]:
        """Gain of each plan on the first half of the continuation."""
        return tuple(each.first for each in self.plans)

    @property
    def reported(self) -> tuple[float, ...]:
        """Gain of each plan on the second half."""
        return tuple(each.second for each in self.plans)

    @property
    def kept(self) -> int | None:
        """The number of the plan that is kept: the best on the first half."""
        return _best(self.plans)

    @property
    def gain(self) -> float | None:
        """Its gain on the second half."""
        return None if self.kept is None else self.plans[self.kept].second

    @property
    def control_gain(self) -> float | None:
        """Gain on the second half of the best, by the first half, of the other row's plans."""
        best = _best(self.control)
        return None if best is None else self.control[best].second


def _best(gains: Sequence[Gains]) -> int | None:
    return max(range(len(gains)), key=lambda n: (gains[n].first, -n), default=None)


# --- what is scored -------------------------------------------------------------------------------


def passage_of(row: Row, plan: str, options: ScoreOptions) -> Passage:
    """A row with a plan, as the judge reads it.

    Args:
        row: its context is cut from its beginning, and its continuation is the text.
        plan: what stands in the reasoning's place.
        options: the format, and how much of the context is read.
    """
    form = prompt_format(options.format)
    context = end_of(row.context, options.context_words)
    opening = f"{REASONING.opening}{plan}{REASONING.closing}{ANSWER.opening}"
    direction = row.guidance if _needs_direction(form) else ""
    if not form.verbatim:
        message = form.render(context.rstrip(), direction=direction).text
        return Passage(message=message, opening=opening, text=row.continuation.strip())
    return Passage(message=form.render(context).text, opening=opening, text=row.continuation)


def end_of(text: str, words: int) -> str:
    """The end of a text, from a paragraph's or else a sentence's beginning on.

    Args:
        text: is not cut at its end.
        words: the most white-separated words it keeps; 0: all.
    """
    starts = [found.start() for found in _WORDS.finditer(text)]
    if not words or len(starts) <= words:
        return text
    earliest = starts[-words]
    paragraph = text.find("\n\n", earliest - 2)
    if paragraph >= 0 and len(text[paragraph:].split()) >= words * PARAGRAPH_SHARE:
        return text[paragraph:].lstrip("\n")
    sentence = next((at for at in sentence_starts(text) if at >= earliest), earliest)
    return text[sentence:]


def without_plan(plans: Sequence[str]) -> str:
    """What stands in the reasoning's place for the comparison: words that say nothing.

    As many as the plans have on average, since a small model loses by any text that comes between
    a story and what follows: on 20 rows SmolLM2 lost 5.6 percent by other rows' plans against an
    empty segment, and 3.1 against this, with half the spread; the rest is what the plans say.
    """
    count = round(sum(map(count_words, plans)) / len(plans)) if plans else 0
    words = FILLER.split()
    times = -(-count // len(words)) or 1
    return " ".join((words * times)[: max(1, count)])


def gains_of(text: str, plan: str, given: Scored, bare: Scored) -> Gains:
    """What a plan gains over none, in percent of perplexity.

    Args:
        text: that was scored.
        plan: whose words in the text are left out.
        given: the text's scores with the plan.
        bare: its scores without.
    """
    spans = shared_spans(plan, text)
    half = middle(text)
    sums = [_sums(each, text, spans, half) for each in (given, bare)]
    (first, second), (bare_first, bare_second) = sums
    whole, bare_whole = first + second, bare_first + bare_second
    tokens = len(bare.tokens)
    return Gains(
        first=_gain(first, bare_first),
        second=_gain(second, bare_second),
        whole=_gain(whole, bare_whole),
        masked=1 - bare_whole.tokens / tokens if tokens else 0.0,
    )


class _Sum(msgspec.Struct, frozen=True):
    """The logarithm of the probability of some tokens, and how many they are."""

    logprob: float
    tokens: int

    def __add__(self, other: "_Sum") -> "_Sum":
        return _Sum(self.logprob + other.logprob, self.tokens + other.tokens)


def _sums(
    scored: Scored, text: str, spans: Sequence[tuple[int, int]], half: int
) -> tuple[_Sum, _Sum]:
    """Of the tokens that share no character with a span, before and from a character on."""
    counted = unmasked(scored.starts, len(text), spans)
    halves: tuple[list[float], list[float]] = ([], [])
    for start, logprob, counts in zip(scored.starts, scored.logprobs, counted, strict=True):
        if counts:
            halves[start >= half].append(logprob)
    first, second = (_Sum(math.fsum(each), len(each)) for each in halves)
    return first, second


def _gain(given: _Sum, bare: _Sum) -> float:
    """Percent of perplexity; 0 where nothing is left to compare."""
    if not bare.tokens:
        return 0.0
    # The tokens are the same on both sides but where a tokenizer joins an opening with the text.
    return 100 * -math.expm1(-(given.logprob - bare.logprob) / bare.tokens)


# --- the judge ------------------------------------------------------------------------------------


def judge_row(
    engine: Scoring,
    row: Row,
    plans: Sequence[str],
    others: Sequence[str],
    options: ScoreOptions,
    *,
    kept: KeptJudgements | None = None,
    model: str = "",
) -> Judged:
    """Judge the plans of a row, and beside them plans of another row.

    All is scored in one call, and what the passages share is read once. What was judged before is
    not judged again.

    Args:
        engine: scores.
        row: has context and continuation.
        plans: its plans.
        others: of another row, as many as its own.
        options: the format, and how much of the context is read.
        kept: the judgements that are kept; None: none are.
        model: the fingerprint of the engine's model, by which they are kept.

    Raises:
        TeacherError: the row does not fit the model's context, or the engine failed.
    """
    bare = passage_of(row, without_plan(plans), options)
    asked = [passage_of(row, plan, options) for plan in (*plans, *others)]
    names = [_name(model, each, bare) for each in asked]
    found = {} if kept is None else {name: kept.found(name) for name in names}
    missing = [number for number, name in enumerate(names) if found.get(name) is None]
    if missing:
        scores = _scores(engine, row, [bare, *(asked[number] for number in missing)])
        texts = (*plans, *others)
        fresh = {
            names[number]: gains_of(bare.text, texts[number], scored, scores[0])
            for number, scored in zip(missing, scores[1:], strict=True)
        }
        if kept is not None:
            kept.keep(fresh)
        found |= fresh
    gains = [each for name in names if (each := found[name]) is not None]
    return Judged(plans=tuple(gains[: len(plans)]), control=tuple(gains[len(plans) :]))


def _name(model: str, asked: Passage, bare: Passage) -> str:
    """What a judgement is kept by: everything that it depends on."""
    parts = (VERSION, model, asked.message, asked.opening, bare.opening, asked.text)
    sizes = ",".join(str(len(each)) for each in parts)
    return sha256("\0".join((sizes, *parts)).encode("utf-8", "surrogatepass")).hexdigest()


def _scores(engine: Scoring, row: Row, passages: Sequence[Passage]) -> list[Scored]:
    try:
        scores = list(engine.score(passages))
    except PromptTooLongError as error:
        raise TeacherError(
            f"The row {visible(row.id)} is too long for the judge: {visible(str(error))}. Set "
            "score.context_words, or cut shorter rows."
        ) from error
    except EngineError as error:
        raise TeacherError(f"The judge does not answer: {visible(str(error))}") from error
    if len(scores) < len(passages):
        raise TeacherError("The judge was stopped before its end; run again to go on.")
    return scores


class Judge:
    """A local model that judges, and what it has judged; for one task."""

    def __init__(
        self,
        options: ScoreOptions,
        folder: Path,
        task: str = "00000",
        *,
        engine: Engine | None = None,
        context: int = 0,
        log: Path | None = None,
    ) -> None:
        """Find the model; it is loaded for the first row that was not judged before.

        Args:
            options: the recipe's.
            folder: where judgements are kept, by all tasks.
            task: names this task's own file there.
            engine: one that scores; None: the recipe's model is opened.
            context: tokens; 0: what the machine and the model allow.
            log: a file for what llama.cpp says.

        Raises:
            RecipeError: the recipe names no model.
            TeacherError: there is no such model, or nothing can be kept in the folder.
        """
        if not options.model and engine is None:
            raise RecipeError("The recipe has no judge: set score.model.")
        self._options = options
        if engine is None:
            model = model_to_run(options.model)
            self._model = fingerprint_of(model)
            self.engine: Engine = open_engine(
                model.path, adapters=model.adapters, context=context, scores=True, log=log
            )
            """What scores."""
        else:
            self._model, self.engine = options.model, engine
        self._kept = KeptJudgements(folder, task)

    def judge(self, row: Row, plans: Sequence[str], others: Sequence[str] = ()) -> Judged:
        """Judge the plans of a row; see `judge_row`."""
        return judge_row(
            self.engine, row, plans, others, self._options, kept=self._kept, model=self._model
        )

    def close(self) -> None:
        """Give the model back."""
        self._kept.close()
        self.engine.close()


def _needs_direction(form: PromptFormat) -> bool:
    """Whether a format is not complete without one."""
    return any(part.slot == "direction" and not part.optional for part in form.parts)
