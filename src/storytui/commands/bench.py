"""`storytui bench`: measures this machine with the model that the settings name."""

import argparse
from functools import partial

from storytui.bench.report import MEASURES, BenchError, run
from storytui.commands.choices import settings_in_force, start_engine
from storytui.commands.ending import FAILURE, fail
from storytui.settings import SettingsError


def run_bench(options: argparse.Namespace) -> int:
    """Measure what was asked for, all of it by default; returns the exit status."""
    try:
        settings = settings_in_force(options)
        names = [name for name in MEASURES if not options.only or name in options.only]
        run(names, options.rounds, partial(start_engine, settings), as_json=options.json)
    except (SettingsError, BenchError) as error:
        return fail(error, FAILURE)
    return 0
