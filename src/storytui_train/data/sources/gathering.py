"""From what a recipe or a command line names to the texts that are on this machine."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from storytui_train.data.documents import Gathered, Refusal
from storytui_train.data.sources.place import Place
from storytui_train.recipe import (
    DatasetSource,
    GutenbergSource,
    ManuscriptSource,
    PublishedSource,
    SourceOptions,
    TakesSource,
)


def gather(options: SourceOptions, place: Place) -> Iterator[Gathered | Refusal]:
    """What a source names, each with where its text is, and refusals for what cannot be used.

    Args:
        options: one source of a recipe.
        place: where the recipe and its working folder are.

    Raises:
        RecipeError: the recipe asks for what cannot or must not be done.
    """
    return with_own_ids(_found(options, place))


def _found(options: SourceOptions, place: Place) -> Iterator[Gathered | Refusal]:
    match options:
        case GutenbergSource():
            from storytui_train.data.sources.gutenberg import gather_gutenberg

            found = gather_gutenberg(options, place)
        case ManuscriptSource():
            from storytui_train.data.sources.manuscripts import gather_manuscripts

            found = gather_manuscripts(options, place)
        case DatasetSource():
            from storytui_train.data.sources.datasets import gather_dataset

            found = gather_dataset(options, place)
        case PublishedSource():
            from storytui_train.data.sources.published import gather_published

            found = gather_published(options, place)
        case TakesSource():
            from storytui_train.data.sources.takes import gather_takes

            found = gather_takes(options, place)
    return found


def gather_all(
    sources: Iterable[SourceOptions], place: Place, *, twice: bool = False
) -> Iterator[Gathered | Refusal]:
    """What all sources of a recipe name; each id is only one text's, and no text comes twice.

    Args:
        sources: in the recipe's order.
        place: where the recipe and its working folder are.
        twice: whether the same bytes under two names are two texts all the same.

    Raises:
        RecipeError: as `gather`.
    """
    found = (each for options in sources for each in _found(options, place))
    return with_own_ids(found, twice=twice)


def gather_paths(
    paths: Sequence[Path], place: Place, *, catalog: Path | None = None, twice: bool = False
) -> Iterator[Gathered | Refusal]:
    """The texts in files and folders that were named by hand.

    Plain texts that are Project Gutenberg's, by their marks or by a row of the catalogue, are
    taken for what they are; all others are manuscripts, and private.

    Args:
        paths: files and folders, seen from `place.recipe_folder`.
        place: where paths are seen from, and the working folder.
        catalog: a catalogue of Project Gutenberg, or of a folder of its books.
        twice: whether the same bytes under two names are two texts all the same.

    Raises:
        RecipeError: the catalogue cannot be read.
    """
    from storytui_train.data.sources.by_hand import gather_by_hand

    return with_own_ids(gather_by_hand(paths, place, catalog), twice=twice)


def with_own_ids(
    found: Iterable[Gathered | Refusal], *, twice: bool = False
) -> Iterator[Gathered | Refusal]:
    """The same, but an id that was given before gets a number, and the same bytes come once.

    Args:
        found: in an order that does not change from run to run.
        twice: whether the same bytes come as often as they are there.
    """
    taken: set[str] = set()
    seen: dict[tuple[str, str], str] = {}
    for each in found:
        if isinstance(each, Refusal):
            yield each
            continue
        source = each.source
        key = (source.sha256, each.path if each.rows else "")
        if source.sha256 and key in seen and not twice:
            yield Refusal(
                stage="gather",
                id=source.id,
                title=source.title,
                reason="duplicate",
                detail=f"{source.file or source.title} has the same bytes as {seen[key]}.",
            )
            continue
        id, number = source.id, 1
        while id in taken:
            number += 1
            id = f"{source.id}-{number}"
        taken.add(id)
        seen[key] = source.file or id
        if id != source.id:
            each = msgspec.structs.replace(each, source=msgspec.structs.replace(source, id=id))
        yield each
