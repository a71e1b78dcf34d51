"""Reads a LoRA adapter as peft saves it, strictly: a folder of adapter_config.json and weights.

What is not low-rank matrices on linear layers, each with one factor, is refused with the reason:
it could be left out silently only by making another model of it. Sources: peft's LoraConfig, its
`get_pattern_key`, and `update_layer` of its LoRA layers (0.21).
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from storytui.models.gguf_reading import named
from storytui_train.errors import GgufError
from storytui_train.gguf.safetensors import Matrix, SafetensorsError, Weights, read_table

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
ANEW = "Train it anew without that."

_PREFIX = "base_model.model."
_HALVES = {".lora_A.weight": "a", ".lora_B.weight": "b"}
_MERGE = "Merge it into its base with peft, and convert the whole model."


class _Config(msgspec.Struct, frozen=True):
    """What of adapter_config.json is computed with."""

    peft_type: str
    r: int
    lora_alpha: float
    use_rslora: bool = False
    rank_pattern: dict[str, int] | None = None
    alpha_pattern: dict[str, float] | None = None
    bias: str = "none"
    init_lora_weights: bool | str | None = True
    base_model_name_or_path: str | None = None
    auto_mapping: dict[str, Any] | None = None


_REFUSED: Mapping[str, tuple[str, str]] = {
    "use_dora": ("was trained with DoRA, whose lengths no GGUF adapter can hold", _MERGE),
    "modules_to_save": ("has modules that were trained whole", _MERGE),
    "trainable_token_indices": ("has words whose embeddings were trained", _MERGE),
    "lora_bias": ("has biases beside its matrices", ANEW),
    "use_qalora": ("was trained with QALoRA, which reads sums of its inputs", ANEW),
    "use_bdlora": ("was trained with BD-LoRA, whose matrices stand in blocks", ANEW),
    "target_parameters": ("changes parameters that are no linear layers", ANEW),
    "layer_replication": ("repeats layers of its base", _MERGE),
    "fan_in_fan_out": ("is for layers that keep their weights the other way round", ANEW),
    "alora_invocation_tokens": ("works only behind certain words (an activated LoRA)", ANEW),
    "arrow_config": ("chooses between several adapters (Arrow)", ANEW),
    "kasa_config": ("was trained with KaSA, which changed its base as well", ANEW),
    "monteclora_config": ("was trained with MonteCLoRA, whose weights are drawn", ANEW),
    "megatron_config": ("is for a model that is divided over several GPUs", ANEW),
}
"""Settings that, where they are on, make more of an adapter than low-rank matrices."""
_HARMLESS = {
    *_Config.__struct_fields__,
    *("corda_config", "eva_config", "exclude_modules", "inference_mode", "layers_pattern"),
    *("layers_to_transform", "loftq_config", "lora_dropout", "lora_ga_config", "megatron_core"),
    *("peft_version", "qalora_group_size", "revision", "runtime_config", "target_modules"),
    *("task_type", "velora_config", "ensure_weight_tying"),
}
"""Settings that say where it came from, or that matter in training only."""
_OWN_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga")
"""Ways to begin that take something out of the base's weights: it fits no other base then."""

_OTHERS = (
    # end of a tensor's name → what it is; the first that fits counts
    (r"lora_magnitude_vector(\.weight)?", "the lengths of DoRA", _MERGE),
    (r"lora_embedding_[AB]", "a LoRA on the table of words, which no base here can take", ANEW),
    (r"lora_(E|ranknum)", "the numbers of AdaLoRA", ANEW),
    (r"lora_B\.bias", "biases beside its matrices", ANEW),
    (r"bias", "biases that were trained", ANEW),
    (
        r"(embed_tokens|lm_head|modules_to_save|original_module|base_layer)(\..+)?\.weight",
        "a whole table of weights",
        f"{_MERGE} If it was only saved with the adapter, save it anew with "
        "save_embedding_layers=False.",
    ),
)


