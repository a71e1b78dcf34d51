"""Merges an adapter into a 16-bit GGUF model and has llama.cpp quantise what comes of it.

The merged model stands on the disk in 16 bits meanwhile, beside the file that is made. Tensors in
bfloat16 that the adapter touches have float16 there: its three more bits keep what the adapter adds
to large weights.
"""

import errno
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

import msgspec

from storytui.engine.api import ModelError
from storytui.engine.quantising import Request, quantise
from storytui.models.details import QUANTISATIONS
from storytui.models.gguf_reading import Tensor, named
from storytui.models.half_files import half_file
from storytui.story.visible import visible
from storytui_train.errors import GgufError
from storytui_train.gguf.deltas import Adapter
from storytui_train.gguf.ggml import BF16, F16, F32, ggml
from storytui_train.gguf.importance import ImportanceFile
from storytui_train.gguf.layout import size_of
from storytui_train.gguf.merge import Merged, Tell, merge
from storytui_train.gguf.splits import Model, read_model
from storytui_train.gguf.writing import (
    check_places,
    check_room,
    is_full,
    remove_left,
    settle,
    unwritten,
)

SAME = "same"
"""The type of a file whose tensors keep their own."""

Q8_0 = 8
NUMBERS = {name: number for number, name in QUANTISATIONS.items()}
"""Types of whole files by their names."""
_SHORT = {"Q3_K": "Q3_K_M", "Q4_K": "Q4_K_M", "Q5_K": "Q5_K_M"}
"""Names that llama.cpp's tool takes for others."""
_BY_IMPORTANCE = ("IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M", "Q2_K_S")
"""Types that llama.cpp's tool makes only with an importance matrix."""
_SIXTEEN = "16-bit"


def type_named(text: str) -> str:
    """The name of a type of whole files, as llama.cpp writes it.

    Args:
        text: as it was typed, in letters of any size.

    Raises:
        GgufError: there is none of that name.
    """
    name = text.strip().upper()
    name = _SHORT.get(name, name)
    if name not in NUMBERS:
        raise GgufError(
            f"There is no type {visible(text, newlines=False)}. Name {SAME}, or one of "
            f"{', '.join(sorted(NUMBERS))}."
        )
    return name


def merge_and_quantise(
    model: Model,
    adapter: Adapter,
    out: Path,
    *,
    kind: str,
    pairs: Iterable[bytes] | None = None,
    scale: float = 1.0,
    importance: ImportanceFile | None = None,
    threads: int = 0,
    tell: Tell | None = None,
    quantising: Callable[[int, int], None] | None = None,
    log: IO[bytes] | None = None,
    free: int | None = None,
) -> Merged:
    """Write a model with an adapter merged into it, quantised.

    Args:
        model: the base, in 16 bits, 32 or Q8_0.
        adapter: goes with it.
        out: the file; always one.
        kind: the type, as `type_named` gives it.
        pairs: the header's entries; None: the base's own. llama.cpp writes its own type into them.
        scale: how strong the adapter is; 1: as it was trained.
        importance: how much columns matter.
        threads: 0: one for each core.
        tell: is told how far the merging is, in bytes.
        quantising: is told how far the quantising is, in tensors.
        log: gets what llama.cpp says.
        free: bytes that are free on the disk; None: asked of the system.

    Raises:
        GgufError: the base is quantised already, a file cannot be read or written, there is no
            room, the type needs an importance matrix, or llama.cpp cannot make it.
    """
    began = time.perf_counter()
    check_can_make(model, kind, importance=importance is not None)
    read = [*(each.path for each in model.parts), adapter.path]
    check_places([out], [*read, importance.path] if importance else read)
    check_room(out.parent, _room(model, adapter, kind), free=free)
    whole, made = half_file(out, _SIXTEEN), half_file(out)
    remove_left(out)
    try:
        merged = merge(
            model,
            adapter,
            whole,
            pairs=pairs,
            scale=scale,
            into=_sixteen,
            threads=threads,
            tell=tell,
            free=free,
        )
        request = Request(
            source=os.fsencode(whole),
            out=os.fsencode(made),
            kind=NUMBERS[kind],
            threads=threads,
            again=any(each.kind == Q8_0 for each in model.tensors),
            importance=_bytes_of(importance),
        )
        try:
            quantise(request, tell=quantising, log=log)
        except ModelError as error:
            if is_full(out.parent):
                # Of this llama.cpp says that a stream failed.
                raise unwritten(out, OSError(errno.ENOSPC, "")) from error
            raise GgufError(str(error).replace(whole.name, model.name)) from error
        whole.unlink()
        _check_made(made, model)
        with made.open("rb+") as file:
            os.fsync(file.fileno())
        size = made.stat().st_size
        settle([out])
    except GgufError as error:
        # What stands there meanwhile has a name that says nothing to anybody.
        raise GgufError(str(error).replace(visible(str(whole)), visible(str(out)))) from error
    except OSError as error:
        raise unwritten(out, error) from error
    finally:
        for each in (whole, made):
            each.unlink(missing_ok=True)
    return msgspec.structs.replace(
        merged,
        files=(str(out),),
        size=size,
        type=kind,
        seconds=round(time.perf_counter() - began, 2),
    )


