"""`storytui models use|add`: which model is the chosen one, and models outside the usual places."""

import argparse
import os
import sys
from pathlib import Path

from storytui import folders
from storytui.commands.choices import library_for
from storytui.commands.models_facts import hashes_file
from storytui.commands.printing import write
from storytui.engine.api import ModelError
from storytui.models.adapter_checking import examine_adapter
from storytui.models.adapter_offers import adapters_cache
from storytui.models.added import add_place, added_file, record_sums, whole
from storytui.models.checking import examine
from storytui.models.choosing import Chosen, as_setting, choose, is_path
from storytui.models.fingerprint import fingerprint
from storytui.models.glimpse import glimpse
from storytui.models.library import Library
from storytui.models.library_model import LibraryModel
from storytui.models.names import OLLAMA
from storytui.models.walking import shown
from storytui.settings import NO_ADAPTER, Settings
from storytui.settings_writing import set_in_settings

_LARGE = 256 << 20
"""Bytes of a file whose reading takes long enough to be said."""


def run_use(options: argparse.Namespace, settings: Settings) -> int:
    """Make a model the chosen one, kept in the settings file.

    Raises:
        ModelError: there is no such model, or its file is none that can be used.
        SettingsError: the settings file cannot be written.
    """
    found: Library | None = None

    def find(only: object) -> Library:
        nonlocal found
        found = library_for(settings)
        return found

    chosen = choose("" if options.default else options.model, find)
    header = examine(chosen.path, folders.models_checked())
    if chosen.laid is not None:
        examine_adapter(chosen.laid, chosen.path, adapters_cache())
    value = _setting_for(chosen, found)
    file = folders.settings_file()
    set_in_settings(file, {("model", "path"): value or None})
    lines = [f"{chosen.name or header.name} is used from now on: {chosen.path}"]
    if not value:
        lines[0] = f"The built-in model is used from now on: {chosen.path}"
    lines += [f"It is an adapter over that file: {chosen.laid}"] if chosen.laid else []
    lines += [f"Kept as path under [model] in {file}."] if value else []
    if chosen.adapters:
        lines.append(
            "Ollama lays an adapter over this model, which is not done here by itself. Choose it "
            f"with: storytui models adapter use {chosen.adapters[0]}"
        )
    if settings.model.adapter not in ("", NO_ADAPTER):
        lines.append(
            f"The adapter {settings.model.adapter} stays chosen. Lay it aside with: storytui "
            "models adapter off"
        )
    if settings.remote.address:
        lines.append(
            f"Replies still come from {settings.remote.address}, until address under [remote] in "
            f"{file} is taken out."
        )
    write(sys.stdout, "\n".join(lines) + "\n")
    return 0


def _setting_for(chosen: Chosen, library: Library | None) -> str:
    """What the settings are to say; empty for the built-in model, which is there without them."""
    from storytui.models.starter import starter_model

    if library is not None and chosen.name:
        return as_setting(library.model(chosen.name))
    return "" if chosen.path == starter_model() else str(chosen.path)


def run_add(options: argparse.Namespace, settings: Settings) -> int:
    """Remember a file or a folder, say that a model of Ollama's is here, or fetch one.

    Raises:
        ModelError: there is no such thing, or no model in it; nothing was added.
    """
    what: str = options.what
    if what.casefold().startswith(OLLAMA):
        return _add_from_ollama(what, settings)
    path = folders.as_typed(what)
    if not os.path.lexists(path):
        # What lies here comes before what lies elsewhere.
        from storytui.commands.models_hub import on_the_hub, run_add_from_hub

        found = on_the_hub(what)
        if found is not None and not found.repository.casefold().endswith(".gguf"):
            fetched = run_add_from_hub(found, settings)
            model = library_for(settings).model_at(fetched)
            name = str(fetched) if model is None else model.name
            write(sys.stdout, f"{fetched}\nUse it with: storytui models use {name}\n")
            return 0
        if not is_path(what):
            raise ModelError(
                f"{what} is neither a path, nor OWNER/NAME on the Hugging Face Hub, nor a name in "
                "the catalogue; storytui models list shows what is here and what suits fiction."
            )
    return _add_path(whole(path), settings)


def _add_from_ollama(name: str, settings: Settings) -> int:
    model = library_for(settings).model(name)
    examine(model.path, folders.models_checked())
    _say(f"{model.name} is here already, in Ollama's store, and is used from there.", model)
    return 0


def _add_path(path: Path, settings: Settings) -> int:
    before = library_for(settings)
    known = before.model_at(path)
    if known is not None and path.is_file():
        _say(f"{shown(path)} is here already, as {known.name}.", known)
        return 0
    if path.is_dir():
        return _add_folder(path, before, settings)
    kind = glimpse(path).kind
    if kind not in ("writer", "adapter"):
        raise ModelError(f"{shown(path)} holds no model that writes. Add another file.")
    if kind == "writer":
        examine(path, folders.models_checked())
    file = added_file(folders.data_folder())
    add_place(file, path)
    after = library_for(settings)
    model = after.model_at(path)
    if model is not None:
        _say(f"{shown(path)} was added as {model.name}; the file stays where it is.", model)
        _record(file, model)
    else:
        name = next((each.name for each in after.adapters if each.path == path), path.stem)
        write(sys.stdout, f"The adapter {shown(path)} was added as {name}.\n")
    return 0


def _record(file: Path, model: LibraryModel) -> None:
    """Note what the files are now, for `verify`; the adding is done already."""
    if model.size_bytes > _LARGE:
        write(
            sys.stderr,
            "Its sha256 is worked out now, for storytui models verify; ctrl+c leaves that out.\n",
        )
    cache = hashes_file()
    record_sums(file, {each: fingerprint(each, cache) for each in model.files})


def _add_folder(path: Path, before: Library, settings: Settings) -> int:
    from storytui.models.found import find_models

    inside = find_models({}, path, sys.platform, folders=[path], only=("folder",))
    if not inside.models and not inside.adapters:
        why = f" {inside.troubles[0]}" if inside.troubles else ""
        raise ModelError(f"No model is in the folder {shown(path)}.{why} Nothing was added.")
    add_place(added_file(folders.data_folder()), path)
    after = library_for(settings)
    new = {each.name for each in after.models} - {each.name for each in before.models}
    new |= {each.name for each in after.adapters} - {each.name for each in before.adapters}
    lines = [f"The folder {shown(path)} was added; nothing in it is copied."]
    lines += [f"  {each}" for each in sorted(new)] or ["Its models were known already."]
    write(sys.stdout, "\n".join(lines) + "\n")
    for trouble in inside.troubles:
        write(sys.stderr, f"{trouble}\n")
    return 0


def _say(sentence: str, model: LibraryModel) -> None:
    write(sys.stdout, f"{sentence} Use it with: storytui models use {model.name}\n")
