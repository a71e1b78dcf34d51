"""The settings, and the folders that things are kept in."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from storytui import folders
from storytui.doctor.finding import Finding, ok, problem, warning
from storytui.manuscript.home import homes
from storytui.settings import Settings, SettingsError, load_settings

LITTLE_ROOM = 1 << 30
"""Bytes free below which versions and what models have read soon find no place."""
NO_ROOM = 64 << 20


def check_settings(path: Path) -> tuple[Settings | None, list[Finding]]:
    """Read the settings; None where they cannot be used."""
    try:
        settings = load_settings(path)
    except SettingsError as error:
        message = str(error)
        said, _, remedy = message.partition("; ")
        remedy = remedy[:1].upper() + remedy[1:]
        return None, [problem("Settings", said, remedy or f"Look at {path}")]
    try:
        _check_keys_and_theme(settings)
    except ValueError as error:
        return settings, [problem("Settings", str(error), f"Edit {path}.")]
    says = f"{path} is in order" if path.exists() else "none are written, so all are the default"
    return settings, [ok("Settings", says)]


def _check_keys_and_theme(settings: Settings) -> None:
    # Not at the top: where Textual is missing, folders are looked at all the same.
    from storytui.app.keys import KeysError, keymap
    from storytui.app.themes import UnknownThemeError, check_theme

    try:
        keymap(settings.keys)
        check_theme(settings.editor.theme)
    except UnknownThemeError as error:
        raise ValueError(f"[editor] theme: {error}") from None
    except KeysError as error:
        raise ValueError(str(error)) from None


def check_folders(places: Mapping[str, Path] | None = None) -> Iterator[Finding]:
    """See that everything that is kept can be kept.

    Args:
        places: folders by what is in them; None: the program's own.
    """
    for what, folder in (folders.places() if places is None else places).items():
        try:
            there = _nearest(folder)
            _try(there)
            free = shutil.disk_usage(there).free
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            yield problem(
                "Folders",
                f"{what} cannot be kept in {folder}: {reason}",
                f"Make {folder} a folder that you may write to.",
            )
            continue
        room = f"{free / 1e9:.1f} GB free" if free >= 1e8 else f"{free / 1e6:.0f} MB free"
        if free < NO_ROOM:
            yield problem("Folders", f"{what} in {folder}: {room}", "Make room on that disk.")
        elif free < LITTLE_ROOM:
            yield warning("Folders", f"{what} in {folder}: {room}", "Make room on that disk.")
        else:
            yield ok("Folders", f"{what} in {folder}, {room}")


def check_manuscripts(root: Path | None = None) -> Iterator[Finding]:
    """See that what is kept about each story can be found again; databases are not read.

    Args:
        root: the folder of their folders; None: the program's own.
    """
    root = folders.manuscripts_folder() if root is None else root
    known = {each.folder.name for each in homes(root)}
    try:
        there = [each for each in root.iterdir() if each.is_dir() and any(each.iterdir())]
    except FileNotFoundError:
        there = []
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        yield problem(
            "Manuscripts",
            f"what is kept about stories cannot be looked at in {root}: {reason}",
            f"Make {root} and all in it yours to read and write.",
        )
        return
    lost = sorted(each.name for each in there if each.name not in known)
    if lost:
        yield warning(
            "Manuscripts",
            f"{len(known)} are known; what is kept about {len(lost)} more cannot be read",
            f"Versions and takes may still be in {root / lost[0]}; the stories are not in there.",
        )
    else:
        yield ok("Manuscripts", f"{len(known)} are known")


def _nearest(folder: Path) -> Path:
    """The folder, or the one in which it would be made; raises OSError where neither can be."""
    while not folder.exists():
        if folder.parent == folder:
            raise FileNotFoundError(2, "there is no such folder")
        folder = folder.parent
    if not folder.is_dir():
        raise NotADirectoryError(20, "a file is in its place")
    return folder


def _try(folder: Path) -> None:
    """Write a file there and remove it again; raises OSError."""
    handle, name = tempfile.mkstemp(prefix=".storytui-", dir=folder)
    try:
        os.write(handle, b"x")
    finally:
        os.close(handle)
        os.unlink(name)
