"""Whether a model fits on this machine, and how: which layers on the GPU, how much context.

Everything is put on the GPU or nothing: a model that spills in part runs at half its speed, so that
is done only where it is asked for. What each way takes is worked out in
`storytui.models.model_memory`, which says what of it is verified.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from storytui.engine.api import ModelError
from storytui.engine.messages import KvType
from storytui.models.model_memory import (
    DRIVER,
    Opening,
    Parts,
    parts_of_plan,
    takes_q8_0,
)
from storytui.models.shape import Shape

GIB = 1 << 30
GPU_CONTEXT = 16_384
CPU_CONTEXT = 4_096
"""Tokens of context where none is asked for, as the engine has them."""
SHORTER_CONTEXTS = (12_288, 8_192, 6_144, 4_096, 2_048)
"""What is tried, in this order, where the whole context does not fit."""
MARGIN = GIB
"""Bytes that stay free for the screen and other programs; llama.cpp's own `--fit` leaves as much
(common.h, fit_params_target)."""
RESERVE = GIB // 4
"""Bytes that stay free beside what other programs hold already: they may want a little more."""


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
    free: int = 0
    """Of the card, what no program holds now; 0: not known, and taken for all of it."""
    cards: int = 1
    """How many the card's memory, the driver's share and the margin are of: each has intermediate
    results of its own."""
    flash_attention: bool = True
    """Whether the GPU has it for this model; without it q8_0 is not to be had."""

    beside: int = 0
    """What adapters take beside the weights, wherever those are."""
    most: int = 0
    """What a plan may take of the card at the most, since one that took more came to nothing; 0:
    no plan has."""

    @property
    def room(self) -> int:
        """Bytes of the card that a plan may take."""
        room = self.gpu - self.margin
        if self.free:
            room = min(room, self.free - RESERVE * self.cards)
        return min(room, self.most) if self.most else room

    @property
    def crowded(self) -> int:
        """Bytes of the card that other programs hold, where they leave less room than planned."""
        less = self.free and self.free - RESERVE * self.cards < self.gpu - self.margin
        return self.gpu - self.free if less else 0


_LEAST = 0.9
"""Of what is planned for weights, keys and values, a load takes as much at the least."""
_MOST = 4
"""And of all that is planned, so many times as much at the most: a CPU may hold weights twice."""

Way = tuple[int, KvType, int]
"""A way to load a model: tokens of context, keys' type, layers on the GPU."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to load a model, and what it costs."""

    context: int
    kv_type: KvType
    gpu_layers: int
    parts: Parts
    fits: bool
    measured: bool = False
    """Whether its parts are what such a load took on this machine, and not worked out."""


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
    gpu_layers: int | None = None,
    whole_windows: bool = False,
    measured: Mapping[Way, Parts] | None = None,
) -> Fit:
    """Choose how a model is loaded.

    Args:
        shape: the model's.
        machine: where.
        context: tokens that must be had; 0: as many as fit, up to what the engine takes by itself.
        kv_type: how keys and values must be kept; None: f16 where that fits, else q8_0.
        allow_partial: whether some layers may stay in host memory, where not all fit.
        gpu_layers: layers that must be on the GPU, the output counted as one; None: all, or as
            `allow_partial` says.
        whole_windows: whether layers with a sliding window keep the whole context on a GPU.
        measured: what this model took on this machine; it takes the place of what is worked out.

    Raises:
        ModelError: the model was trained with a shorter context, or q8_0 is not to be had.
    """
    if context > shape.trained_context:
        raise ModelError(
            f"A context of {context:,} tokens was asked for, but the model was trained with "
            f"{shape.trained_context:,}. Ask for at most that."
        )
    if kv_type == "q8_0" and not (machine.gpu and machine.flash_attention and takes_q8_0(shape)):
        raise ModelError(
            "Keys and values in q8_0 need a GPU with flash attention, and heads of whole blocks. "
            "Use f16."
        )
    known = measured or {}
    if not machine.gpu:
        return _plan_on_cpu(shape, machine, context, known)
    tried: list[Choice] = []
    everything = len(shape.layers) + 1
    wanted = everything if gpu_layers is None else min(gpu_layers, everything)
    openings = list(_openings(shape, machine, context, kv_type, whole_windows))
    for opening in openings:
        tried.append(_choice(shape, machine, opening, wanted, known))
        if tried[-1].fits and wanted < everything:
            return Fit(tried[-1], everything, _partly(tried[-1], machine, everything), ())
        if tried[-1].fits:
            return _fitting(tried, machine, everything)
    if allow_partial and gpu_layers is None:
        for opening in openings:
            choice = _in_part(shape, machine, opening, known)
            if choice is not None:
                reason = _partly(choice, machine, everything)
                return Fit(choice, everything, reason, tuple(tried))
    nearest = min(tried, key=lambda each: each.parts.total_gpu)
    reason = f"too big by {_gib(nearest.parts.total_gpu - machine.room)}"
    if context:
        reason += f" with {_tokens(context)} context"
    if machine.crowded:
        reason += f": other programs hold {_of(machine.crowded, machine.gpu)}"
    return Fit(nearest, everything, reason, tuple(each for each in tried if each is not nearest))


# --- choosing -------------------------------------------------------------------------------------


