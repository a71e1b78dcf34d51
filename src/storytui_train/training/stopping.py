"""What ends a training too soon: Ctrl-C, a loss that is no number, too little memory."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType
from typing import Any

from storytui_train.errors import TrainError
from storytui_train.recipe_training import TrainOptions

ENOUGH = 0.85
"""Of the memory that was planned: a change that comes down to this is worth naming."""


_NO_MEMORY = ("allocate memory", "out of memory", "alloc_failed")


class OutOfMemoryError(TrainError):
    """Memory that was not enough."""


class Stop:
    """Whether somebody has asked to stop."""

    def __init__(self) -> None:
        self.asked = False

    def __call__(self) -> bool:
        """Whether they have."""
        return self.asked


@contextmanager
def stop_when_asked(told: Callable[[str], None]) -> Iterator[Stop]:
    """Meanwhile Ctrl-C, or a request to end, is noted; a second one ends at once."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def asked(number: int, _frame: FrameType | None) -> None:
        if stop.asked:
            raise KeyboardInterrupt
        stop.asked = True
        told("Stopping: the state is saved first. Press Ctrl-C again to stop at once.")

    before: dict[int, Any] = {
        number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def not_a_number(what: str, step: int, kept: int | None, options: TrainOptions) -> TrainError:
    """What to say of a loss, or a gradient, that is no number."""
    state = (
        f"The state of step {kept:,} is kept, and the same command goes on from there with the "
        "changed settings."
        if kept is not None
        else "No state was kept yet: the same command begins anew."
    )
    return TrainError(
        f"In step {step:,} {what} is not a number any more: training has run away. Lower "
        f"learning_rate (it is {options.learning_rate:g}) or max_grad_norm (it is "
        f"{options.max_grad_norm:g}), or raise warmup (it is {options.warmup:g}). {state}"
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there was not enough memory."""
    import torch

    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    # On a CPU torch says it with an error of no kind of its own, and so it does of memory that
    # CUDA's libraries wanted for themselves (CUBLAS_STATUS_ALLOC_FAILED).
    text = str(error).casefold()
    return isinstance(error, RuntimeError) and any(each in text for each in _NO_MEMORY)


def out_of_memory(options: TrainOptions, device: str, step: int | None) -> OutOfMemoryError:
    """What to say where memory was not enough: what to lower, in which order, and what it saves."""
    when = "while the base was loaded" if step is None else f"in step {step:,}"
    what = "The GPU's memory" if device == "cuda" else "This machine's memory"
    lines = [f"{what} was not enough {when}. What can be changed, the cheapest first:"]
    lines += [f"  {each}" for each in _changes(options, device)]
    if step is not None:
        lines.append(
            "With rows_at_once, loss_rows, checkpointing and embeddings alone it goes on from the "
            "state that is kept; with another sequence or rank it begins anew."
        )
    return OutOfMemoryError("\n".join(lines))


def _changes(options: TrainOptions, device: str) -> list[str]:
    import torch

    from storytui_train.training.base import compute_type
    from storytui_train.training.memory_remedies import remedies
    from storytui_train.training.plan import make_plan, settings_of, size
    from storytui_train.training.shape_finding import find_shape

    try:
        found = find_shape(options.base, revision=options.revision)
        half = compute_type(options, torch.device(device)) == torch.bfloat16
        settings = settings_of(options, "cuda" if device == "cuda" else "cpu", bfloat16=half)
        plan, _ = make_plan(found, settings, limit=1)
        # It took more than there was: what saves a good part of it is worth naming.
        wanted = replace(plan, limit=round(plan.total * ENOUGH))
        changes = [each for each in remedies(wanted) if "base" not in each.settings]
    except TrainError:
        changes = []
    lines = []
    for change in changes:
        said = ", ".join(f"{name} = {value}" for name, value in change.settings.items())
        lines.append(f"{said}: {change.what} (saves {size(change.saves)})")
    if not lines:
        lines = [
            f"{name} (it is {getattr(options, name):,})"
            for name in ("rows_at_once", "loss_rows", "sequence", "rank")
        ]
    return [*lines, "a smaller base; storytui-train plan shows what each takes"]
