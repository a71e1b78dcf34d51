"""Turns a LoRA adapter as peft saves it into a GGUF adapter for a base that everyone has.

llama.cpp adds alpha / rank · B·(A·x) to what each changed tensor makes of x, with one alpha for
the file and the rank of the two matrices (`get_scale` in llama-adapter.h). peft has an alpha and a
rank for each layer, and with rsLoRA divides by √rank: what differs from the file's factor is
multiplied into B, so that the sum is the same. Names, shapes and what a file must say are as
llama.cpp reads them (llama-adapter.cpp) and as its own converter writes them.
"""

import math
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from storytui.engine.api import AdapterError, ModelError
from storytui.models import adapters as editor
from storytui.models.gguf_reading import named
from storytui_train.errors import GgufError
from storytui_train.gguf import permutation
from storytui_train.gguf.base_file import BaseFile, read_base_file
from storytui_train.gguf.metadata import About, Entry, entries
from storytui_train.gguf.names import CLASSES, UnknownLayerError, architecture_of_class, gguf_name
from storytui_train.gguf.peft_adapter import Pair, PeftAdapter, read_adapter, refused
from storytui_train.gguf.safetensors import Matrix

Kind = Literal["f16", "f32"]

_MOST_ALPHA = 65_536.0
"""What the editor believes of an adapter's alpha."""
_SAME = 1e-7
"""Factors that differ from 1 by less are 1 in float32."""


@dataclass(frozen=True, slots=True)
class Change:
    """What an adapter adds to one tensor of a base: scaling · B·A."""

    name: str
    """Of the tensor, in the GGUF file."""
    pair: Pair
    heads: int = 0
    """Heads whose rows stand in llama.cpp's order; 0: rows stand as in the Hugging Face model."""

    @property
    def scaling(self) -> float:
        """What the product is multiplied by."""
        return self.pair.scaling

    def matrices(self) -> tuple[Matrix, Matrix]:
        """A (rank × inputs) and B (outputs × rank), rows in the GGUF file's order.

        Raises:
            GgufError: a weight is no finite number, or the file was changed.
        """
        a, b = self.pair.matrices()
        return a, permutation.to_gguf(b, self.heads) if self.heads else b


@dataclass(frozen=True, slots=True)
class Made:
    """A GGUF adapter that was made."""

    path: Path
    architecture: str
    kind: Kind
    changes: int
    """Tensors of the base that it changes."""
    rank: int
    """The largest."""
    alpha: float
    """What the file says; each tensor's factor is alpha / rank."""
    folded: int
    """Tensors whose factor was another one, and is multiplied into their matrices."""
    size: int
    """Bytes of the file."""


def changes_of(adapter: PeftAdapter, base: BaseFile) -> tuple[Change, ...]:
    """What an adapter changes in a base, by the base's names and in its order of rows.

    Raises:
        GgufError: it is for another kind of model, changes what the base does not have, or its
            matrices do not fit.
    """
    folder = adapter.folder
    if base.architecture not in CLASSES:
        raise GgufError(
            f"The base {base.path} is of the architecture {base.architecture}, and adapters can be "
            f"made for {', '.join(CLASSES)}. Choose another base, or merge the adapter with peft."
        )
    if adapter.model_class:
        wanted = architecture_of_class(adapter.model_class)
        if wanted != base.architecture:
            raise refused(
                folder,
                f"was trained on a {adapter.model_class}, and {base.path} is of the architecture "
                f"{base.architecture}",
                "Name the GGUF of the model that it was trained on.",
            )
    found: dict[str, Change] = {}
    for pair in adapter.pairs:
        change = _change(folder, pair, base)
        if change.name in found:
            raise refused(folder, f"changes {change.name} twice")
        found[change.name] = change
    return tuple(found.values())


