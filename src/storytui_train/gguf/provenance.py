"""What a merged model says of itself: all that its base says, and what the adapter made of it.

The keys are those of the GGUF specification (ggml, docs/gguf.md: general metadata). Entries that
stay are the base's bytes. What names the base and its makers goes to `general.base_model.0`.
"""

import re
from collections.abc import Mapping, Sequence

from storytui.story.visible import visible
from storytui_train.gguf import layout
from storytui_train.gguf.deltas import Adapter
from storytui_train.gguf.importance import ImportanceFile
from storytui_train.gguf.splits import Model

Entry = str | int | Sequence[str]
"""The value of an entry."""

RECIPE = "storytui.recipe"
"""The hash of the recipe that made it."""
SCALE = "storytui.adapter_scale"
"""How strong the adapter was merged, where that is not 1."""

_BASE, _DATASET, _LICENCE = "general.base_model.", "general.dataset.", "general.license"
_OF_THE_BASE = (
    *("author", "version", "organization", "description", "url", "doi", "uuid", "repo_url"),
)
"""What says which model it is and whose: true of the base, and not of what was made of it."""
_CARRIED = (
    *("general.name", "general.finetune", "general.tags", "general.languages", _LICENCE),
    *("general.license.name", "general.license.link"),
    *(f"general.{each}" for each in _OF_THE_BASE),
)


def merged_pairs(
    model: Model,
    adapter: Adapter,
    *,
    said: Mapping[str, Entry] | None = None,
    scale: float = 1.0,
    importance: ImportanceFile | None = None,
) -> list[bytes]:
    """The entries of a merged model's header, written.

    Args:
        model: the base.
        adapter: what is merged into it; what it says of itself is said of the model.
        said: entries that go before both.
        scale: how strong the adapter is merged.
        importance: what its weights were quantised by.
    """
    new = {key: raw for key, raw in adapter.entries.items() if _is_carried(key)}
    new.update({key: layout.pair(key, value) for key, value in (said or {}).items()})
    kept = {key: raw for key, raw in model.pairs.items() if key not in (RECIPE, SCALE)}
    if _LICENCE in new and new[_LICENCE] != kept.get(_LICENCE):
        for key in (f"{_LICENCE}.name", f"{_LICENCE}.link"):
            kept.pop(key, None)
    _name(new, model, adapter)
    _trace(new, kept)
    _add_datasets(new, kept, model)
    new["general.type"] = layout.pair("general.type", "model")
    if scale != 1:
        new[SCALE] = layout.pair(SCALE, scale)
    pairs = {key: new.pop(key, raw) for key, raw in kept.items()}
    if importance is not None:
        pairs.update(_measured(importance))
    # Before the vocabulary: whoever only glances at a file reads no further.
    keys = list(pairs)
    place = max((keys.index(key) for key in keys if key.startswith("general.")), default=-1) + 1
    values = list(pairs.values())
    return [*values[:place], *new.values(), *values[place:]]


def _is_carried(key: str) -> bool:
    return key in _CARRIED or key.startswith((_BASE, _DATASET, "storytui."))


def _name(new: dict[str, bytes], model: Model, adapter: Adapter) -> None:
    """Give it a name of its own, where neither the adapter nor anybody else does."""
    stem = visible(adapter.path.stem, newlines=False).replace("_", " ").strip() or "adapter"
    if "general.name" not in new:
        base = model.text("general.name") or model.text("general.basename")
        new["general.name"] = layout.pair("general.name", f"{base} {stem}".strip())
    if "general.finetune" not in new:
        own = "-".join(each for each in (model.text("general.finetune"), stem) if each)
        new["general.finetune"] = layout.pair("general.finetune", own.replace(" ", "-"))


def _trace(new: dict[str, bytes], kept: dict[str, bytes]) -> None:
    """Name the base as the model that it was made from, and no longer as itself."""
    for key in [key for key in kept if key.startswith(_BASE)]:
        # The base's own origin; it is the base that this one comes from.
        del kept[key]
    first = f"{_BASE}0."
    if "general.name" in kept and f"{first}name" not in new:
        new[f"{first}name"] = _renamed(kept["general.name"], "general.name", f"{first}name")
    for each in _OF_THE_BASE:
        raw = kept.pop(f"general.{each}", None)
        if raw is not None and f"{first}{each}" not in new:
            new[f"{first}{each}"] = _renamed(raw, f"general.{each}", f"{first}{each}")
    numbers = {key.removeprefix(_BASE).partition(".")[0] for key in new if key.startswith(_BASE)}
    count = len(numbers - {"count"})
    if count:
        new[f"{_BASE}count"] = layout.pair(f"{_BASE}count", count)


def _add_datasets(new: dict[str, bytes], kept: dict[str, bytes], model: Model) -> None:
    """Put the datasets behind those that the base names already."""
    count = model.values.get(f"{_DATASET}count", 0)
    before = count if isinstance(count, int) and not isinstance(count, bool) else 0
    own = {key: new.pop(key) for key in list(new) if key.startswith(_DATASET)}
    own.pop(f"{_DATASET}count", None)
    if not own:
        return
    last = 0
    for key, raw in own.items():
        number, _, field = key.removeprefix(_DATASET).partition(".")
        if number.isdecimal():
            last = max(last, int(number) + 1)
            name = f"{_DATASET}{int(number) + before}.{field}"
            new[name] = _renamed(raw, key, name)
    new[f"{_DATASET}count"] = layout.pair(f"{_DATASET}count", before + last)


def _renamed(raw: bytes, old: str, new: str) -> bytes:
    """An entry under another name."""
    return layout.text(new) + raw[len(layout.text(old)) :]


def _measured(importance: ImportanceFile) -> dict[str, bytes]:
    """What llama.cpp's own tool says of an importance matrix (tools/quantize/quantize.cpp); of
    paths, which tell of a machine, the names."""
    texts = [re.split(r"[\\/]", each.rstrip("\\/"))[-1] for each in importance.datasets]
    entries: dict[str, Entry] = {
        "quantize.imatrix.file": visible(importance.path.name, newlines=False),
        "quantize.imatrix.dataset": ", ".join(filter(None, texts)),
        "quantize.imatrix.entries_count": len(importance.values),
        "quantize.imatrix.chunks_count": importance.chunks,
    }
    return {key: layout.pair(key, value) for key, value in entries.items() if value != ""}
