"""A data set becomes rows in tokens, on the disk.

rows/train.jsonl, validation.jsonl    the rows, one a line
rows/refused.jsonl                    rows that are not among them, and why
rows/record.json                      what they were made of and what came of it; written last
"""

import filecmp
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import structs

from storytui.engine.api import EngineError
from storytui.story.prompt import prompt_format
from storytui.story.visible import visible
from storytui_train.data.dataset.rendering import UnfitError, choose
from storytui_train.data.documents import Refusal
from storytui_train.data.examples import Row
from storytui_train.data.pipeline.record import fingerprint, now, sha256_of, write_atomically
from storytui_train.errors import TrainError
from storytui_train.recipe import Recipe
from storytui_train.training.row_files import Split, rows_path
from storytui_train.training.rows import GONE, RowTokenizer, TokenRow, tokenise

RECORD, REFUSED = "record.json", "refused.jsonl"
SPLITS: tuple[Split, ...] = ("train", "validation")
"""The splits that training needs; the first it cannot do without."""
LAYOUT = 1
"""Changes with what a line holds and how it is made."""
SHOWN = 3
"""Reasons that an error names."""


class RowCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one split."""

    rows: int = 0
    tokens: int = 0
    trained: int = 0
    """Tokens that are trained."""
    longest: int = 0
    """Tokens of the longest row."""
    without_plan: int = 0
    """Rows whose reply is the answer alone."""
    not_drawn: int = 0
    """Such rows that are not there, since a recipe wants no more of them."""
    shortened: int = 0
    """Rows whose context lost something at its head."""
    dropped_words: int = 0
    """What they lost."""
    refused: dict[str, int] = {}
    """Rows that are not there, by reason."""


class RowsRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What the rows were made of, and what came of it."""

    fingerprint: str
    """SHA-256 of all they depend on."""
    inputs: dict[str, str]
    """SHA-256 of the data set's files, by name."""
    format: str
    sequence: int
    reasoning: bool
    vocabulary: str
    """Whose tokens they are."""
    splits: dict[Split, RowCounts]
    sizes: dict[str, int]
    """Bytes of each file."""
    also: tuple[str, ...] = ()
    """Further fingerprints under which the same bytes came out: what was trained on the rows was
    trained on those too."""
    finished: str
    """When, in UTC."""

    @property
    def sentence(self) -> str:
        """What came of it, for people."""
        parts = []
        for name, each in self.splits.items():
            parts.append(
                f"{name}: {each.rows:,} rows, {each.tokens:,} tokens, {each.trained:,} of them "
                f"trained"
            )
            if each.shortened:
                parts.append(
                    f"{each.shortened:,} rows lost {each.dropped_words:,} words at the head of "
                    "their context to fit, none at its end"
                )
            if each.not_drawn:
                parts.append(f"{each.not_drawn:,} rows without a plan were not drawn")
            if each.refused:
                why = ", ".join(f"{n:,} {reason}" for reason, n in each.refused.items())
                parts.append(f"left out: {why}")
        return "; ".join(parts) + "."


