"""What the models and adapters of the library are called: each has a name that is its own."""

import fnmatch
import os
from collections.abc import Sequence
from dataclasses import replace

from storytui.models.catalog import CatalogueModel
from storytui.models.found import Found
from storytui.models.library_model import (
    IN_THE_PACKAGE,
    TRAINED,
    LibraryAdapter,
    LibraryModel,
)
from storytui.models.names import BUILT_IN, OLLAMA, ollama_name, typeable, unique, with_marks


def with_names(
    models: Sequence[LibraryModel], entries: Sequence[CatalogueModel]
) -> tuple[LibraryModel, ...]:
    """The models, each by a name of its own; those that were trained here keep theirs."""
    bases = [_base(each.name, each.source) for each in models]
    ideas = [
        [base]
        if each.source == TRAINED
        else with_marks(
            base, os.fsencode(each.path), each.source, each.repository.partition("/")[0]
        )
        for base, each in zip(bases, models, strict=True)
    ]
    preferred = _preferred(models, entries)
    named = []
    for name, base, model in zip(unique(ideas), bases, models, strict=True):
        others = [base, *(_base(each.name, each.source) for each in model.also)]
        hints: list[str] = []
        if model.source == IN_THE_PACKAGE:
            others.append(BUILT_IN)
        if model.entry:
            (others if id(model) in preferred else hints).append(model.entry)
        others += [each.removesuffix(":latest") for each in others if each.endswith(":latest")]
        for each in others:
            if each.startswith(OLLAMA):
                plain = each.removeprefix(OLLAMA)
                hints += [plain, OLLAMA + plain.partition(":")[0]]
        named.append(
            replace(
                model,
                name=name,
                also_named=tuple(dict.fromkeys(each for each in others if each != name)),
                hints=tuple(dict.fromkeys(hints)),
            )
        )
    return tuple(named)


def _base(name: str, source: str) -> str:
    return ollama_name(name) if source == "Ollama" else typeable(name)


def _preferred(models: Sequence[LibraryModel], entries: Sequence[CatalogueModel]) -> set[int]:
    """Which models their catalogue's id means first: those whose file the entry names first."""
    by_entry: dict[str, list[tuple[int, LibraryModel]]] = {}
    patterns = {each.id: each.files for each in entries}
    for model in models:
        if model.entry:
            rank = _rank(model, patterns[model.entry])
            by_entry.setdefault(model.entry, []).append((rank, model))
    chosen: set[int] = set()
    for ranked in by_entry.values():
        best = min(rank for rank, _ in ranked)
        chosen |= {id(model) for rank, model in ranked if rank == best}
    return chosen


def _rank(model: LibraryModel, patterns: Sequence[str]) -> int:
    name = f"{model.name.lower().replace(':', '-')}.gguf"
    fitting = (at for at, each in enumerate(patterns) if fnmatch.fnmatchcase(name, each.lower()))
    return next(fitting, len(patterns))


def adapters_with_names(found: Found) -> tuple[LibraryAdapter, ...]:
    """The adapters that were found, each by a name of its own, in the order of their names."""
    bases = [typeable(each.name) for each in found.adapters]
    ideas = [
        with_marks(base, os.fsencode(each.path))
        for base, each in zip(bases, found.adapters, strict=True)
    ]
    named = zip(unique(ideas), bases, found.adapters, strict=True)
    adapters = [
        LibraryAdapter(name, each.path, each.architecture, (base,) if base != name else ())
        for name, base, each in named
    ]
    return tuple(sorted(adapters, key=lambda each: (each.name, str(each.path))))
