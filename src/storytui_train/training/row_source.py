"""A recipe's data set as rows in tokens, made with the vocabulary that the model is served with."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from storytui.story.visible import visible
from storytui_train.data.teacher.engines import model_file, model_fingerprint, open_vocabulary
from storytui_train.errors import BaseModelError, TeacherError, TrainError
from storytui_train.recipe import Recipe
from storytui_train.recipe_training import TrainOptions
from storytui_train.training.base import base_place
from storytui_train.training.row_making import (
    RowsRecord,
    prepare_rows,
    read_rows_record,
    rows_of,
)
from storytui_train.training.rows import RowTokenizer
from storytui_train.training.tokenizers import HuggingFaceTokenizer

_OWN = "tokenizer "
"""Begins the name of a base's own vocabulary."""


def in_own_tokens(rows: RowsRecord) -> bool:
    """Whether rows are in the tokens of the base's own tokenizer, of which no GGUF was named."""
    return rows.vocabulary.startswith(_OWN)


def make_rows(
    dataset: Path, folder: Path, recipe: Recipe, told: Callable[[int, int], None] | None = None
) -> RowsRecord:
    """Make the rows of a data set, unless they are there.

    Args:
        dataset: its folder.
        folder: gets them.
        recipe: whose `train` says which model's tokens they are in.
        told: after each row, how many were read and how many there are.

    Raises:
        TrainError: there is no data set, or none of this form, or no row can be trained on.
    """
    _look_at(dataset)
    with _vocabulary(recipe.train) as (tokenizer, name):
        return prepare_rows(dataset, folder, recipe, tokenizer, vocabulary=name, told=told)


def rows_before_gguf(dataset: Path, folder: Path, recipe: Recipe) -> RowsRecord | None:
    """Rows in the tokens of the base's own tokenizer, of a recipe that now names a GGUF too.

    Args:
        dataset: its folder.
        folder: where rows are.
        recipe: whose `train` names base and GGUF.

    Returns:
        Their record; None: there are none of this data set, or the recipe names no GGUF beside
        its base.
    """
    options = recipe.train
    kind, source = base_place(options)
    made = read_rows_record(folder)
    if kind == "gguf" or not options.gguf or made is None or not in_own_tokens(made):
        return None
    with suppress(TrainError):
        tokenizer = HuggingFaceTokenizer.of(source, options.revision if kind == "hub" else "")
        return rows_of(dataset, folder, recipe, _OWN + tokenizer.fingerprint)
    return None


@contextmanager
def _vocabulary(options: TrainOptions) -> Iterator[tuple[RowTokenizer, str]]:
    """What makes tokens of rows, and what tells it from others."""
    kind, source = base_place(options)
    if kind != "gguf" and not options.gguf:
        tokenizer = HuggingFaceTokenizer.of(source, options.revision if kind == "hub" else "")
        yield tokenizer, _OWN + tokenizer.fingerprint
        return
    try:
        path = model_file(options.gguf) if options.gguf else Path(source)
        digest = model_fingerprint(path)
    except TeacherError as error:
        raise BaseModelError(str(error)) from error
    engine = open_vocabulary(path)
    try:
        yield engine, f"gguf {digest}"
    finally:
        engine.close()


def base_identity(options: TrainOptions) -> str:
    """What tells a base from others, found without reading all of its weights.

    Raises:
        BaseModelError: it is not there.
    """
    kind, source = base_place(options)
    if kind == "hub":
        return f"hub {source} {options.revision}"
    if kind == "folder":
        folder, whole = Path(source), hashlib.sha256()
        for each in sorted(folder.glob("*.safetensors")):
            there = each.stat()
            whole.update(f"{each.name} {there.st_size} {there.st_mtime_ns}\n".encode())
        config = folder / "config.json"
        whole.update(config.read_bytes() if config.is_file() else b"")
        return f"folder {whole.hexdigest()}"
    try:
        return f"gguf {model_fingerprint(Path(source))}"
    except TeacherError as error:
        raise BaseModelError(str(error)) from error


def _look_at(dataset: Path) -> None:
    """See that a folder that holds something holds a data set of this program's."""
    if (dataset / "rows").is_dir() or not dataset.is_dir():
        return
    endings = ("*.jsonl", "*.json", "*.parquet", "*.csv", "*.arrow")
    others = sorted(each.name for ending in endings for each in dataset.rglob(ending))
    if others:
        raise TrainError(
            f"{visible(str(dataset), newlines=False)} holds a data set of another format "
            f"({visible(others[0], newlines=False)}), without the folder rows/ that training reads."
            " Name it as a source of the recipe (type dataset or published), and build the data "
            "set with storytui-train run."
        )
