"""The adapter: LoRA by peft on all linear layers of a base, in float32, in peft's own form."""

import os
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import torch
from torch import nn

from storytui.story.visible import visible
from storytui_train.errors import AdapterError, RecipeError, TrainError
from storytui_train.recipe_training import TrainOptions
from storytui_train.training.base import Base

if TYPE_CHECKING:
    from peft import LoraConfig, PeftModel

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
BASE_MARK = "storytui.base"
"""In the weights' metadata: the fingerprint of the base that the adapter was trained for."""

_PATTERN = re.compile(r"[\w.]+")
_FEW = 3


def linear_layers(base: Base) -> list[str]:
    """Last names of the layers that get an adapter: all linear ones of the decoder's layers."""
    decoder: Any = base.model.model
    first = decoder.layers[0]
    return [
        # What an adapted layer wraps is called so.
        name.removesuffix(".base_layer").rpartition(".")[2]
        for name, module in first.named_modules()
        if isinstance(module, nn.Linear) and ".lora_" not in name
    ]


def lora_config(base: Base, options: TrainOptions) -> "LoraConfig":
    """The adapter's configuration.

    Raises:
        RecipeError: a pattern fits no layer, or a rank or an alpha cannot be.
    """
    from peft import LoraConfig

    _check(base, options)
    return LoraConfig(
        task_type="CAUSAL_LM",
        base_model_name_or_path=_public_name(base),
        revision=base.revision or None,
        target_modules=linear_layers(base),
        r=options.rank,
        lora_alpha=options.alpha,  # type: ignore[arg-type]
        use_rslora=options.rslora,
        lora_dropout=options.dropout,
        rank_pattern=dict(options.rank_pattern),
        alpha_pattern=dict(options.alpha_pattern),
        bias="none",
    )


def new_adapter(base: Base, options: TrainOptions, *, seed: int) -> "PeftModel":
    """The base with an adapter that changes nothing yet.

    Args:
        base: it is changed: its linear layers get an adapter each.
        options: rank, alpha and the like.
        seed: of the adapter's first numbers; the same on every device.

    Raises:
        RecipeError: as `lora_config`.
    """
    return _with_adapter(base, lora_config(base, options), seed)


def load_adapter(base: Base, folder: Path, *, other_base: bool = False) -> "PeftModel":
    """The base with an adapter from the disk, to be trained further.

    Args:
        base: it is changed.
        folder: where `save_adapter`, or peft, wrote it.
        other_base: whether one that was trained for other weights will do, if its shapes fit.

    Raises:
        AdapterError: it cannot be read, has what is not trained here, or is for another base.
    """
    from peft import set_peft_model_state_dict

    config = _read_config(folder)
    weights, mark = _read_weights(folder)
    shown = visible(str(folder), newlines=False)
    if mark and mark != base.fingerprint and not other_base:
        raise AdapterError(
            f"The adapter {shown} was trained for another base than {visible(base.source)}. "
            "Name the base that it was trained for."
        )
    unknown = set(config.target_modules or ()) - set(linear_layers(base))
    if unknown:
        raise AdapterError(
            f"The adapter {shown} is for another base: it changes "
            f"{visible(', '.join(sorted(unknown)[:_FEW]), newlines=False)}, which "
            f"{visible(base.source)} does not have."
        )
    try:
        model = _with_adapter(base, config, seed=0)
    except (TypeError, ValueError) as error:
        raise _impossible(shown, error) from error
    wanted = _weights_of(model)
    wrong = [
        name
        for name in sorted(wanted.keys() | weights.keys())
        if name not in wanted or name not in weights or wanted[name].shape != weights[name].shape
    ]
    if wrong:
        raise AdapterError(
            f"The adapter {shown} is for another base, or damaged: "
            f"{visible(wrong[0], newlines=False)} does not fit."
        )
    set_peft_model_state_dict(model, weights)
    return model


def save_adapter(model: "PeftModel", folder: Path, base: Base) -> None:
    """Write an adapter as peft does: its configuration, and its weights in float32.

    Each file is complete or not there.

    Args:
        model: the base with the adapter.
        folder: made where it is missing.
        base: its fingerprint is noted beside the weights.

    Raises:
        TrainError: the disk is full, or nothing may be written there.
    """
    from safetensors.torch import save

    weights = {
        name: each.detach().to("cpu", torch.float32).contiguous()
        for name, each in _weights_of(model).items()
    }
    said = model.peft_config["default"].to_dict() | {"inference_mode": True}
    said["target_modules"] = sorted(said["target_modules"])
    metadata = {"format": "pt", BASE_MARK: base.fingerprint}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / WEIGHTS, _in_order(save(weights, metadata=metadata)))
        _write(folder / CONFIG, _as_json(said))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise TrainError(
            f"The adapter cannot be written to {visible(str(folder))}: {reason}. "
            "Make room there, or name another folder."
        ) from error