def _change(folder: Path, pair: Pair, base: BaseFile) -> Change:
    other = "Name the GGUF of the model that it was trained on."
    layer = f"changes {named(pair.module)}"
    try:
        name = gguf_name(pair.module, base.architecture, base.layers)
    except UnknownLayerError as error:
        raise refused(folder, f"{layer}, which {error}", "Train it without that layer.") from None
    shape = base.shapes.get(name)
    if shape is None and name == "output.weight":
        raise refused(
            folder,
            f"{layer}, and in {base.path} the head is the table of words itself (they are tied)",
            "Train it without lm_head.",
        )
    if shape is None:
        raise refused(folder, f"{layer}, and {base.path} has no {name}", other)
    outputs, inputs = pair.shape
    if shape != (inputs, outputs):
        raise refused(
            folder,
            f"{layer} as {outputs:,} × {inputs:,}, and in {base.path} it is "
            f"{' × '.join(f'{each:,}' for each in reversed(shape))}",
            other,
        )
    heads = _heads(name, base)
    if heads and outputs % (2 * heads):
        raise refused(folder, f"{layer}, whose {outputs:,} rows are not {heads} heads", other)
    return Change(name, pair, heads)


def _heads(name: str, base: BaseFile) -> int:
    """The heads of a tensor whose rows stand in llama.cpp's order; 0: they do not."""
    if base.architecture not in permutation.PERMUTED:
        return 0
    block, _, last = name.removeprefix("blk.").partition(".")
    counts = {"attn_q.weight": base.heads, "attn_k.weight": base.kv_heads}.get(last)
    return counts[int(block)] if counts else 0


def convert_adapter(
    adapter: Path, base: Path, out: Path, about: About, *, kind: Kind = "f16", scale: float = 1.0
) -> Made:
    """Make a GGUF adapter.

    It is written beside its place, held against all that the editor asks of an adapter, and then
    put there: what stood there before is whole until then.

    Args:
        adapter: the folder that peft saved.
        base: the GGUF of the model that it was trained on, quantised or not; of a divided one, its
            first file.
        out: the file.
        about: what it says of itself.
        kind: how its numbers are kept. f16 takes half the room and rounds to eleven bits.
        scale: how strongly it works; 1: as it was trained.

    Raises:
        GgufError: the adapter cannot be expressed, does not fit the base, or cannot be written.
    """
    model = read_base_file(base)
    made_of = read_adapter(adapter).scaled(scale)
    changes = changes_of(made_of, model)
    alpha = _alpha(changes)
    said: dict[str, Entry] = {"general.type": "adapter", **entries(about, model)}
    folded = 0
    with _replacing(out) as part:
        writer = _Writer(part, model.architecture, said, alpha, changes, kind)
        try:
            writer.begin()
            for each in changes:
                folded += writer.add(each)
        finally:
            writer.close()
        _check(part, base)
        size = part.stat().st_size
    return Made(
        path=out,
        architecture=model.architecture,
        kind=kind,
        changes=len(changes),
        rank=max(each.pair.rank for each in changes),
        alpha=alpha,
        folded=folded,
        size=size,
    )


def _alpha(changes: tuple[Change, ...]) -> float:
    """The alpha that is right for most tensors as it is; never 0, which llama.cpp takes for 1."""
    with np.errstate(over="ignore"):
        wanted = Counter(float(np.float32(each.scaling * each.pair.rank)) for each in changes)
    for alpha, _ in wanted.most_common():
        if 0 < abs(alpha) <= _MOST_ALPHA:
            return alpha
    return 1.0


