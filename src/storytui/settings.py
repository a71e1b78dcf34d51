"""Typed settings: one TOML file, read once at the edge, trusted inside."""

from typing import Annotated

import msgspec
from msgspec import Meta

NonNegative = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]


class EditorSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[editor]`: the page."""

    measure: Annotated[int, Meta(ge=30, le=200)] = 72
    """Columns of the page."""
    theme: str = "storytui-dark"
    """`storytui-dark`, `storytui-light`, or any theme of Textual's."""
    pane: Annotated[int, Meta(ge=24, le=120)] = 46
    """Columns of the side pane."""


class ModelSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[model]`: which model, and how it runs."""

    path: str = ""
    """A GGUF file; empty: the small built-in model where it is installed."""
    context: NonNegative = 0
    """Tokens of context; 0: 16,384 on a GPU, 4,096 on a CPU, never more than the model's own."""
    gpu_layers: Annotated[int, Meta(ge=-1)] = -1
    """Layers on the GPU; -1: all."""
    threads: NonNegative = 0
    """Threads on a CPU; 0: one for each physical core."""


class ContinueSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[continue]`: what a continuation is."""

    format: str = "cra-v1"
    words: Annotated[int, Meta(ge=1, le=4000)] = 120
    reasoning_tokens: NonNegative = 256
    collapse_reasoning: bool = False
    """Fold the reasoning away when the answer begins."""


class SamplingSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[sampling]`: how tokens are drawn; names as in llama.cpp's own tools."""

    seed: Annotated[int, Meta(ge=-1, le=2**32 - 2)] = -1
    """-1: a new seed for every take."""
    temperature: Annotated[float, Meta(ge=0, le=5)] = 0.8
    top_k: NonNegative = 0
    top_p: Annotated[float, Meta(ge=0, le=1)] = 1.0
    min_p: Annotated[float, Meta(ge=0, le=1)] = 0.05
    repeat_penalty: Annotated[float, Meta(ge=0.5, le=3)] = 1.0
    repeat_last_n: NonNegative = 256
    dry_multiplier: Annotated[float, Meta(ge=0, le=10)] = 0.8
    dry_base: Annotated[float, Meta(ge=1, le=10)] = 1.75
    dry_allowed_length: Positive = 4
    dry_last_n: NonNegative = 2048
    xtc_probability: Annotated[float, Meta(ge=0, le=1)] = 0.0
    xtc_threshold: Annotated[float, Meta(ge=0, le=1)] = 0.1


class Settings(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"continuing": "continue"},
):
    """Everything the settings file may say."""

    editor: EditorSettings = EditorSettings()
    model: ModelSettings = ModelSettings()
    continuing: ContinueSettings = ContinueSettings()
    sampling: SamplingSettings = SamplingSettings()
    keys: dict[str, str] = {}
    """`[keys]`: action = "key, other key"; the actions are those of the help screen."""
