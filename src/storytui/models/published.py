"""The shapes of the catalogue's models as published: known offline, and before a download.

A shape is built as the header of the file would give it (`shape.shape_of`), so that what follows
from an architecture's name is in one place.
"""

import struct
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import resources
from math import prod
from typing import Annotated

import msgspec
from msgspec import Meta

from storytui.models import gguf_layout as layout
from storytui.models.gguf_reading import Contents, Listing, Tensor, Value
from storytui.models.mixtures import Mixture, kind_of
from storytui.models.shape import Shape, shape_of

Count = Annotated[int, Meta(ge=1)]


class PublishedError(ValueError):
    """The file of published shapes is wrong; the message says where."""


class PublishedShape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model's configuration says, and how its file is quantised."""

    models: Annotated[tuple[str, ...], Meta(min_length=1)]
    """Ids in the catalogue that have this shape."""
    architecture: Annotated[str, Meta(min_length=1)]
    """As GGUF calls it."""
    layers: Annotated[int, Meta(ge=1, le=layout.MOST_LAYERS)]
    width: Count
    """Elements of a token's embedding."""
    heads: Count
    kv_heads: Count
    head: Count = 128
    """Elements of a head's key, and of its value."""
    inner: Count
    """Elements between the two halves of the inner layer."""
    vocabulary: Count
    context: Count
    """Tokens of context that it was trained with."""
    mixture: Mixture
    """How the file that the catalogue wants first is quantised."""
    smaller: Mixture | None = None
    """How the one is that it wants where that is too big; None: there is none."""
    biased: bool = False
    """Queries, keys and values have biases."""
    normed: bool = False
    """Queries and keys are normed."""
    normed_after: bool = False
    """What attention and the inner layer give is normed."""
    scaled: bool = False
    """What a layer gives is multiplied by one number."""
    tied: bool = False
    """The token embeddings are the output weights too."""
    window: Annotated[int, Meta(ge=0)] = 0
    """Tokens that layers with a sliding window see; 0: no layer has one."""
    wide_every: Annotated[int, Meta(ge=0)] = 0
    """Every how many layers one without a window has heads of its own size; 0: none has. Their
    values are their keys."""
    wide_head: Annotated[int, Meta(ge=0)] = 0
    wide_kv_heads: Annotated[int, Meta(ge=0)] = 0
    factors: Annotated[int, Meta(ge=0)] = 0
    """Elements of `rope_freqs.weight`; 0: there is none."""
    file_bytes: Annotated[int, Meta(ge=0)] = 0
    """Of a published file in this shape and mixture; 0: none was seen."""
    checked: bool = True
    """Whether all of it was seen in public documentation, and in the size of a file."""


class _Shapes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    shape: tuple[PublishedShape, ...]


@cache
def published() -> dict[str, PublishedShape]:
    """What comes with the program, by the catalogue's ids; read once."""
    file = resources.files("storytui.models").joinpath("published.toml")
    return read_published(file.read_text(encoding="utf-8"))


def read_published(text: str) -> dict[str, PublishedShape]:
    """Published shapes in TOML, by the catalogue's ids.

    Raises:
        PublishedError: it is no TOML, or says something that cannot be.
    """
    try:
        shapes = msgspec.convert(tomllib.loads(text), _Shapes).shape
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise PublishedError(f"The published shapes cannot be read: {error}") from None
    known: dict[str, PublishedShape] = {}
    for shape in shapes:
        for model in shape.models:
            if model in known:
                raise PublishedError(f"The published shapes have {model} twice.")
            known[model] = shape
    return known


def files_as_published(model: str) -> tuple[PublishedShape, ...]:
    """A model's files, the one that is wanted first and the smaller one; none where none is known.

    Args:
        model: its id in the catalogue.
    """
    found = published().get(model)
    if found is None:
        return ()
    if found.smaller is None:
        return (found,)
    return found, msgspec.structs.replace(found, mixture=found.smaller, file_bytes=0)


@cache
def build_shape(model: PublishedShape) -> Shape:
    """The shape that the header of a model's file would give; built once.

    Raises:
        PublishedError: its rows are no whole blocks of their type.
    """
    return shape_of(_contents(model))


def _contents(model: PublishedShape) -> Contents:
    data = bytearray()

    def listed(code: str, kind: int, numbers: list[int]) -> Listing:
        at = len(data)
        data.extend(struct.pack(f"<{len(numbers)}{code}", *numbers))
        return Listing(kind, len(numbers), at)

    numbers: dict[str, Value] = {
        "block_count": model.layers,
        "context_length": model.context,
        "embedding_length": model.width,
        "attention.head_count": model.heads,
        "attention.head_count_kv": model.kv_heads,
        "attention.key_length": model.head,
        "attention.value_length": model.head,
    }
    if model.window:
        numbers["attention.sliding_window"] = model.window
    if model.wide_every:
        wide = [_is_wide(model, number) for number in range(model.layers)]
        numbers |= {
            "attention.key_length": model.wide_head,
            "attention.value_length": model.wide_head,
            "attention.key_length_swa": model.head,
            "attention.value_length_swa": model.head,
            "attention.head_count_kv": listed(
                "i",
                layout.INT32,
                [model.wide_kv_heads if each else model.kv_heads for each in wide],
            ),
            "attention.sliding_window_pattern": listed(
                "B", layout.BOOL, [int(not each) for each in wide]
            ),
        }
    values: dict[str, Value] = {
        "general.architecture": model.architecture,
        # How many texts there are is all that is asked.
        "tokenizer.ggml.tokens": Listing(layout.STRING, model.vocabulary, 0),
        **{f"{model.architecture}.{name}": value for name, value in numbers.items()},
    }
    return Contents(memoryview(bytes(data)), values, tuple(_placed(model)), end=len(data))


def _placed(model: PublishedShape) -> Iterator[Tensor]:
    """The tensors one behind the other, as a file has them."""
    end = 0
    for name, shape, kind in _tensors(model):
        per_block, block_bytes = layout.TENSOR_TYPES[kind]
        if shape[0] % per_block:
            raise PublishedError(f"The rows of {name} are no whole blocks of its type.")
        size = prod(shape) // per_block * block_bytes
        yield Tensor(name, end, size, shape, kind)
        end += -(-size // layout.DEFAULT_ALIGNMENT) * layout.DEFAULT_ALIGNMENT


def _tensors(model: PublishedShape) -> Iterator[tuple[str, tuple[int, ...], int]]:
    """Each tensor's name, shape and type."""
    embeddings = (model.width, model.vocabulary)
    yield (
        "token_embd.weight",
        embeddings,
        kind_of(model.mixture, "token_embd", 2, tied=model.tied),
    )
    yield "output_norm.weight", (model.width,), kind_of(model.mixture, "output_norm", 1)
    if not model.tied:
        yield "output.weight", embeddings, kind_of(model.mixture, "output", 2)
    if model.factors:
        yield "rope_freqs.weight", (model.factors,), kind_of(model.mixture, "rope_freqs", 1)
    wide = [_is_wide(model, number) for number in range(model.layers)]
    own_values = wide.count(False)
    for number in range(model.layers):
        before = wide[:number].count(False)
        for name, shape in _layer(model, wide[number]):
            place, count = (before, own_values) if name == "attn_v" else (number, model.layers)
            kind = kind_of(model.mixture, name, len(shape), place, count)
            ending = "bias" if name.endswith(".bias") else "weight"
            yield f"blk.{number}.{name.removesuffix('.bias')}.{ending}", shape, kind


def _layer(model: PublishedShape, wide: bool) -> Iterator[tuple[str, tuple[int, ...]]]:
    """One layer's tensors: names without `.weight`, and shapes."""
    width = model.width
    head = model.wide_head if wide else model.head
    asking = model.heads * head
    kept = (model.wide_kv_heads if wide else model.kv_heads) * head
    yield "attn_norm", (width,)
    for name, rows in (("attn_q", asking), ("attn_k", kept), ("attn_v", kept)):
        if name == "attn_v" and wide:
            continue
        yield name, (width, rows)
        if model.biased:
            yield f"{name}.bias", (rows,)
        if model.normed and name != "attn_v":
            yield f"{name}_norm", (head,)
    yield "attn_output", (asking, width)
    if model.normed_after:
        yield "post_attention_norm", (width,)
        yield "post_ffw_norm", (width,)
    yield "ffn_norm", (width,)
    yield "ffn_gate", (width, model.inner)
    yield "ffn_up", (width, model.inner)
    yield "ffn_down", (model.inner, width)
    if model.scaled:
        yield "layer_output_scale", (1,)


def _is_wide(model: PublishedShape, number: int) -> bool:
    every = model.wide_every
    return every > 0 and number % every == every - 1
