"""Several processes that train one adapter, as `accelerate launch` starts them.

Each has the whole model and computes some of a step's sequences; the sums of losses and gradients
are added up, so that all of them take the same step. Nothing is wrapped: what is added up is the
adapter's gradient alone, once a step.
"""

import os
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor

BUCKET = 1 << 23
"""Elements of gradients that are added up at a time."""
PATIENCE = timedelta(hours=12)
"""How long the others wait for one: rows are made, and adapters written, by the first alone."""


def is_first() -> bool:
    """Whether this is the process that writes and speaks, by its environment alone."""
    return os.environ.get("RANK", "0") == "0"


class Spread:
    """The processes of a run, seen from one of them."""

    def __init__(self) -> None:
        """Join the others, where `accelerate launch` has started some."""
        from accelerate import PartialState  # type: ignore[import-untyped]

        wanted = os.environ.get("ACCELERATE_USE_CPU", "").casefold() in ("1", "true", "yes")
        # Of accelerate's devices bitsandbytes serves these two.
        state: Any = PartialState(cpu=wanted or not torch.cuda.is_available(), timeout=PATIENCE)
        self.device: torch.device = state.device
        """Of this process."""
        self.number: int = state.process_index
        """Of this process, from 0."""
        self.processes: int = state.num_processes
        asked = os.environ.get("ACCELERATE_USE_FSDP", "").casefold() in ("1", "true", "yes")
        self.sharded = asked and self.processes > 1
        """Whether the base's layers are shared out: see `sharding`. All processes then compute as
        many turns."""

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.number == 0

    def wait(self) -> None:
        """Go on when all are here."""
        if self.processes > 1:
            torch.distributed.barrier()

    def any(self, said: bool) -> bool:
        """Whether one of the processes says so; all get the same answer."""
        return said if self.processes == 1 else self.sums(float(said))[0] > 0

    def sums(self, *values: float) -> list[float]:
        """Each value, added up over the processes."""
        if self.processes == 1:
            return list(values)
        held = torch.tensor(values, dtype=torch.float64, device=self.device)
        torch.distributed.all_reduce(held)
        return [float(each) for each in held.tolist()]

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Put into each tensor the sum of those of all processes; all get the same bits."""
        if self.processes == 1:
            return
        bucket: list[Tensor] = []
        held = 0
        for each in tensors:
            bucket.append(each)
            held += each.numel()
            if held >= BUCKET:
                _add_up(bucket)
                bucket, held = [], 0
        if bucket:
            _add_up(bucket)


def _add_up(bucket: Sequence[Tensor]) -> None:
    flat = torch.cat([each.reshape(-1) for each in bucket])
    torch.distributed.all_reduce(flat)
    at = 0
    for each in bucket:
        each.copy_(flat[at : at + each.numel()].view_as(each))
        at += each.numel()
