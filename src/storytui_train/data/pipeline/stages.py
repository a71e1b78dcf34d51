"""The stages from sources to a dataset, in order; each heeds its own sections of the recipe.

Imports datatrove only when a stage runs.
"""

from collections.abc import Callable, Mapping

from storytui_train.data.pipeline.gathering import gather_recipe, gather_with
from storytui_train.data.pipeline.outcome import dataset, marks_hash
from storytui_train.data.pipeline.rows import chunk, split
from storytui_train.data.pipeline.running import Stage, Work
from storytui_train.data.pipeline.teaching import reason, written_hash
from storytui_train.data.pipeline.texts import choose, clean

LAST_OF_PREPARE = "split"
"""The last stage that needs nothing but the books."""


def stages(gather: Callable[[Work], Mapping[str, int]]) -> tuple[Stage, ...]:
    """All stages, of which the first one gathers as it is told."""
    return (
        Stage(
            name="gather",
            needs=(),
            settings=lambda recipe: recipe.sources,
            run=gather,
            always=True,
        ),
        Stage(
            name="clean",
            needs=("gather",),
            settings=lambda recipe: (recipe.clean, recipe.run.tasks),
            run=clean,
        ),
        Stage(
            name="choose",
            needs=("clean",),
            settings=lambda recipe: recipe.choose,
            run=choose,
        ),
        Stage(
            name="chunk",
            needs=("gather", "choose"),
            settings=lambda recipe: (recipe.chunk, recipe.seed),
            run=chunk,
        ),
        Stage(
            name="split",
            needs=("chunk",),
            settings=lambda recipe: (recipe.split, recipe.seed),
            run=split,
        ),
        Stage(
            name="reason",
            needs=("split",),
            settings=lambda recipe: (recipe.teacher, recipe.score, recipe.seed),
            run=reason,
            inputs=written_hash,
        ),
        Stage(
            name="dataset",
            needs=("reason",),
            settings=lambda recipe: (recipe.dataset, recipe.name, recipe.licence, recipe.seed),
            run=dataset,
            inputs=marks_hash,
        ),
    )


STAGES = stages(gather_with(gather_recipe))
"""The stages of a recipe."""
