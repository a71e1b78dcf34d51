"""What a loaded model takes of memory, by what it is for: weights, cache, results, the driver.

Pure arithmetic over a model's shape, by the rules that llama.cpp allocates by, for a context opened
as `storytui.engine.llama.model` opens it.

The parts were held against llama.cpp's own figures on a CPU. What differs on a GPU is taken from
ggml's sources and not verified on one: tensors are aligned to 128 bytes, rows of quantised tensors
are filled up to 512 elements, the token embeddings stay in host memory, tied ones are there a
second time, and the driver's own share is an assumption. Left out is what a GPU has besides in host
memory: a copy of a batch's inputs, some tens of megabytes.
"""

from dataclasses import dataclass

from storytui.engine.messages import KvType
from storytui.models.compute_graph import GPU_ALIGNMENT, Batch, compute_bytes
from storytui.models.shape import Layer, Shape, padded_bytes

MIB = 1 << 20
DRIVER = 400 * MIB
"""Bytes that the driver and its libraries take on a GPU: CUDA's context, kernels, cuBLAS, and the
pools that ggml-cuda keeps for one operation. An assumption, until a load has been measured."""
_CUDA_ROW = 512
"""Elements that CUDA fills rows of quantised tensors up to (MATRIX_ROW_PADDING)."""
_PADDING = 256
"""Tokens that llama.cpp rounds a context up to (llama-context.cpp)."""
_FLOAT = 4

_KV_BLOCKS: dict[KvType, tuple[int, int]] = {"f16": (1, 2), "q8_0": (32, 34)}
"""Elements in a block, and its bytes."""


@dataclass(frozen=True, slots=True)
class Opening:
    """How a context is opened; what is not said is as the engine does it."""

    context: int
    """Tokens."""
    kv_type: KvType = "f16"
    on_gpu: bool = True
    flash_attention: bool = True
    """llama.cpp needs it for q8_0; the engine has it off on a CPU."""
    batch: int = 512
    """Tokens evaluated at once."""
    sequences: int = 10
    """Replies side by side, and what goes with them."""
    few_sequences: int = 2
    """Instead, where each sequence has memory of its own: recurrent layers and cut windows."""
    whole_windows: bool = False
    """Whether layers with a sliding window keep the whole context."""
    outputs: int = 0
    """Most tokens of a batch whose logits are computed; 0: as many as there are sequences."""

    @staticmethod
    def on_cpu(context: int) -> "Opening":
        """As the engine opens a context without a GPU."""
        return Opening(context, on_gpu=False, flash_attention=False, batch=128, whole_windows=True)

    def sequences_for(self, shape: Shape) -> int:
        """Sequences that the context is opened with."""
        cut = shape.recurrent or (shape.window > 0 and not self.whole_windows)
        return self.few_sequences if cut else self.sequences

    @property
    def tokens(self) -> int:
        """Tokens of the largest batch: never more than the context."""
        return min(self.context, self.batch)

    @property
    def cells(self) -> int:
        """Tokens that the cache holds."""
        return _up_to(self.context, _PADDING)

    def window_cells(self, shape: Shape) -> int:
        """Tokens that it holds for layers with a sliding window (llama-kv-cache-iswa.cpp)."""
        if self.whole_windows or not shape.window:
            return self.cells
        needed = shape.window * self.sequences_for(shape) + self.tokens
        return _up_to(min(self.cells, needed), _PADDING)


@dataclass(frozen=True, slots=True)
class Parts:
    """Bytes, by what they are for."""

    weights_gpu: int = 0
    weights_host: int = 0
    """Mapped from the file: the system may drop and read them again. What llama.cpp repacks for a
    CPU's kernels it copies instead, into as many bytes."""
    kv: int = 0
    """Keys, values and recurrent states, wherever they are."""
    kv_host: int = 0
    """Of those, what is in host memory."""
    compute: int = 0
    """Intermediate results, on the GPU where any layer is there."""
    output: int = 0
    """Logits, in host memory."""
    overhead: int = 0
    """The driver's own, on the GPU."""

    @property
    def total_gpu(self) -> int:
        """On the GPU."""
        if not self.weights_gpu:
            return 0
        return self.weights_gpu + self.kv - self.kv_host + self.compute + self.overhead

    @property
    def total_host(self) -> int:
        """In host memory."""
        own = 0 if self.weights_gpu else self.compute
        return self.weights_host + self.kv_host + self.output + own


def parts_of_plan(
    shape: Shape, opening: Opening, gpu_layers: int | None = None, driver: int = DRIVER
) -> Parts:
    """What a model takes.

    Args:
        shape: the model's.
        opening: how its context is opened.
        gpu_layers: how many are put on the GPU, from the last one on, the output counted as one;
            None: all.
        driver: bytes of its own share.
    """
    first = 0
    if gpu_layers is not None:
        first = max(0, len(shape.layers) + 1 - gpu_layers)
    if not opening.on_gpu:
        first = len(shape.layers) + 1
    weights_gpu, weights_host = _weights(shape, first)
    by_layer = [_kv(shape, layer, opening) for layer in shape.layers]
    return Parts(
        weights_gpu=weights_gpu,
        weights_host=weights_host,
        kv=sum(by_layer),
        kv_host=sum(by_layer[:first]),
        compute=compute_bytes(shape, _batch(shape, opening)),
        output=_FLOAT * shape.vocabulary * opening.sequences_for(shape),
        overhead=driver if weights_gpu else 0,
    )


def takes_q8_0(shape: Shape) -> bool:
    """Whether keys and values can be kept in q8_0: heads are whole blocks (llama-context.cpp)."""
    block = _KV_BLOCKS["q8_0"][0]
    attentive = [each for each in shape.layers if each.kv_heads]
    return not any(each.key_length % block or each.value_length % block for each in attentive)


def _weights(shape: Shape, first: int) -> tuple[int, int]:
    """Bytes of weights on the GPU and in host memory, where layers from `first` on are on it."""
    if first > len(shape.layers):
        return 0, shape.file_bytes
    there = [*shape.output, *(t for each in shape.layers[first:] for t in each.tensors.values())]
    gpu = sum(padded_bytes(each, GPU_ALIGNMENT, _CUDA_ROW) for each in there)
    # What stays is mapped as it is in the file.
    return gpu, shape.host_bytes + sum(each.bytes for each in shape.layers[:first])


def _kv(shape: Shape, layer: Layer, opening: Opening) -> int:
    """Bytes of a layer's keys and values, and of its recurrent states."""
    cells = opening.window_cells(shape) if layer.windowed else opening.cells
    per_block, block_bytes = _KV_BLOCKS[opening.kv_type]
    elements = layer.keys + layer.values
    if not opening.flash_attention and layer.values:
        # Without flash attention values lie transposed, each layer's as wide as the widest.
        elements = layer.keys + max(each.values for each in shape.layers)
    return elements // per_block * block_bytes * cells + layer.state * opening.sequences_for(shape)


def _batch(shape: Shape, opening: Opening) -> Batch:
    sequences = opening.sequences_for(shape)
    return Batch(
        # llama.cpp plans for as many tokens in each of all sequences.
        tokens=_up_to(opening.tokens, sequences),
        outputs=min(opening.tokens, opening.outputs or sequences),
        cells=opening.cells,
        window_cells=opening.window_cells(shape),
        flash_attention=opening.flash_attention,
        quantised=opening.kv_type != "f16",
        on_gpu=opening.on_gpu,
    )


def _up_to(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple
