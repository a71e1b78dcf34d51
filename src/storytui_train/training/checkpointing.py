"""Gradient checkpointing by decoder layer, with the layers' inputs kept in host memory.

Of each layer nothing is kept but its input; what is computed inside is computed once more on the
way back, with the same random numbers. On a GPU the input goes to pinned host memory while the
layer runs, and comes back while the layer behind it is still being worked on. On a CPU host memory
is where it is already.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.checkpoint import checkpoint

Where = Literal["host", "device", "off"]


@dataclass(slots=True)
class Kept:
    """How much a forward pass has kept of what layers are given."""

    tensors: int = 0
    """Inputs of layers that were put away."""
    bytes: int = 0
    """Their bytes."""


@dataclass(slots=True, eq=False)
class _Away:
    """An input that was put away."""

    host: Tensor
    device: torch.device
    put: Any
    """Event on the copying stream: the copy is complete."""
    back: Tensor | None = None
    came: Any = None
    before: "_Away | None" = field(default=None, repr=False)
    """The input of the layer before, wanted next on the way back."""


class Keeper:
    """Where the inputs of the layers are kept between the way there and the way back."""

    def __init__(self, where: Where) -> None:
        """Keep them at `where`; `off` keeps nothing, and everything that layers compute stays."""
        self.where = where
        self.kept = Kept()
        self.pinned = True
        """Whether host memory can be pinned; without, copies wait for one another."""
        self._streams: dict[torch.device, Any] = {}
        self._latest: _Away | None = None

    def begin(self) -> None:
        """A forward pass begins; what one before left, whose way back never came, is let go."""
        self.kept = Kept()
        self._latest = None

    def run(self, layer: Callable[..., Any], *inputs: Any) -> Any:
        """Run a layer so that of what it saves only `inputs` is kept."""
        # Inside, `checkpoint` has hooks of its own, which come before these: these see its inputs.
        with saved_tensors_hooks(self._put, self._get):
            return checkpoint(layer, *inputs, use_reentrant=False)

    def _put(self, tensor: Tensor) -> Any:
        self.kept.tensors += 1
        self.kept.bytes += tensor.numel() * tensor.element_size()
        if self.where != "host" or tensor.device.type != "cuda":
            return tensor
        return self._put_away(tensor.detach())

    def _get(self, kept: Any) -> Tensor:
        if isinstance(kept, _Away):
            return self._bring_back(kept)
        tensor: Tensor = kept
        return tensor

    def _stream(self, device: torch.device) -> Any:
        if device not in self._streams:
            self._streams[device] = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        return self._streams[device]

    def _put_away(self, tensor: Tensor) -> _Away:
        """Begin to copy to the host; the device's memory is free again when that is done."""
        stream = self._stream(tensor.device)
        stream.wait_stream(torch.cuda.current_stream(tensor.device))
        with torch.cuda.stream(stream):
            host = self._room(tensor)
            host.copy_(tensor, non_blocking=True)
            put = stream.record_event()
        tensor.record_stream(stream)
        away = _Away(host, tensor.device, put, before=self._latest)
        self._latest = away
        return away

    def _room(self, tensor: Tensor) -> Tensor:
        """Host memory for a tensor, pinned where the system gives as much of that."""
        if self.pinned:
            try:
                # torch keeps pinned memory for the next step: it is asked for once.
                return torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
            except RuntimeError:
                # A limit on memory that cannot be swapped, as in containers and under WSL.
                self.pinned = False
        return torch.empty(tensor.shape, dtype=tensor.dtype)

    def _bring_back(self, away: _Away) -> Tensor:
        """The input on its device; the one that is wanted next is sent for."""
        self._latest = None
        self._send_for(away)
        assert away.back is not None
        current = torch.cuda.current_stream(away.device)
        current.wait_event(away.came)
        tensor, away.back = away.back, None
        tensor.record_stream(current)
        if away.before is not None:
            self._send_for(away.before)
            away.before = None
        return tensor

    def _send_for(self, away: _Away) -> None:
        if away.back is not None:
            return
        stream = self._stream(away.device)
        stream.wait_event(away.put)
        with torch.cuda.stream(stream):
            away.back = away.host.to(away.device, non_blocking=True)
            away.came = stream.record_event()


def install(layers: torch.nn.ModuleList, keeper: Keeper) -> None:
    """Have the decoder layers of a transformers model checkpointed by `keeper`.

    They do so in training alone, and where gradients are wanted.
    """
    for layer in layers:
        layer.gradient_checkpointing = keeper.where != "off"  # type: ignore[assignment]
        layer._gradient_checkpointing_func = keeper.run  # type: ignore[assignment]
