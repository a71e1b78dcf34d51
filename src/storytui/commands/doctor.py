"""`storytui doctor`: looks at everything that the editor needs; safe to paste in public."""

import argparse
import sys
from collections.abc import Iterator
from functools import cache, partial

import msgspec

from storytui import folders
from storytui.commands.choices import adapters_chosen, model_chosen, start_engine
from storytui.commands.ending import FAILURE
from storytui.commands.printing import write
from storytui.commands.server import may_be_sent_to
from storytui.doctor.finding import Finding, anything_wrong, looked_at
from storytui.doctor.software import check_software
from storytui.doctor.terminal import check_terminal, this_terminal
from storytui.settings import Settings

_MARKS = {"ok": "ok", "warning": "warning", "problem": "PROBLEM"}


def run_doctor(options: argparse.Namespace) -> int:
    """Print what is found, a line each, as it is found; returns 1 where something does not work."""
    findings = []
    for finding in _findings(options):
        findings.append(finding)
        if not options.json:
            write(sys.stdout, line_of(finding))
    wrong = anything_wrong(findings)
    if options.json:
        report = {"ok": not wrong, "findings": msgspec.to_builtins(findings)}
        write(sys.stdout, msgspec.json.encode(report).decode() + "\n")
    return FAILURE if wrong else 0


def line_of(finding: Finding) -> str:
    """A finding as it is printed: what, how it is, and what helps on a line of its own.

    >>> print(line_of(Finding(subject="Window", level="ok", says="120 × 40")), end="")
    ok       Window         120 × 40
    """
    line = f"{_MARKS[finding.level]:8} {finding.subject:14} {finding.says}\n"
    return line + (f"{'':8} {'':14} → {finding.remedy}\n" if finding.remedy else "")


def _findings(options: argparse.Namespace) -> Iterator[Finding]:
    yield from looked_at("Python", check_software())
    # Where they cannot be used, the rest is seen as it would be without them.
    in_force = Settings()

    def about_settings() -> Iterator[Finding]:
        # Not at the top: a package that is missing has its own line.
        from storytui.doctor.places import check_settings

        nonlocal in_force
        settings, found = check_settings(folders.settings_file())
        in_force = settings or in_force
        yield from found

    yield from looked_at("Settings", about_settings())
    yield from looked_at("Folders", _about_folders())
    yield from looked_at("Manuscripts", _about_manuscripts())
    yield from looked_at("Terminal", _about_terminal())
    yield from looked_at("Downloads", _about_downloads(in_force))
    yield from _about_model(in_force, continuation=not options.no_continuation)


def _about_folders() -> Iterator[Finding]:
    from storytui.doctor.places import check_folders

    yield from check_folders()


def _about_manuscripts() -> Iterator[Finding]:
    from storytui.doctor.places import check_manuscripts

    yield from check_manuscripts()


def _about_terminal() -> Iterator[Finding]:
    yield from check_terminal(this_terminal())


def _about_downloads(settings: Settings) -> Iterator[Finding]:
    from storytui.doctor.hub import check_hub

    yield from check_hub(xet=settings.models.xet)


def _about_model(settings: Settings, *, continuation: bool) -> Iterator[Finding]:
    report = None

    def about_devices() -> Iterator[Finding]:
        from storytui.doctor.model import check_devices

        nonlocal report
        report, found = check_devices()
        yield from found

    def about_model() -> Iterator[Finding]:
        from storytui.doctor.model import Chosen, check_model

        model = cache(partial(model_chosen, settings))
        chosen = Chosen(
            path=lambda: model().path,
            adapters=lambda: adapters_chosen(settings, model()),
            start=partial(start_engine, settings),
            agreed=may_be_sent_to,
        )
        yield from check_model(settings, chosen, report, continuation=continuation)

    yield from looked_at("llama.cpp", about_devices())
    yield from looked_at("Model", about_model())
