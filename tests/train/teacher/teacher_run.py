"""Runs a teacher over rows: in this process, or in one of its own that can be killed."""

import json
import os
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from teacher_rows import options, rows

from storytui_train.data.examples import Row
from storytui_train.data.teacher.reasoning import Planned, reason_block
from storytui_train.data.teacher.running import document_of, read_planned
from storytui_train.errors import TrainError
from storytui_train.recipe import TeacherOptions

SEED = 3


def run(folder: Path, given: TeacherOptions, over: Iterable[Row], **rest: Any) -> list[Planned]:
    """One task over rows; what came of them."""
    block = reason_block(given, folder, SEED, **rest)
    if given.kind == "batch":
        block.poll_seconds = 0.005
    block.run([document_of(row) for row in over])
    return list(read_planned(folder / "plans"))


def work(folder: str, url: str, count: int, changes: dict[str, Any]) -> None:
    """What a child does."""
    run(Path(folder), options(url, **changes), rows(count))


def main() -> None:
    """Fork a child for each line of the input, with what it has to do, and tell how it ended.

    Imports take longer than the work; so they are done once.
    """
    import openai._base_client

    from storytui_train.data.teacher import batch

    openai._base_client.INITIAL_RETRY_DELAY = 0.005
    openai._base_client.MAX_RETRY_DELAY = 0.02
    assert batch is not None
    for line in sys.stdin:
        given = json.loads(line)
        child = os.fork()
        if child == 0:
            code = 0
            with open(given.pop("said"), "wb") as said:
                os.dup2(said.fileno(), 2)
                try:
                    work(**given)
                except TrainError as error:
                    print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
                    code = 1
                except BaseException:  # noqa: BLE001 - whatever it is, the mother lives on
                    traceback.print_exc()
                    code = 2
            os._exit(code)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
