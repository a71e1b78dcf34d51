"""Merges an adapter straight into a GGUF model, quantised or not, tensor by tensor.

Each tensor that the adapter touches is read in blocks of rows, turned into numbers, added to,
and made of its own type again by ggml's own functions, in all threads; every other tensor is
copied byte for byte. What is in memory are the adapter's two matrices for one tensor and a few
blocks of rows a thread, so there is no float copy of the model anywhere.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np

from storytui.engine.processors import processors
from storytui.models.gguf_reading import Tensor, named
from storytui_train.errors import GgufError
from storytui_train.gguf import layout
from storytui_train.gguf.deltas import Adapter
from storytui_train.gguf.ggml import Bytes, Floats, Ggml, Kind, ggml
from storytui_train.gguf.requantising import Maker, NotFiniteError, Product
from storytui_train.gguf.splits import ALIGNMENT, Model, divided, part_paths
from storytui_train.gguf.writing import check_places, check_room, replacing

BLOCK = 1 << 17
"""Weights of a block of rows."""
COPIED = 4 << 20
"""Bytes that are copied at once."""
_AHEAD = 2
"""Blocks a thread that are read before they are needed."""

Tell = Callable[[int, int], None]
"""Is told how many bytes of how many are written."""
Importance = Mapping[str, Floats]
"""By a tensor's name, how much each column of each of its matrices matters, as one row."""


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """What was written."""

    files: tuple[str, ...]
    size: int
    """Bytes of them together."""
    touched: int
    """Tensors that the adapter changes."""
    copied: int
    """Tensors that are as they were."""
    type: str
    """`same`, or the type's name."""
    seconds: float


def merge(
    model: Model,
    adapter: Adapter,
    out: Path,
    *,
    pairs: Iterable[bytes] | None = None,
    scale: float = 1.0,
    seed: int = 1,
    nearest: bool = False,
    importance: Importance | None = None,
    into: Callable[[Tensor], int] | None = None,
    most: int | None = 0,
    threads: int = 0,
    tell: Tell | None = None,
    free: int | None = None,
    read: Iterable[Path] = (),
) -> Merged:
    """Write a model with an adapter merged into it.

    Args:
        model: the base.
        adapter: goes with it.
        out: the file; of several, the first one's name or that without a number.
        pairs: the header's entries; None: the base's own.
        scale: how strong the adapter is; 1: as it was trained.
        seed: of the chances by which sums are rounded (`requantising`).
        nearest: whether they are rounded to the nearest instead, by which most of a weak adapter
            is lost.
        importance: how much columns matter; some types cannot be made without.
        into: the type's number of a touched tensor; None: its own.
        most: bytes of weights in one file; 0: all in one; None: divided as the base is.
        threads: 0: one for each core.
        tell: is told how far it is.
        free: bytes that are free on the disk; None: asked of the system.
        read: further files that must not be written over.

    Raises:
        GgufError: a file cannot be read or written, there is no room, a touched tensor's type
            cannot be made, or a weight is no number.
    """
    began = time.perf_counter()
    library = ggml()
    becomes = {
        each.name: into(each) if into and each.name in adapter.pairs else each.kind
        for each in model.tensors
    }
    _check_kinds(model, adapter, becomes, library, importance or {})
    files = _files(model, becomes, pairs, most)
    outputs = part_paths(out, len(files))
    check_places(outputs, [*(each.path for each in model.parts), adapter.path, *read])
    total = sum(each.size for each in files)
    check_room(out.parent, total, free=free)
    work = _Work(
        library, model, adapter, scale, importance or {}, threads or processors(), seed, nearest
    )
    written = 0
    with replacing(outputs) as targets, work:
        for target, file in zip(targets, files, strict=True):
            for piece in work.pieces(file):
                target.write(piece)
                written += len(piece)
                if tell is not None:
                    tell(written, total)
    return Merged(
        files=tuple(str(each) for each in outputs),
        size=written,
        touched=len(adapter.pairs),
        copied=len(model.tensors) - len(adapter.pairs),
        type="same",
        seconds=round(time.perf_counter() - began, 2),
    )


