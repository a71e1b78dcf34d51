"""LoRA adapters laid over a loaded model: loaded, switched, and given back.

llama.cpp keeps an adapter's matrices beside the model's own and adds their product while it
computes, so that a switch loads some megabytes and changes no weight. It ends the process over
some files that it does not expect: callers give it only files that were checked
(`storytui.models.adapter_checking`).

Only the adapters that work are kept: reading one again takes less time than what is evaluated
anew after a switch, and a card's memory is short.
"""

import ctypes
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from storytui.engine.adapting import adapter_name, in_force
from storytui.engine.api import AdapterError, EngineError
from storytui.engine.llama import backend
from storytui.engine.llama.loaded import text_of
from storytui.engine.model_info import PROMPT_FORMAT, Adapter

_Mark = tuple[str, int, int, int]
"""What tells that an adapter's file is another one: path, size, time of change, inode."""


class LoadedAdapters:
    """The adapters that work on one context."""

    def __init__(self, model: Any, context: Any) -> None:
        """Begin with none.

        Args:
            model: llama.cpp's; the adapters that are left go with it.
            context: llama.cpp's.
        """
        self.unproved = False
        """Whether nothing was computed with them yet."""
        self._model = model
        self._context = context
        self._loaded: dict[_Mark, Any] = {}
        self._scales: tuple[tuple[_Mark, float], ...] = ()

    def use(self, adapters: Sequence[Adapter]) -> bool:
        """Have these work, and no others; returns whether that changes anything.

        Raises:
            AdapterError: one cannot be used; the others work as before.
        """
        wanted = {_mark(each): each for each in in_force(adapters)}
        scales = tuple((mark, each.scale) for mark, each in wanted.items())
        if scales == self._scales:
            return False
        fresh: dict[_Mark, Any] = {}
        try:
            for mark, each in wanted.items():
                if mark not in self._loaded:
                    fresh[mark] = self._load(Path(each.path))
            handles = self._loaded | fresh
            self._set([(handles[mark], scale) for mark, scale in scales])
        except EngineError:
            _free(fresh)
            raise
        # llama.cpp knows its adapters by their addresses, so the old ones go last: one that was
        # loaded in the place of one that works would be taken for it.
        _free({mark: each for mark, each in handles.items() if mark not in wanted})
        self._loaded = {mark: handles[mark] for mark in wanted}
        self._scales, self.unproved = scales, bool(scales)
        return True

    def looked_at(self, adapters: Sequence[Adapter]) -> list[Adapter]:
        """Adapters with what the files of those that work say of themselves.

        Args:
            adapters: as `use` was told last.
        """
        formats = {mark[0]: _text(each, PROMPT_FORMAT) for mark, each in self._loaded.items()}
        return [
            structs.replace(each, prompt_format=formats.get(each.path, "")) for each in adapters
        ]

    def prove(self, logits: NDArray[np.float32]) -> None:
        """See that numbers come of the adapters, by the first logits.

        Raises:
            EngineError: they do not.
        """
        if np.isnan(logits).any():
            names = " and ".join(adapter_name(mark[0]) for mark in self._loaded)
            raise EngineError(
                f"No text comes of the adapter {names}: its numbers are too large at this scale. "
                "Give it a smaller scale, or turn it off."
            )
        self.unproved = False

    def _load(self, path: Path) -> Any:
        backend.forget_reasons()
        handle = llama_cpp.llama_adapter_lora_init(self._model, os.fsencode(path))
        if not handle:
            raise AdapterError(
                f"{path.name} cannot be used as an adapter for this model: {backend.reason()}"
            )
        return handle

    def _set(self, pairs: Sequence[tuple[Any, float]]) -> None:
        count = len(pairs)
        handles = (llama_cpp.llama_adapter_lora_p_ctypes * count)(*(each for each, _ in pairs))
        scales = (ctypes.c_float * count)(*(scale for _, scale in pairs))
        if llama_cpp.llama_set_adapters_lora(self._context, handles, count, scales) != 0:
            raise EngineError("llama.cpp could not switch the adapter; try again")


def _free(handles: dict[_Mark, Any]) -> None:
    for each in handles.values():
        llama_cpp.llama_adapter_lora_free(each)


def _text(handle: Any, key: str) -> str:
    """A value of an adapter's header, as text; empty where there is none."""
    return text_of(partial(llama_cpp.llama_adapter_meta_val_str, handle), key).strip()


def _mark(adapter: Adapter) -> _Mark:
    try:
        found = os.stat(adapter.path)
    except (OSError, ValueError) as error:
        raise AdapterError(
            f"there is no adapter {adapter.path}; check the path, or turn the adapter off"
        ) from error
    return adapter.path, found.st_size, found.st_mtime_ns, found.st_ino
