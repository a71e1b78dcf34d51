"""What a card is told: the licence, the base, the data and the training, from a working folder."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from storytui.folders import as_typed
from storytui.models.catalog import catalogue, entry_for
from storytui.models.hub_cache import repository_of
from storytui.models.names import BUILT_IN
from storytui.story.visible import visible
from storytui_train.data.dataset.card import teacher_name
from storytui_train.data.pipeline.record import sha256_of
from storytui_train.errors import PublishError
from storytui_train.publish.found import ADAPTER, ADAPTER_CONFIG, DATASET, GgufFile, read_json
from storytui_train.publish.model_card import plain_names
from storytui_train.recipe import DatasetSource, PublishedSource, Recipe

BUILT_IN_BASE = "HuggingFaceTB/SmolLM2-135M-Instruct"
_HUB = "https://huggingface.co/"
_MOST_LOG = 64 << 20
_FILES = (".gguf", ".jsonl", ".ndjson", ".json", ".parquet", ".csv", ".gz", ".zst", ".zstd", ".txt")
"""Endings of files, which no repository has."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of what was made."""

    base: str
    licence: str
    languages: tuple[str, ...]
    datasets: tuple[str, ...]
    sources: dict[str, int]
    splits: dict[str, int]
    teachers: tuple[str, ...]
    private_rows: int
    steps: int
    validation: float | None
    recipe: str


def facts_of(
    recipe: Recipe, recipe_path: Path | None, folder: Path, files: tuple[GgufFile, ...]
) -> Facts:
    """Gather what cards are told.

    Args:
        recipe: what everything was made by.
        recipe_path: its file; None: it has none.
        folder: the working folder.
        files: its GGUF files.

    Raises:
        PublishError: base or licence are not known, or a file cannot be read.
    """
    statistics = read_json(folder / DATASET / "statistics.json")
    paths_below = recipe_path.parent if recipe_path is not None else Path()
    steps, validation = _training(folder / "train" / "log.jsonl")
    base = base_of(recipe, paths_below, folder, files)
    return Facts(
        base=base,
        licence=licence_of(recipe, base, files),
        languages=_languages(recipe, statistics),
        datasets=_datasets(recipe, paths_below),
        sources=_counts(statistics.get("licences")),
        splits=_rows_by_split(statistics.get("splits")),
        teachers=_teachers(statistics.get("teachers")),
        private_rows=private_rows(folder),
        steps=steps,
        validation=validation,
        recipe=sha256_of(recipe_path) if recipe_path is not None else "",
    )


def private_rows(folder: Path) -> int:
    """Rows of the data set that are cut from private texts, as its report says; where it has none,
    the rows themselves.

    Raises:
        PublishError: the report or the rows cannot be read.
    """
    said = [
        read_json(folder / DATASET / name).get("private")
        for name in ("report.json", "statistics.json")
    ]
    counts = [each for each in said if isinstance(each, int)]
    return max(counts) if counts else _counted_private(folder / DATASET / "rows")


class _Source(msgspec.Struct, frozen=True):
    private: bool = False


class _Row(msgspec.Struct, frozen=True):
    source: _Source = _Source()


def _counted_private(rows: Path) -> int:
    decoder = msgspec.json.Decoder(_Row)
    count = 0
    for path in sorted(rows.glob("*.jsonl")):
        try:
            with path.open("rb") as lines:
                count += sum(decoder.decode(line).source.private for line in lines)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise PublishError(
                f"{visible(str(path), newlines=False)} cannot be read, and only its rows say "
                "whether its texts are private. Build the data set again with storytui-train "
                "dataset."
            ) from error
    return count