@dataclass(frozen=True, slots=True)
class Pair:
    """The two matrices whose product is added to the weight of one linear layer."""

    module: str
    """The layer's name in the Hugging Face model: `model.layers.0.self_attn.q_proj`."""
    a: Weights
    """rank × inputs."""
    b: Weights
    """outputs × rank."""
    scaling: float
    """What the product B·A is multiplied by: alpha / rank, or with rsLoRA alpha / √rank."""

    @property
    def rank(self) -> int:
        """Rows of the one and columns of the other."""
        return self.a.shape[0]

    @property
    def shape(self) -> tuple[int, int]:
        """Outputs and inputs of the layer."""
        return self.b.shape[0], self.a.shape[1]

    def matrices(self) -> tuple[Matrix, Matrix]:
        """A and B in float32, read anew each time.

        Raises:
            GgufError: a weight is no finite number, or the file was changed.
        """
        folder = self.a.path.parent
        try:
            a, b = self.a.load(), self.b.load()
        except (SafetensorsError, OSError) as error:
            raise refused(folder, f"cannot be read: {error}", "Try again.") from error
        for each, found in ((self.a, a), (self.b, b)):
            # A sum is finite only where each number is, and needs no copy of them all.
            if not math.isfinite(float(abs(found).max(initial=0))):
                raise refused(
                    folder, f"has weights in {named(each.name)} that are no numbers", "Train anew."
                )
        return a, b


@dataclass(frozen=True, slots=True)
class PeftAdapter:
    """A LoRA adapter as peft saves it."""

    folder: Path
    pairs: tuple[Pair, ...]
    """By their modules' names."""
    base: str
    """The model that it says it was trained on; empty: it does not say."""
    model_class: str
    """transformers' class of that model, `LlamaForCausalLM`; empty: it does not say."""
    rslora: bool

    def scaled(self, scale: float) -> "PeftAdapter":
        """The same adapter, working so many times as strongly."""
        pairs = tuple(replace(each, scaling=each.scaling * scale) for each in self.pairs)
        return replace(self, pairs=pairs)


def refused(folder: Path, fault: str, advice: str = ANEW) -> GgufError:
    """The error that an adapter cannot be used, from the middle of a sentence about it."""
    return GgufError(f"The adapter {folder} {fault}. {advice}")


def read_adapter(folder: Path) -> PeftAdapter:
    """Read what an adapter changes, and by how much; its numbers are read later.

    Raises:
        GgufError: there is none, it is damaged, or it is more than low-rank matrices on linear
            layers.
    """
    config = _read_config(folder)
    try:
        table = read_table(folder / WEIGHTS)
    except FileNotFoundError:
        others = "adapter_model.bin" if (folder / "adapter_model.bin").exists() else ""
        fault = f"has {others} and no {WEIGHTS}" if others else f"has no {WEIGHTS}"
        raise refused(folder, fault, "Save it with peft's save_pretrained.") from None
    except (SafetensorsError, OSError) as error:
        raise refused(folder, f"has {WEIGHTS}, which {_said(error)}", "Copy it anew.") from error
    halves: dict[str, dict[str, Weights]] = {}
    for each in table:
        module, half = _half(folder, each)
        halves.setdefault(module, {})[half] = each
    if not halves:
        raise refused(folder, "holds no weights")
    pairs = tuple(_pair(folder, config, module, each) for module, each in sorted(halves.items()))
    if not any(each.scaling for each in pairs):
        raise refused(folder, "changes nothing: its lora_alpha is 0")
    mapping = config.auto_mapping or {}
    name = mapping.get("base_model_class")
    return PeftAdapter(
        folder=folder,
        pairs=pairs,
        base=config.base_model_name_or_path or "",
        model_class=name if isinstance(name, str) else "",
        rslora=config.use_rslora,
    )


