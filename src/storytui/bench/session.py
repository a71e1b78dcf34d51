"""A writing session: an answer is taken, a sentence typed, the next one asked for; and again.

The manuscript is many times as long as the window, so that the window moves on as the story grows.
"""

import random
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

from storytui.bench.contenders import AheadWatch, Vocabulary
from storytui.bench.first_token import StartEngine
from storytui.bench.manuscripts import Manuscript
from storytui.bench.shared import shared_end
from storytui.continuing import Options, Plan, plan
from storytui.engine.api import Engine, EngineError, Finished, Retracted, Sampling, Statistics, Text
from storytui.manuscript.reading_places import ReadingPlaces
from storytui.story.prompt import ANSWER
from storytui.story.sentences import sentence_spans
from storytui.story.words import count_words

ROUNDS = 100
WINDOW = 4096
"""Tokens of the window, and a little more."""
REPLY = 640
"""Tokens of the context that reply, format and template take."""
BEGUN = 12 / 13
"""Share of the manuscript that is written already; what is typed comes from the rest."""
OPTIONS = Options(words=40, reasoning_tokens=64, lead_words=0)


def measure_session(
    start: StartEngine,
    manuscript: Manuscript,
    seed: int,
    rounds: int,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Counts of tokens in a session of so many rounds.

    Raises:
        EngineError, ContenderError: something failed on the way.
    """
    text = manuscript.text
    begun = text[: round(len(text) * BEGUN)].rstrip()
    with closing(start(WINDOW + REPLY)) as engine:
        session = Session(engine, begun, _template_end(engine), seed)
        sentences = _sentences(text[len(begun) :])
        for number in range(rounds):
            say(f"session: round {number + 1} of {rounds}")
            session.go_on(sentences[number % len(sentences)])
        return {
            "rounds": rounds,
            "seed": seed,
            "manuscript": manuscript.source,
            "manuscript_words": count_words(begun),
            **session.figures(),
        }


def _sentences(text: str) -> list[str]:
    return [" ".join(text[start:end].split()) for start, end in sentence_spans(text[:60_000])]


def _template_end(engine: Engine) -> int:
    """Tokens of the prompt behind the story."""
    with closing(Vocabulary(engine)) as vocabulary:
        one, other = (
            vocabulary.ask_for(text, 0, OPTIONS) for text in ("It was morning.", "They ran,")
        )
    assert one is not None
    assert other is not None
    return shared_end(one.tokens, other.tokens)


class Session:
    """One manuscript that is written on, and what that costs."""

    def __init__(self, engine: Engine, text: str, template_end: int, seed: int) -> None:
        """Nothing is asked for yet.

        Args:
            engine: is used by nobody else.
            text: the manuscript up to the cursor.
            template_end: tokens of a prompt behind the story, which are new in every round.
            seed: of all that is drawn.
        """
        self._engine = engine
        self._text = text
        self._template_end = template_end
        self._draw = random.Random(seed)
        self._watch = AheadWatch(engine)
        self._places = ReadingPlaces()
        self._before: Plan | None = None
        self._costs: list[Statistics] = []
        self._ahead: list[int] = []
        self._new: list[int] = []
        self._dropped: list[float] = []
        self._added = ""
        """What came to the manuscript since the last request."""

    def go_on(self, sentence: str) -> None:
        """Ask, read what comes, take it, and type a sentence."""
        options = replace(OPTIONS, sampling=Sampling(seed=self._draw.randrange(2**31)))
        planned = self._plan(options)
        answer, cost = _reply(self._engine, planned)
        self._note(planned, cost)
        # She reads the answer; meanwhile, what was moved is read again.
        self._ahead.append(self._watch.wait_until_read(planned.request))
        self._added = f" {answer.strip()} {sentence}"
        self._text += self._added

    def figures(self) -> dict[str, Any]:
        """What all rounds but the first cost, which evaluates a whole window."""
        waited = sum(each.evaluated_tokens for each in self._costs[1:])
        new = sum(self._new)
        ahead = sum(self._ahead[1:])
        f = min(self._dropped, default=0.0)
        return {
            "window_tokens": max(each.prompt_tokens for each in self._costs),
            "new_tokens": new,
            "evaluated_waiting": waited,
            "evaluated_waiting_by_new": round(waited / max(1, new), 3),
            "evaluated_ahead": ahead,
            "evaluated_by_new": round((waited + ahead) / max(1, new), 3),
            "moves": len(self._dropped),
            "f": round(f, 3),
            "most_evaluated_by_new": round(1 / f + 1, 3) if f else None,
            "approximate_rounds": sum(each.approximate_tokens > 0 for each in self._costs),
            "waiting_worst": max((each.evaluated_tokens for each in self._costs[1:]), default=0),
        }

    def _plan(self, options: Options) -> Plan:
        return plan(self._engine, self._text, len(self._text), options, self._places)

    def _note(self, planned: Plan, cost: Statistics) -> None:
        self._costs.append(cost)
        before, self._before = self._before, planned
        if before is None:
            return
        start, was = planned.window.start, before.window.start
        added, dropped = self._engine.count([self._added, self._text[was:start]])
        self._new.append(added + self._template_end)
        if start > was:
            budget = self._engine.load().context - self._reply_room(planned, cost)
            self._dropped.append(dropped / budget)

    def _reply_room(self, planned: Plan, cost: Statistics) -> int:
        """Tokens of the context that are not the story's."""
        [story] = self._engine.count([planned.window.text])
        reply = sum(each.tokens + 32 for each in planned.request.segments)
        return cost.prompt_tokens - story + reply


def _reply(engine: Engine, planned: Plan) -> tuple[str, Statistics]:
    """The answer as it stands at the end, and what it cost."""
    answer = ""
    for event in engine.generate(planned.request):
        if isinstance(event, Text) and event.segment == ANSWER.name:
            answer += event.text
        elif isinstance(event, Retracted) and event.segment == ANSWER.name:
            answer = answer[: event.kept]
        elif isinstance(event, Finished):
            return answer, event.statistics
    raise EngineError("The model's reply broke off.")