def prepare_rows(
    dataset: Path,
    folder: Path,
    recipe: Recipe,
    tokenizer: RowTokenizer,
    *,
    vocabulary: str,
    told: Callable[[int, int], None] | None = None,
) -> RowsRecord:
    """Make the rows of a data set's training and validation splits, unless they are there.

    The same data set, recipe and vocabulary give the same bytes. Where another vocabulary gives
    the same bytes as one before, such as that of another file of the same model, the rows keep
    their fingerprint. Rows that are there stay as they are until new ones are whole.

    Args:
        dataset: the folder of the data set, with its `rows/`.
        folder: gets the files; what it held of other rows is replaced.
        recipe: format, sequence and reasoning of `train`; shares and seed of the data set.
        tokenizer: the model's.
        vocabulary: what tells the tokenizer from others, such as a hash of the model's file.
        told: after each row, how many were read and how many there are.

    Raises:
        TrainError: there is no data set, no row fits, or the files cannot be written.
    """
    sources = _sources(dataset)
    inputs = _hashes(sources)
    key = _key(inputs, recipe, vocabulary)
    made = read_rows_record(folder)
    if made is not None and key in (made.fingerprint, *made.also):
        return made
    files = [*(rows_path(folder, split) for split in sources), folder / REFUSED]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        total = sum(_lines_in(path) for path in sources.values())
        with ExitStack() as stack:
            writing = _Writing(folder, recipe, tokenizer, told, total, stack)
            counts = {split: writing.split(split, path) for split, path in sources.items()}
        first = key
        also: tuple[str, ...] = ()
        if made is not None and made.inputs == inputs and _same(made, files):
            first, also = made.fingerprint, (*made.also, key)
        if first == key or not counts["train"].rows:
            (folder / RECORD).unlink(missing_ok=True)
        for each in files:
            _new(each).replace(each)
        _refuse_none(counts["train"], folder)
        record = RowsRecord(
            fingerprint=first,
            inputs=inputs,
            format=recipe.train.format,
            sequence=recipe.train.sequence,
            reasoning=recipe.train.reasoning,
            vocabulary=vocabulary,
            splits=counts,
            sizes={each.name: each.stat().st_size for each in files},
            also=also,
            finished=now(),
        )
        data = msgspec.json.format(msgspec.json.encode(record), indent=2)
        write_atomically(folder / RECORD, data + b"\n")
    except OSError as error:
        raise TrainError(
            f"The rows in tokens cannot be written to {visible(str(folder), newlines=False)}: "
            f"{error.strerror or error}. Make room and run again."
        ) from error
    finally:
        for each in files:
            with suppress(OSError):
                _new(each).unlink()
    return record


def rows_of(dataset: Path, folder: Path, recipe: Recipe, vocabulary: str) -> RowsRecord | None:
    """The record of a data set's rows by a vocabulary, where they are there.

    Args:
        dataset: the folder of the data set.
        folder: where the rows are.
        recipe: as for `prepare_rows`.
        vocabulary: what tells the tokenizer from others.

    Raises:
        TrainError: there is no data set, or it cannot be read.
    """
    made = read_rows_record(folder)
    key = _key(_hashes(_sources(dataset)), recipe, vocabulary)
    return made if made is not None and key in (made.fingerprint, *made.also) else None


def _key(inputs: dict[str, str], recipe: Recipe, vocabulary: str) -> str:
    """The fingerprint of rows."""
    shares = recipe.dataset
    settings = {
        "layout": LAYOUT,
        "format": recipe.train.format,
        "sequence": recipe.train.sequence,
        "reasoning": recipe.train.reasoning,
        "answers_per_plan": recipe.train.answers_per_plan,
        "shares": [shares.later, shares.direction, shares.length],
        "seed": recipe.seed,
        "vocabulary": vocabulary,
    }
    return fingerprint("rows", inputs, settings)


def _new(path: Path) -> Path:
    """Where a file is written until all are whole."""
    return path.with_name(f"{path.name}.part")


def _same(made: RowsRecord, files: Sequence[Path]) -> bool:
    """Whether files that were made anew hold the rows that were there."""
    rows = [each for each in files if each.name != REFUSED]
    known = {name for name in made.sizes if name != REFUSED}
    return known == {each.name for each in rows} and all(
        filecmp.cmp(each, _new(each), shallow=False) for each in rows
    )


def read_rows_record(folder: Path) -> RowsRecord | None:
    """The record of the rows in a folder; None where they are not complete."""
    with suppress(OSError, msgspec.MsgspecError):
        record = msgspec.json.decode((folder / RECORD).read_bytes(), type=RowsRecord)
        if all((folder / name).stat().st_size == size for name, size in record.sizes.items()):
            return record
    return None