def _with_adapter(base: Base, config: "LoraConfig", seed: int) -> "PeftModel":
    from peft import PeftModel, get_peft_model

    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        # peft takes the base's name from here.
        base.model.name_or_path = _public_name(base)
        model = get_peft_model(base.model, config)
    assert isinstance(model, PeftModel)
    for name, parameter in model.named_parameters():
        if ".lora_" in name:
            parameter.requires_grad_(True)
            parameter.data = parameter.data.to(torch.float32)
    return model


def _public_name(base: Base) -> str:
    """What an adapter says of its base: the repository, or a file's name, never where it lies."""
    return base.source if base.kind == "hub" else Path(base.source).name


def _check(base: Base, options: TrainOptions) -> None:
    decoder: Any = base.model.model
    names = [
        f"model.{name}" for name, module in decoder.named_modules() if isinstance(module, nn.Linear)
    ]
    for option, table in (
        ("rank_pattern", options.rank_pattern),
        ("alpha_pattern", options.alpha_pattern),
    ):
        for pattern in table:
            shown = visible(pattern, newlines=False)
            if not _PATTERN.fullmatch(pattern):
                raise RecipeError(
                    f"{option} says {shown}: name a layer by the end of its name, such as q_proj."
                )
            if not any(f".{name}".endswith(f".{pattern}") for name in names):
                raise RecipeError(
                    f"{option} says {shown}, and no layer's name ends so. "
                    f"Layers are {', '.join(linear_layers(base))}."
                )
    if min((options.rank, *options.rank_pattern.values())) < 1:
        raise RecipeError("A rank must be at least 1.")
    if not 0.0 <= options.dropout < 1.0:
        raise RecipeError("dropout must be at least 0 and less than 1.")


def _weights_of(model: "PeftModel") -> dict[str, torch.Tensor]:
    from peft import get_peft_model_state_dict

    # Otherwise it asks the Hub whether the base's vocabulary has changed.
    state: dict[str, torch.Tensor] = get_peft_model_state_dict(model, save_embedding_layers=False)
    return state


def _read_config(folder: Path) -> "LoraConfig":
    from peft import LoraConfig

    shown = visible(str(folder), newlines=False)
    try:
        said = msgspec.json.decode((folder / CONFIG).read_bytes(), type=dict[str, Any])
    except FileNotFoundError:
        raise AdapterError(f"There is no adapter in {shown}: it has no {CONFIG}.") from None
    except (OSError, msgspec.DecodeError) as error:
        raise AdapterError(
            f"The adapter {shown} cannot be read: {visible(str(error), newlines=False)}."
        ) from error
    refused = [name for name in _NOT_HERE if said.get(name)]
    if said.get("peft_type") != "LORA" or refused or said.get("bias", "none") != "none":
        what = ", ".join(refused) or "another kind of adapter than LoRA, or trained biases"
        raise AdapterError(f"The adapter {shown} has {what}, which cannot be trained here.")
    known = LoraConfig.__dataclass_fields__.keys()
    try:
        return LoraConfig(**{key: value for key, value in said.items() if key in known})
    except (TypeError, ValueError) as error:
        raise _impossible(shown, error) from error


def _impossible(shown: str, error: Exception) -> AdapterError:
    reason = visible(str(error), newlines=False)
    return AdapterError(f"The adapter {shown} has a configuration that cannot be: {reason}.")


_NOT_HERE = ("use_dora", "modules_to_save", "trainable_token_indices", "layer_replication")
"""What an adapter may have that is not trained here."""


def _read_weights(folder: Path) -> tuple[dict[str, torch.Tensor], str]:
    """The weights, and the fingerprint of their base, empty where none is noted."""
    from safetensors import SafetensorError, safe_open

    path = folder / WEIGHTS
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            metadata = file.metadata() or {}
            names = list(file.keys())
            return {name: file.get_tensor(name) for name in names}, metadata.get(BASE_MARK, "")
    except FileNotFoundError:
        raise AdapterError(
            f"There is no adapter in {visible(str(folder), newlines=False)}: it has no {WEIGHTS}."
        ) from None
    except (OSError, SafetensorError) as error:
        raise AdapterError(
            f"The adapter {visible(str(path), newlines=False)} is damaged: "
            f"{visible(str(error), newlines=False)}."
        ) from error


def _as_json(said: dict[str, Any]) -> bytes:
    def plain(value: Any) -> Any:
        return sorted(value) if isinstance(value, set) else str(value)

    made = msgspec.json.encode(dict(sorted(said.items())), enc_hook=plain)
    return msgspec.json.format(made, indent=2) + b"\n"


def _in_order(data: bytes) -> bytes:
    """The bytes of a safetensors file with its metadata in order: they come by chance otherwise.

    The header is JSON behind its length in eight bytes (safetensors, README, "Format").
    """
    length = int.from_bytes(data[:8], "little")
    header = msgspec.json.decode(data[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    made = msgspec.json.encode(header)
    made += b" " * (-len(made) % 8)
    return len(made).to_bytes(8, "little") + made + data[8 + length :]


def _write(path: Path, data: bytes) -> None:
    beside = path.with_name(path.name + ".part")
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