class _Work:
    """Reads a model's weights in the order of a new file, and changes what is touched."""

    def __init__(
        self,
        library: Ggml,
        model: Model,
        adapter: Adapter,
        scale: float,
        importance: Importance,
        threads: int,
        seed: int,
        nearest: bool,
    ) -> None:
        self._ggml = library
        self._adapter = adapter
        self._scale = scale
        self._seed = seed
        self._nearest = nearest
        self._importance = importance
        self._threads = threads
        self._where = {
            tensor.name: (number, part.begin + tensor.offset, tensor)
            for number, part in enumerate(model.parts)
            for tensor in part.tensors
        }
        self._model = model
        self._stack = ExitStack()
        self._sources: list[BinaryIO] = []

    def __enter__(self) -> "_Work":
        try:
            self._sources = [
                self._stack.enter_context(part.path.open("rb", buffering=0))
                for part in self._model.parts
            ]
        except OSError as error:
            self._stack.close()
            raise self._unread(error) from error
        self._pool = ThreadPoolExecutor(self._threads, "merging")
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._stack.close()

    def pieces(self, file: layout.Arranged) -> Iterator[bytes | memoryview]:
        """The bytes of a file, one piece behind the other."""
        yield file.head
        end = 0
        for tensor in file.tensors:
            yield bytes(tensor.offset - end)
            if tensor.name in self._adapter.pairs:
                yield from self._changed(tensor)
            else:
                yield from self._copied(tensor)
            end = tensor.offset + tensor.size
        yield bytes(layout.aligned(end, file.alignment) - end)

    def _copied(self, tensor: Tensor) -> Iterator[bytes]:
        number, begin, old = self._where[tensor.name]
        for at in range(0, old.size, COPIED):
            yield self._read(number, begin + at, min(COPIED, old.size - at))

    def _changed(self, tensor: Tensor) -> Iterator[memoryview]:
        """A touched tensor's bytes: blocks are read here, changed in the threads, in order."""
        number, begin, old = self._where[tensor.name]
        columns, rows = old.shape[0], old.shape[1]
        kind, into = self._ggml.kind(old.kind), self._ggml.kind(tensor.kind)
        known = self._importance.get(tensor.name)
        importance = None if known is None else known.reshape(-1, columns)
        width, step = kind.row(columns), max(1, BLOCK // columns)
        waiting: deque[Future[Bytes]] = deque()
        for which, product in enumerate(
            self._adapter.products(tensor.name, self._scale, self._ggml)
        ):
            maker = Maker(
                self._ggml,
                kind,
                into,
                columns,
                f"{tensor.name}.{which}",
                self._seed,
                None if importance is None else importance[which % len(importance)],
                self._nearest,
            )
            for row in range(0, rows, step):
                part = slice(row, min(rows, row + step))
                at = begin + (which * rows + row) * width
                raw = self._read(number, at, (part.stop - row) * width)
                waiting.append(self._pool.submit(_change, maker, raw, product, part))
                if len(waiting) > self._threads * _AHEAD:
                    yield self._made(waiting.popleft(), tensor)
        while waiting:
            yield self._made(waiting.popleft(), tensor)

    def _made(self, future: Future[Bytes], tensor: Tensor) -> memoryview:
        try:
            return future.result().data
        except NotFiniteError as error:
            raise GgufError(
                f"{self._model.name} with {self._adapter.name} has {error} in "
                f"{named(tensor.name)}. Get the model again, or give the adapter a smaller scale."
            ) from error

    def _read(self, number: int, at: int, size: int) -> bytes:
        source = self._sources[number]
        try:
            source.seek(at)
            pieces = []
            while size:
                piece = source.read(size)
                if not piece:
                    raise OSError("it became shorter while it was read")
                pieces.append(piece)
                size -= len(piece)
        except OSError as error:
            raise self._unread(error) from error
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _unread(self, error: OSError) -> GgufError:
        return GgufError(f"{self._model.name} cannot be read: {error.strerror or error}.")


def _change(maker: Maker, raw: bytes, product: Product, rows: slice) -> Bytes:
    return maker.changed(np.frombuffer(raw, np.uint8), product, rows)


def _check_kinds(
    model: Model,
    adapter: Adapter,
    becomes: Mapping[str, int],
    library: Ggml,
    importance: Importance,
) -> None:
    """See that every touched tensor can be read and made again.

    Raises:
        GgufError: one cannot.
    """
    for tensor in model.tensors:
        if tensor.name not in adapter.pairs:
            continue
        kind, into = library.kind(tensor.kind), library.kind(becomes[tensor.name])
        known = importance.get(tensor.name)
        fitting = (tensor.shape[0], tensor.shape[0] * math.prod(tensor.shape[2:]))
        if known is not None and known.size not in fitting:
            raise GgufError(
                f"The importance matrix has {known.size:,} numbers for {named(tensor.name)}, and "
                f"{model.name} needs {fitting[1]:,}. Name one that was made for this model."
            )
        _check_kind(tensor, model, kind, into, importance=known is not None)


def check_can_keep(model: Model, *, importance: bool) -> None:
    """See that an adapter on all linear layers can be merged into a model, each keeping its type.

    Args:
        model: the base, of which only the headers are read.
        importance: whether there is an importance matrix.

    Raises:
        GgufError: ggml cannot make one of the types anew, or only with an importance matrix.
    """
    library = ggml()
    for tensor in model.tensors:
        if tensor.name.startswith("blk.") and len(tensor.shape) > 1:
            kind = library.kind(tensor.kind)
            _check_kind(tensor, model, kind, kind, importance=importance)


def _check_kind(tensor: Tensor, model: Model, kind: Kind, into: Kind, *, importance: bool) -> None:
    """See that a tensor that is changed can be read and made again.

    Raises:
        GgufError: it cannot.
    """
    if not kind.readable or not into.writable:
        raise GgufError(_cannot(tensor, model, kind if not kind.readable else into))
    if into.wants_importance and not importance:
        raise GgufError(
            f"The adapter changes {named(tensor.name)}, which is of the type {into.name} in "
            f"{model.name}, and that can be made only with an importance matrix. Name one with "
            "--imatrix, in a recipe as importance under [export], or take another file of the "
            "model."
        )


def _cannot(tensor: Tensor, model: Model, kind: Kind) -> str:
    return (
        f"The adapter changes {named(tensor.name)}, which is of the type {kind.name} in "
        f"{model.name}, and ggml cannot make that anew. Take another file of the model."
    )


def _files(
    model: Model, becomes: Mapping[str, int], pairs: Iterable[bytes] | None, most: int | None
) -> list[layout.Arranged]:
    """The files as they will be."""
    entries = list(model.pairs.values() if pairs is None else pairs)
    sized = {
        each.name: Tensor(
            each.name,
            0,
            layout.size_of(each.shape, becomes[each.name]),
            each.shape,
            becomes[each.name],
        )
        for each in model.tensors
    }
    groups: Sequence[Sequence[Tensor]]
    if most is None:
        groups = [[sized[each.name] for each in part.tensors] for part in model.parts]
    elif most:
        groups = divided([sized[each.name] for each in model.tensors], most)
    else:
        groups = [list(sized.values())]
    alignment = [model.pairs[ALIGNMENT]] if ALIGNMENT in model.pairs else []
    files = []
    for number, group in enumerate(groups):
        own = entries if not number else alignment
        if len(groups) > 1:
            own = [*own, *layout.division_pairs(number, len(groups), len(sized)).values()]
        files.append(
            layout.arranged(
                own,
                ((each.name, each.shape, each.kind) for each in group),
                version=model.version,
                alignment=model.alignment,
            )
        )
    return files
