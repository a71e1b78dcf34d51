"""Data sets with a column of texts: each row becomes a text file in the working folder."""

import hashlib
from collections.abc import Iterator

from storytui.folders import as_typed
from storytui_train.data.documents import Gathered, Refusal, Source
from storytui_train.data.sources import names
from storytui_train.data.sources.html import language_of
from storytui_train.data.sources.place import Place
from storytui_train.data.sources.reading import MAXIMUM_TEXT, RefusedError, megabytes
from storytui_train.data.sources.tables import Line, lines_of
from storytui_train.data.sources.writing import write_file
from storytui_train.recipe import DatasetSource

STAGE = "gather"
_ROWS_A_FOLDER = 1000


def gather_dataset(options: DatasetSource, place: Place) -> Iterator[Gathered | Refusal]:
    """The texts of a data set, each written to a file below `place.folder / "texts"`.

    Rows that cannot be read, or have no text, come as refusals with their number.

    Args:
        options: the source.
        place: where the recipe and its working folder are.
    """
    path = place.recipe_folder / as_typed(options.path)
    id = f"dataset-{dataset_name(options.path)}"
    columns = (options.text, options.title, options.author, "language")
    taken = 0
    try:
        for found in lines_of(path, options.path, options.split, columns):
            if options.limit and taken >= options.limit:
                return
            if isinstance(found, RefusedError):
                yield refusal(id, found)
                continue
            require_column(found, options.text, "text")
            try:
                yield _text(found, id, options, place)
                taken += 1
            except RefusedError as error:
                yield refusal(f"{id}-{found.number}", error)
    except RefusedError as error:
        yield refusal(id, error)


def dataset_name(named: str) -> str:
    """What a data set is called in ids."""
    name = named.rstrip("/").rpartition("/")[2]
    for ending in (".gz", ".zst", ".zstd", ".jsonl", ".ndjson", ".parquet"):
        name = name.removesuffix(ending)
    return names.slug(name) or "unnamed"


def require_column(line: Line, column: str, key: str) -> None:
    """Stop where not even the first row has the column: its name is wrong.

    Raises:
        RefusedError: it has not.
    """
    if line.number == 1 and column not in line.values:
        there = ", ".join(sorted(line.values)) or "none"
        raise RefusedError(
            "no column",
            f"{line.file} has no column {column}; it has {there}. Say which in `{key}`.",
        )


def _text(line: Line, id: str, options: DatasetSource, place: Place) -> Gathered:
    text = line.values.get(options.text)
    if not isinstance(text, str) or not text.strip():
        raise RefusedError("empty", f"In {line.where} there is no text.")
    # Halves of characters, which JSON may hold, have no bytes.
    data = text.encode("utf-8", "replace")
    if len(data) > MAXIMUM_TEXT:
        raise RefusedError(
            "too big", f"In {line.where} stands more than {megabytes(MAXIMUM_TEXT)}."
        )
    if "\0" in text:
        raise RefusedError("binary", f"In {line.where} stands something that is no text.")
    title, author = said(line, options.title), said(line, options.author)
    below = f"texts/{id}/{line.number // _ROWS_A_FOLDER:04}/{line.number}.txt"
    write_file(place.folder / below, data, private=options.private)
    return Gathered(
        source=Source(
            id=f"{id}-{line.number}",
            kind="dataset",
            file=f"{line.file}#{line.number}",
            url=f"https://huggingface.co/datasets/{options.path}"
            if line.file == options.path
            else "",
            sha256=hashlib.sha256(data).hexdigest(),
            encoding="utf-8",
            title=title,
            author=author,
            authors=(author,) if author else (),
            language=language_of(said(line, "language")),
            licence=options.licence,
            private=options.private,
        ),
        path=below,
        form="text",
    )


def said(line: Line, column: str) -> str:
    """What stands in a column, on one line; of several names the first."""
    value = line.values.get(column) if column else None
    if isinstance(value, list | tuple):
        value = value[0] if value else ""
    return " ".join(str(value).split()) if isinstance(value, str | int) else ""


def refusal(id: str, error: RefusedError) -> Refusal:
    """A row, or a data set, that is left out, and why."""
    return Refusal(stage=STAGE, id=id, reason=error.reason, detail=error.detail)
