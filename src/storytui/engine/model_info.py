"""What is known of a loaded model: what it is, what it runs on, what is laid over it."""

from typing import Literal

import msgspec

from storytui.engine.devices import Buffers

PROMPT_FORMAT = "storytui.prompt_format"
"""The entry of a GGUF header, a model's or an adapter's, that names the prompt format; this
project's trainer writes it."""

TemplateKind = Literal["gguf", "default", "failed", "remote"]
"""`gguf`: the model brought its own chat template. `default`: it has none. `failed`: it has one
that cannot be used. `remote`: a server knows."""


class Adapter(msgspec.Struct, frozen=True, kw_only=True):
    """A LoRA adapter that is laid over the model."""

    path: str
    """A GGUF file."""
    scale: float = 1.0
    """How strongly it works; 1: as it was trained, 0: not at all."""
    prompt_format: str = ""
    """The prompt format that its file names (`storytui.prompt_format`); empty: none, or nobody has
    looked yet. The engine looks whenever it loads one."""


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What was loaded, and what it runs on."""

    name: str
    path: str
    architecture: str
    context: int
    """Tokens of context in use."""
    trained_context: int
    layers: int
    gpu_layers: int
    backend: str
    """What runs it: `CPU`, `CUDA`, `Metal`, `Vulkan`, …"""
    threads: int
    chat_template: TemplateKind
    """What goes round the message: the model's own chat template, or nothing but a blank line."""
    template_problem: str = ""
    """Why its own cannot be used, as a sentence; empty where it can, or it has none."""
    stored_format: str = ""
    """The prompt format that the model's file names (`storytui.prompt_format`); empty: none."""
    device: str = ""
    """What runs it, by the name that its maker gives it; several are joined by ` + `. Empty where
    that is not known."""
    kv_type: str = "f16"
    """How keys and values are kept."""
    flash_attention: bool = False
    """Whether it is used."""
    measured: Buffers = Buffers()
    """What llama.cpp says that it takes of memory; empty where nothing does."""
    note: str = ""
    """Why it was loaded with less than usual, as a sentence; empty where it was not."""
    remote: bool = False
    """Whether it runs on somebody else's server; `backend` is then the host."""
    adapter: str = ""
    """The name of the adapter that is laid over it, of several all names; empty: none."""
    adapter_scale: float = 1.0
    """How strongly the adapter works; of several, the last."""
    adapters: tuple[Adapter, ...] = ()
    """What is laid over it and changes it, in the order in which it was named."""
    can_move: bool = True
    """Whether evaluated tokens can be moved in the cache. Sliding windows that keep no more than
    they need and recurrent layers cannot: after a change they are read from a checkpoint on."""
