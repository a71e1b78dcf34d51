"""What the header of a usable LoRA adapter must say, beyond being a GGUF header.

llama.cpp looks at some of it, ends its process over the rest when it first computes (numbers of
another type, matrices that cannot be multiplied) or computes nonsense, so all of it is held here
first. Sources: what llama.cpp reads of an adapter (llama-adapter.cpp), how it computes with one
(build_lora_mm and build_inp_embd in llama-graph.cpp), and its converter (convert_lora_to_gguf.py).
"""

import re
from dataclasses import dataclass

from storytui.models import gguf_layout as layout
from storytui.models.gguf_reading import Contents, GgufFaultError, Tensor, named
from storytui.models.gguf_rules import check_part

EMBEDDINGS = "token_embd.weight"
"""The tensor whose two matrices stand the other way round: rows of the first are looked up."""
TYPES = {0: "f32", 1: "f16", 30: "bf16", 8: "q8_0"}
"""Types of weights, by ggml's numbers, that adapters are converted to."""

_ARCHITECTURE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_HALVES = (".lora_a", ".lora_b")
_NORM = "_norm.weight"
_MOST_ALPHA = 65_536.0
_INVOCATION = "adapter.alora.invocation_tokens"

Shape = tuple[int, int, int, int]
"""Elements in each dimension, the innermost first."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The two matrices whose product is added to one of the model's tensors."""

    name: str
    """Of the tensor."""
    a: Shape
    b: Shape

    @property
    def rank(self) -> int:
        """Rows of the one and columns of the other."""
        return self.b[0]

    @property
    def shape(self) -> Shape:
        """Of the tensor that it fits."""
        inner = self.b[1] if self.name == EMBEDDINGS else self.a[0]
        outer = self.a[1] if self.name == EMBEDDINGS else self.b[1]
        return inner, outer, self.a[2], self.a[3]


def check_adapter(contents: Contents, *, file_size: int) -> tuple[Pair, ...]:
    """Hold a header against what a usable adapter says; returns what it changes.

    Raises:
        GgufFaultError: something is missing or cannot be.
    """
    _check_kind(contents)
    _check_alpha(contents)
    check_part(contents, file_size=file_size)
    if contents.values.get("split.count", 1) != 1:
        raise GgufFaultError("is divided into parts", "Get it in one file.")
    if _INVOCATION in contents.values:
        raise GgufFaultError(
            "works only behind certain words (an activated LoRA), which is not done here",
            "Choose another adapter.",
        )
    return _pairs(contents)


def _check_kind(contents: Contents) -> None:
    values = contents.values
    kind = values.get("general.type", "model")
    if kind != "adapter":
        more = "" if "adapter.type" not in values else ", and has an adapter's entries all the same"
        raise GgufFaultError(
            f"is no adapter by what it says (general.type){more}",
            "Name an adapter; a model is chosen with --model.",
        )
    how = values.get("adapter.type")
    if how != "lora":
        shown = named(how) if isinstance(how, str) else "nothing"
        raise GgufFaultError(
            f"says {shown} for its kind (adapter.type), and only lora can be used",
            "Choose another adapter.",
        )
    architecture = values.get("general.architecture")
    if not isinstance(architecture, str):
        raise GgufFaultError("does not say for which kind of model it is")
    if not _ARCHITECTURE.fullmatch(architecture):
        raise GgufFaultError(f"calls the kind of model it is for {named(architecture)}")


def _check_alpha(contents: Contents) -> None:
    alpha = contents.values.get("adapter.lora.alpha")
    if alpha is None and "adapter.lora.alpha" not in contents.kinds:
        return  # llama.cpp then takes the scale as it is
    if contents.kinds.get("adapter.lora.alpha") != layout.FLOAT32 or not isinstance(alpha, float):
        raise GgufFaultError("has adapter.lora.alpha of the wrong type")
    if abs(alpha) > _MOST_ALPHA:
        raise GgufFaultError(f"says {alpha:g} for adapter.lora.alpha, which cannot be")


def _pairs(contents: Contents) -> tuple[Pair, ...]:
    halves: dict[str, dict[str, Tensor]] = {}
    for tensor in contents.tensors:
        name, half = tensor.name[:-7], tensor.name[-7:]
        if half not in _HALVES or any(each in name for each in _HALVES) or not name:
            if tensor.name.endswith(_NORM):
                continue  # llama.cpp leaves these out, and takes the rest
            raise GgufFaultError(
                f"holds {named(tensor.name)}, which is no half of a LoRA",
                "Convert it anew with llama.cpp's convert_lora_to_gguf.py.",
            )
        if tensor.kind not in TYPES:
            raise GgufFaultError(
                f"holds {named(tensor.name)} in a type that is none of {', '.join(TYPES.values())}"
            )
        halves.setdefault(name, {})[half] = tensor
    if not halves:
        raise GgufFaultError("holds no weights")
    for name, each in halves.items():
        missing = [half for half in _HALVES if half not in each]
        if missing:
            raise GgufFaultError(f"lacks {named(name + missing[0])}, the other half of a pair")
    return tuple(
        _pair(name, _four(each[".lora_a"]), _four(each[".lora_b"])) for name, each in halves.items()
    )


def _pair(name: str, a: Shape, b: Shape) -> Pair:
    rank = a[0] if name == EMBEDDINGS else a[1]
    if rank != b[0] or a[2:] != b[2:]:
        raise GgufFaultError(
            f"has two matrices for {named(name)} that cannot be multiplied "
            f"({shown_shape(a)} and {shown_shape(b)})"
        )
    return Pair(name, a, b)


def _four(tensor: Tensor) -> Shape:
    one, two, three, four = (*tensor.shape, 1, 1, 1, 1)[:4]
    return one, two, three, four


def shown_shape(shape: tuple[int, ...]) -> str:
    """A shape as it is read: 576 × 1,536."""
    sizes = list(shape)
    while len(sizes) > 2 and sizes[-1] == 1:
        sizes.pop()
    return " × ".join(f"{each:,}" for each in sizes)
