"""`storytui bench`: measures this machine with the model that the settings name."""

import argparse
import json
import os
from pathlib import Path
from typing import Any

import msgspec

from storytui.bench.contenders import ContenderError
from storytui.bench.manuscripts import BookError, manuscript
from storytui.bench.report import MEASURES, BenchError, Wanted, run, show
from storytui.commands.choices import settings_in_force, start_engine
from storytui.commands.ending import FAILURE, fail
from storytui.engine.api import Engine
from storytui.settings import NO_ADAPTER, Settings, SettingsError


def run_bench(options: argparse.Namespace) -> int:
    """Measure what was asked for, all of it by default; returns the exit status."""
    picture = Path(options.plot) if options.plot else None
    form = "json" if options.json else "markdown" if options.markdown else "lines"
    try:
        if options.figures is not None:
            show(_figures(Path(options.figures)), form=form, picture=picture)
            return 0
        settings = _without_starter_adapter(settings_in_force(options))

        def start(context: int = 0) -> Engine:
            model = settings.model
            if context:
                model = msgspec.structs.replace(model, context=context)
            return start_engine(msgspec.structs.replace(settings, model=model))

        seed = options.seed
        wanted = Wanted(
            names=tuple(name for name in MEASURES if not options.only or name in options.only),
            start=start,
            manuscript=manuscript(Path(options.book) if options.book else None),
            seed=int.from_bytes(os.urandom(4), "little") if seed is None else seed,
            rounds=options.rounds,
            prompt_tokens=options.prompt_tokens,
        )
        run(wanted, form=form, picture=picture)
    except (SettingsError, BenchError, BookError, ContenderError) as error:
        return fail(error, FAILURE)
    return 0


def _without_starter_adapter(settings: Settings) -> Settings:
    """For the bare model where no adapter is named: what is compared with has none."""
    model = settings.model
    adapter = model.adapter or NO_ADAPTER
    return msgspec.structs.replace(settings, model=msgspec.structs.replace(model, adapter=adapter))


def _figures(path: Path) -> dict[str, Any]:
    """What `--json` printed before.

    Raises:
        BenchError: the file is nothing of the kind.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BenchError(f"The figures in {path} cannot be read: {error}.") from error
    if not isinstance(found, dict) or "machine" not in found:
        raise BenchError(f"The file {path} holds no figures that storytui bench --json printed.")
    return found
