"""The first stage: what is read, found and brought here; one line for each text."""

from collections.abc import Callable, Iterator, Mapping

import msgspec

from storytui_train.data.documents import Gathered, Refusal
from storytui_train.data.pipeline.record import write_atomically
from storytui_train.data.pipeline.running import Work
from storytui_train.errors import RecipeError, TrainError

Gather = Callable[[Work], Iterator[Gathered | Refusal]]
SOURCES = "sources.jsonl"


def gather_with(gather: Gather) -> Callable[[Work], Mapping[str, int]]:
    """The stage that gathers with a function."""

    def run(work: Work) -> Mapping[str, int]:
        found: list[Gathered] = []
        refused: list[Refusal] = []
        for each in gather(work):
            if isinstance(each, Refusal):
                refused.append(each)
            else:
                found.append(each)
        lines = b"".join(msgspec.json.encode(each) + b"\n" for each in found)
        write_atomically(work.parts / SOURCES, lines)
        work.refused.mkdir(exist_ok=True)
        listed = b"".join(msgspec.json.encode(each) + b"\n" for each in refused)
        write_atomically(work.refused / "gather.jsonl", listed)
        if not found:
            why = f" {refused[0].detail}" if refused else ""
            raise TrainError(f"No text was found that can be read.{why}")
        counts = {"texts": len(found)}
        return {**counts, "left out": len(refused)} if refused else counts

    return run


def gather_recipe(work: Work) -> Iterator[Gathered | Refusal]:
    """What the recipe's sources name.

    Raises:
        RecipeError: it names none.
    """
    from storytui_train.data.sources.gathering import gather_all
    from storytui_train.data.sources.place import Place

    if not work.recipe.sources:
        raise RecipeError(
            "The recipe names no [[sources]]: say where your manuscripts are, or which books."
        )
    place = Place(work.place.recipe_folder, work.place.folder, work.told)
    yield from gather_all(work.recipe.sources, place, twice=takes_twice(work))


def takes_twice(work: Work) -> bool:
    """Whether a file that is there twice is taken twice."""
    return work.recipe.choose.duplicates == "keep"
