"""Merges an adapter into a base's safetensors, for whoever uses the model with transformers.

Each file keeps its header, so every tensor keeps its place, shape and type. What the adapter
changes is computed in float32, some rows at a time, and rounded to that type; all else is copied
byte for byte. The base's configuration and tokenizer go along.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from storytui.models.gguf_reading import named
from storytui.story.visible import visible
from storytui_train.errors import GgufError
from storytui_train.gguf.peft_adapter import Pair, read_adapter
from storytui_train.gguf.safetensors import (
    Matrix,
    SafetensorsError,
    Weights,
    bytes_of,
    from_floats,
    read_table,
)
from storytui_train.gguf.writing import check_room, replacing
from storytui_train.training.folder_base import CONFIG, INDEX, text_name

_AT_ONCE = 1 << 22
"""Numbers of a tensor that are computed at once."""
_PIECE = 4 << 20
_LARGEST = {
    "F16": float(np.finfo(np.float16).max),
    **dict.fromkeys(("BF16", "F32"), float(np.finfo(np.float32).max)),
}
_BESIDE = ("*.json", "*.model", "*.txt", "*.jinja", "LICENSE*", "LICENCE*", "NOTICE*")
"""What lies beside weights and belongs to the model: configurations, tokenizer, licence."""
_MOST_BESIDE = 64 << 20
Tell = Callable[[int, int], None]
"""Told after each tensor: bytes that are written, and all of them."""


def merge_weights(
    adapter: Path,
    base: Path,
    files: Sequence[Path],
    out: Path,
    *,
    scale: float = 1.0,
    tell: Tell = lambda _done, _of: None,
) -> list[Path]:
    """Write a base's weights with an adapter in them.

    Args:
        adapter: its folder, as peft saves it.
        base: the folder with the base's configuration and tokenizer.
        files: the base's safetensors files.
        out: the folder that they go to; what lies there of another merge is replaced.
        scale: how strongly the adapter works; 1: as it was trained.
        tell: told how far it is.

    Returns:
        All files of the merged model.

    Raises:
        GgufError: the adapter is for another base, a file is damaged, or there is no room.
        OSError: something cannot be read or written.
    """
    pairs = {each.module: each for each in read_adapter(adapter).scaled(scale).pairs}
    tables = {path: _table(path) for path in files}
    _check(pairs, tables)
    total = sum(path.stat().st_size for path in files)
    out.mkdir(parents=True, exist_ok=True)
    check_room(out, total)
    outputs = [out / path.name for path in files]
    # Without a configuration it is no model: it goes first and comes last.
    (out / CONFIG).unlink(missing_ok=True)
    for left in {*out.glob("*.safetensors"), out / INDEX} - set(outputs):
        left.unlink(missing_ok=True)
    done = 0
    with replacing(outputs) as written:
        for path, file in zip(files, written, strict=True):
            with path.open("rb") as source:
                for piece in _pieces(source, tables[path], pairs):
                    file.write(piece)
                    done += len(piece)
                    tell(done, total)
    return [*outputs, *_copy_beside(base, out)]


def _table(path: Path) -> tuple[Weights, ...]:
    """A file's tensors, in the order in which they lie there."""
    try:
        return tuple(sorted(read_table(path), key=lambda each: each.begin))
    except SafetensorsError as error:
        shown = visible(str(path), newlines=False)
        raise GgufError(f"{shown} {error}. Get the file again.") from error


def _check(pairs: Mapping[str, Pair], tables: Mapping[Path, Sequence[Weights]]) -> None:
    """See that every matrix of the adapter has a weight of its shape.

    Raises:
        GgufError: one has none.
    """
    weights = {_module(each): each.shape for table in tables.values() for each in table}
    for module, pair in pairs.items():
        shape = weights.get(module)
        if shape != pair.shape:
            has = "no such weight" if shape is None else f"it as {_times(shape)}"
            raise GgufError(
                f"The adapter changes {named(module)} as {_times(pair.shape)}, and the base has "
                f"{has}. It was trained on another base: name that one."
            )


def _module(weights: Weights) -> str:
    """The linear layer that a tensor is the weight of, as peft names it."""
    return text_name(weights.name).removesuffix(".weight")


def _times(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))


def _pieces(
    source: IO[bytes], table: Sequence[Weights], pairs: Mapping[str, Pair]
) -> Iterator[bytes | memoryview]:
    """A file's bytes as they are to be: the header, then one tensor behind the other."""
    at = 0
    for weights in table:
        pair = pairs.get(_module(weights))
        if pair is None:
            continue
        yield from _copied(source, weights.begin - at)
        yield from _changed(weights, pair)
        at = weights.begin + bytes_of(weights)
        source.seek(at)
    while piece := source.read(_PIECE):
        yield piece


def _copied(source: IO[bytes], count: int) -> Iterator[bytes]:
    while count:
        piece = source.read(min(count, _PIECE))
        if not piece:
            raise GgufError(
                f"{visible(str(source.name), newlines=False)} was changed while it was read."
            )
        yield piece
        count -= len(piece)


def _changed(weights: Weights, pair: Pair) -> Iterator[memoryview]:
    """The bytes of a weight with what the adapter adds to it."""
    a, b = pair.matrices()
    scaled: Matrix = b * np.float32(pair.scaling)
    step = max(1, _AT_ONCE // weights.shape[1])
    for first in range(0, weights.shape[0], step):
        rows = slice(first, min(first + step, weights.shape[0]))
        try:
            numbers = weights.load(rows)
        except SafetensorsError as error:
            shown = visible(str(weights.path), newlines=False)
            raise GgufError(f"{shown} {error}. Get the file again.") from error
        numbers = numbers + scaled[rows] @ a
        # Of not a number nothing is true.
        if not float(np.abs(numbers).max(initial=0)) <= _LARGEST[weights.kind]:
            raise GgufError(
                f"{named(weights.name)} with the adapter is no number of its type any more."
            )
        raw: NDArray[np.uint8] = from_floats(numbers, weights.kind)
        yield raw.data


def _without_place(config: Path) -> bytes:
    """A configuration that does not say where on this machine it came from."""
    said = json.loads(config.read_bytes())
    if not isinstance(said, dict):
        raise GgufError(f"{visible(str(config), newlines=False)} is no JSON object. Get it again.")
    said.pop("_name_or_path", None)
    return json.dumps(said, ensure_ascii=False, indent=2).encode() + b"\n"


def _copy_beside(base: Path, out: Path) -> list[Path]:
    """Copy what belongs to the model and is no weight; the configuration last."""
    there = {path for pattern in _BESIDE for path in base.glob(pattern)}
    wanted = [
        path
        for path in sorted(there, key=lambda each: (each.name == CONFIG, each.name))
        if path.is_file() and path.stat().st_size <= _MOST_BESIDE
    ]
    for path in wanted:
        if path.name == CONFIG:
            (out / CONFIG).write_bytes(_without_place(path))
        else:
            shutil.copyfile(path, out / path.name)
    return [out / path.name for path in wanted]
