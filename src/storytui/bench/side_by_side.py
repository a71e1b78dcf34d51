"""Several candidates at once against the same ones in turn."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

import msgspec

from storytui.bench.first_token import StartEngine
from storytui.bench.manuscripts import FRAME_TOKENS, Manuscript
from storytui.continuing import Options, plan
from storytui.engine.api import Engine, Finished, Request, Sampling, Statistics

COUNTS = (1, 2, 4)
PROMPT_TOKENS = 2000
OPTIONS = Options(reasoning_tokens=0, lead_words=0)
REPLY_TOKENS = 240
"""Tokens that are drawn for each reply, as many at once as in turn."""


def measure_candidates(
    start: StartEngine, manuscript: Manuscript, seed: int, say: Callable[[str], None]
) -> list[dict[str, Any]]:
    """For each number of candidates: all at once, and one after the other, from a cold cache.

    Raises:
        EngineError: something failed on the way.
    """
    found = []
    with closing(start(PROMPT_TOKENS + max(COUNTS) * (REPLY_TOKENS + 64))) as engine:
        engine.load()
        for count in COUNTS:
            say(f"candidates: {count}")
            requests = _requests(engine, manuscript, seed, count)
            engine.rebuild()
            began = time.perf_counter()
            together = [
                event.statistics
                for _, event in engine.candidates(requests)
                if isinstance(event, Finished)
            ]
            at_once = time.perf_counter() - began
            engine.rebuild()
            began = time.perf_counter()
            in_turn = [_cost(engine, each) for each in requests]
            one_by_one = time.perf_counter() - began
            found.append(
                {
                    "candidates": count,
                    "prompt_tokens": together[0].prompt_tokens,
                    "at_once_ms": round(at_once * 1000, 1),
                    "in_turn_ms": round(one_by_one * 1000, 1),
                    "ratio": round(at_once / one_by_one, 3),
                    "at_once_evaluated_tokens": _prompt_evaluated(together),
                    "in_turn_evaluated_tokens": sum(each.evaluated_tokens for each in in_turn),
                    "at_once_generated_tokens": sum(each.generated_tokens for each in together),
                    "in_turn_generated_tokens": sum(each.generated_tokens for each in in_turn),
                }
            )
    return found


def _prompt_evaluated(costs: list[Statistics]) -> int:
    """Tokens of the prompt that were evaluated, for all of them together."""
    return sum(each.evaluated_tokens for each in costs)


def _requests(engine: Engine, manuscript: Manuscript, seed: int, count: int) -> list[Request]:
    """Requests for one place, which differ in their seeds; each reply takes all its tokens."""
    text = manuscript.beginning(PROMPT_TOKENS - FRAME_TOKENS, engine.count)
    requests = []
    for number in range(count):
        options = replace(OPTIONS, sampling=Sampling(seed=seed + number))
        request = plan(engine, text, len(text), options).request
        segments = tuple(
            msgspec.structs.replace(
                each, words=REPLY_TOKENS, minimum_words=REPLY_TOKENS, tokens=REPLY_TOKENS
            )
            for each in request.segments
        )
        requests.append(msgspec.structs.replace(request, segments=segments))
    return requests


def _cost(engine: Engine, request: Request) -> Statistics:
    return [event.statistics for event in engine.generate(request) if isinstance(event, Finished)][
        -1
    ]
