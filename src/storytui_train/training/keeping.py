"""Keeps an adapter that was trained, where another one is to be trained in its place."""

import shutil
from contextlib import suppress
from pathlib import Path

from storytui_train.training.run_folder import RECORD, RunFolder

BEFORE = "adapter-before"
"""Where it is kept, in the folder of the training; its record stands in it."""


def keep_adapter(run: RunFolder) -> Path:
    """Put the adapter of a training that is complete aside, in the place of one that was before.

    Args:
        run: the folder; it holds no complete training any more.

    Returns:
        Where the adapter is.

    Raises:
        OSError: it cannot be moved.
    """
    before = run.folder / BEFORE
    with suppress(FileNotFoundError):
        shutil.rmtree(before)
    run.adapter.rename(before)
    (run.folder / RECORD).replace(before / RECORD)
    return before
