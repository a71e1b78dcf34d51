"""What of the export is no GGUF: the base's safetensors with the adapter in them.

merged/          a model for transformers, its configuration and tokenizer with it
"""

import os
from pathlib import Path

from storytui.story.visible import visible
from storytui_train.errors import RecipeError
from storytui_train.publish.found import MERGED
from storytui_train.stages.work import ModelWork, shares

WEIGHTS = "weights"
"""What a recipe calls them."""


def check_weights(work: ModelWork) -> None:
    """See that the base has safetensors that an adapter can be merged into.

    Raises:
        RecipeError: it has none, or they would be written over.
    """
    from storytui_train.training.base import base_place

    kind, source = base_place(work.train)
    if kind == "gguf":
        raise RecipeError(
            "The base is a GGUF file, and weights of transformers are made of a folder or a "
            "repository. Name one as base under [train], with the file as gguf, or leave weights "
            "out of outputs under [export]."
        )
    if kind == "folder" and os.path.realpath(source) == os.path.realpath(work.place.stage(MERGED)):
        raise RecipeError(
            f"{visible(source, newlines=False)} is the base and would be written over. Put it "
            "elsewhere, and name its new place."
        )


def make_weights(work: ModelWork) -> list[Path]:
    """Merge the adapter into the base's safetensors; returns all files of the merged model.

    Raises:
        GgufError: the adapter does not fit them, or there is no room.
        BaseModelError: they cannot be had.
        OSError: something cannot be read or written.
    """
    from storytui_train.training.base import base_place
    from storytui_train.training.folder_base import FolderWeights, from_hub
    from storytui_train.training.merged_weights import merge_weights

    kind, source = base_place(work.train)
    weights = (
        FolderWeights(Path(source)) if kind == "folder" else from_hub(source, work.train.revision)
    )
    out = work.place.stage(MERGED)
    said = f"export: {WEIGHTS}"
    made = merge_weights(
        work.place.stage("train") / "adapter",
        weights.folder,
        weights.files,
        out,
        scale=work.recipe.export.scale,
        tell=shares(work.told, f"{said}: merged"),
    )
    work.told(f"{said}: {len(weights.files):,} files for transformers, in {MERGED}")
    return made
