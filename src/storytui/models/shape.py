"""A model's shape out of its GGUF header: what each layer has, and where each tensor will live.

Only what decides about memory. The names of keys and tensors are those of the GGUF specification
and of llama.cpp (llama-arch.cpp); which layers have a sliding window is as llama-model.cpp and its
models decide where the header itself does not say.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from storytui.models import gguf_layout as layout
from storytui.models.gguf_reading import Contents, GgufFaultError, Listing, Tensor, named
from storytui.models.gguf_rules import architecture_of

_LAYER = re.compile(r"blk\.(\d+)\.(.+)", re.DOTALL)
_HOST = (
    *("token_embd.", "token_embd_norm.", "per_layer_token_embd."),
    *("position_embd.", "token_types."),
)
"""Beginnings of the names of tensors of the input layer: llama.cpp keeps that on the CPU always."""
_FLOAT = 4
"""Bytes of a number of the recurrent state."""

_DIMENSIONS: Mapping[str, int] = {
    "ffn_up.weight": 2,
    "ffn_down.weight": 2,
    "ffn_gate_inp.weight": 2,
    "ffn_up_exps.weight": 3,
    "ffn_gate_up_exps.weight": 3,
}
"""Tensors whose shapes are computed with, and how many dimensions they have at least."""
_WINDOW_PERIODS: Mapping[str, int] = {
    "cohere2": 4,
    "exaone4": 4,
    "gemma2": 2,
    "gemma3": 6,
    "gemma3n": 5,
    "gpt-oss": 2,
    "llama4": 4,
    "olmo2": 4,
    "smallthinker": 4,
}
"""Every how many layers one sees the whole context, where the header does not say. Architectures
that are not here ignore their header's window, as llama.cpp does for Phi-3 and Mistral."""
_MOST_EXPERTS_USED = 8192
"""Experts that a token goes through in all layers together; no model has a quarter of it. What is
planned costs time by it."""
_LATE_OWN_LAYERS: Mapping[str, int] = {"gemma3n": 20}
"""Layers with keys and values of their own; those that follow use theirs."""


@dataclass(frozen=True, slots=True)
class Layer:
    """What one layer has."""

    tensors: Mapping[str, Tensor]
    """Its tensors, by their names without `blk.N.`."""
    heads: int
    kv_heads: int
    """0: it has no keys and values, and remembers nothing or a state."""
    key_length: int
    """Elements of one head's key."""
    value_length: int
    windowed: bool = False
    """It sees only the last `Shape.window` tokens."""
    shares: bool = False
    """It uses an earlier layer's keys and values, and keeps none."""
    state: int = 0
    """Bytes of recurrent state for one sequence."""

    @property
    def keys(self) -> int:
        """Elements of one token's keys that are kept."""
        return 0 if self.shares else self.kv_heads * self.key_length

    @property
    def values(self) -> int:
        """Elements of one token's values that are kept."""
        return 0 if self.shares else self.kv_heads * self.value_length

    @property
    def bytes(self) -> int:
        """Bytes of its weights, as they are in the file."""
        return sum(each.size for each in self.tensors.values())


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """What decides about a model's memory. Equal to itself only."""

    architecture: str
    trained_context: int
    """Tokens of context that it was trained with."""
    width: int
    """Elements of a token's embedding."""
    vocabulary: int
    layers: tuple[Layer, ...]
    window: int
    """Tokens that the windowed layers see; 0: there are none."""
    experts_used: int
    host: tuple[Tensor, ...]
    """Tensors of the input layer: token embeddings."""
    host_bytes: int
    """Bytes of the file's part from the first of those to the end of the last."""
    output: tuple[Tensor, ...]
    """Tensors behind the last layer; the token embeddings again where both are one."""
    tied: bool
    """The token embeddings are the output weights too, and are held twice on a GPU."""
    file_bytes: int
    """Bytes of the file's part that holds weights."""

    @property
    def recurrent(self) -> bool:
        """Whether some layer remembers by a state: llama.cpp's cache can then not be cut."""
        return any(each.state for each in self.layers)


def shape_of(contents: Contents, *further: Contents) -> Shape:
    """The shape of a model.

    Args:
        contents: of its header, which `gguf_rules.check_model` found in order.
        further: of a divided model's further parts.

    Raises:
        GgufFaultError: it has no layers or no token embeddings, a layer or a number that cannot
            be, or more layers or experts than any model.
    """
    architecture = architecture_of(contents)
    header = _Header(contents, architecture)
    # Those that guess further tokens are not loaded (llama_model_params.load_mtp).
    layers = header.whole("block_count") - header.whole("nextn_predict_layers")
    if layers > layout.MOST_LAYERS:
        raise GgufFaultError(f"claims {layers:,} layers, more than any model has")
    experts_used = max(1, header.whole("expert_used_count"))
    if layers * experts_used > _MOST_EXPERTS_USED:
        raise GgufFaultError(f"sends a token through {experts_used:,} experts, more than any model")
    parts = [each.tensors for each in (contents, *further)]
    everything = [tensor for part in parts for tensor in part]
    by_layer: dict[int, dict[str, Tensor]] = {}
    outside: dict[str, Tensor] = {}
    for tensor in everything:
        match = _LAYER.fullmatch(tensor.name)
        if match is None:
            outside[tensor.name] = tensor
        else:
            by_layer.setdefault(int(match[1]), {})[match[2]] = tensor
    embeddings = outside.get("token_embd.weight")
    if embeddings is None or len(embeddings.shape) < 2 or layers < 1:
        raise GgufFaultError("has no token embeddings", "Name a whole language model.")
    host = [each for each in outside.values() if each.name.startswith(_HOST)]
    output = [each for each in outside.values() if each not in host]
    tied = "output.weight" not in outside
    if tied:
        output.append(embeddings)
    width = header.whole("embedding_length", embeddings.shape[0])
    tokens = contents.values.get("tokenizer.ggml.tokens")
    windows = _windows(header, architecture, layers)
    return Shape(
        architecture=architecture,
        trained_context=header.whole("context_length"),
        width=width,
        vocabulary=tokens.count if isinstance(tokens, Listing) else embeddings.shape[-1],
        layers=tuple(
            _checked(
                number,
                _layer(header, architecture, number, by_layer.get(number, {}), width, windows),
            )
            for number in range(layers)
        ),
        window=header.whole("attention.sliding_window") if any(windows) else 0,
        experts_used=experts_used,
        host=tuple(host),
        host_bytes=sum(_range(each for each in part if each in host) for part in parts),
        output=tuple(output),
        tied=tied,
        file_bytes=sum(_range(part) for part in parts),
    )


def _range(tensors: Iterable[Tensor]) -> int:
    """Bytes from the first tensor's beginning to the last one's end: what llama.cpp maps."""
    places = [(each.offset, each.offset + each.size) for each in tensors]
    return max(end for _, end in places) - min(begin for begin, _ in places) if places else 0


class _Header:
    """The numbers of a header under its architecture's name."""

    def __init__(self, contents: Contents, architecture: str) -> None:
        self._contents = contents
        self._architecture = architecture

    def whole(self, name: str, otherwise: int = 0) -> int:
        """A whole number for the model; of a list, its first."""
        return self.by_layer(name, 0, otherwise)

    def by_layer(self, name: str, layer: int, otherwise: int = 0) -> int:
        """A whole number for a layer: the model's one, or the list's entry for it.

        Raises:
            GgufFaultError: it is negative, or the list has more entries than a model has layers.
        """
        key = f"{self._architecture}.{name}"
        value = self._contents.values.get(key)
        if isinstance(value, Listing):
            numbers = self.listed(name)
            return numbers[layer] if layer < len(numbers) else otherwise
        number = int(value) if isinstance(value, int | float) else otherwise
        return self._possible(name, number)

    def listed(self, name: str) -> list[int]:
        """A list of whole numbers; empty where there is none.

        Raises:
            GgufFaultError: one is negative, or there are more than a model has layers.
        """
        key = f"{self._architecture}.{name}"
        value = self._contents.values.get(key)
        if isinstance(value, Listing) and value.count > layout.MOST_LAYERS:
            raise GgufFaultError(f"has {value.count:,} entries in {named(key)}, more than layers")
        return [self._possible(name, int(each)) for each in self._contents.numbers(key)]

    def _possible(self, name: str, number: int) -> int:
        if number < 0:
            key = named(f"{self._architecture}.{name}")
            raise GgufFaultError(f"says {number:,} for {key}, which cannot be")
        return number

    def has(self, name: str) -> bool:
        """Whether the header says something under this name."""
        return f"{self._architecture}.{name}" in self._contents.values


