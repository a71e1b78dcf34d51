"""How long until the first token, in every case, at once and after the idle time, beside peers."""

import statistics
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

from storytui.bench.cases import CASES, Drawing, Work
from storytui.bench.contenders import (
    LLAMA_CLASS,
    LLAMA_SERVER,
    STORYTUI,
    Contender,
    Cost,
    Peer,
    Storytui,
    Vocabulary,
    is_installed,
)
from storytui.bench.decoding import run_reply
from storytui.bench.manuscripts import Manuscript
from storytui.continuing import Options
from storytui.engine.api import Engine, Sampling

AT_ONCE, IDLE = "at_once", "idle"
WHENS = (AT_ONCE, IDLE)
PEERS = (LLAMA_CLASS, LLAMA_SERVER)
ROUNDS = 3
"""Times that each case is drawn."""
PROMPT_TOKENS = 1200
STEP_WORDS = 40
"""Words whose decoding gives the time of one step."""
REPLY_ROOM = 900
"""Tokens of the context that a prompt must leave free for the reply."""
OPTIONS = Options(words=120, reasoning_tokens=256, lead_words=0, sampling=Sampling(seed=1))
"""With reasoning, so that the prompt ends with its tag and the first token is drawn from there."""

Say = Callable[[str], None]
"""Told what is going on."""


class StartEngine(Protocol):
    """Starts the engine that the settings name."""

    def __call__(self, context: int = 0) -> Engine:
        """With so many tokens of context; 0: as the settings say."""
        ...


@dataclass(frozen=True, slots=True)
class Measure:
    """How the cases are measured."""

    manuscript: Manuscript
    seed: int
    prompt_tokens: int = PROMPT_TOKENS
    rounds: int = ROUNDS
    engines: tuple[str, ...] = (STORYTUI, *PEERS)
    cases: tuple[str, ...] = CASES
    whens: tuple[str, ...] = WHENS

    @property
    def context(self) -> int:
        """Tokens of context that all engines get."""
        return -(-(self.prompt_tokens + REPLY_ROOM) // 32) * 32


@dataclass(frozen=True, slots=True)
class _Timed:
    engine: str
    case: str
    when: str
    prompt_tokens: int
    new_tokens: int
    cost: Cost


def measure_first_token(start: StartEngine, measure: Measure, say: Say) -> dict[str, Any]:
    """All cases with all engines: `cases`, `step_ms`, and what was measured with.

    Raises:
        ContenderError, CaseError, EngineError: something failed, or nothing could be drawn.
    """
    names = [each for each in measure.engines if each == STORYTUI or is_installed(each)]
    with closing(Storytui(lambda: start(measure.context), OPTIONS)) as ours:
        info = ours.info
        with closing(Vocabulary(ours.engine)) as vocabulary:
            drawing = Drawing(
                measure.manuscript.text,
                measure.prompt_tokens,
                measure.seed,
                ours.engine.count,
                lambda text, begin: vocabulary.ask_for(text, begin, OPTIONS),
            )
            works = [drawing.draw(case) for _ in range(measure.rounds) for case in measure.cases]
        settings: dict[str, object] = {
            "model": info.path,
            "context": info.context,
            "threads": info.threads,
            "gpu_layers": info.gpu_layers,
        }
        openers: dict[str, Callable[[], Contender]] = {
            name: partial(Peer, name, settings) for name in names if name != STORYTUI
        }
        if STORYTUI in names:
            openers[STORYTUI] = lambda: ours
        steps = [step_ms(ours, works[0])]
        timed: list[_Timed] = []
        # Where all have room at once they take turns, so that a machine whose speed drifts drifts
        # for all of them; a graphics card has room for one.
        together = not info.gpu_layers
        if together:
            with ExitStack() as stack:
                contenders = [_opened(openers[name], stack, ours) for name in names]
                for number, work in enumerate(works):
                    turn = number % len(contenders)
                    for contender in contenders[turn:] + contenders[:turn]:
                        timed.extend(_measured(contender, work, measure.whens, say))
                    if number % len(measure.cases) == 0 and STORYTUI in names:
                        steps.append(step_ms(ours, work))
        else:
            for name in names:
                with ExitStack() as stack:
                    contender = _opened(openers[name], stack, ours)
                    for work in works:
                        timed.extend(_measured(contender, work, measure.whens, say))
                if name == STORYTUI:
                    steps.append(step_ms(ours, works[0]))
                    ours.engine.close()
    return {
        "step_ms": round(statistics.median(steps), 2),
        "cases": list(rows(timed)),
        "measured": {
            "seed": measure.seed,
            "rounds": measure.rounds,
            "manuscript": measure.manuscript.source,
            "context": info.context,
            "threads": info.threads,
            "gpu_layers": info.gpu_layers,
            "backend": info.backend,
            "missing": [each for each in measure.engines if each not in names],
        },
    }


def _opened(opener: Callable[[], Contender], stack: ExitStack, ours: Storytui) -> Contender:
    contender = opener()
    if contender is not ours:
        stack.callback(contender.close)
    return contender


def _measured(
    contender: Contender, work: Work, whens: tuple[str, ...], say: Say
) -> Iterator[_Timed]:
    for when in whens:
        say(f"{contender.name}: {work.case}, {when.replace('_', ' ')}")
        cost = run_once(contender, work, when)
        yield _Timed(
            contender.name, work.case, when, len(work.wanted.tokens), work.new_tokens, cost
        )


def run_once(contender: Contender, work: Work, when: str) -> Cost:
    """One case with one engine: what it has evaluated before, the idle time, the question."""
    if work.base is None:
        contender.start_anew()
    else:
        contender.ask(work.base)
    if when == IDLE:
        contender.get_ready(work.wanted)
    return contender.ask(work.wanted)


def rows(timed: list[_Timed]) -> Iterator[dict[str, Any]]:
    """One row an engine, case and time: the medians of its draws."""
    groups: dict[tuple[str, str, str], list[_Timed]] = {}
    for each in timed:
        groups.setdefault((each.engine, each.case, each.when), []).append(each)
    order = {name: number for number, name in enumerate(CASES)}
    for (engine, case, when), group in sorted(
        groups.items(), key=lambda item: (item[0][2], order[item[0][1]], item[0][0])
    ):
        costs = [each.cost for each in group]
        yield {
            "engine": engine,
            "case": case,
            "when": when,
            "first_token_ms": round(statistics.median(each.first_token_ms for each in costs), 1),
            "first_token_ms_all": [round(each.first_token_ms, 1) for each in costs],
            "evaluated_tokens": _median([each.evaluated_tokens for each in costs]),
            "moved_tokens": _median([each.moved_tokens for each in costs]),
            "approximate_tokens": _median([each.approximate_tokens for each in costs]),
            "approximate": any(each.approximate_tokens for each in costs),
            "prompt_tokens": _median([each.prompt_tokens for each in group]),
            "new_tokens": _median([each.new_tokens for each in group]),
            "evaluated_beyond_new": max(
                each.cost.evaluated_tokens - each.new_tokens for each in group
            ),
        }


def _median(numbers: list[int]) -> int:
    return round(statistics.median(numbers))


def step_ms(ours: Storytui, work: Work) -> float:
    """Milliseconds of one decoding step behind a prompt, as the child decodes."""
    options = replace(ours.options, words=STEP_WORDS, reasoning_tokens=0)
    cost, _ = run_reply(ours.engine, work.wanted.text[work.wanted.start :], options)
    return 1000 / cost.tokens_per_second
