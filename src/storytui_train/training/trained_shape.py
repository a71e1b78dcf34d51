"""PURE. What of a model's shape decides about training it: its linear layers, norms, vocabulary.

Out of a GGUF header (`storytui.models.shape`) or a Hugging Face configuration. Defaults that a
configuration leaves out are those of transformers 5 (`configuration_*.py` of each model).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from storytui.models.shape import Layer, Shape
from storytui.story.visible import visible
from storytui_train.errors import RecipeError

ARCHITECTURES = ("llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3")
"""What can be trained, as Hugging Face calls it. In GGUF, Mistral's models are llama's."""
_ROLES = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
"""GGUF's names of a layer's linear layers, and Hugging Face's."""
_CAPPED = ("gemma2",)
_MOST = 1 << 24
"""Of any number of a configuration; a vocabulary has the largest."""
_MOST_LAYERS = 1_024


@dataclass(frozen=True, slots=True)
class Linear:
    """A linear layer that gets an adapter."""

    name: str
    """As Hugging Face calls it inside its layer: `self_attn.q_proj`."""
    inputs: int
    outputs: int
    bias: bool = False

    @property
    def parameters(self) -> int:
        """Elements of its matrix."""
        return self.inputs * self.outputs


@dataclass(frozen=True, slots=True)
class TrainedLayer:
    """What one layer of a model has."""

    linears: tuple[Linear, ...]
    heads: int
    kv_heads: int
    head: int
    """Elements of one head's key."""
    norms: int
    """Norms over the whole width: two, or four where what comes out is normed too."""
    norm_elements: int
    """Weights of all its norms, those of queries and keys among them."""
    head_norms: bool = False
    """Queries and keys are normed."""
    window: int = 0
    """Tokens that it sees; 0: all before it."""
    capped: bool = False
    """Attention's scores are kept within bounds (gemma2)."""

    @property
    def asked(self) -> int:
        """Elements of a token's queries."""
        return self.heads * self.head

    @property
    def kept(self) -> int:
        """Elements of a token's keys, and of its values."""
        return self.kv_heads * self.head

    @property
    def inner(self) -> int:
        """Elements between the two halves of the inner layer."""
        return self.linears[-1].inputs


@dataclass(frozen=True, slots=True)
class TrainedShape:
    """A model, as far as the memory of training it depends on it."""

    architecture: str
    width: int
    """Elements of a token's embedding."""
    vocabulary: int
    tied: bool
    """The token embeddings are the output head too."""
    context: int
    """Tokens that it was trained with; 0: not known."""
    layers: tuple[TrainedLayer, ...]

    @property
    def parameters(self) -> int:
        """All its weights."""
        ends = self.vocabulary * self.width * (1 if self.tied else 2)
        return ends + self.width + sum(map(_parameters, self.layers))

    @property
    def key(self) -> str:
        """The same for models of the same shape, to know what was measured again."""
        first = self.layers[0]
        sizes = (self.width, len(self.layers), first.asked, first.kept, first.inner)
        words = "-".join(str(each) for each in (*sizes, self.vocabulary))
        return f"{self.architecture}-{words}{'-tied' if self.tied else ''}"


def _parameters(layer: TrainedLayer) -> int:
    biases = sum(each.outputs for each in layer.linears if each.bias)
    return sum(each.parameters for each in layer.linears) + biases + layer.norm_elements


def from_gguf(shape: Shape) -> TrainedShape:
    """The shape out of a GGUF header.

    Raises:
        RecipeError: it is of an architecture that cannot be trained here.
    """
    if shape.architecture not in ARCHITECTURES:
        raise untrainable(shape.architecture)
    return TrainedShape(
        architecture=shape.architecture,
        width=shape.width,
        vocabulary=shape.host[0].shape[-1] if shape.host else shape.vocabulary,
        tied=shape.tied,
        context=shape.trained_context,
        layers=tuple(_layer(shape, number, each) for number, each in enumerate(shape.layers)),
    )


def _layer(shape: Shape, number: int, layer: Layer) -> TrainedLayer:
    linears = []
    for ours, theirs in _ROLES.items():
        tensor = layer.tensors.get(f"{ours}.weight")
        if tensor is None or len(tensor.shape) != 2:
            raise RecipeError(
                f"Layer {number} of this {shape.architecture} model has no {ours}: it is built "
                "otherwise (experts, or several matrices in one) and cannot be trained here. "
                "Choose another base."
            )
        bias = f"{ours}.bias" in layer.tensors
        linears.append(Linear(theirs, tensor.shape[0], tensor.shape[1], bias))
    norms = {
        name: tensor.shape[0]
        for name, tensor in layer.tensors.items()
        if name.endswith("norm.weight") and tensor.shape
    }
    return TrainedLayer(
        linears=tuple(linears),
        heads=layer.heads,
        kv_heads=layer.kv_heads,
        head=layer.key_length,
        norms=sum(1 for each in norms if each not in ("attn_q_norm.weight", "attn_k_norm.weight")),
        norm_elements=sum(norms.values()),
        head_norms="attn_q_norm.weight" in norms,
        window=shape.window if layer.windowed else 0,
        capped=shape.architecture in _CAPPED,
    )


@dataclass(frozen=True, slots=True)
class _Family:
    """What a configuration of a kind of model says by saying nothing."""

    defaults: Mapping[str, int]
    tied: bool = False
    biased: bool = False
    norms: int = 2
    head_norms: bool = False


