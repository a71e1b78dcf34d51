"""PURE. The memory of training an adapter, part by part, and whether it fits.

Arithmetic over a model's shape and the options of training; nothing is loaded or measured. The
largest moment counts: the loss, a layer's way back and the optimizer's step follow one another, so
that only the largest of the three stands beside what is always there.

Sources: bitsandbytes 0.50 (`functional.py`, `optim/optimizer.py`) for its types, transformers and
peft for the layers (see `layer_memory`), the modules beside this one for the rest.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from storytui_train.training.layer_memory import FLOAT, back_bytes, dropped_bytes, kept_bytes
from storytui_train.training.trained_shape import Linear, TrainedShape

MIB = 1 << 20
Place = Literal["device", "host"]
Moment = Literal["loss", "layer", "step"]
When = Literal["always", "pass", "loss", "layer", "step"]
"""pass: from a layer's forward pass to its way back, the loss among it."""

CONTEXT_BYTES = 500 * MIB
"""What CUDA itself, its libraries and their workspaces take of a card: an assumption."""
_PRESENT: Mapping[Moment, tuple[When, ...]] = {
    "layer": ("always", "pass", "layer"),
    "loss": ("always", "pass", "loss"),
    "step": ("always", "step"),
}
MARGIN = 0.05
"""Share of what is allocated that is lost between the pieces: an assumption."""
_NF4_BLOCK, _STATISTICS_BLOCK = 64, 256
_NF4_CODE, _STATISTICS_CODE, _OFFSET = 16 * FLOAT, 256 * FLOAT, FLOAT
_SMALLEST_8BIT = 4_096
"""Elements from which on bitsandbytes' optimizer keeps a tensor's state in eight bits."""
_STATE_BLOCK = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What decides about memory beside the shape; as `recipe_training.TrainOptions` names it."""

    device: Literal["cuda", "cpu"] = "cuda"
    sequence: int = 4_096
    rows_at_once: int = 1
    rank: int = 16
    rank_pattern: Mapping[str, int] = field(default_factory=dict)
    dropout: float = 0.0
    quantisation: Literal["nf4", "none"] = "nf4"
    compute: Literal["bfloat16", "float32"] = "bfloat16"
    optimizer: Literal["paged_adamw_8bit", "adamw"] = "paged_adamw_8bit"
    loss_rows: int = 256
    checkpointing: Literal["host", "device", "off"] = "host"
    embeddings: Literal["host", "device"] = "host"

    @property
    def compute_bytes(self) -> int:
        """Bytes of a number that is computed with."""
        return 2 if self.compute == "bfloat16" else FLOAT


@dataclass(frozen=True, slots=True)
class Part:
    """Memory that one thing takes."""

    name: str
    bytes: int
    place: Place
    when: When
    what: str
    """In words, fit to be shown."""
    assumed: bool = False
    """Not worked out from anything."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The memory of training, by part."""

    shape: TrainedShape
    settings: Settings
    parts: tuple[Part, ...]
    limit: int
    """Bytes that it has to fit."""
    factor: float = 1.0
    """What the parts are multiplied by, because of what was measured."""

    @property
    def peak(self) -> Moment:
        """The largest moment."""
        return max(_PRESENT, key=self._at)

    @property
    def counted(self) -> tuple[Part, ...]:
        """The parts that are on the device at the largest moment; they make up `planned`."""
        return tuple(self._present(self.peak))

    @property
    def planned(self) -> int:
        """Bytes of the device at the most, as worked out."""
        return sum(each.bytes for each in self.counted)

    @property
    def total(self) -> int:
        """Bytes of the device at the most, corrected by what was measured."""
        return round(self.planned * self.factor)

    @property
    def host(self) -> int:
        """Bytes of host memory beside that."""
        return sum(each.bytes for each in self.parts if each.place == "host")

    @property
    def fits(self) -> bool:
        """Whether the device has as much."""
        return self.total <= self.limit

    def _present(self, moment: Moment) -> Iterator[Part]:
        for each in self.parts:
            if each.place == "device" and each.when in _PRESENT[moment]:
                yield each

    def _at(self, moment: Moment) -> int:
        return sum(each.bytes for each in self._present(moment))


