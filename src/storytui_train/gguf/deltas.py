"""What a GGUF adapter adds to each of a model's tensors.

As llama.cpp has it (llama-adapter.h, `get_scale`; build_lora_mm and build_inp_embd in
llama-graph.cpp): scale · alpha / rank · B · A, and scale · B · A where alpha is 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from storytui.engine.api import ModelError
from storytui.models import gguf_layout
from storytui.models.adapter_rules import EMBEDDINGS, Pair
from storytui.models.adapters import matches, read_adapter, read_base
from storytui.models.gguf import opened
from storytui.models.gguf_reading import Tensor, named
from storytui.story.visible import visible
from storytui_train.errors import GgufError
from storytui_train.gguf import layout
from storytui_train.gguf.ggml import Floats, Ggml
from storytui_train.gguf.requantising import Product
from storytui_train.gguf.splits import ALIGNMENT


@dataclass(frozen=True, slots=True)
class Adapter:
    """An adapter that goes with a model; its weights are read one pair at a time."""

    path: Path
    name: str
    """Of its file, fit to be shown."""
    pairs: Mapping[str, Pair]
    """By the name of the model's tensor."""
    alpha: float
    entries: Mapping[str, bytes]
    """Of its header, name and type included."""
    begin: int
    tensors: Mapping[str, Tensor]

    def products(self, name: str, scale: float, ggml: Ggml) -> list[Product]:
        """What is added to a tensor, one product for each of its matrices (experts have many).

        Args:
            name: of the model's tensor.
            scale: how strong the adapter is; 1: as it was trained.
            ggml: reads the types.

        Raises:
            GgufError: its weights are no finite numbers, or cannot be read.
        """
        a, b = self._matrices(f"{name}.lora_a", ggml), self._matrices(f"{name}.lora_b", ggml)
        rank = self.pairs[name].rank
        strength = scale * self.alpha / rank if self.alpha else scale
        if name == EMBEDDINGS:
            # Rows of its first matrix are looked up by token.
            a, b = b.transpose(0, 2, 1), a
        return [
            Product(np.ascontiguousarray(one), (other * np.float32(strength)).astype(np.float32))
            for one, other in zip(a, b, strict=True)
        ]

    def _matrices(self, name: str, ggml: Ggml) -> Floats:
        """One half of a pair: matrices × rows × columns."""
        tensor = self.tensors[name]
        try:
            with self.path.open("rb") as file:
                file.seek(self.begin + tensor.offset)
                raw = file.read(tensor.size)
        except OSError as error:
            raise GgufError(f"The adapter {self.name} cannot be read: {error}.") from error
        if len(raw) != tensor.size:
            raise GgufError(f"The adapter {self.name} became shorter while it was read.")
        columns, rows, *stack = (*tensor.shape, 1)[: max(2, len(tensor.shape))]
        kind = ggml.kind(tensor.kind)
        weights = ggml.to_floats(kind, np.frombuffer(raw, np.uint8), columns)
        if not np.isfinite(weights).all():
            raise GgufError(
                f"The adapter {self.name} holds weights in {named(name)} that are no numbers. "
                "Get the file again, or train it anew."
            )
        return weights.reshape(int(np.prod(stack, dtype=np.int64)), rows, columns)


def read_deltas(path: Path, base: Path) -> Adapter:
    """Read an adapter's header and see that it goes with a model.

    Args:
        path: the adapter, as GGUF.
        base: the model; of a divided one, its first file.

    Raises:
        GgufError: it is no adapter, or none for this model; which tensor does not fit is said.
    """
    try:
        file = read_adapter(path)
        verdict = matches(file, read_base(base))
        if not verdict.agrees:
            raise GgufError(verdict.sentence)
        with opened(path, "adapter") as (contents, _):
            alignment = contents.values.get(ALIGNMENT, gguf_layout.DEFAULT_ALIGNMENT)
            assert isinstance(alignment, int)
            return Adapter(
                path=path,
                name=visible(path.name, newlines=False),
                pairs={each.name: each for each in file.pairs},
                alpha=file.header.alpha,
                entries={
                    key: bytes(contents.data[begin:end])
                    for key, (begin, end) in contents.spans.items()
                },
                begin=layout.aligned(contents.end, alignment),
                tensors={each.name: each for each in contents.tensors},
            )
    except ModelError as error:
        raise GgufError(visible(str(error))) from error
