"""The stage that measures what was made, beside its base, on the rows that were held out.

evaluation/      the report; what was scored and written is kept there, and not done again
evaluate.json    what made it; written last
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from storytui.models.trained import Measured
from storytui.story.visible import visible
from storytui_train.data.pipeline.record import Record, hashes, sha256_of
from storytui_train.errors import EvaluateError
from storytui_train.evaluate.contestants import Contestant, contestants
from storytui_train.evaluate.evaluating import REPORT, REPORT_JSON, evaluate
from storytui_train.evaluate.held_out import TEST
from storytui_train.evaluate.report import ModelReport, Report
from storytui_train.stages.exporting import Output, files_of
from storytui_train.stages.work import ModelWork, Sitting, served_base, unwritten

NAME, FOLDER = "evaluate", "evaluation"
WORSE = "worse than the base"
"""The count in the record of models that are."""


def evaluate_stage(work: ModelWork, exported: Record) -> Record | None:
    """Measure what was made.

    Args:
        work: the recipe and its folder.
        exported: the record of the GGUF files.

    Returns:
        The record; None where nothing is held out, or no file was made.

    Raises:
        EvaluateError: a model cannot be measured, or the report not be written.
    """
    rows = held_out_rows(work.dataset)
    files = files_of(work, exported)
    if rows is None or not files:
        why = "no file was made" if rows else "no row is held out for it (see [split])"
        work.told(f"{NAME}: nothing is measured, as {why}")
        _forget(work)
        return None
    base = served_base(work)
    own = [wanted(base, kind, path) for kind, path in files.items()]
    others = [work.named(each) for each in work.recipe.evaluate.models]
    models = contestants([str(base), *own, *others])
    inputs = {
        "rows": sha256_of(rows),
        **{f"model {number}": _identity(each) for number, each in enumerate(models)},
    }
    options = msgspec.structs.replace(work.recipe.evaluate, models=())
    sitting = Sitting(work, NAME, inputs, options)
    done = sitting.done()
    if done is not None:
        for sentence in verdicts(work, files):
            work.told(f"{NAME}: {sentence}")
        return done
    folder = work.place.stage(FOLDER)
    report = evaluate(work.dataset, [*own, *others], folder, options, base=str(base), split=TEST)
    try:
        outputs = hashes(_report_files(folder), work.place.folder)
    except OSError as error:
        raise unwritten(NAME, error) from error
    found = _own_reports(report, files)
    worse = sum(bool(each.verdict and each.verdict.worse) for each in found)
    record = sitting.finish({"rows": report.rows, "takes": report.takes, WORSE: worse}, outputs)
    for each in found:
        if each.verdict is not None:
            work.told(f"{NAME}: {each.verdict.sentence}")
    work.told(f"{NAME}: the report is {visible(str(folder / REPORT), newlines=False)}")
    return record


def _report_files(folder: Path) -> list[Path]:
    """The files of a report that is there; what was measured is not among them."""
    if not folder.is_dir():
        return []
    return [each for each in folder.iterdir() if each.suffix in (".md", ".json", ".png")]


def _forget(work: ModelWork) -> None:
    """Remove record and report: they are of another model, or of other texts."""
    try:
        work.place.record_path(NAME).unlink(missing_ok=True)
        for each in _report_files(work.place.stage(FOLDER)):
            each.unlink()
    except OSError as error:
        raise unwritten(NAME, error) from error


def held_out_rows(dataset: Path) -> Path | None:
    """The file of a data set's rows that are held out for measuring; None: there are none."""
    path = dataset / "rows" / f"{TEST}.jsonl"
    return path if path.is_file() and path.stat().st_size else None


def wanted(base: Path, kind: Output, path: Path) -> str:
    """A model that was made, as it is named to be opened."""
    return f"{base}+{path}" if kind == "adapter" else str(path)


def verdicts(work: ModelWork, files: Mapping[Output, Path]) -> list[str]:
    """What the report that is there says of the models that were made."""
    found = _own_reports(read_report(work), files)
    return [each.verdict.sentence for each in found if each.verdict is not None]


def measured(work: ModelWork, path: Path) -> Measured | None:
    """What the report that is there says of one of the models that were made.

    Args:
        work: the recipe and its folder.
        path: the model's file, or that of the adapter.
    """
    report = read_report(work)
    base = next((each for each in report.models if each.name == report.base), None)
    own = next(iter(_of_file(report.models, path)), None)
    change = own.bits_change if own else None
    if base is None or own is None or change is None or own.verdict is None:
        return None
    reading = base.figures[f"bits_{report.base_reading}"]
    return Measured(
        base_bits=reading.mean,
        bits=own.figures["bits_prompt"].mean,
        low=change.low,
        high=change.high,
        change=change.mean,
        books=change.books,
        verdict=own.verdict.sentence,
        report=str((work.place.stage(FOLDER) / REPORT).absolute()),
    )


def is_better(work: ModelWork, path: Path) -> bool:
    """Whether the report that is there finds a model clearly better than its base."""
    found = _of_file(read_report(work).models, path)
    return any(each.verdict is not None and each.verdict.better for each in found)


def read_report(work: ModelWork) -> Report:
    """The report that is there.

    Raises:
        EvaluateError: it cannot be read.
    """
    path = work.place.stage(FOLDER) / REPORT_JSON
    try:
        return msgspec.json.decode(path.read_bytes(), type=Report)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise EvaluateError(
            f"The report {visible(str(path), newlines=False)} cannot be read. Measure anew with "
            f"--again {NAME}."
        ) from error


def _identity(model: Contestant) -> str:
    """What a measurement of a model depends on."""
    return f"{model.identity} {model.format} {model.name}"


def _own_reports(report: Report, files: Mapping[Output, Path]) -> list[ModelReport]:
    return [each for path in files.values() for each in _of_file(report.models, path)]


def _of_file(models: Sequence[ModelReport], path: Path) -> list[ModelReport]:
    """What is said of the model in a file, or under an adapter's file."""
    return [each for each in models if path.name in each.adapters or path.name == each.file]
