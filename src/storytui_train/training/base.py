"""A base model, loaded for training: frozen, its layers in NF4, one tensor at a time.

It comes from a GGUF file, a folder or a repository of the Hub; never is a float copy of the whole
of it in memory, and nothing of it is ever cast to float32 on a GPU.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import torch
from torch import Tensor, nn

from storytui.folders import as_typed
from storytui.models.names import BUILT_IN
from storytui.story.visible import visible
from storytui_train.data.teacher.engines import model_file, model_fingerprint
from storytui_train.errors import BaseModelError, TeacherError
from storytui_train.recipe_training import TrainOptions
from storytui_train.training import attention, nf4
from storytui_train.training.embeddings import FrozenEmbedding
from storytui_train.training.folder_base import FolderWeights, from_hub
from storytui_train.training.gguf_base import GgufWeights

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

EMBEDDINGS, HEAD = "model.embed_tokens.weight", "lm_head.weight"
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_FEW = 3

Progress = Callable[[int, int], None]
"""Told how many tensors are in place, and of how many."""


class Weights(Protocol):
    """Where the weights of a model come from."""

    named: str
    config: "PretrainedConfig"

    @property
    def architecture(self) -> str:
        """transformers' model type."""

    def rope_factors(self) -> Tensor | None:
        """What the positions' frequencies are divided by; None: by nothing."""

    def read(self, names: Iterable[str], dtype: torch.dtype) -> Iterator[tuple[str, Tensor]]:
        """Each tensor of these names, on the CPU, as it is read."""


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """A model that an adapter can be trained for."""

    model: "PreTrainedModel"
    """With a decoder `model`, whose layers are frozen, and a head `lm_head`."""
    config: "PretrainedConfig"
    architecture: str
    """transformers' model type."""
    kind: Literal["hub", "folder", "gguf"]
    source: str
    """The repository, or the path of the folder or file."""
    revision: str
    """Of the repository, as it was asked for."""
    gguf: Path | None
    """A GGUF of the same base: the base itself where it is one."""
    fingerprint: str
    """sha256 of the GGUF file; of Hugging Face's weights by name otherwise."""
    device: torch.device
    compute: torch.dtype
    """What products are computed in, and what is not quantised is kept in."""
    nf4: bool


def load_base(
    options: TrainOptions, device: torch.device, *, progress: Progress | None = None
) -> Base:
    """Load the model that is trained.

    Args:
        options: which it is, and how its weights are kept.
        device: where its layers and head go.
        progress: told after each tensor.

    Raises:
        BaseModelError: there is none of that name, or it cannot be trained.
    """
    kind, weights, source = _weights(options)
    gguf: Path | None = None
    try:
        if isinstance(weights, GgufWeights):
            gguf, fingerprint = weights.path, model_fingerprint(weights.path)
        if options.gguf:
            gguf = model_file(options.gguf)
    except TeacherError as error:
        raise BaseModelError(str(error)) from error
    compute = compute_type(options, device)
    quantised = options.quantisation == "nf4"
    model = assemble(
        weights,
        device,
        compute,
        quantised=quantised,
        embeddings=options.embeddings,
        progress=progress,
    )
    if isinstance(weights, FolderWeights):
        fingerprint = weights.fingerprint()
    return Base(
        model=model,
        config=weights.config,
        architecture=weights.architecture,
        kind=kind,
        source=source,
        revision=options.revision,
        gguf=gguf,
        fingerprint=fingerprint,
        device=device,
        compute=compute,
        nf4=quantised,
    )


def compute_type(options: TrainOptions, device: torch.device) -> torch.dtype:
    """What products are computed in: bfloat16 on GPUs that have it, float32 elsewhere."""
    if options.compute == "auto":
        own = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if own else torch.float32
    return torch.bfloat16 if options.compute == "bfloat16" else torch.float32


def assemble(
    weights: Weights,
    device: torch.device,
    compute: torch.dtype,
    *,
    quantised: bool,
    embeddings: Literal["host", "device"] = "host",
    progress: Progress | None = None,
) -> "PreTrainedModel":
    """A frozen model of weights that are read one at a time.

    Args:
        weights: where they come from.
        device: where layers and head go.
        compute: the type of what is not quantised, and of products.
        quantised: whether the layers' matrices become NF4.
        embeddings: where the table of embeddings stays; with a head that is the same, there.
        progress: told after each tensor.

    Raises:
        BaseModelError: tensors are missing, of another shape, or have no place in the model.
    """
    building = _Building(weights, device, compute, quantised=quantised)
    names = building.names()
    for done, (name, tensor) in enumerate(weights.read({*names, HEAD}, compute), start=1):
        building.place(name, tensor)
        del tensor
        if progress is not None:
            # A head that is the embeddings may be in a folder's files all the same.
            progress(min(done, len(names)), len(names))
    return building.finish(embeddings)


