"""Whether a model fits on this machine, and how: which layers on the GPU, how much context.

Pure arithmetic over a model's shape, by the rules that llama.cpp allocates by, for a context opened
as `storytui.engine.llama.model` opens it. Everything is put on the GPU or nothing: a model that
spills in part runs at half its speed, so that is done only where it is asked for.

The parts were held against llama.cpp's own figures on a CPU. What differs on a GPU is taken from
ggml's sources and not verified on one: tensors are aligned to 128 bytes, rows of quantised tensors
are filled up to 512 elements, the token embeddings stay in host memory, tied ones are there a
second time, and the driver's own share is an assumption.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from storytui.engine.api import ModelError
from storytui.models.compute_graph import GPU_ALIGNMENT, Batch, compute_bytes
from storytui.models.shape import Layer, Shape, padded_bytes

GIB = 1 << 30
MIB = 1 << 20
GPU_CONTEXT = 16_384
CPU_CONTEXT = 4_096
"""Tokens of context where none is asked for, as the engine has them."""
SHORTER_CONTEXTS = (12_288, 8_192, 6_144, 4_096, 2_048)
"""What is tried, in this order, where the whole context does not fit."""
DRIVER = 400 * MIB
"""Bytes that the driver and its libraries take on a GPU: CUDA's context, kernels, cuBLAS, and the
pools that ggml-cuda keeps for one operation. An assumption, until a load has been measured."""
MARGIN = GIB
"""Bytes that stay free for the screen and other programs; llama.cpp's own `--fit` leaves as much
(common.h, fit_params_target)."""
_CUDA_ROW = 512
"""Elements that CUDA fills rows of quantised tensors up to (MATRIX_ROW_PADDING)."""
_PADDING = 256
"""Tokens that llama.cpp rounds a context up to (llama-context.cpp)."""
_FLOAT = 4

KvType = Literal["f16", "q8_0"]
"""How keys and values are kept."""
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
    """Mapped from the file: the system may drop and read them again."""
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


@dataclass(frozen=True, slots=True)
class Machine:
    """Memory to plan for, in bytes."""

    gpu: int = 0
    """Of the card, all of it; 0: there is none, or none that llama.cpp can use."""
    host: int = 0
    """Of the machine; 0: not known, and taken for enough."""
    driver: int = DRIVER
    """What the driver takes; as measured, once a model was loaded."""
    margin: int = MARGIN
    """What stays free."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to load a model, and what it costs."""

    context: int
    kv_type: KvType
    gpu_layers: int
    parts: Parts
    fits: bool


@dataclass(frozen=True, slots=True)
class Fit:
    """The plan for a model on a machine."""

    choice: Choice
    """What is chosen; where nothing fits, what comes nearest."""
    layers: int
    """The model's, and its output: as llama.cpp counts what it offloads."""
    reason: str
    """In words, without a full stop."""
    tried: tuple[Choice, ...] = field(default=(), repr=False)
    """What was considered before it, in order, with what each costs."""

    @property
    def fits(self) -> bool:
        """Whether it can be loaded as planned."""
        return self.choice.fits

    def as_json(self) -> dict[str, object]:
        """What `storytui models fit --json` prints."""
        return {
            "fits": self.fits,
            **_described(self.choice),
            "layers": self.layers,
            "reason": self.reason,
            "tried": [{"fits": each.fits, **_described(each)} for each in self.tried],
        }


def plan(
    shape: Shape,
    machine: Machine,
    *,
    context: int = 0,
    kv_type: KvType | None = None,
    allow_partial: bool = False,
) -> Fit:
    """Choose how a model is loaded.

    Args:
        shape: the model's.
        machine: where.
        context: tokens that must be had; 0: as many as fit, up to what the engine takes by itself.
        kv_type: how keys and values must be kept; None: f16 where that fits, else q8_0.
        allow_partial: whether some layers may stay in host memory, where not all fit.

    Raises:
        ModelError: the model was trained with a shorter context, or the cache's type needs a GPU.
    """
    if context > shape.trained_context:
        raise ModelError(
            f"A context of {context:,} tokens was asked for, but the model was trained with "
            f"{shape.trained_context:,}. Ask for at most that."
        )
    if not machine.gpu:
        return _plan_on_cpu(shape, machine, context, kv_type)
    tried: list[Choice] = []
    everything = len(shape.layers) + 1
    for opening in _openings(shape, context, kv_type):
        tried.append(_choice(shape, machine, opening, everything))
        if tried[-1].fits:
            return _fitting(tried, machine, everything)
    if allow_partial:
        for opening in _openings(shape, context, kv_type):
            for count in range(everything - 1, 0, -1):
                choice = _choice(shape, machine, opening, count)
                if choice.fits:
                    reason = (
                        f"{count} of {everything} layers on the GPU: {_tokens(choice.context)} "
                        f"context, {_of(choice.parts.total_gpu, machine.gpu)}; the rest runs on "
                        "the CPU, and slowly"
                    )
                    return Fit(choice, everything, reason, tuple(tried))
    nearest = min(tried, key=lambda each: each.parts.total_gpu)
    excess = nearest.parts.total_gpu + machine.margin - machine.gpu
    reason = f"too big by {_gib(excess)}"
    if context:
        reason += f" with {_tokens(context)} context"
    return Fit(nearest, everything, reason, tuple(each for each in tried if each is not nearest))


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


