"""Runs the measures and prints them: for a reader, as JSON, as Markdown, as a picture."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from storytui import __version__
from storytui.bench.cases import CaseError
from storytui.bench.contenders import ContenderError
from storytui.bench.decoding import measure_decoding
from storytui.bench.first_token import OPTIONS, ROUNDS, Measure, StartEngine, measure_first_token
from storytui.bench.manuscripts import Manuscript
from storytui.bench.tables import lines, markdown
from storytui.engine.api import EngineError

ON_SCREEN = ("commands", "start", "keystroke")
"""Measures of the editor without a model."""
MEASURES = (
    *ON_SCREEN,
    "loading",
    "first-token",
    "decoding",
    "thinking",
    "session",
    "reopen",
    "candidates",
    "typing",
    "quality",
)
REPEATED = {
    "commands": 15,
    "start": 9,
    "loading": 9,
    "decoding": 5,
    "first-token": ROUNDS,
    "thinking": 5,
    "session": 100,
}
"""How often each is repeated where nobody says."""
QUALITY_TOKENS = 1200


class BenchError(Exception):
    """Something could not be measured; the message says what and why."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be measured, and how."""

    names: tuple[str, ...]
    start: StartEngine
    manuscript: Manuscript
    seed: int
    rounds: int | None = None
    prompt_tokens: int | None = None


def measure_all(wanted: Wanted, said: Callable[[str, Any], None]) -> dict[str, Any]:
    """Every measure's figures, ready for JSON; `said` is told each as it is there.

    Raises:
        BenchError: something could not be measured.
    """
    found: dict[str, Any] = {"machine": machine(), "seed": wanted.seed}
    model = None
    if set(wanted.names) - set(ON_SCREEN):
        found["model"] = model = _model(wanted.start)
    found |= {"step_ms": None, "decode_ratio": None}
    for name in wanted.names:
        print(f"measuring {name}", file=sys.stderr, flush=True)
        figures = measure(name, wanted, model or {})
        if name == "first-token":
            found |= figures
        elif name == "typing":
            found["memory"] = figures.pop("memory")
            found["typing"] = figures
        else:
            found[name.replace("-", "_")] = figures
        if name == "decoding":
            found["decode_ratio"] = figures["ratio"]
        said(name, figures)
    return found


def measure(name: str, wanted: Wanted, model: dict[str, Any]) -> Any:
    """One measure's figures.

    Raises:
        BenchError: it could not be measured.
    """
    times = wanted.rounds or REPEATED.get(name, 1)
    on_model = partial(_on_model, name, wanted, times, model)
    try:
        if name not in (*ON_SCREEN, "typing"):
            return on_model()
        if os.name != "posix":
            raise BenchError(f"{name} needs a pseudo-terminal, and this system has none.")
        from storytui.bench import busy_typing, screen, terminal

        measures: dict[str, Callable[[], Any]] = {
            "commands": partial(screen.measure_commands, times),
            "start": partial(screen.measure_start, times),
            "keystroke": screen.measure_keystrokes,
            "typing": partial(busy_typing.measure_busy_typing, model.get("path", ""), _say),
        }
        try:
            return measures[name]()
        except terminal.TerminalError as error:
            raise BenchError(f"{name} was not measured: {error}.") from None
    except (EngineError, ContenderError, CaseError) as error:
        raise BenchError(str(error)) from error
    except subprocess.CalledProcessError as error:
        raise BenchError(f"{name} was not measured: a process of the bench failed.") from error


def _on_model(name: str, wanted: Wanted, times: int, model: dict[str, Any]) -> Any:
    start, manuscript, seed = wanted.start, wanted.manuscript, wanted.seed
    if name == "first-token":
        asked = Measure(manuscript, seed, rounds=times)
        if wanted.prompt_tokens is not None:
            asked = replace(asked, prompt_tokens=wanted.prompt_tokens)
        return measure_first_token(start, asked, _say)
    if name == "decoding":
        return measure_decoding(start, times)
    if name == "quality":
        return _quality(manuscript, seed, model)
    # Each is loaded when it is wanted: most runs want a few of them.
    if name == "loading":
        from storytui.bench.loading import measure_loading

        return measure_loading(start, times, _say)
    if name == "thinking":
        from storytui.bench.thinking import measure_thinking

        return measure_thinking(start, manuscript, times, _say)
    if name == "session":
        from storytui.bench.session import measure_session

        return measure_session(start, manuscript, seed, times, _say)
    if name == "reopen":
        from storytui.bench.reopening import measure_reopening

        return measure_reopening(start, manuscript, OPTIONS, _say)
    from storytui.bench.side_by_side import measure_candidates

    return measure_candidates(start, manuscript, seed, _say)


def _quality(manuscript: Manuscript, seed: int, model: dict[str, Any]) -> Any:
    asked = {
        "model": model["path"],
        "text": manuscript.text,
        "tokens": QUALITY_TOKENS,
        "threads": model["threads"],
        "seed": seed,
    }
    done = subprocess.run(
        [sys.executable, "-P", "-m", "storytui.bench.quality"],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def run(wanted: Wanted, *, form: str, picture: Path | None) -> None:
    """Measure and print.

    Args:
        wanted: what is measured.
        form: `lines`, `json` or `markdown`.
        picture: where the plot goes, if one is wanted.

    Raises:
        BenchError: something could not be measured, or the plot cannot be drawn.
    """
    if picture is not None:
        from storytui.bench.picture import check_drawing

        check_drawing()
    if form == "lines":
        print(", ".join(f"{key} {value}" for key, value in machine().items()), flush=True)

    def said(name: str, figures: Any) -> None:
        if form == "lines":
            print("\n".join(lines(name, figures)), flush=True)

    found = measure_all(wanted, said)
    show(found, form=form, picture=picture)


def show(found: dict[str, Any], *, form: str, picture: Path | None) -> None:
    """Print figures that were measured, and draw them."""
    if form == "json":
        print(json.dumps(found, indent=2))
    elif form == "markdown":
        print(markdown(found))
    if picture is not None:
        from storytui.bench.picture import draw

        draw(found, picture)


def _model(start: StartEngine) -> dict[str, Any]:
    """What is measured with."""
    try:
        with closing(start()) as engine:
            info = engine.load()
    except EngineError as error:
        raise BenchError(str(error)) from error
    return {
        "name": info.name,
        "path": info.path,
        "architecture": info.architecture,
        "backend": info.backend,
        "gpu_layers": info.gpu_layers,
        "threads": info.threads,
        "context": info.context,
    }


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def machine() -> dict[str, object]:
    """What this machine is, as far as its figures depend on it."""
    return {
        "storytui": __version__,
        "Python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
    }


def _processor() -> str:
    """The processor's name, where the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
