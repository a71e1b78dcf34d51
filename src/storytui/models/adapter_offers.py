"""The adapters that are here, held against the model in use; and which one a name or path means."""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from storytui import folders
from storytui.engine.api import AdapterError
from storytui.models.adapters import AdapterHeader, matches, read_adapter, read_base
from storytui.models.found import find_models
from storytui.models.starter import starter_adapter
from storytui.models.trained import trained_models
from storytui.story.visible import visible


class NamedAdapter(Protocol):
    """An adapter that was found."""

    @property
    def name(self) -> str:
        """Fit to be shown."""
        ...

    @property
    def path(self) -> Path:
        """Its file."""
        ...


@dataclass(frozen=True, slots=True)
class Offer:
    """An adapter that is here, and whether it goes with the model."""

    name: str
    path: Path
    agrees: bool
    sentence: str
    """Whether it does, and why not; fit to be shown."""
    header: AdapterHeader | None = None
    """What it says; None where it cannot be read."""


def adapters_here(more_folders: Sequence[str] = ()) -> Sequence[NamedAdapter]:
    """The adapters on this machine, those that were trained here too.

    Blocks while it reads folders and the beginnings of files.

    Args:
        more_folders: as `[models] folders` of the settings.
    """
    own = [starter_adapter(), *(Path(each.adapter) for each in trained_models() if each.adapter)]
    more = [folders.as_typed(each) for each in more_folders if each.strip()]
    more += [each for each in own if each is not None and each.is_file()]
    return find_models(os.environ, Path.home(), sys.platform, folders=more).adapters


def adapters_cache() -> Path | None:
    """Where it is kept which adapters were found to be good for which model."""
    return folders.remembered("adapters.json")


def offers(adapters: Sequence[NamedAdapter], base: Path) -> list[Offer]:
    """Hold adapters against a model, by their headers; those that go with it come first.

    Blocks while it reads the headers.

    Raises:
        ModelError: the model cannot be read.
    """
    model = read_base(base)
    found = []
    for each in adapters:
        try:
            adapter = read_adapter(each.path)
        except AdapterError as error:
            found.append(Offer(each.name, each.path, False, visible(str(error), newlines=False)))
            continue
        verdict = matches(adapter, model)
        found.append(Offer(each.name, each.path, verdict.agrees, verdict.sentence, adapter.header))
    return sorted(found, key=lambda each: (not each.agrees, each.name.casefold(), str(each.path)))


def adapter_file(wanted: str, here: Callable[[], Sequence[NamedAdapter]]) -> Path:
    """The file of the adapter that a path or a name means.

    Args:
        wanted: a path, or a name whatever the case of its letters.
        here: finds the adapters on this machine; asked for names only.

    Raises:
        AdapterError: no adapter has the name, or several have it.
    """
    path = folders.as_typed(wanted)
    separators = {"/", os.sep, os.altsep or os.sep}
    if any(each in wanted for each in separators) or wanted.casefold().endswith(".gguf"):
        return path
    if path.is_file():
        return path
    named = [each.path for each in here() if each.name.casefold() == wanted.strip().casefold()]
    shown = visible(wanted, newlines=False)
    if len(named) > 1:
        paths = ", ".join(map(str, named))
        raise AdapterError(f"Several adapters are called {shown}. Name one by its path: {paths}.")
    if not named:
        raise AdapterError(
            f"There is no adapter {shown}. storytui models adapter list shows those that are here."
        )
    return named[0]
