"""What is left of a training that is over: its adapters, its record, and what it took of memory."""

from contextlib import suppress
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from math import exp
from pathlib import Path

import torch

from storytui_train.data.pipeline.progress import in_words
from storytui_train.data.pipeline.record import hashes, now
from storytui_train.errors import TrainError
from storytui_train.recipe import Recipe
from storytui_train.training.course import Course
from storytui_train.training.lora import save_adapter
from storytui_train.training.memory_plan import plan_memory
from storytui_train.training.peaks import keep_peak, peaks_file
from storytui_train.training.plan import settings_of
from storytui_train.training.row_making import RowsRecord
from storytui_train.training.run_folder import PACKAGES, TrainRecord
from storytui_train.training.shape_finding import find_shape


def write_outcome(
    done: Course, recipe: Recipe, rows: RowsRecord, *, ended: str, fingerprint: str
) -> TrainRecord:
    """Write the adapters, as far as they are not there yet; returns the record, not yet written.

    Args:
        done: the training.
        recipe: as it was written.
        rows: what it was trained on.
        ended: what ended it.
        fingerprint: of all that the adapter depends on.

    Raises:
        TrainError: the disk is full, or nothing may be written there.
    """
    state, folder, base = done.state, done.folder, done.base
    if state.best is None:
        save_adapter(done.model, folder.adapter, base)
    elif state.best.step != state.step:
        save_adapter(done.model, folder.last, base)
    files = [*folder.adapter.iterdir()]
    if folder.last.is_dir():
        files += folder.last.iterdir()
    begun = folder.begun()
    device = base.device
    return TrainRecord(
        fingerprint=fingerprint,
        recipe=recipe.name,
        settings=recipe.train,
        seed=recipe.seed,
        changes=begun.changes if begun else [],
        base=base.source if base.kind == "hub" else Path(base.source).name,
        base_fingerprint=base.fingerprint,
        architecture=base.architecture,
        adapter_parameters=sum(each.numel() for each in done.stepping.trained),
        rows=rows.fingerprint,
        dataset=rows.inputs,
        versions=_versions(),
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        processes=done.spread.processes,
        steps=state.step,
        planned=len(done.steps),
        epochs=round(done.steps.epoch(state.step), 4),
        stopped=ended,
        tokens=state.tokens,
        trained=state.trained,
        loss=state.smooth if state.smooth is not None else 0.0,
        before=state.before,
        validation=state.loss,
        best=state.best,
        seconds=round(state.seconds, 3),
        tokens_per_second=round(state.tokens / max(state.stepping, 1e-9), 1),
        peak=state.peak,
        peak_of=done.watch.what,
        outputs=hashes(files, folder.folder),
        finished=now(),
    )


def keep_what_it_took(done: Course) -> None:
    """Keep the memory that a training took, to correct the next plan.

    A plan is for one device: what each of several took that shared the base out corrects none.
    """
    base, width = done.base, done.stepping.widest
    kind = base.device.type
    if done.spread.sharded or not width or kind not in ("cuda", "cpu"):
        return
    with suppress(TrainError):
        # As the next plan finds it: what is known of a model by its name may differ in a number.
        shape = find_shape(base.source, revision=base.revision).shape
        settings = settings_of(
            done.options,
            "cuda" if kind == "cuda" else "cpu",
            bfloat16=base.compute == torch.bfloat16,
        )
        plan = plan_memory(shape, replace(settings, sequence=width), 0)
        keep_peak(peaks_file(), plan, done.watch.taken())


def said_of(record: TrainRecord) -> str:
    """What came of a training, on one line."""
    parts = [f"{record.steps:,} steps", f"loss {record.loss:.3f}"]
    if record.best is not None:
        best = f"perplexity {exp(min(record.best.loss, 700.0)):,.2f} at step {record.best.step:,}"
        if record.before is not None:
            best += f", {exp(min(record.before, 700.0)):,.2f} before training"
        parts.append(best)
    if record.stopped == "patience":
        parts.append("ended early, as nothing became better")
    parts.append(f"{record.tokens_per_second:,.0f} tokens/s")
    return ", ".join(parts) + f", {in_words(record.seconds)}"


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