class _Writer:
    """A GGUF adapter while it is written: a pair at a time is in memory."""

    def __init__(
        self,
        path: Path,
        architecture: str,
        said: dict[str, Entry],
        alpha: float,
        changes: tuple[Change, ...],
        kind: Kind,
    ) -> None:
        import gguf

        self._alpha = alpha
        self._type = np.dtype(np.float16 if kind == "f16" else np.float32)
        self._kind = kind
        self._writer: Any = gguf.GGUFWriter(path, architecture)
        for key, value in said.items():
            _say(self._writer, key, value)
        self._writer.add_string("adapter.type", "lora")
        self._writer.add_float32("adapter.lora.alpha", alpha)
        self._writer.add_file_type(
            gguf.LlamaFileType.MOSTLY_F16 if kind == "f16" else gguf.LlamaFileType.ALL_F32
        )
        for each in changes:
            (outputs, inputs), rank = each.pair.shape, each.pair.rank
            for half, shape in (("lora_a", (rank, inputs)), ("lora_b", (outputs, rank))):
                size = math.prod(shape) * self._type.itemsize
                self._writer.add_tensor_info(f"{each.name}.{half}", shape, self._type, size)

    def begin(self) -> None:
        """Write the header."""
        self._writer.write_header_to_file()
        self._writer.write_kv_data_to_file()
        self._writer.write_ti_data_to_file()

    def add(self, change: Change) -> bool:
        """Write one pair, in the order they were announced; returns whether B was multiplied."""
        a, b = change.matrices()
        factor = change.scaling * change.pair.rank / self._alpha
        folded = abs(factor - 1) > _SAME
        if folded:
            with np.errstate(over="ignore", invalid="ignore"):
                b = b * np.float32(factor)
        if self._kind == "f16" and np.isfinite(b).all():
            a, b = balanced(a, b)
        for each in (a, b):
            with np.errstate(over="ignore"):
                found: NDArray[Any] = np.ascontiguousarray(each, dtype=self._type)
            if not np.isfinite(found).all():
                module = named(change.pair.module)
                raise refused(
                    change.pair.a.path.parent,
                    f"has numbers for {module} that are too large for {self._kind}",
                    "Convert it as f32."
                    if self._kind == "f16" and np.isfinite(each).all()
                    else "Train it anew.",
                )
            self._write(found)
        return folded

    def _write(self, numbers: NDArray[Any]) -> None:
        """Put numbers where the header says that they are.

        gguf-py leaves it to numpy's `tofile`, which says nothing where a disk is full.
        """
        file = self._writer.fout[0]
        alignment = self._writer.data_alignment
        file.write(bytes(-file.tell() % alignment))
        file.write(numbers.data)

    def close(self) -> None:
        """Put everything on the disk."""
        try:
            for file in self._writer.fout or ():
                file.write(bytes(-file.tell() % self._writer.data_alignment))
                file.flush()
                os.fsync(file.fileno())
        finally:
            self._writer.close()


def balanced(a: Matrix, b: Matrix) -> tuple[Matrix, Matrix]:
    """Two matrices with the same product, and about as large as each other.

    A power of two goes from the one to the other, which is exact: so none of them falls below what
    float16 keeps eleven bits of, as B does after a short training.
    """
    largest = float(abs(a).max()), float(abs(b).max())
    if not all(largest):
        return a, b
    shift = round((math.log2(largest[0]) - math.log2(largest[1])) / 2)
    return np.ldexp(a, -shift), np.ldexp(b, shift)


def _say(writer: Any, key: str, value: Entry) -> None:
    match value:
        case int():
            writer.add_uint32(key, value)
        case str():
            writer.add_string(key, value)
        case _:
            writer.add_array(key, list(value))


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A file beside `path` that takes its place at the end, and is gone where that fails."""
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(path)
    except OSError as error:
        raise GgufError(
            f"The adapter {path} cannot be written: {error.strerror or error}. Make room, or name "
            "another place."
        ) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _check(path: Path, base: Path) -> None:
    """Hold what was written against what the editor asks of an adapter.

    Raises:
        GgufError: it does not take it.
    """
    try:
        verdict = editor.matches(editor.read_adapter(path), editor.read_base(base))
    except (AdapterError, ModelError) as error:
        raise GgufError(f"What was made cannot be used: {error}") from error
    if not verdict.agrees:
        raise GgufError(f"What was made cannot be used: {verdict.sentence}")
