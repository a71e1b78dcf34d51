"""A model's file and an adapter's file, merged: what commands and stages call."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from storytui.story.visible import visible
from storytui_train.data.teacher.engines import model_file
from storytui_train.errors import GgufError, TeacherError
from storytui_train.gguf.deltas import read_deltas
from storytui_train.gguf.importance import read_importance
from storytui_train.gguf.merge import Merged, Tell, merge
from storytui_train.gguf.provenance import Entry, merged_pairs
from storytui_train.gguf.quantise import SAME, merge_and_quantise, type_named
from storytui_train.gguf.splits import read_model


def merge_files(
    base: str,
    adapter: Path,
    out: Path,
    *,
    kind: str = SAME,
    said: Mapping[str, Entry] | None = None,
    importance: Path | None = None,
    scale: float = 1.0,
    most: int | None = 0,
    nearest: bool = False,
    threads: int = 0,
    tell: Tell | None = None,
    quantising: Callable[[int, int], None] | None = None,
    log: IO[bytes] | None = None,
) -> Merged:
    """Merge an adapter into a model.

    Args:
        base: the model, by name or path; empty: the built-in one.
        adapter: a GGUF adapter for it.
        out: the file to write.
        kind: `same`: straight into the base, each tensor in its own type; else the type that
            llama.cpp makes of the merged model, for which the base has 16 bits.
        said: entries of the header that go before the adapter's and the base's.
        importance: an importance matrix; None: none.
        scale: how strong the adapter is; 1: as it was trained.
        most: bytes of a file, for `same`; 0: all in one; None: divided as the base is.
        nearest: whether sums are rounded to the nearest, for `same`, by which most of a weak
            adapter is lost.
        threads: 0: one for each core.
        tell: is told how far the merging is, in bytes.
        quantising: is told how far the quantising is, in tensors.
        log: gets what llama.cpp says.

    Raises:
        GgufError: it cannot be done; the message says why, and what to do.
    """
    wanted = SAME if kind == SAME else type_named(kind)
    if adapter.is_dir():
        raise GgufError(
            f"The adapter {visible(str(adapter))} is a folder. Make a GGUF adapter of it first, "
            "and name that."
        )
    try:
        model = read_model(model_file(base))
    except TeacherError as error:
        raise GgufError(str(error)) from error
    deltas = read_deltas(adapter, model.path)
    measured = read_importance(importance) if importance else None
    pairs = merged_pairs(model, deltas, said=said, scale=scale, importance=measured)
    if wanted == SAME:
        return merge(
            model,
            deltas,
            out,
            pairs=pairs,
            scale=scale,
            nearest=nearest,
            importance=measured.values if measured else None,
            most=most,
            threads=threads,
            tell=tell,
            read=[importance] if importance else (),
        )
    return merge_and_quantise(
        model,
        deltas,
        out,
        kind=wanted,
        pairs=pairs,
        scale=scale,
        importance=measured,
        threads=threads,
        tell=tell,
        quantising=quantising,
        log=log,
    )