def _windows(header: _Header, architecture: str, layers: int) -> list[bool]:
    """Which layers have a sliding window."""
    listed = header.listed("attention.sliding_window_pattern")
    if header.whole("attention.sliding_window") == 0:
        return [False] * layers
    if listed:
        return [bool(each) for each in (listed * layers)[:layers]]
    if architecture not in _WINDOW_PERIODS or (architecture == "exaone4" and layers != 64):
        return [False] * layers
    period = header.whole("attention.sliding_window_pattern", _WINDOW_PERIODS[architecture])
    if architecture == "smallthinker":
        return [bool(number % period) for number in range(layers)]
    return [period == 0 or number % period < period - 1 for number in range(layers)]


def _layer(
    header: _Header,
    architecture: str,
    number: int,
    tensors: Mapping[str, Tensor],
    width: int,
    windows: list[bool],
) -> Layer:
    heads = header.by_layer("attention.head_count", number)
    kv_heads = header.by_layer("attention.head_count_kv", number, heads)
    windowed = windows[number]
    default = width // heads if heads else 0
    key_length = header.whole("attention.key_length", default)
    value_length = header.whole("attention.value_length", default)
    if windowed:
        key_length = header.whole("attention.key_length_swa", key_length)
        value_length = header.whole("attention.value_length_swa", value_length)
    if header.has("attention.key_length_mla"):
        # Latent attention: one compressed key for all heads, of which the value is a part.
        kv_heads, value_length = 1, 0
    state = _state(header, tensors, width)
    if state and architecture != "falcon-h1":
        kv_heads = 0
    last_own = len(windows) - header.whole("attention.shared_kv_layers")
    last_own = min(last_own, _LATE_OWN_LAYERS.get(architecture, last_own))
    return Layer(
        tensors=tensors,
        heads=heads,
        kv_heads=kv_heads,
        key_length=key_length,
        value_length=value_length,
        windowed=windowed,
        shares=number >= last_own,
        state=state,
    )


def _checked(number: int, layer: Layer) -> Layer:
    """The layer, if it has what is computed with.

    Raises:
        GgufFaultError: it has not.
    """
    fault = GgufFaultError(f"has a layer {number} that no model has")
    if layer.kv_heads and not (layer.heads > 0 and layer.key_length > 0):
        raise fault
    if min(layer.heads, layer.kv_heads, layer.key_length, layer.value_length) < 0:
        raise fault
    for name, dimensions in _DIMENSIONS.items():
        if name in layer.tensors and len(layer.tensors[name].shape) < dimensions:
            raise fault
    missing = "ffn_up.weight" in layer.tensors and "ffn_down.weight" not in layer.tensors
    experts = layer.tensors.keys() & {"ffn_up_exps.weight", "ffn_gate_up_exps.weight"}
    if missing or ("ffn_gate_inp.weight" in layer.tensors and not experts):
        raise fault
    return layer


def _state(header: _Header, tensors: Mapping[str, Tensor], width: int) -> int:
    """Bytes of a layer's recurrent state for one sequence (n_embd_r and n_embd_s in llama.cpp)."""
    if any(name.startswith("ssm_") for name in tensors):
        inner = header.whole("ssm.inner_size")
        size = header.whole("ssm.state_size")
        seen = max(0, header.whole("ssm.conv_kernel") - 1)
        return _FLOAT * (seen * (inner + 2 * header.whole("ssm.group_count") * size) + size * inner)
    if any(name.startswith("shortconv.") for name in tensors):
        return _FLOAT * width * max(0, header.whole("shortconv.l_cache") - 1)
    if any(name.startswith("time_mix_") for name in tensors):
        shifts = header.whole("token_shift_count", 2)
        return _FLOAT * width * (shifts + header.whole("wkv.head_size"))
    return 0


def padded_bytes(tensor: Tensor, alignment: int, row_multiple: int = 1) -> int:
    """Bytes that a tensor takes in a backend's buffer.

    Args:
        tensor: with its shape.
        alignment: of the backend, in bytes.
        row_multiple: elements that quantised rows are filled up to; CUDA adds what the last row
            lacks of 512 (ggml-cuda.cu, get_alloc_size).
    """
    per_block, block_bytes = layout.TENSOR_TYPES[tensor.kind]
    size = tensor.size
    lacking = -tensor.shape[0] % row_multiple if tensor.shape and per_block > 1 else 0
    size += -(-lacking // per_block) * block_bytes
    return -(-size // alignment) * alignment