_GEMMA = {
    "hidden_size": 2_304,
    "intermediate_size": 9_216,
    "num_hidden_layers": 26,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 256,
    "sliding_window": 4_096,
}
_FAMILIES: Mapping[str, _Family] = {
    "llama": _Family({"vocab_size": 32_000}),
    "mistral": _Family({"vocab_size": 32_000, "num_key_value_heads": 8}),
    "qwen2": _Family({"vocab_size": 151_936}, biased=True),
    "qwen3": _Family({"vocab_size": 151_936, "head_dim": 128}, head_norms=True),
    "gemma2": _Family({**_GEMMA, "vocab_size": 256_000}, tied=True, norms=4),
    "gemma3": _Family({**_GEMMA, "vocab_size": 262_208}, tied=True, norms=4, head_norms=True),
}


def from_config(config: Mapping[str, Any], tensors: frozenset[str] = frozenset()) -> TrainedShape:
    """The shape out of a `config.json`.

    Args:
        config: its contents.
        tensors: names of the checkpoint's tensors, where its index was at hand: whether there is
            an output head of its own is then seen there.

    Raises:
        RecipeError: it is of an architecture that cannot be trained here, or says a number that
            cannot be.
    """
    kind = str(config.get("model_type", "")).removesuffix("_text")
    family = _FAMILIES.get(kind)
    if family is None:
        raise untrainable(kind or "unknown")
    if config.get("quantization_config"):
        raise RecipeError(
            "The base is quantised already. Name the model that it was made of: it is quantised "
            "here."
        )
    inside = config.get("text_config")
    said: dict[str, Any] = {**config, **inside} if isinstance(inside, Mapping) else dict(config)
    if said.get("use_bidirectional_attention"):
        raise RecipeError(
            "The base reads texts in both directions and writes none. Choose another."
        )
    if any(said.get(each) for each in ("num_experts", "num_local_experts", "n_routed_experts")):
        raise untrainable(f"{kind} with experts")
    number = _Numbers(said, family.defaults)
    width, heads = number.of("hidden_size"), number.of("num_attention_heads")
    kv_heads = number.of("num_key_value_heads", heads)
    head = number.of("head_dim", max(1, width // heads))
    inner = number.of("intermediate_size")
    biased = bool(said.get("attention_bias", family.biased))
    inner_biased = bool(said.get("mlp_bias", False))
    # Qwen's attention has biases, but not on its way out.
    out_biased = biased and not family.biased
    asked, kept = heads * head, kv_heads * head
    layer = TrainedLayer(
        linears=(
            Linear("self_attn.q_proj", width, asked, biased),
            Linear("self_attn.k_proj", width, kept, biased),
            Linear("self_attn.v_proj", width, kept, biased),
            Linear("self_attn.o_proj", asked, width, out_biased),
            Linear("mlp.gate_proj", width, inner, inner_biased),
            Linear("mlp.up_proj", width, inner, inner_biased),
            Linear("mlp.down_proj", inner, width, inner_biased),
        ),
        heads=heads,
        kv_heads=kv_heads,
        head=head,
        norms=family.norms,
        norm_elements=family.norms * width + (2 * head if family.head_norms else 0),
        head_norms=family.head_norms,
        capped=kind in _CAPPED,
    )
    count = number.of("num_hidden_layers", most=_MOST_LAYERS)
    windowed = replace(layer, window=number.of("sliding_window", 0) if _slides(kind, said) else 0)
    kinds = _windows(kind, said, count)
    tied = bool(said.get("tie_word_embeddings", family.tied))
    if any(name.endswith("embed_tokens.weight") for name in tensors):
        tied = not any(name.endswith("lm_head.weight") for name in tensors)
    return TrainedShape(
        architecture=kind,
        width=width,
        vocabulary=number.of("vocab_size"),
        tied=tied,
        context=number.of("max_position_embeddings", 0),
        layers=tuple(windowed if each else layer for each in kinds),
    )


def _slides(kind: str, said: Mapping[str, Any]) -> bool:
    """Whether some layers see only the last tokens."""
    return bool(said.get("use_sliding_window", kind not in ("qwen2", "qwen3")))


def _windows(kind: str, said: Mapping[str, Any], count: int) -> list[bool]:
    """Which layers those are."""
    listed = said.get("layer_types")
    if isinstance(listed, list) and len(listed) == count:
        return [each == "sliding_attention" for each in listed]
    if kind in ("qwen2", "qwen3"):
        first = said.get("max_window_layers", 28)
        return [isinstance(first, int) and number >= first for number in range(count)]
    if kind in ("gemma2", "gemma3"):
        every = said.get("sliding_window_pattern")
        every = every if isinstance(every, int) and every > 0 else {"gemma2": 2, "gemma3": 6}[kind]
        return [(number + 1) % every > 0 for number in range(count)]
    return [kind == "mistral"] * count


class _Numbers:
    """The whole numbers of a configuration."""

    def __init__(self, said: Mapping[str, Any], defaults: Mapping[str, int]) -> None:
        self._said = said
        self._defaults = defaults

    def of(self, name: str, otherwise: int | None = None, most: int = _MOST) -> int:
        value = self._said.get(name)
        if value is None:
            value = self._defaults.get(name, otherwise)
        least = 0 if otherwise == 0 else 1
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            shown = visible(str(value)[:40], newlines=False)
            raise RecipeError(
                f"The model's config.json says {shown} for {name}, which cannot be. Get the file "
                "again, or choose another base."
            )
        return value


def untrainable(architecture: str) -> RecipeError:
    """The error over a model of a kind that cannot be trained."""
    named = visible(architecture[:60], newlines=False)
    return RecipeError(
        f"A model of the architecture {named} cannot be trained here. These can: "
        f"{', '.join(ARCHITECTURES)}, without experts. Choose another base."
    )
