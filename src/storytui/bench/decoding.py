"""Decoding, as the editor receives it, against the bare loop."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing

import msgspec

from storytui.continuing import Options, plan, show_prompt
from storytui.engine.api import Engine, EngineError, Finished, Sampling, Statistics, Text
from storytui.samples import sample_text

WORDS = 150
"""Words of the answer whose decoding is timed: about 200 tokens."""

StartEngine = Callable[[], Engine]


def measure_decoding(start: StartEngine, rounds: int) -> dict[str, object]:
    """Tokens a second as the editor receives them, and of the bare loop, turn and turn about.

    The bare loop runs twice: with the editor's sampler stages, and with the fewest.
    """
    bare, plain, editor = [], [], []
    text = sample_text()[-1500:]
    for seed in range(rounds):
        with closing(start()) as engine:
            info = engine.load()
            options = _options(words=WORDS, seed=seed)
            prompt = show_prompt(engine, text, len(text), options)
            cost, received = run_reply(engine, text, options)
        editor.append(received)
        asked = {
            "model": info.path,
            "prompt": "".join(part.text for part in prompt.parts),
            "tokens": cost.generated_tokens,
            "context": info.context,
            "threads": info.threads,
            "gpu_layers": info.gpu_layers,
            "batch": 512 if info.gpu_layers else 128,
            "seed": seed,
        }
        bare.append(_bare(asked | {"same_samplers": True}))
        plain.append(_bare(asked | {"same_samplers": False}))
    return {
        "storytui_tokens_per_second": round(statistics.median(editor), 1),
        "bare_tokens_per_second": round(statistics.median(bare), 1),
        # Pair by pair, since the machine's speed drifts.
        "ratio": round(statistics.median(a / b for a, b in zip(editor, bare, strict=True)), 3),
        # Against a loop without penalties and DRY: what those stages cost is in this one too.
        "ratio_plain": round(
            statistics.median(a / b for a, b in zip(editor, plain, strict=True)), 3
        ),
        "rounds": [
            {"storytui": round(a, 1), "bare": round(b, 1), "plain": round(c, 1)}
            for a, b, c in zip(editor, bare, plain, strict=True)
        ],
    }


def _options(*, words: int, seed: int) -> Options:
    # One segment: between two the engine writes tags, which is no decoding.
    return Options(words=words, reasoning_tokens=0, sampling=Sampling(seed=seed))


def run_reply(engine: Engine, text: str, options: Options) -> tuple[Statistics, float]:
    """What a reply cost, and tokens a second by the clock of who receives it."""
    request = plan(engine, text, len(text), options).request
    # Nothing may end the answer early: what is timed is decoding.
    segments = tuple(
        msgspec.structs.replace(each, minimum_words=options.words) for each in request.segments
    )
    first = 0.0
    for event in engine.generate(msgspec.structs.replace(request, segments=segments)):
        if isinstance(event, Text) and not first:
            first = time.perf_counter()
        elif isinstance(event, Finished):
            seconds = time.perf_counter() - first
            return event.statistics, (event.statistics.generated_tokens - 1) / seconds
    raise EngineError("The model's reply broke off.")


def _bare(asked: dict[str, object]) -> float:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "storytui.bench.bare"],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)
