"""`storytui doctor`: looks at everything that the editor needs; safe to paste in public."""

import argparse
import sys
from collections.abc import Iterator
from functools import partial

import msgspec

from storytui import folders
from storytui.commands.choices import model_chosen, start_engine
from storytui.commands.ending import FAILURE
from storytui.commands.printing import write
from storytui.doctor.finding import Finding, anything_wrong
from storytui.doctor.places import check_folders, check_settings
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
    yield from check_software()
    settings, about_settings = check_settings(folders.settings_file())
    yield from about_settings
    yield from check_folders()
    yield from check_terminal(this_terminal())
    # Where they cannot be used, the rest is seen as it would be without them.
    in_force = settings or Settings()
    from storytui.doctor.model import check_model

    yield from check_model(
        in_force,
        lambda: model_chosen(in_force).path,
        partial(start_engine, in_force),
        continuation=not options.no_continuation,
    )
