"""A plan of training: the memory by part, whether it fits, and what to change where it does not."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

from storytui_train.errors import RecipeError
from storytui_train.recipe_training import TrainOptions
from storytui_train.training.memory_plan import Part, Plan, Settings, plan_memory
from storytui_train.training.memory_remedies import Remedy, remedies
from storytui_train.training.peaks import Correction, correction, peaks_file
from storytui_train.training.shape_finding import FoundShape, smaller_models

DEFAULT_VRAM = 8 << 30
"""Bytes of the card that a plan is for where none is named and none is here."""
_SIZE = re.compile(r"(\d{1,18}(?:\.\d{1,18})?)\s*([KMGT]?)(i?)B?", re.IGNORECASE | re.ASCII)


def bytes_of(text: str) -> int:
    """Bytes of a size as she writes it: `8GiB`, `8G`, `8000 MB`, `8589934592`.

    Without an i a unit is a power of a thousand, but for a bare letter: 8G is 8 GiB.

    Raises:
        RecipeError: it is none, or nothing.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None or float(match[1]) <= 0:
        raise RecipeError(f"{text!r} is no size of memory. One looks like 8GiB.")
    bare = not text.strip().upper().endswith("B")
    step = 1024 if match[3] or (bare and match[2]) else 1000
    size = int(float(match[1]) * step ** " KMGT".index(match[2].upper() or " "))
    if size < 1:
        raise RecipeError(f"{text!r} is less than a byte. A size looks like 8GiB.")
    return size


def settings_of(
    options: TrainOptions, device: Literal["cuda", "cpu"] = "cuda", *, bfloat16: bool = True
) -> Settings:
    """The settings that decide about memory, with what `auto` means on a device.

    Args:
        options: of the training.
        device: where it is.
        bfloat16: whether a GPU has it; one that has not computes in float32.
    """
    on_gpu = device == "cuda"
    optimizer, compute = options.optimizer, options.compute
    if optimizer == "auto" or (optimizer == "paged_adamw_8bit" and not on_gpu):
        optimizer = "paged_adamw_8bit" if on_gpu else "adamw"
    if compute == "auto":
        compute = "bfloat16" if on_gpu and bfloat16 else "float32"
    return Settings(
        device=device,
        sequence=options.sequence,
        rows_at_once=options.rows_at_once,
        rank=options.rank,
        rank_pattern=dict(options.rank_pattern),
        dropout=options.dropout,
        quantisation=options.quantisation,
        compute=compute,
        optimizer=optimizer,
        loss_rows=options.loss_rows,
        checkpointing=options.checkpointing,
        embeddings=options.embeddings,
    )


def make_plan(found: FoundShape, settings: Settings, limit: int) -> tuple[Plan, Correction | None]:
    """The plan for a base, corrected by what was measured on this machine before."""
    known = correction(peaks_file(), found.shape, settings)
    return plan_memory(found.shape, settings, limit, known.factor if known else 1.0), known


def changes_for(plan: Plan) -> tuple[Remedy, ...]:
    """What to change so that it fits; nothing where it does."""
    return () if plan.fits else remedies(plan, smaller_models())


def as_json(found: FoundShape, plan: Plan, known: Correction | None) -> dict[str, Any]:
    """The plan as JSON's values; all sizes in bytes.

    `bytes` are the parts on the device at its fullest moment: they make up `planned`. `parts` has
    all of them, with those in host memory and of other moments.
    """
    return {
        "base": found.base,
        "known_by": found.origin,
        "architecture": found.shape.architecture,
        "parameters": found.shape.parameters,
        "device": plan.settings.device,
        "settings": {
            name: getattr(plan.settings, name)
            for name in Settings.__slots__
            if name not in ("device", "rank_pattern")
        },
        "fits": plan.fits,
        "limit": plan.limit,
        "total": plan.total,
        "planned": plan.planned,
        "host": plan.host,
        "moment": plan.peak,
        "measured": {"factor": known.factor, "sequence": known.sequence} if known else None,
        "bytes": {each.name: each.bytes for each in plan.counted},
        "parts": [_part(plan, each) for each in plan.parts],
        "changes": [
            {"set": dict(each.settings), "saves": each.saves, "fits": each.fits, "what": each.what}
            for each in changes_for(plan)
        ],
    }


def as_text(found: FoundShape, plan: Plan, known: Correction | None) -> str:
    """The plan for a reader; fit to be shown."""
    return "\n".join(_lines(found, plan, known)) + "\n"


def size(count: int) -> str:
    """Bytes as she reads them."""
    if count >= 1 << 30:
        return f"{count / (1 << 30):.2f} GiB"
    if count >= 1 << 20:
        return f"{count / (1 << 20):.0f} MiB"
    return f"{count / (1 << 10):.0f} KiB"


def _part(plan: Plan, part: Part) -> dict[str, Any]:
    return {
        "name": part.name,
        "bytes": part.bytes,
        "on": part.place,
        "when": part.when,
        "counted": part in plan.counted,
        "assumed": part.assumed,
        "what": part.what,
    }


_MOMENTS = {"layer": "a layer's way back", "loss": "the loss", "step": "the optimizer's step"}


def _lines(found: FoundShape, plan: Plan, known: Correction | None) -> Iterator[str]:
    settings, shape = plan.settings, found.shape
    where = "a card" if settings.device == "cuda" else "a CPU with memory"
    yield (
        f"{found.base}: {shape.architecture}, {shape.parameters / 1e9:.2f} thousand million "
        f"weights. Rows of {settings.sequence:,} tokens, adapters of rank {settings.rank}, "
        f"on {where} of {size(plan.limit)}."
    )
    yield ""
    for part in plan.counted:
        yield f"  {size(part.bytes):>10}  {part.what}"
    yield f"  {size(plan.planned):>10}  in all, at the fullest moment: {_MOMENTS[plan.peak]}"
    if known is not None:
        yield (
            f"  {size(plan.total):>10}  as a run with rows of {known.sequence:,} tokens took "
            f"{known.factor:.2f} times what was planned on this machine"
        )
    if settings.device == "cuda" and settings.compute == "bfloat16":
        older = plan_memory(shape, replace(settings, compute="float32"), plan.limit, plan.factor)
        yield (
            f"  {size(older.total):>10}  on a card without bfloat16, one before the RTX 30 series, "
            "which computes in float32"
        )
    yield ""
    others = [each for each in plan.parts if each not in plan.counted]
    for part in others:
        at = "in host memory" if part.place == "host" else "at another moment"
        yield f"  {size(part.bytes):>10}  {at}: {part.what}"
    if others:
        yield ""
    spare = plan.limit - plan.total
    if plan.fits:
        yield f"It fits, with {size(spare)} to spare."
        return
    yield f"It does not fit: {size(-spare)} are missing. What can be changed:"
    for change in changes_for(plan):
        said = ", ".join(f"{name} = {value}" for name, value in change.settings.items())
        saves = f"saves {size(change.saves)}"
        yield f"  {said}: {change.what} ({saves}{', enough' if change.fits else ''})"
