"""Rows of JSONL, Parquet and Hugging Face data sets, one after the other."""

import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import msgspec

from storytui_train.data.sources import names
from storytui_train.data.sources.forms import form_by_name, is_passed_over
from storytui_train.data.sources.reading import MAXIMUM_TEXT, RefusedError, megabytes, refused

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[\w.-]+)?")


class Line(NamedTuple):
    """One row of a table."""

    number: int
    """From 1, over all files."""
    file: str
    """The file's name below what was named; of the Hub: the data set's."""
    where: str
    """What messages call it: `line 17 of rows.jsonl`."""
    values: dict[str, Any]


def lines_of(
    path: Path, named: str, split: str, columns: tuple[str, ...]
) -> Iterator[Line | RefusedError]:
    """The rows of a file, of a folder's files, or of a data set on the Hub.

    Args:
        path: where that would be on this machine.
        named: what the recipe says.
        split: of a data set with splits.
        columns: that are wanted, where a file can leave others unread.

    Yields:
        Rows, and in place of one that cannot be read the reason why.

    Raises:
        RefusedError: nothing of it can be read.
    """
    try:
        is_folder, is_there = path.is_dir(), path.exists()
    except OSError as error:
        raise refused(error, named) from error
    if is_folder and _is_saved(path):
        yield from _saved(path, named, split)
    elif is_folder:
        files = [
            each
            for each in path.rglob("*")
            if each.is_file()
            and not is_passed_over(each.name)
            and form_by_name(each) in ("jsonl", "parquet")
        ]
        if not files:
            raise RefusedError("empty", f"No .jsonl or .parquet file lies in {named}.")
        before = 0
        for each in sorted(files, key=lambda each: names.natural_key(str(each))):
            last = 0
            try:
                for found in _file(each, each.relative_to(path).as_posix(), columns):
                    last = found.number if isinstance(found, Line) else last
                    yield found._replace(number=before + last) if isinstance(found, Line) else found
            except RefusedError as error:
                yield error
            before += last
    elif is_there:
        yield from _file(path, path.name, columns)
    elif _HUB_NAME.fullmatch(named) and named.count("/") == 1 and not Path(named).suffix:
        yield from _hub(named, split)
    else:
        raise RefusedError("missing", f"There is no {named}. Check the path.")


def _file(path: Path, shown: str, columns: tuple[str, ...]) -> Iterator[Line | RefusedError]:
    form = form_by_name(path)
    if form == "parquet":
        yield from _parquet(path, shown, columns)
    elif form == "jsonl":
        yield from _jsonl(path, shown)
    else:
        raise RefusedError(
            "form", f"{shown} is no data set: .jsonl, .jsonl.gz, .jsonl.zst, .parquet."
        )


def _jsonl(path: Path, shown: str) -> Iterator[Line | RefusedError]:
    try:
        with _opened(path) as file:
            number = 0
            while line := file.readline(MAXIMUM_TEXT + 1):
                number += 1
                where = f"line {number} of {shown}"
                if len(line) > MAXIMUM_TEXT:
                    while line and not line.endswith(b"\n"):
                        line = file.readline(MAXIMUM_TEXT)
                    yield RefusedError(
                        "too big", f"In {where} stands more than {megabytes(MAXIMUM_TEXT)}."
                    )
                    continue
                if not line.strip():
                    continue
                try:
                    values = msgspec.json.decode(line, type=dict[str, Any])
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    yield RefusedError("broken line", f"In {where} is no JSON object: {error}.")
                    continue
                yield Line(number, shown, where, values)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise RefusedError(
            "unreadable", f"{shown} is cut off or damaged. Copy it again."
        ) from error
    except OSError as error:
        raise refused(error, shown) from error


def _opened(path: Path) -> BinaryIO:
    if path.name.endswith(".gz"):
        return cast(BinaryIO, gzip.open(path, "rb"))
    if path.name.endswith((".zst", ".zstd")):
        import io

        import pyarrow

        return cast(BinaryIO, io.BufferedReader(pyarrow.input_stream(path, compression="zstd")))
    return open(path, "rb")


def _parquet(path: Path, shown: str, columns: tuple[str, ...]) -> Iterator[Line]:
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as table:
            there = [each for each in columns if each in table.schema_arrow.names]
            number = 0
            for batch in table.iter_batches(batch_size=64, columns=there or None):
                for values in batch.to_pylist():
                    number += 1
                    yield Line(number, shown, f"row {number} of {shown}", values)
    except (pyarrow.ArrowException, OSError) as error:
        if isinstance(error, PermissionError):
            raise refused(error, shown) from error
        raise RefusedError("unreadable", f"{shown} is damaged, or no Parquet file.") from error


def _is_saved(folder: Path) -> bool:
    """Whether a folder was written by `save_to_disk`."""
    return (folder / "state.json").is_file() or (folder / "dataset_dict.json").is_file()


def _saved(folder: Path, named: str, split: str) -> Iterator[Line]:
    import datasets

    try:
        found = datasets.load_from_disk(str(folder))
        if isinstance(found, datasets.DatasetDict):
            found = found[split]
    except KeyError as error:
        raise RefusedError("missing", f"{named} has no split {split}.") from error
    except (OSError, ValueError) as error:
        raise RefusedError("unreadable", f"{named} is damaged, or no data set.") from error
    for number, values in enumerate(found, start=1):
        yield Line(number, named, f"row {number} of {named}", dict(values))


def _hub(named: str, split: str) -> Iterator[Line]:
    import datasets
    import httpx

    try:
        rows = datasets.load_dataset(named, split=split, streaming=True)
        for number, values in enumerate(rows, start=1):
            yield Line(number, named, f"row {number} of {named}", dict(values))
    except (
        OSError,
        ValueError,
        RuntimeError,
        httpx.HTTPError,
        datasets.exceptions.DatasetsError,
    ) as error:
        why = " ".join(str(error).split())[:200]
        raise RefusedError(
            "unreachable",
            f"The data set {named} cannot be had from the Hub: {why}. Check its name and the "
            "connection, or download it and name its folder.",
        ) from error
