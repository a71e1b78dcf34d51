"""Thinking ahead: from the key to the first token of the answer, when she paused long enough."""

import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

from storytui.bench.contenders import AheadWatch
from storytui.bench.first_token import OPTIONS, REPLY_ROOM, StartEngine
from storytui.bench.manuscripts import Manuscript
from storytui.continuing import plan
from storytui.engine.api import Engine, EngineError, Finished, Request, Text
from storytui.story.prompt import ANSWER

PROMPT_TOKENS = 1200
ROUNDS = 5


def measure_thinking(
    start: StartEngine, manuscript: Manuscript, rounds: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """Milliseconds to the first token of the answer, with the reasoning written ahead.

    Raises:
        EngineError, ContenderError: something failed on the way.
    """
    times, steps = [], []
    with closing(start(PROMPT_TOKENS + REPLY_ROOM)) as engine:
        engine.load()
        watch = AheadWatch(engine)
        for number in range(rounds):
            say(f"thinking ahead: {number + 1} of {rounds}")
            end = manuscript.text.index(" ", 4000 + number * 6000)
            text = manuscript.text[number * 6000 : end]
            request = plan(engine, text, len(text), OPTIONS).request
            watch.wait_until_read(request, "think")
            first, step = _first_of_answer(engine, request)
            times.append(first)
            steps.append(step)
    times.sort()
    steps.sort()
    first, step = times[len(times) // 2], steps[len(steps) // 2]
    return {
        "first_answer_token_ms": round(first, 1),
        "step_ms": round(step, 2),
        "steps": round(first / step, 2),
        "rounds": rounds,
    }


def _first_of_answer(engine: Engine, request: Request) -> tuple[float, float]:
    """Milliseconds to the first text of the answer, and of one decoding step."""
    began = time.perf_counter()
    first = 0.0
    for event in engine.generate(request):
        if not first and isinstance(event, Text) and event.segment == ANSWER.name:
            first = (time.perf_counter() - began) * 1000
        if isinstance(event, Finished):
            return first, 1000 / event.statistics.tokens_per_second
    raise EngineError("The model's reply broke off.")
