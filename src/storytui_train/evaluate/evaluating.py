"""The whole measurement: rows and models found, measured, and the report written in a folder.

report.md, report.json     what was found
samples.md                 takes side by side
likelihood.png, …          pictures
kept.jsonl                 what was scored and written, so that nothing is done twice
"""

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from storytui.story.prompt import AUTO
from storytui.story.visible import visible
from storytui_train.errors import EvaluateError, RecipeError
from storytui_train.evaluate import placing
from storytui_train.evaluate.asking import Asked, needs_guidance
from storytui_train.evaluate.contestants import (
    OpenContestant,
    base_of,
    contestants,
)
from storytui_train.evaluate.held_out import TEST, held_out
from storytui_train.evaluate.kept import Kept
from storytui_train.evaluate.plots import draw
from storytui_train.evaluate.progress import Progress
from storytui_train.evaluate.report import Report, build
from storytui_train.evaluate.running import measure, steps
from storytui_train.evaluate.samples import samples
from storytui_train.evaluate.writing import SAMPLES, markdown
from storytui_train.recipe_training import EvaluateOptions

FOLDER, OF_OTHERS = "evaluation", "evaluation-of-others"
"""Its name beside a data set; the other one in a working folder, whose recipe's own report has the
first."""
REPORT, REPORT_JSON = "report.md", "report.json"
_NOT_EACH_TIME = (SAMPLES, "books.png", "takes.png")
"""Files that only some reports have: those of one before may quote other texts."""


def evaluate(
    path: Path,
    models: Sequence[str],
    folder: Path,
    options: EvaluateOptions,
    *,
    base: str = "",
    format: str = AUTO,
    split: str = TEST,
    open_engine: OpenContestant | None = None,
    progress: Progress | None = None,
) -> Report:
    """Measure models on held-out rows, and write the report.

    What is in the folder already is not done again; the same rows, models and options give the
    same files. Rows that do not fit a model's context are left out for all. Where a model other
    than the base fails, the report of the others is written before the error is raised.

    Args:
        path: a data set's folder, a folder of files of rows, or one such file.
        models: `MODEL` or `MODEL+ADAPTER`, names or paths, in their order.
        folder: gets the report; is made where it is missing.
        options: how many rows, takes and words, the seed; its `models` are measured too.
        base: what the others are held against; empty: the model under the first adapter that is
            named, and where none is, nothing.
        format: of all prompts; `auto`: each model's own (`contestants.contestants`).
        split: of the rows.
        open_engine: opens a model; None: the project's engine.
        progress: told of each step; None: a line on standard error.

    Raises:
        RecipeError: no model is named, or no prompt format has that name.
        EvaluateError: there are no rows, a model fails, or the folder cannot be written.
        TrainError: rows or models cannot be read.
    """
    wanted = [*models, *options.models]
    if not wanted:
        raise RecipeError("No model is named; name one with --model.")
    base = base or next((base_of(each) for each in wanted if base_of(each) != each), "")
    found = contestants([base, *wanted] if base else wanted, format)
    asked = Asked(
        words=options.words,
        context_words=options.context_words,
        seed=options.seed,
    )
    guided = any(needs_guidance(each.format) for each in found)
    rows = held_out(path, most=options.rows, seed=options.seed, split=split, guided=guided)
    progress = progress or Progress(steps(len(found), len(rows), options.takes))
    with Kept(folder) as kept:
        outcome = measure(
            *(found, rows, asked, kept),
            takes=options.takes,
            base=found[0] if base else None,
            open_engine=open_engine,
            progress=progress,
        )
    measured = outcome.found
    report = build(
        *(measured, rows, asked),
        takes=options.takes,
        base=found[0].name if base else "",
        confidence=options.confidence,
        failed=[each.contestant.name for each in outcome.failed],
    )
    try:
        pictures = [each.name for each in draw(report, folder)]
        if options.takes:
            _write(folder / SAMPLES, samples(measured, rows, asked.words).encode())
        written = (*pictures, *([SAMPLES] if options.takes else []))
        for name in _NOT_EACH_TIME:
            if name not in written:
                (folder / name).unlink(missing_ok=True)
        _write(folder / REPORT, markdown(report, pictures).encode())
        encoded = msgspec.json.format(msgspec.json.encode(report), indent=2)
        _write(folder / REPORT_JSON, encoded + b"\n")
    except OSError as error:
        raise EvaluateError(
            f"The report cannot be written to {visible(str(folder), newlines=False)}: "
            f"{(error.strerror or str(error)).lower()}. Make room, or allow writing there, and run "
            "again; what was measured is kept."
        ) from error
    if outcome.failed:
        where = visible(str(folder / REPORT), newlines=False)
        said = " ".join(str(each) for each in outcome.failed)
        raise EvaluateError(f"{said} The report {where} is of the others.") from outcome.failed[0]
    return report


def folder_beside(path: Path) -> Path:
    """Where a report goes that nobody named a folder for: beside the data set.

    In a recipe's working folder `FOLDER` is its own stage's, which is published.
    """
    return placing.folder_beside(path, FOLDER, in_recipe=OF_OTHERS)


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(data)
    os.replace(beside, path)
