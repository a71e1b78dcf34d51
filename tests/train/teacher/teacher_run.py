"""Runs a teacher over rows: in this process, or in one of its own that can be killed."""

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from teacher_rows import options, rows

from storytui_train.data.examples import Row
from storytui_train.data.teacher.reasoning import Planned, reason_block
from storytui_train.data.teacher.running import document_of, read_planned
from storytui_train.recipe import TeacherOptions

SEED = 3


def run(folder: Path, given: TeacherOptions, over: Iterable[Row], **rest: Any) -> list[Planned]:
    """One task over rows; what came of them."""
    block = reason_block(given, folder, SEED, **rest)
    if given.kind == "batch":
        block.poll_seconds = 0.005
    block.run([document_of(row) for row in over])
    return list(read_planned(folder / "plans"))


def main() -> None:
    """In a child: folder, address, how many rows, changed options as JSON."""
    import openai._base_client

    openai._base_client.INITIAL_RETRY_DELAY = 0.005
    openai._base_client.MAX_RETRY_DELAY = 0.02
    folder, url, count, changes = sys.argv[1:]
    os.environ.setdefault("STAND_IN_KEY", "sk-stand-in")
    run(Path(folder), options(url, **json.loads(changes)), rows(int(count)))


if __name__ == "__main__":
    main()
