"""Loads a model's file and opens a context on it, as the engine wants them."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llama_cpp

from storytui.engine.api import ModelError, NoRoomError
from storytui.engine.llama import backend
from storytui.engine.messages import ModelConfig

SEQUENCES = 10
"""The cache, a scratch sequence, and the replies that are written side by side."""
FEW_SEQUENCES = 2
"""Where each sequence has memory of its own: recurrent layers and cut windows."""
_NO_ROOM = re.compile("allocat|out of memory", re.IGNORECASE)
"""How llama.cpp says that memory was too small (llama-model.cpp, ggml-alloc.c)."""


def load_model(config: ModelConfig, on_progress: Callable[[float], None]) -> Any:
    """llama.cpp's model.

    Args:
        config: which one, and how many of its layers go on the GPU.
        on_progress: told how much is loaded, from 0 to 1.

    Raises:
        NoRoomError: there is not enough memory for it.
        ModelError: its file is missing or broken.
    """
    path = Path(config.path)
    if not path.is_file():
        raise ModelError(f"there is no model file {path}")
    parameters = llama_cpp.llama_model_default_params()
    parameters.vocab_only = config.vocabulary_only
    parameters.n_gpu_layers = config.gpu_layers if config.gpu_layers >= 0 else 10_000

    def report(fraction: float, _data: Any) -> bool:
        on_progress(fraction)
        return True

    # Kept until the load is done: ctypes holds no reference of its own.
    callback = llama_cpp.llama_progress_callback(report)
    parameters.progress_callback = callback
    model = llama_cpp.llama_model_load_from_file(os.fsencode(path), parameters)
    if not model:
        kind = NoRoomError if says_no_room(backend.reasons()) else ModelError
        raise kind(f"{path.name} cannot be loaded as a model: {backend.reason()}")
    return model


def says_no_room(lines: list[str]) -> bool:
    """Whether one of llama.cpp's errors says that memory was too small."""
    return any(_NO_ROOM.search(each) for each in lines)


def open_context(
    model: Any,
    config: ModelConfig,
    context: int,
    threads: int,
    *,
    batch: int,
    outputs: int = 0,
    on_cpu: bool,
) -> Any:
    """llama.cpp's context, with whole sliding windows where they are wanted and memory allows.

    Args:
        model: llama.cpp's.
        config: how it runs.
        context: tokens.
        threads: that compute on a CPU.
        batch: the most tokens that are evaluated at once.
        outputs: of how many of them the logits are kept; at least as many as there are sequences.
        on_cpu: whether no GPU is used.

    Raises:
        NoRoomError: there is not enough memory for it.
    """
    window = llama_cpp.llama_model_n_swa(model)
    wide = on_cpu if config.whole_windows is None else config.whole_windows

    def opened(*, whole_windows: bool) -> Any:
        few = remembers_by_state(model) or (window > 0 and not whole_windows)
        parameters = llama_cpp.llama_context_default_params()
        parameters.n_ctx = context
        parameters.n_batch = batch
        parameters.n_ubatch = batch
        parameters.n_seq_max = FEW_SEQUENCES if few else SEQUENCES
        # All sequences share one store of cells, so that one takes up another's.
        parameters.kv_unified = True
        parameters.swa_full = whole_windows
        parameters.n_threads = threads
        parameters.n_threads_batch = threads
        parameters.no_perf = True
        if config.kv_type == "q8_0":
            parameters.type_k = parameters.type_v = llama_cpp.GGML_TYPE_Q8_0
            # llama.cpp takes quantised values with it only.
            parameters.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_ENABLED
        elif on_cpu:
            # Flash attention makes batches of some tens of tokens half as fast on a CPU, and no
            # others faster; measured with llama.cpp of the end of 2026.
            parameters.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
        if hasattr(parameters, "n_outputs_max"):
            # Room for as many logits as are ever asked for at once, not for a batch of them.
            parameters.n_outputs_max = max(parameters.n_seq_max, outputs)
        return llama_cpp.llama_init_from_model(model, parameters)

    found = opened(whole_windows=wide)
    if not found and wide and window and config.whole_windows is None:
        found = opened(whole_windows=False)
    if not found:
        raise NoRoomError(
            f"there is not enough memory for {Path(config.path).name} with a context of "
            f"{context:,} tokens: {backend.reason()}; ask for a smaller context"
        )
    return found


def remembers_by_state(model: Any) -> bool:
    """Whether some of its layers are recurrent: what they remember cannot be cut."""
    return bool(llama_cpp.llama_model_is_recurrent(model) or llama_cpp.llama_model_is_hybrid(model))