class _Building:
    """A model whose tensors come one by one."""

    def __init__(
        self, weights: Weights, device: torch.device, compute: torch.dtype, *, quantised: bool
    ) -> None:
        from transformers import AutoModelForCausalLM

        self._weights = weights
        self._device = device
        self._tied = bool(weights.config.tie_word_embeddings)
        self._table: Tensor | None = None
        with torch.device("meta"):
            self._model: Any = AutoModelForCausalLM.from_config(  # type: ignore[no-untyped-call]
                weights.config, dtype=compute, attn_implementation=attention.register()
            )
        if quantised:
            for layer in self._model.model.layers:
                for name, module in list(layer.named_modules()):
                    if isinstance(module, nn.Linear):
                        layer.set_submodule(name, nf4.empty_linear(module, compute))

    def names(self) -> list[str]:
        """Of all tensors that the model has."""
        return [name for name, _ in self._model.named_parameters()]

    def place(self, name: str, tensor: Tensor) -> None:
        """Put a tensor where it belongs."""
        if name == HEAD and self._tied:
            return
        path, _, kind = name.rpartition(".")
        module = self._model.get_submodule(path)
        shape = tuple(getattr(module, kind).shape)
        if tuple(tensor.shape) != shape:
            raise BaseModelError(
                f"The base {self._weights.named} has the tensor {name} of shape "
                f"{tuple(tensor.shape)}, where its configuration wants {shape}."
            )
        if name == EMBEDDINGS:
            self._table = tensor
        elif kind == "weight" and nf4.is_nf4(module):
            nf4.quantise(module, tensor, self._device)
        else:
            there = nn.Parameter(tensor.to(self._device), requires_grad=False)
            setattr(module, kind, there)

    def finish(self, embeddings: Literal["host", "device"]) -> "PreTrainedModel":
        """The model, if nothing is missing."""
        decoder = self._model.model
        missing = [
            name
            for name, each in self._model.named_parameters()
            if each.is_meta and name not in (EMBEDDINGS, HEAD if self._tied else "")
        ]
        if self._table is None:
            missing.insert(0, EMBEDDINGS)
        if missing or self._table is None:
            more = f" and {len(missing) - _FEW} more" if len(missing) > _FEW else ""
            raise BaseModelError(
                f"The base {self._weights.named} lacks the tensors {', '.join(missing[:_FEW])}"
                f"{more}. Get it again."
            )
        table = self._table
        if self._tied:
            table = table.to(self._device)
            self._model.lm_head.weight = nn.Parameter(table, requires_grad=False)
        elif embeddings == "device":
            table = table.to(self._device)
        scale = getattr(decoder.embed_tokens, "scalar_embed_scale", None)
        decoder.embed_tokens = FrozenEmbedding(table, self._device, scale)
        decoder.rotary_emb = type(decoder.rotary_emb)(self._weights.config).to(self._device)
        factors = self._weights.rope_factors()
        if factors is not None:
            _divide(decoder.rotary_emb, factors.to(self._device))
        self._model.config.use_cache = False
        self._model.eval()
        # What peft makes adapters of another kind for, and merges otherwise.
        self._model.is_loaded_in_4bit = any(nf4.is_nf4(each) for each in self._model.modules())
        model: PreTrainedModel = self._model
        return model


def _divide(rotary: Any, factors: Tensor) -> None:
    """Divide the positions' frequencies, as llama.cpp does with `rope_freqs`."""
    for buffer in (rotary.inv_freq, rotary.original_inv_freq):
        if buffer.shape != factors.shape:
            raise BaseModelError(
                f"The base has {factors.numel()} factors for {buffer.numel()} frequencies of its "
                "positions. Get it again."
            )
        buffer.div_(factors)


def base_place(options: TrainOptions) -> tuple[Literal["hub", "folder", "gguf"], str]:
    """Where the base is, by what the recipe calls it: a repository's name, or a path.

    Nothing is loaded and the Hub is not asked.

    Raises:
        BaseModelError: there is none of that name.
    """
    wanted = options.base.strip()
    if not wanted:
        raise BaseModelError("No base is named. Say base under [train]: which model is trained.")
    path = as_typed(wanted)
    if wanted.casefold() != BUILT_IN and path.is_dir():
        return "folder", str(path.absolute())
    named = not wanted.casefold().endswith(".gguf") and not path.is_file()
    if named and _REPOSITORY.fullmatch(wanted):
        return "hub", wanted
    try:
        return "gguf", str(model_file("" if wanted.casefold() == BUILT_IN else wanted))
    except TeacherError as error:
        raise BaseModelError(
            f"The base {visible(wanted, newlines=False)} cannot be used. {error}"
        ) from error


def _weights(
    options: TrainOptions,
) -> tuple[Literal["hub", "folder", "gguf"], GgufWeights | FolderWeights, str]:
    """Where the base's weights come from."""
    kind, source = base_place(options)
    if kind == "hub":
        return kind, from_hub(source, options.revision), source
    if kind == "folder":
        return kind, FolderWeights(Path(source)), source
    return kind, GgufWeights(Path(source)), source
