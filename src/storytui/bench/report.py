"""Runs the measures and prints them as a table or as JSON."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from storytui import __version__
from storytui.bench.decoding import StartEngine, measure_decoding, measure_first_token
from storytui.engine.api import EngineError

MEASURES = ("commands", "start", "keystroke", "first-token", "decoding")
ROUNDS = {"commands": 15, "start": 9, "decoding": 5}


class BenchError(Exception):
    """Something could not be measured; the message says what and why."""


def measure(name: str, rounds: int | None, start: StartEngine) -> Any:
    """One measure's figures, ready for JSON.

    Raises:
        BenchError: it could not be measured.
    """
    times = rounds or ROUNDS.get(name, 1)
    try:
        if name == "first-token":
            return measure_first_token(start)
        if name == "decoding":
            return measure_decoding(start, times)
        if os.name != "posix":
            raise BenchError(f"{name} needs a pseudo-terminal, and this system has none.")
        from storytui.bench import screen, terminal

        measures: dict[str, Callable[[], object]] = {
            "commands": partial(screen.measure_commands, times),
            "start": partial(screen.measure_start, times),
            "keystroke": screen.measure_keystrokes,
        }
        try:
            return measures[name]()
        except terminal.TerminalError as error:
            raise BenchError(f"{name} was not measured: {error}.") from None
    except EngineError as error:
        raise BenchError(str(error)) from error
    except subprocess.CalledProcessError as error:
        raise BenchError(f"{name} was not measured: a process of the bench failed.") from error


def run(names: list[str], rounds: int | None, start: StartEngine, *, as_json: bool) -> None:
    """Measure and print.

    Raises:
        BenchError: something could not be measured.
    """
    found: dict[str, Any] = {"machine": _machine()}
    if not as_json:
        print(", ".join(f"{key} {value}" for key, value in found["machine"].items()), flush=True)
    for name in names:
        if as_json:
            print(f"measuring {name}", file=sys.stderr, flush=True)
        figures = measure(name, rounds, start)
        found[name.replace("-", "_")] = figures
        if not as_json:
            print("\n".join(lines(name, figures)), flush=True)
    if as_json:
        print(json.dumps(found, indent=2))


def lines(name: str, figures: Any) -> list[str]:
    """A measure's figures for a reader."""
    if name == "commands":
        return [
            f"{'storytui ' + command:28}{each['storytui_ms']:8.1f} ms   "
            f"{each['ratio']:.2f} × import argparse ({each['argparse_ms']:.1f} ms)"
            for command, each in figures.items()
        ]
    if name == "start":
        return [
            f"{'start to first paint':28}{figures['storytui_ms']:8.1f} ms   "
            f"{figures['ratio']:.2f} × an empty app ({figures['empty_app_ms']:.1f} ms)"
        ]
    if name == "keystroke":
        return [
            f"{'key to paint, ' + format(each['words'], ',') + ' words':28}"
            f"{each['median_ms']:8.1f} ms   99 % within {each['p99_ms']:.1f} ms; "
            f"{each['kept_ratio']:.2f} × without journal and history "
            f"({each['not_kept_median_ms']:.1f} ms)"
            for each in figures
        ]
    if name == "first-token":
        return [
            f"{'first token, cold':28}{figures['cold_ms']:8.1f} ms   "
            f"{figures['cold_evaluated_tokens']:,} of {figures['prompt_tokens']:,} "
            "tokens evaluated",
            f"{'first token, prefix cached':28}{figures['cached_ms']:8.1f} ms   "
            f"{figures['cached_evaluated_tokens']:,} of {figures['prompt_tokens']:,} "
            "tokens evaluated",
        ]
    return [
        f"{'decoding':28}{figures['storytui_tokens_per_second']:8.1f} tok/s  "
        f"{figures['ratio']:.3f} × the bare loop ({figures['bare_tokens_per_second']:.1f} tok/s), "
        f"{figures['ratio_plain']:.3f} × one without penalties"
    ]


def _machine() -> dict[str, object]:
    return {
        "storytui": __version__,
        "Python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
    }