def base_of(recipe: Recipe, paths_below: Path, folder: Path, files: tuple[GgufFile, ...]) -> str:
    """The base's name on the Hub.

    Args:
        recipe: what it was made by.
        paths_below: what paths in the recipe are relative to.
        folder: the working folder.
        files: its GGUF files.

    Raises:
        PublishError: nothing says it.
    """
    train = recipe.train
    for said in (recipe.publish.base, *_named_bases(recipe, folder)):
        if _is_on_the_hub(said, paths_below):
            return said
        entry = next((each for each in catalogue() if each.id == said.strip().lower()), None)
        if entry is not None:
            return entry.base
        if said.strip().casefold() == BUILT_IN:
            return BUILT_IN_BASE
    for file in files:
        address = file.text("general.base_model.0.repo_url").removeprefix(_HUB)
        if plain_names([address]):
            return address
    for said in (train.gguf, train.base):
        path = paths_below / as_typed(said)
        repository = repository_of(path.absolute()) if said else ""
        entry = entry_for(repository=repository, file_name=Path(said).name if said else "")
        if entry is not None:
            return entry.base
        if repository:
            return repository
    raise PublishError(
        "What the base is called on the Hub is not known, and its card has to say so. Say base "
        '= "owner/name" under [publish] in the recipe.'
    )


def licence_of(recipe: Recipe, base: str, files: tuple[GgufFile, ...]) -> str:
    """The licence of what was made.

    Raises:
        PublishError: nothing says it.
    """
    entry = next((each for each in catalogue() if each.base == base), None)
    said = [
        recipe.publish.licence,
        *(_licence_in(each) for each in files),
        entry.licence if entry else "",
        "apache-2.0" if base == BUILT_IN_BASE else "",
    ]
    for each in said:
        if each.strip():
            return visible(each.strip()[:120], newlines=False)
    raise PublishError(
        f"The licence of {visible(base, newlines=False)} is not known. Say licence under [publish] "
        "in the recipe, as the Hub names it (apache-2.0, …)."
    )


def _licence_in(file: GgufFile) -> str:
    name = file.text("general.license")
    return file.text("general.license.name") or name if name.lower() == "other" else name


def _named_bases(recipe: Recipe, folder: Path) -> tuple[str, ...]:
    config = read_json(folder / ADAPTER / ADAPTER_CONFIG)
    in_adapter = config.get("base_model_name_or_path")
    return tuple(
        each for each in (recipe.train.base, in_adapter) if isinstance(each, str) and each.strip()
    )


def _languages(recipe: Recipe, statistics: dict[str, Any]) -> tuple[str, ...]:
    counted = [each for each in _counts(statistics.get("languages")) if len(each) in (2, 3)]
    return tuple(sorted(counted)) or recipe.choose.languages or ("en",)


def _is_on_the_hub(named: str, paths_below: Path) -> bool:
    """Whether a repository is named, and nothing on this machine."""
    if not plain_names([named]) or (paths_below / named).exists() or Path(named).exists():
        return False
    return not named.lower().endswith(_FILES)


def _datasets(recipe: Recipe, paths_below: Path) -> tuple[str, ...]:
    """Data sets of the Hub that the recipe read, but for those that are private."""
    named = (
        each.path
        for each in recipe.sources
        if isinstance(each, PublishedSource)
        or (isinstance(each, DatasetSource) and not each.private)
    )
    return tuple(each for each in named if _is_on_the_hub(each, paths_below))


def _counts(said: object) -> dict[str, int]:
    if not isinstance(said, dict):
        return {}
    return {str(name): count for name, count in said.items() if isinstance(count, int)}


def _rows_by_split(said: object) -> dict[str, int]:
    if not isinstance(said, dict):
        return {}
    rows = {name: each.get("rows") for name, each in said.items() if isinstance(each, dict)}
    return {str(name): count for name, count in rows.items() if isinstance(count, int)}


def _teachers(said: object) -> tuple[str, ...]:
    if not isinstance(said, list):
        return ()
    names = (each.get("model") for each in said if isinstance(each, dict))
    said = (teacher_name(each) for each in names if isinstance(each, str) and each)
    return tuple(dict.fromkeys(said))


def _training(log: Path) -> tuple[int, float | None]:
    """Steps, and the lowest loss on held-out rows, by the log of training."""
    steps, best = 0, math.inf
    try:
        with log.open("rb") as file:
            lines = file.read(_MOST_LOG).splitlines()
    except OSError:
        return 0, None
    for line in lines:
        try:
            said = msgspec.json.decode(line, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue
        step, validation = said.get("step"), said.get("validation")
        if isinstance(step, int):
            steps = max(steps, step)
        if isinstance(validation, int | float) and math.isfinite(validation):
            best = min(best, float(validation))
    return steps, best if math.isfinite(best) else None
