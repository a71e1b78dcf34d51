"""Watches which tensors torch makes, and how many bytes of them live at one time."""

import weakref
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class Watch(TorchDispatchMode):
    """Counts new memory while it is entered; views of it count once."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: list[tuple[torch.dtype, tuple[int, ...]]] = []
        self.living = self.peak = self.made = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = {
            each.untyped_storage()._cdata
            for each in torch.utils._pytree.tree_leaves((args, kwargs))
            if isinstance(each, torch.Tensor)
        }
        made = func(*args, **(kwargs or {}))
        for each in torch.utils._pytree.tree_leaves(made):
            if isinstance(each, torch.Tensor) and each.device.type != "meta":
                self._note(each, given)
        return made

    def _note(self, tensor: torch.Tensor, given: set[int]) -> None:
        storage = tensor.untyped_storage()
        if storage._cdata in given or storage._cdata in self._known:
            return
        self.shapes.append((tensor.dtype, tuple(tensor.shape)))
        self._known.add(storage._cdata)
        size = storage.nbytes()
        self.living += size
        self.made += size
        self.peak = max(self.peak, self.living)
        weakref.finalize(storage, self._gone, storage._cdata, size)

    def _gone(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.living -= size

    @property
    def largest(self) -> int:
        """Elements of the largest tensor that was made."""
        return max((torch.Size(shape).numel() for _, shape in self.shapes), default=0)