def plan_memory(shape: TrainedShape, settings: Settings, limit: int, factor: float = 1.0) -> Plan:
    """Work out what training takes.

    Args:
        shape: of the base.
        settings: of the training.
        limit: bytes of the device.
        factor: measured bytes divided by planned ones, where a run was measured.
    """
    parts = [
        *_resident(shape, settings),
        *_layer_moment(shape, settings),
        _loss_moment(shape, settings),
        _step_moment(shape, settings),
    ]
    if settings.device == "cpu":
        # There is one memory: nothing is put away.
        parts = [_moved(each) for each in parts]
    plan = Plan(shape, settings, tuple(each for each in parts if each.bytes), limit, factor)
    return Plan(shape, settings, (*plan.parts, *_overhead(plan)), limit, factor)


def nf4_bytes(parameters: int) -> int:
    """Bytes of a matrix in NF4 with double quantisation.

    Half a byte a weight; for each 64 of them a scale in eight bits; for each 256 scales one of
    theirs in float32; and for the matrix two tables and an offset.
    """
    scales = -(-parameters // _NF4_BLOCK)
    statistics = -(-scales // _STATISTICS_BLOCK) * FLOAT
    tables = _NF4_CODE + _STATISTICS_CODE + _OFFSET
    return -(-parameters // 2) + scales + statistics + tables


def adapter_sizes(shape: TrainedShape, settings: Settings) -> list[int]:
    """Elements of each tensor of the adapters."""
    sizes = []
    for number, layer in enumerate(shape.layers):
        for linear in layer.linears:
            rank = rank_of(settings, number, linear)
            sizes += [rank * linear.inputs, rank * linear.outputs]
    return sizes


def rank_of(settings: Settings, layer: int, linear: Linear) -> int:
    """The rank of one adapter."""
    name = f"model.layers.{layer}.{linear.name}"
    for ending, rank in settings.rank_pattern.items():
        if name.endswith(f".{ending}"):
            return rank
    return settings.rank


def state_bytes(size: int, settings: Settings) -> int:
    """Bytes of the optimizer's state of a tensor with so many elements."""
    if settings.optimizer == "adamw" or size < _SMALLEST_8BIT:
        return 2 * FLOAT * size
    return 2 * size + 2 * FLOAT * -(-size // _STATE_BLOCK)


def _resident(shape: TrainedShape, settings: Settings) -> list[Part]:
    compute = settings.compute_bytes
    linears = [linear for layer in shape.layers for linear in layer.linears]
    if settings.quantisation == "nf4":
        weights = sum(nf4_bytes(each.parameters) for each in linears)
        said = "weights of the linear layers, NF4 with double quantisation"
    else:
        weights = sum(compute * each.parameters for each in linears)
        said = f"weights of the linear layers, {settings.compute}"
    biases = sum(each.outputs for each in linears if each.bias)
    norms = compute * (biases + shape.width + sum(each.norm_elements for each in shape.layers))
    table = compute * shape.vocabulary * shape.width
    sizes = adapter_sizes(shape, settings)
    adapters = FLOAT * sum(sizes)
    state = sum(state_bytes(each, settings) for each in sizes)
    kind = "paged 8-bit Adam" if settings.optimizer == "paged_adamw_8bit" else "AdamW in float32"
    ends = [Part("head", table, "device", "always", f"output head, {settings.compute}")]
    if shape.tied:
        ends = [Part("head", table, "device", "always", "output head, which is the embeddings too")]
    else:
        place = settings.embeddings
        ends.append(Part("embeddings", table, place, "always", f"embeddings, {settings.compute}"))
    return [
        Part("weights", weights, "device", "always", said),
        *ends,
        Part("norms", norms, "device", "always", "norms and biases"),
        Part("adapters", adapters, "device", "always", "adapters, float32"),
        Part("gradients", adapters, "device", "always", "their gradients, float32"),
        Part("optimizer", state, "device", "always", f"the optimizer's state, {kind}"),
    ]


def _layer_moment(shape: TrainedShape, settings: Settings) -> list[Part]:
    """What stands while the way back goes through a layer."""
    compute, lines, tokens = settings.compute_bytes, settings.rows_at_once, settings.sequence
    kept = [
        kept_bytes(layer, shape.width, tokens, _ranks(settings, number, shape), compute, lines)
        + (dropped_bytes(layer, tokens, compute, lines) if settings.dropout else 0)
        for number, layer in enumerate(shape.layers)
    ]
    back = [back_bytes(each, shape.width, tokens, compute, lines) for each in shape.layers]
    entry = lines * tokens * compute * shape.width
    parts = []
    if settings.checkpointing == "off":
        parts.append(
            Part(
                "activations", sum(kept), "device", "pass", "what all layers keep for the way back"
            )
        )
        parts.append(Part("backward", max(back), "device", "layer", "gradients inside a layer"))
    else:
        both = max(one + other for one, other in zip(kept, back, strict=True))
        parts.append(
            Part(
                "activations", both, "device", "layer", "one layer, computed again on the way back"
            )
        )
        inputs = entry * len(shape.layers)
        parts.append(
            Part(
                *("layer inputs", inputs, settings.checkpointing, "pass"),
                "the layers' inputs, kept for the way back",
            )
        )
        if settings.checkpointing == "host" and settings.device == "cuda":
            said = "inputs of two layers on their way between host and device"
            parts.append(Part("in flight", 2 * entry, "device", "layer", said))
    if settings.quantisation == "nf4":
        largest = max(each.parameters for layer in shape.layers for each in layer.linears)
        parts.append(
            Part(
                *("one matrix", compute * largest, "device", "layer"),
                f"the largest matrix of weights, in {settings.compute} while it is used",
            )
        )
    return parts


def _ranks(settings: Settings, number: int, shape: TrainedShape) -> list[int]:
    return [rank_of(settings, number, each) for each in shape.layers[number].linears]


def _loss_moment(shape: TrainedShape, settings: Settings) -> Part:
    """A block of logits, as `loss._block` has them, and hidden states with their gradient."""
    compute = settings.compute_bytes
    tokens = settings.rows_at_once * settings.sequence
    rows = min(settings.loss_rows, tokens)
    capped = any(each.capped for each in shape.layers)
    # The float32 buffer, the logits in the head's own type where that is another, and for a cap
    # its tangents.
    each = FLOAT + (compute if compute < FLOAT or capped else 0) + (FLOAT if capped else 0)
    block = rows * shape.vocabulary * each + 2 * rows * compute * shape.width
    hidden = 3 * tokens * compute * shape.width
    what = f"logits of {rows} tokens, float32, with hidden states and their gradient"
    return Part("loss", block + hidden, "device", "loss", what)


def _step_moment(shape: TrainedShape, settings: Settings) -> Part:
    """What the optimizer's step makes beside its state."""
    sizes = adapter_sizes(shape, settings)
    if settings.optimizer == "paged_adamw_8bit":
        return Part("step", 0, "device", "step", "")
    # One tensor after the other is changed, as `optimizers.new_optimizer` has torch do it.
    made = FLOAT * 2 * max(sizes)
    return Part("step", made, "device", "step", "what the optimizer's step makes on its way")


def _overhead(plan: Plan) -> list[Part]:
    if plan.settings.device == "cpu":
        return []
    margin = round(MARGIN * plan.planned)
    said = f"lost between the pieces: {MARGIN:.0%}, an assumption"
    return [
        Part("fragmentation", margin, "device", "always", said, assumed=True),
        Part(
            *("context", CONTEXT_BYTES, "device", "always"),
            "CUDA, its libraries and their workspaces, an assumption",
            assumed=True,
        ),
    ]


def _moved(part: Part) -> Part:
    return Part(part.name, part.bytes, "device", part.when, part.what, part.assumed)
