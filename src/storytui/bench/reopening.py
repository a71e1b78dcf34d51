"""Closing and opening again: the first token with what the model had read, and without."""

import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from storytui.bench.first_token import REPLY_ROOM, StartEngine
from storytui.bench.manuscripts import FRAME_TOKENS, Manuscript
from storytui.continuing import Options, plan
from storytui.engine.api import Engine, EngineError, Finished, Text, Writing

WINDOW = 4096
ROOM = 8 * 2**30
"""Bytes that the kept state may take."""


def measure_reopening(
    start: StartEngine, manuscript: Manuscript, options: Options, say: Callable[[str], None]
) -> dict[str, Any]:
    """The first token of a full window: cold, and after closing and opening again.

    Raises:
        EngineError: something failed on the way.
    """
    with tempfile.TemporaryDirectory(prefix="storytui-bench-") as folder:
        kept = Path(folder) / "state"
        say("reopening: cold")
        engine = start(WINDOW + REPLY_ROOM)
        with closing(engine):
            engine.load()
            engine.warm(kept, ROOM)
            text = manuscript.beginning(WINDOW - FRAME_TOKENS, engine.count)
            cold = _first_token(engine, text, options)
            began = time.perf_counter()
        closing_ms = (time.perf_counter() - began) * 1000
        say("reopening: kept")
        # The child writes the file after the editor has gone.
        deadline = time.monotonic() + 60
        while not kept.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        size = kept.stat().st_size if kept.exists() else 0
        with closing(start(WINDOW + REPLY_ROOM)) as engine:
            began = time.perf_counter()
            engine.load()
            load_ms = (time.perf_counter() - began) * 1000
            engine.warm(kept, ROOM)
            warm = _first_token(engine, text, options)
            # Nothing is kept this time: nobody waits for the child, and the folder goes.
            engine.rebuild()
    return {
        "prompt_tokens": cold["prompt_tokens"],
        "cold_ms": cold["first_token_ms"],
        "cold_evaluated_tokens": cold["evaluated_tokens"],
        "reopened_ms": warm["first_token_ms"],
        "reopened_evaluated_tokens": warm["evaluated_tokens"],
        "share_of_cold": round(warm["first_token_ms"] / cold["first_token_ms"], 4),
        "loading_ms": round(load_ms, 1),
        "closing_ms": round(closing_ms, 1),
        "state_bytes": size,
    }


def _first_token(engine: Engine, text: str, options: Options) -> dict[str, Any]:
    began = time.perf_counter()
    first = 0.0
    request = plan(engine, text, len(text), options).request
    for event in engine.generate(request):
        if not first and isinstance(event, Writing | Text):
            first = time.perf_counter() - began
            engine.stop()
        if isinstance(event, Finished):
            return {
                "first_token_ms": round(first * 1000, 1),
                "prompt_tokens": event.statistics.prompt_tokens,
                "evaluated_tokens": event.statistics.evaluated_tokens,
            }
    raise EngineError("The model's reply broke off.")
