"""`storytui config path|show|init`: the settings file."""

import argparse
import sys
from pathlib import Path

from storytui import folders
from storytui.commands.ending import fail
from storytui.commands.printing import write
from storytui.settings import SettingsError, load_settings


def run_config(options: argparse.Namespace) -> int:
    """Do what was asked of the settings file; returns the exit status."""
    path = folders.settings_file()
    if options.action == "path":
        write(sys.stdout, f"{path}\n")
        return 0
    if options.action == "show":
        return _show(path)
    return _init(path, replace=options.force)


def _show(path: Path) -> int:
    from storytui.settings_document import document

    try:
        settings = load_settings(path)
    except SettingsError as error:
        return fail(error)
    write(sys.stdout, document(settings, _default_keys()))
    return 0


def _init(path: Path, *, replace: bool) -> int:
    from storytui.settings_document import document

    text = document(keys=_default_keys())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w" if replace else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return fail(f"{path} is there already. Edit it, or replace it with --force.")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return fail(f"{path} was not written: {reason}.")
    write(sys.stdout, f"{path}\n")
    return 0


def _default_keys() -> dict[str, str]:
    from storytui.app.keys import ACTIONS

    return {each.id: ", ".join(each.keys) for each in ACTIONS}