def _openings(
    shape: Shape,
    machine: Machine,
    context: int,
    kv_type: KvType | None,
    whole_windows: bool,
) -> Iterator[Opening]:
    """Ways to open a context on a GPU, the best first."""
    whole = context or min(GPU_CONTEXT, shape.trained_context)
    shorter = () if context else tuple(each for each in SHORTER_CONTEXTS if each < whole)
    kinds: tuple[KvType, ...] = (kv_type,) if kv_type else ("f16", "q8_0")
    if not (machine.flash_attention and takes_q8_0(shape)):
        kinds = ("f16",)
    for tokens in (whole, *shorter):
        for kind in kinds:
            yield Opening(
                tokens,
                kind,
                flash_attention=machine.flash_attention,
                whole_windows=whole_windows,
            )


def _choice(
    shape: Shape,
    machine: Machine,
    opening: Opening,
    gpu_layers: int,
    measured: Mapping[Way, Parts],
) -> Choice:
    way = (opening.context, opening.kv_type, gpu_layers)
    planned = parts_of_plan(shape, opening, gpu_layers, machine.driver)
    planned = replace(planned, compute=planned.compute * machine.cards)
    known = _believed(measured.get(way), planned)
    parts = _with_adapters(known or planned, machine)
    return Choice(*way, parts, fits=parts.total_gpu <= machine.room, measured=known is not None)


def _with_adapters(parts: Parts, machine: Machine) -> Parts:
    """What a model takes with its adapters, which lie where its weights are."""
    if parts.weights_gpu:
        return replace(parts, weights_gpu=parts.weights_gpu + machine.beside)
    return replace(parts, weights_host=parts.weights_host + machine.beside)


def _believed(measured: Parts | None, planned: Parts) -> Parts | None:
    """What was measured, where it can be: weights, keys and values are never much smaller than
    planned, and nothing is many times as large."""
    if measured is None:
        return None
    pairs = [
        (measured.weights_gpu, planned.weights_gpu),
        (measured.weights_gpu + measured.weights_host, planned.weights_gpu + planned.weights_host),
    ]
    if planned.weights_gpu:
        pairs.append((measured.kv - measured.kv_host, planned.kv - planned.kv_host))
        most = measured.total_gpu <= _MOST * planned.total_gpu
    else:
        most = measured.total_host <= _MOST * planned.total_host
    least = all(its >= _LEAST * of_plan for its, of_plan in pairs) and measured.compute > 0
    return measured if least and most else None


def _in_part(
    shape: Shape, machine: Machine, opening: Opening, measured: Mapping[Way, Parts]
) -> Choice | None:
    """As many layers on the GPU as fit, short of all; None where not even one does.

    Each layer adds to what is on the GPU, so the number is halved in on.
    """
    best: Choice | None = None
    fewest, most = 1, len(shape.layers)
    while fewest <= most:
        count = (fewest + most) // 2
        choice = _choice(shape, machine, opening, count, measured)
        if choice.fits:
            best, fewest = choice, count + 1
        else:
            most = count - 1
    return best


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
    if before and machine.crowded:
        reason += f"; other programs hold {_of(machine.crowded, machine.gpu)}"
    if machine.most:
        reason += "; with more it did not run"
    return Fit(chosen, everything, reason, tuple(before))


def _partly(choice: Choice, machine: Machine, everything: int) -> str:
    """The reason, where not all layers are on the GPU."""
    return (
        f"{choice.gpu_layers} of {everything} layers on the GPU: {_tokens(choice.context)} "
        f"context, {_of(choice.parts.total_gpu, machine.gpu)}; the rest runs on the CPU, and slowly"
    )


def _plan_on_cpu(
    shape: Shape, machine: Machine, context: int, measured: Mapping[Way, Parts]
) -> Fit:
    opening = Opening.on_cpu(context or min(CPU_CONTEXT, shape.trained_context))
    way: Way = (opening.context, opening.kv_type, 0)
    planned = parts_of_plan(shape, opening)
    known = _believed(measured.get(way), planned)
    parts = _with_adapters(known or planned, machine)
    excess = parts.total_host + machine.margin - machine.host if machine.host else 0
    if excess > 0 and shape.window and known is None:
        # The engine cuts the windows where memory does not allow whole ones.
        narrow = parts_of_plan(shape, replace(opening, whole_windows=False))
        narrow = _with_adapters(narrow, machine)
        if narrow.total_host < parts.total_host:
            parts = narrow
            excess = parts.total_host + machine.margin - machine.host
    choice = Choice(*way, parts, fits=excess <= 0, measured=known is not None)
    size = _of(parts.total_host, machine.host) if machine.host else _gib(parts.total_host)
    reason = f"runs on the CPU: {_tokens(opening.context)} context, {size} of memory"
    if excess > 0:
        reason = f"too big for the CPU's memory by {_gib(excess)}"
    return Fit(choice, len(shape.layers) + 1, reason)


# --- words ----------------------------------------------------------------------------------------


def _described(choice: Choice) -> dict[str, object]:
    return {
        "context": choice.context,
        "kv_type": choice.kv_type,
        "gpu_layers": choice.gpu_layers,
        "bytes": bytes_of(choice.parts),
    }


def bytes_of(parts: Parts) -> dict[str, int]:
    """A plan's parts, by the names that JSON has for them."""
    return {
        "weights_gpu": parts.weights_gpu,
        "weights_host": parts.weights_host,
        "kv": parts.kv,
        "compute": parts.compute,
        "output": parts.output,
        "overhead": parts.overhead,
        "total_gpu": parts.total_gpu,
        "total_host": parts.total_host,
    }


def _tokens(count: int) -> str:
    """A context's length for people: 16k."""
    return f"{count // 1024}k" if count % 1024 == 0 else f"{count:,}"


def _gib(size: int) -> str:
    return f"{size / GIB:.1f} GiB"


def _of(size: int, whole: int) -> str:
    return f"{size / GIB:.1f} of {whole / GIB:.1f} GiB"