# --- choosing -------------------------------------------------------------------------------------


def _openings(shape: Shape, context: int, kv_type: KvType | None) -> Iterator[Opening]:
    """Ways to open a context on a GPU, the best first."""
    whole = context or min(GPU_CONTEXT, shape.trained_context)
    shorter = () if context else tuple(each for each in SHORTER_CONTEXTS if each < whole)
    kinds: tuple[KvType, ...] = (kv_type,) if kv_type else ("f16", "q8_0")
    for tokens in (whole, *shorter):
        for kind in kinds:
            yield Opening(tokens, kind)


def _choice(shape: Shape, machine: Machine, opening: Opening, gpu_layers: int) -> Choice:
    parts = parts_of_plan(shape, opening, gpu_layers, machine.driver)
    return Choice(
        context=opening.context,
        kv_type=opening.kv_type,
        gpu_layers=gpu_layers,
        parts=parts,
        fits=parts.total_gpu + machine.margin <= machine.gpu,
    )


def _fitting(tried: list[Choice], machine: Machine, everything: int) -> Fit:
    """The plan, where the last choice that was tried fits."""
    *before, chosen = tried
    context = _tokens(chosen.context)
    quantised = "q8_0 keys and values" if chosen.kv_type == "q8_0" else ""
    if before and chosen.context < before[0].context:
        reason = f"fits with a shorter context: {context} instead of {_tokens(before[0].context)}"
        if quantised:
            reason += f", with {quantised}"
    elif quantised:
        reason = f"fits at {context} with {quantised}"
    else:
        reason = f"fits fully: {context} context"
    reason += f", {_of(chosen.parts.total_gpu, machine.gpu)}"
    return Fit(chosen, everything, reason, tuple(before))


def _plan_on_cpu(shape: Shape, machine: Machine, context: int, kv_type: KvType | None) -> Fit:
    if kv_type == "q8_0":
        raise ModelError(
            "Keys and values in q8_0 need flash attention, which is off on a CPU. Use f16."
        )
    opening = Opening.on_cpu(context or min(CPU_CONTEXT, shape.trained_context))
    parts = parts_of_plan(shape, opening)
    excess = parts.total_host + machine.margin - machine.host if machine.host else 0
    if excess > 0 and shape.window:
        # The engine cuts the windows where memory does not allow whole ones.
        narrow = parts_of_plan(shape, replace(opening, whole_windows=False))
        if narrow.total_host < parts.total_host:
            parts = narrow
            excess = parts.total_host + machine.margin - machine.host
    choice = Choice(opening.context, "f16", 0, parts, fits=excess <= 0)
    size = _of(parts.total_host, machine.host) if machine.host else _gib(parts.total_host)
    reason = f"runs on the CPU: {_tokens(opening.context)} context, {size} of memory"
    if excess > 0:
        reason = f"too big for the CPU's memory by {_gib(excess)}"
    return Fit(choice, len(shape.layers) + 1, reason)


# --- words ----------------------------------------------------------------------------------------


def _described(choice: Choice) -> dict[str, object]:
    parts = choice.parts
    return {
        "context": choice.context,
        "kv_type": choice.kv_type,
        "gpu_layers": choice.gpu_layers,
        "bytes": {
            "weights_gpu": parts.weights_gpu,
            "weights_host": parts.weights_host,
            "kv": parts.kv,
            "compute": parts.compute,
            "output": parts.output,
            "overhead": parts.overhead,
            "total_gpu": parts.total_gpu,
            "total_host": parts.total_host,
        },
    }


def _tokens(count: int) -> str:
    """A context's length for people: 16k."""
    return f"{count // 1024}k" if count % 1024 == 0 else f"{count:,}"


def _gib(size: int) -> str:
    return f"{size / GIB:.1f} GiB"


def _of(size: int, whole: int) -> str:
    return f"{size / GIB:.1f} of {whole / GIB:.1f} GiB"


def _up_to(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple
