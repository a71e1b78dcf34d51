"""Rows become a data set: its files by prompt format and split, its card, its figures.

    README.md                   the card
    {format}/{split}.parquet    every field, with messages, prompt and completion
    {format}/{split}.jsonl      `{"messages": […]}`, as hosted trainers take it
    rows/{split}.jsonl          the rows themselves, to leaf through and to render again
    statistics.md, .json        the figures; plots/ has pictures of them
    report.json                 what was written and what was left out, with hashes

All is written beside the folder and takes its place at once. The same rows, in whatever order
they come, and the same recipe give the same bytes.
"""

import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from storytui.story.prompt import PromptFormat, prompt_format
from storytui.story.visible import visible
from storytui_train.data.dataset.card import card
from storytui_train.data.dataset.chat import chat_line, troubles
from storytui_train.data.dataset.columns import ParquetFile, features
from storytui_train.data.dataset.plots import draw
from storytui_train.data.dataset.rendering import UnfitError, choose, render
from storytui_train.data.dataset.spool import Spool
from storytui_train.data.dataset.statistics import Statistics, markdown
from storytui_train.data.documents import Refusal
from storytui_train.data.examples import Row
from storytui_train.errors import TrainError
from storytui_train.recipe import Recipe

ROWS = "rows"
"""The folder of the rows themselves."""


class FileReport(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the data set."""

    name: str
    """Seen from its folder."""
    size: int
    """Bytes."""
    sha256: str


class DatasetReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was written, and what was not."""

    name: str
    taken: int
    """Rows that came."""
    rows: int
    """Rows that are in the data set in at least one format."""
    formats: dict[str, dict[str, int]]
    """Rows by prompt format and split."""
    left_out: dict[str, int]
    """Rows that are in no format, by reason."""
    left_out_of: dict[str, dict[str, int]]
    """Rows that are not in one format, by format and reason."""
    private: int
    """Rows of private texts; where there are any, the data set must not be published."""
    troubles: dict[str, list[str]]
    """What a hosted trainer would turn a file away for, by file."""
    files: list[FileReport]


def write_dataset(
    rows: Iterable[Row],
    folder: Path,
    recipe: Recipe,
    *,
    bad: Collection[str] = (),
    refused: Callable[[Refusal], None] | None = None,
    plots: bool = True,
) -> DatasetReport:
    """Write a data set in the place of what is in a folder.

    Args:
        rows: all of them, with their splits; read once, in any order. Of rows with one id the
            first in their order is kept.
        folder: gets the data set; what it held is gone when all is written, not before.
        recipe: formats, shares, seed, name, licence.
        bad: ids of rows that were marked as bad and are left out; see `marks.load_marks`.
        refused: is told of each row that is left out, and of each format that lacks a row.
        plots: whether pictures are drawn.

    Raises:
        TrainError: the files cannot be written; what was there is as it was.
    """
    new = folder.with_name(folder.name + ".new")
    try:
        _clear(new)
        new.mkdir(parents=True)
        try:
            with Spool(rows, new.parent) as spool:
                report = _Writing(new, recipe, bad, refused).write(spool, plots=plots)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
        _take_place(new, folder)
    except OSError as error:
        raise TrainError(
            f"The data set {visible(str(folder), newlines=False)} cannot be written: "
            f"{error.strerror or error}. Make room and run again; what was there is as it was."
        ) from error
    return report


class _Writing:
    """One data set that is being written."""

    def __init__(
        self,
        folder: Path,
        recipe: Recipe,
        bad: Collection[str],
        refused: Callable[[Refusal], None] | None,
    ) -> None:
        self._folder = folder
        self._recipe = recipe
        self._bad = frozenset(bad)
        self._refused = refused
        self._forms = [prompt_format(each) for each in dict.fromkeys(recipe.dataset.formats)]
        self._statistics = Statistics()
        self._counts = {form.name: Counter[str]() for form in self._forms}
        self._left_out: Counter[str] = Counter()
        self._left_out_of = {form.name: Counter[str]() for form in self._forms}
        self._open = ExitStack()
        self._files: dict[Path, BinaryIO] = {}
        self._tables: dict[Path, ParquetFile] = {}
        parquet = "parquet" in recipe.dataset.files
        self._columns: Any = features() if parquet else None

    def write(self, spool: Spool, *, plots: bool) -> DatasetReport:
        with self._open:
            for row in spool:
                self._row(row)
        statistics = self._statistics
        pictures = []
        if plots and statistics.rows:
            (self._folder / "plots").mkdir()
            drawn = draw(statistics, self._folder / "plots")
            pictures = [each.relative_to(self._folder).as_posix() for each in drawn]
        self._text("statistics.md", f"# Statistics\n\n{markdown(statistics.tables())}")
        self._json("statistics.json", statistics.facts())
        left_out = {
            **self._left_out,
            **{
                f"{reason} (of {form})": count
                for form, reasons in self._left_out_of.items()
                for reason, count in reasons.items()
            },
        }
        files = self._by_format()
        self._text("README.md", card(self._recipe, statistics, files, left_out, pictures))
        report = DatasetReport(
            name=self._recipe.name,
            taken=spool.taken,
            rows=statistics.rows,
            formats={
                form: {split: counts[split] for split in statistics.splits if counts[split]}
                for form, counts in self._counts.items()
            },
            left_out=dict(sorted((self._left_out + _twice(spool)).items())),
            left_out_of={
                form: dict(sorted(reasons.items())) for form, reasons in self._left_out_of.items()
            },
            private=statistics.private,
            troubles=self._troubles(),
            files=[*self._reports()],
        )
        self._json("report.json", report)
        return report

    def _row(self, row: Row) -> None:
        reason = self._why_not(row)
        if reason:
            self._leave_out(row, *reason)
            return
        fits = [form for form in self._forms if self._in_format(row, form)]
        if not fits:
            self._left_out["in no format"] += 1
            return
        self._statistics.add(row)
        self._file(self._folder / ROWS / f"{row.split}.jsonl").write(
            msgspec.json.encode(row) + b"\n"
        )

    def _why_not(self, row: Row) -> tuple[str, str] | None:
        if row.id in self._bad:
            return "marked bad", "Somebody who read it marked it as bad."
        if not row.split:
            return "no split", "It belongs to no split: it stands in a gap between two."
        if not row.reasoning.strip() and self._recipe.dataset.without_reasoning == "drop":
            return "no reasoning", "It has no plan; `without_reasoning` in the recipe keeps such."
        return None

    def _in_format(self, row: Row, form: PromptFormat) -> bool:
        options = self._recipe.dataset
        try:
            rendered = render(row, form, choose(row, form, options, self._recipe.seed))
        except UnfitError as error:
            self._left_out_of[form.name][error.reason] += 1
            self._say(row, error.reason, f"{error} It is not in {form.name}.")
            return False
        self._counts[form.name][row.split] += 1
        folder = self._folder / form.name
        if "jsonl" in options.files:
            self._file(folder / f"{row.split}.jsonl").write(chat_line(rendered))
        if "parquet" in options.files:
            self._table(folder / f"{row.split}.parquet").add(row, rendered)
        return True

    def _leave_out(self, row: Row, reason: str, detail: str) -> None:
        self._left_out[reason] += 1
        self._say(row, reason, detail)

    def _say(self, row: Row, reason: str, detail: str) -> None:
        if self._refused is not None:
            title = row.source.title
            self._refused(
                Refusal(stage="dataset", id=row.id, title=title, reason=reason, detail=detail)
            )

    def _file(self, path: Path) -> BinaryIO:
        if path not in self._files:
            path.parent.mkdir(exist_ok=True)
            file = open(path, "wb")  # noqa: SIM115, closed with all others
            self._files[path] = self._open.enter_context(file)
        return self._files[path]

    def _table(self, path: Path) -> ParquetFile:
        if path not in self._tables:
            path.parent.mkdir(exist_ok=True)
            self._tables[path] = self._open.enter_context(ParquetFile(path, self._columns))
        return self._tables[path]

    def _by_format(self) -> dict[str, dict[str, str]]:
        """The files that the card names: Parquet's where there are both."""
        ending = "parquet" if "parquet" in self._recipe.dataset.files else "jsonl"
        found = {
            form: {
                split: f"{form}/{split}.{ending}"
                for split in self._statistics.splits
                if counts[split]
            }
            for form, counts in self._counts.items()
        }
        return {form: splits for form, splits in found.items() if splits}

    def _troubles(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in sorted(self._files):
            if path.parent.name != ROWS:
                with open(path, "rb") as lines:
                    if said := list(troubles(lines)):
                        found[path.relative_to(self._folder).as_posix()] = said
        return found

    def _reports(self) -> Iterator[FileReport]:
        there = [each for each in self._folder.rglob("*") if each.is_file()]
        for path in sorted(there, key=lambda each: each.relative_to(self._folder).as_posix()):
            with open(path, "rb") as data:
                digest = hashlib.file_digest(data, "sha256").hexdigest()
            name = path.relative_to(self._folder).as_posix()
            yield FileReport(name=name, size=path.stat().st_size, sha256=digest)

    def _text(self, name: str, text: str) -> None:
        (self._folder / name).write_text(text, encoding="utf-8", newline="\n")

    def _json(self, name: str, data: object) -> None:
        text = msgspec.json.format(msgspec.json.encode(data), indent=1)
        (self._folder / name).write_bytes(text + b"\n")


def _twice(spool: Spool) -> Counter[str]:
    """Rows whose id another one has."""
    return (
        Counter({"id twice": spool.taken - len(spool)}) if spool.taken > len(spool) else Counter()
    )


def _clear(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _take_place(new: Path, folder: Path) -> None:
    """Put a folder in another one's place."""
    old = folder.with_name(folder.name + ".old")
    _clear(old)
    if folder.exists():
        os.replace(folder, old)
    os.replace(new, folder)
    _clear(old)
