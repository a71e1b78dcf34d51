"""What was loaded, as llama.cpp knows it and as its log says."""

import ctypes
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import llama_cpp
from msgspec import structs

from storytui.engine.devices import Device
from storytui.engine.llama import backend, said
from storytui.engine.llama.devices import free_memory
from storytui.engine.messages import ModelConfig
from storytui.engine.model_info import PROMPT_FORMAT, ModelInfo, TemplateKind

_QUANTISATION = re.compile(r"[-._](?:I?Q\d\w*|B?F16|F32|MXFP4)(?:-\d+-of-\d+)?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Figures:
    """What a model's owner knows of it."""

    context: int
    trained_context: int
    threads: int
    on_gpu: bool
    devices: tuple[Device, ...]
    """What it runs on."""
    chat_template: TemplateKind
    template_problem: str
    can_move: bool


def info_of(model: Any, config: ModelConfig, figures: Figures) -> ModelInfo:
    """Everything about a loaded model that others ask for.

    To be called when model and context are there, before llama.cpp says anything else.

    Args:
        model: llama.cpp's.
        config: what was asked for.
        figures: what came of it.
    """
    lines = backend.said()
    layers: int = llama_cpp.llama_model_n_layer(model)
    there = said.gpu_layers_in(lines)
    if there is None:
        there = layers + 1 if config.gpu_layers < 0 else config.gpu_layers
    flash_attention = said.flash_attention_in(lines)
    measured = said.buffers_in(lines)
    if figures.on_gpu:
        measured = structs.replace(measured, free=free_memory())
    used = figures.devices
    return ModelInfo(
        name=name_of(Path(config.path)),
        path=config.path,
        architecture=metadata(model, "general.architecture"),
        context=figures.context,
        trained_context=figures.trained_context,
        layers=layers,
        gpu_layers=min(there, layers + 1) if figures.on_gpu else 0,
        backend=used[0].backend if used else "CPU",
        threads=figures.threads,
        chat_template=figures.chat_template,
        template_problem=figures.template_problem,
        stored_format=metadata(model, PROMPT_FORMAT).strip(),
        device=" + ".join(each.description for each in used),
        kv_type=config.kv_type,
        # Where nothing is said: as it is asked for.
        flash_attention=figures.on_gpu or config.kv_type != "f16"
        if flash_attention is None
        else flash_attention,
        measured=measured,
        can_move=figures.can_move,
    )


def metadata(model: Any, key: str) -> str:
    """A value of the model's header, as text; empty where there is none."""
    return text_of(partial(llama_cpp.llama_model_meta_val_str, model), key)


def text_of(read: Callable[[bytes, Any, int], int], key: str) -> str:
    """A value of a header, as text; empty where there is none.

    Args:
        read: puts a key's value into a buffer of so many bytes, as llama.cpp's functions do, and
            returns how many bytes it has.
        key: in the header.
    """
    size = 256
    while True:
        buffer = ctypes.create_string_buffer(size)
        length = read(key.encode(), buffer, size)
        if length < size:
            return buffer.value.decode("utf-8", "replace") if length > 0 else ""
        size = length + 1


def name_of(path: Path) -> str:
    """A model's name for people: its file's, which they chose; metadata often name a training run.

    The quantisation at its end is left out: `CRA-v1-7B-Q4_K_M.gguf` is CRA-v1-7B.
    """
    return _QUANTISATION.sub("", path.stem) or path.stem