def _sixteen(tensor: Tensor) -> int:
    """The type that a touched tensor has meanwhile."""
    return tensor.kind if tensor.kind in (F32, F16) else F16


def check_can_make(model: Model, kind: str, *, importance: bool) -> None:
    """See that a model can be made a type, by what its headers say.

    Args:
        model: the base.
        kind: the type, as `type_named` gives it.
        importance: whether there is an importance matrix.

    Raises:
        GgufError: the base is quantised already, or the type needs an importance matrix.
    """
    if kind in _BY_IMPORTANCE and not importance:
        raise GgufError(
            f"{kind} can be made only with an importance matrix. Name one with --imatrix, in a "
            "recipe as importance under [export], or another type."
        )
    for tensor in model.tensors:
        if tensor.kind not in (F32, F16, BF16, Q8_0) and len(tensor.shape) > 1:
            raise GgufError(
                f"{model.name} is quantised already ({named(tensor.name)} is "
                f"{ggml().kind(tensor.kind).name}), and making {kind} of it would lose twice. Name "
                f"the model's F16, BF16 or Q8_0 file with --base, or keep its types with --type "
                f'{SAME}. In a recipe they are gguf or base under [train], and outputs = ["direct"]'
                " under [export]."
            )


def _room(model: Model, adapter: Adapter, kind: str) -> int:
    """Bytes that the merged model and the quantised one take together, at the most."""
    whole = sum(
        size_of(each.shape, _sixteen(each) if each.name in adapter.pairs else each.kind)
        for each in model.tensors
    )
    numbers = sum(_numbers(each) for each in model.tensors)
    return whole + int(numbers * _bits(kind) / 8)


def _numbers(tensor: Tensor) -> int:
    numbers = 1
    for each in tensor.shape:
        numbers *= each
    return numbers


def _bits(kind: str) -> float:
    """Bits of a weight at the most: mixtures give some tensors more than their name says."""
    digits = "".join(each for each in kind.partition("_")[0] if each.isdigit())
    bits = int(digits or 16)
    return bits if bits >= 16 else bits + 1.7


def _bytes_of(importance: ImportanceFile | None) -> dict[str, bytes]:
    if importance is None:
        return {}
    return {name: each.tobytes() for name, each in importance.values.items()}


def _check_made(made: Path, model: Model) -> None:
    """Hold what llama.cpp wrote against the base: the same tensors in the same shapes.

    Raises:
        GgufError: it is not whole.
    """
    found = {each.name: each.shape for each in read_model(made).tensors}
    if found != {each.name: each.shape for each in model.tensors}:
        raise GgufError(
            f"llama.cpp wrote something else of {model.name} than was asked for. Install another "
            "version of llama-cpp-python."
        )