class _Writing:
    """Rows that are being made."""

    def __init__(
        self,
        folder: Path,
        recipe: Recipe,
        tokenizer: RowTokenizer,
        told: Callable[[int, int], None] | None,
        total: int,
        stack: ExitStack,
    ) -> None:
        self._folder = folder
        self._recipe = recipe
        self._form = prompt_format(recipe.train.format)
        self._tokenizer = tokenizer
        self._told = told or (lambda _done, _total: None)
        self._total = total
        self._done = 0
        self._encoder = msgspec.json.Encoder()
        self._refused: BinaryIO = stack.enter_context(_new(folder / REFUSED).open("wb"))

    def split(self, name: Split, source: Path) -> RowCounts:
        found: Counter[str] = Counter()
        refused: Counter[str] = Counter()
        path = _new(rows_path(self._folder, name))
        left = self._not_drawn(source) if name == "train" else frozenset()
        with path.open("wb") as file:
            for row in read_rows(source):
                made = None if row.id in left else self._made(row, refused)
                if made is not None:
                    file.write(self._encoder.encode(made) + b"\n")
                    self._count(found, made, plain=not self._plan(row))
                self._done += 1
                self._told(self._done, self._total)
            file.flush()
            os.fsync(file.fileno())
        return RowCounts(**found, not_drawn=len(left), refused=dict(sorted(refused.items())))

    def _not_drawn(self, source: Path) -> frozenset[str]:
        """Rows without a plan that are too many beside those that have one."""
        share = self._recipe.train.answers_per_plan
        plain: list[str] = []
        plans = 0
        for row in read_rows(source) if share else ():
            if self._plan(row):
                plans += 1
            else:
                plain.append(row.id)
        if not plans:
            return frozenset()
        most = round(share * plans)
        # What is drawn for a share is drawn for every larger one too.
        drawn = sorted(
            plain, key=lambda each: random.Random(f"{self._recipe.seed}:{each}").random()
        )
        return frozenset(drawn[most:])

    def _plan(self, row: Row) -> str:
        return row.reasoning.strip() if self._recipe.train.reasoning else ""

    def _made(self, row: Row, refused: Counter[str]) -> TokenRow | None:
        options, form = self._recipe.train, self._form
        row = structs.replace(row, reasoning=self._plan(row))
        choice = choose(row, form, self._recipe.dataset, self._recipe.seed)
        try:
            return tokenise(row, form, choice, self._tokenizer, options.sequence)
        except UnfitError as error:
            reason, detail = error.reason, str(error)
        except GONE as error:
            raise TrainError(visible(str(error))) from error
        except EngineError as error:
            reason, detail = "vocabulary", str(error)
        refused[reason] += 1
        refusal = Refusal(
            stage="train", id=row.id, title=row.source.title, reason=reason, detail=detail
        )
        self._refused.write(self._encoder.encode(refusal) + b"\n")
        return None

    @staticmethod
    def _count(found: Counter[str], row: TokenRow, *, plain: bool) -> None:
        found["rows"] += 1
        found["tokens"] += len(row.tokens)
        found["trained"] += row.trained
        found["longest"] = max(found["longest"], len(row.tokens))
        found["without_plan"] += plain
        found["shortened"] += row.dropped_words > 0
        found["dropped_words"] += row.dropped_words


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a data set's file, one at a time.

    Raises:
        TrainError: it cannot be read, or a line of it is no row.
    """
    decoder = msgspec.json.Decoder(Row)
    shown = visible(str(path), newlines=False)
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    yield decoder.decode(line)
                except msgspec.MsgspecError as error:
                    raise TrainError(
                        f"Line {number:,} of {shown} is no row of a data set ({error}). Build the "
                        "data set again, or name the folder of one that storytui-train built."
                    ) from error
    except OSError as error:
        raise TrainError(f"{shown} cannot be read: {error.strerror}.") from error


def _sources(dataset: Path) -> dict[Split, Path]:
    """The data set's files by split, as far as they are there."""
    paths = {split: dataset / "rows" / f"{split}.jsonl" for split in SPLITS}
    if not paths["train"].is_file():
        raise TrainError(
            f"There is no data set in {visible(str(dataset), newlines=False)}: "
            "rows/train.jsonl is missing. Build it first, and see that its training split is not "
            "empty."
        )
    return {split: path for split, path in paths.items() if path.is_file()}


def _hashes(sources: Mapping[Split, Path]) -> dict[str, str]:
    """SHA-256 of the data set's files, by name."""
    try:
        return {path.name: sha256_of(path) for path in sources.values()}
    except OSError as error:
        raise TrainError(
            f"{visible(str(error.filename), newlines=False)} cannot be read: {error.strerror}."
        ) from error


def _lines_in(path: Path) -> int:
    with path.open("rb") as lines:
        return sum(1 for _ in lines)


def _refuse_none(counts: RowCounts, folder: Path) -> None:
    """See that there is something to train on."""
    if counts.rows:
        return
    refused = Counter(counts.refused).most_common(SHOWN)
    why = ", ".join(f"{n:,} {reason}" for reason, n in refused) or "the data set is empty"
    raise TrainError(
        f"No row can be trained on: {why}. Each row's reason stands in "
        f"{visible(str(folder / REFUSED), newlines=False)}."
    )
