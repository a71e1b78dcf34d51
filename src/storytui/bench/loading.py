"""Loading the model: the editor's child from its start until it is ready, and the bare load."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from statistics import median
from typing import Any

from storytui.bench.first_token import StartEngine
from storytui.engine.api import EngineError
from storytui.engine.model_info import ModelInfo

BARE = (sys.executable, "-P", "-X", "utf8", "-m", "storytui.bench.bare_load")


def measure_loading(start: StartEngine, rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Milliseconds to load, each way in turn; the ratios are those of pairs.

    One load of each is not counted: it brings the file and the libraries into memory.

    Raises:
        EngineError: something could not be loaded.
    """
    child: list[float] = []
    bare: list[float] = []
    for number in range(rounds + 1):
        say(f"loading: {number} of {rounds}")
        milliseconds, info = _child(start)
        pair = (milliseconds, _bare(info))
        if number:
            child.append(pair[0])
            bare.append(pair[1])
    ratios = [ours / least for ours, least in zip(child, bare, strict=True)]
    return {
        "rounds": rounds,
        "child_ms": round(median(child), 1),
        "bare_ms": round(median(bare), 1),
        "ratio": round(median(ratios), 3),
        "worst_ratio": round(max(ratios), 3),
    }


def _child(start: StartEngine) -> tuple[float, ModelInfo]:
    """Milliseconds from the child's start until the model is ready."""
    with closing(start()) as engine:
        began = time.perf_counter()
        info = engine.load()
        return (time.perf_counter() - began) * 1000, info


def _bare(info: ModelInfo) -> float:
    """Milliseconds from the start of a fresh Python until the context is there."""
    on_cpu = not info.gpu_layers
    asked = {
        "model": info.path,
        "context": info.context,
        "threads": info.threads,
        "gpu_layers": info.gpu_layers,
        "batch": 128 if on_cpu else 512,
        "sequences": 10 if info.can_move else 2,
        "whole_windows": on_cpu,
        "flash_attention": info.flash_attention,
        "kv_type": info.kv_type,
    }
    began = time.perf_counter()
    process = subprocess.Popen(
        BARE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(asked) + "\n")
        process.stdin.flush()
        if process.stdout.readline() != "ready\n":
            raise EngineError("The model could not be loaded bare.")
        took = (time.perf_counter() - began) * 1000
        process.stdin.close()
    return took