def _read_config(folder: Path) -> _Config:
    path = folder / CONFIG
    try:
        raw = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        config = msgspec.convert(raw, _Config)
    except FileNotFoundError:
        raise GgufError(
            f"There is no adapter in {folder}: it has no {CONFIG}. Name the folder that peft saved."
        ) from None
    except (OSError, msgspec.MsgspecError, ValueError) as error:
        raise refused(folder, f"has {CONFIG}, which cannot be read: {_said(error)}") from error
    if config.peft_type != "LORA":
        raise refused(
            folder, f"is of peft's type {named(config.peft_type)}, and only LORA can be converted"
        )
    for key, (fault, advice) in _REFUSED.items():
        value = raw.get(key)
        if value:
            more = f" ({named(', '.join(map(str, value)))})" if isinstance(value, list) else ""
            raise refused(folder, f"{fault}{more}", advice)
    if config.bias != "none":
        raise refused(folder, f"has biases that were trained ({named(config.bias)})")
    begun = config.init_lora_weights
    if isinstance(begun, str) and begun.lower().startswith(_OWN_BASE):
        raise refused(
            folder,
            f"was begun with {named(begun)}, which took something out of its base's weights",
            "Save it with path_initial_model_for_weight_conversion, or train it anew.",
        )
    for key, value in raw.items():
        known = key in _HARMLESS or key in _REFUSED
        if not known and (value is True or (isinstance(value, dict | list) and value)):
            raise refused(
                folder,
                f"says {named(key)}, and what that means is not known here",
                "Use a newer version of storytui, or train it anew without that.",
            )
    numbers = (config.lora_alpha, *(config.alpha_pattern or {}).values())
    ranks = (config.r, *(config.rank_pattern or {}).values())
    if not all(map(math.isfinite, numbers)) or min(ranks) < 1:
        raise refused(folder, "has a rank or an alpha that cannot be")
    return config


def _half(folder: Path, tensor: Weights) -> tuple[str, str]:
    """The module that a tensor belongs to, and which half it is."""
    name = tensor.name
    for ending, half in _HALVES.items():
        if name.endswith(ending) and name.startswith(_PREFIX):
            module = name[len(_PREFIX) : -len(ending)]
            if not module or len(tensor.shape) != 2 or 0 in tensor.shape:
                raise refused(
                    folder, f"has {named(name)} in the shape {tensor.shape}, which is no matrix"
                )
            return module, half
    for pattern, what, advice in _OTHERS:
        if re.fullmatch(rf"(.*\.)?{pattern}", name):
            raise refused(folder, f"holds {named(name)}: {what}", advice)
    raise refused(folder, f"holds {named(name)}, which is no half of a LoRA")


def _pair(folder: Path, config: _Config, module: str, halves: Mapping[str, Weights]) -> Pair:
    if len(halves) != 2:
        missing = "lora_B" if "a" in halves else "lora_A"
        raise refused(folder, f"lacks {missing} of {named(module)}", "Copy it anew.")
    a, b = halves["a"], halves["b"]
    rank = a.shape[0]
    if b.shape[1] != rank:
        raise refused(folder, f"has two matrices for {named(module)} that cannot be multiplied")
    ranks = _matching(folder, config.rank_pattern, module) or {config.r}
    if rank not in ranks:
        said = " or ".join(map(str, sorted(ranks)))
        raise refused(folder, f"has {named(module)} in rank {rank}, and its {CONFIG} says {said}")
    alphas = _matching(folder, config.alpha_pattern, module) or {config.lora_alpha}
    if len(alphas) > 1:
        # peft takes the first that matches, and sorts them when it saves.
        raise refused(
            folder,
            f"has several alphas for {named(module)} in its alpha_pattern "
            f"({', '.join(f'{each:g}' for each in sorted(alphas))})",
            "Leave one of them.",
        )
    return Pair(module, a, b, alphas.pop() / (math.sqrt(rank) if config.use_rslora else rank))


def _matching(folder: Path, pattern: Mapping[str, float] | None, module: str) -> set[float]:
    """The values of a pattern's keys that match a module, as peft matches them."""
    try:
        return {
            value for key, value in (pattern or {}).items() if re.match(rf"(.*\.)?({key})$", module)
        }
    except re.error as error:
        raise refused(folder, f"has a pattern that cannot be read: {error}") from error


def _said(error: Exception) -> str:
    if isinstance(error, SafetensorsError):
        return str(error)
    return named(error.strerror or "" if isinstance(error, OSError) else str(error))
