"""Where what comes of a measurement of rows goes, when nobody names a folder for it."""

from pathlib import Path

from storytui_train.data.pipeline.workplace import OWN


def folder_beside(path: Path, name: str, *, in_recipe: str) -> Path:
    """A folder beside a data set or a file of rows, which no stage of a recipe removes.

    What lies in the folder of a stage is gone when the stage is done anew, so of a recipe's rows it
    is a folder beside the stages.

    Args:
        path: of the rows.
        name: the folder's name.
        in_recipe: its name in a recipe's working folder; no stage has it.
    """
    path = path.resolve()
    for each in (path, *path.parents):
        if (each / OWN).is_file():
            return each / in_recipe
    return path.parent / name
