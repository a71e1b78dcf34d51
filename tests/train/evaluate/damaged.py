"""Models that are damaged on purpose: another template, layers in another order, a loud adapter."""

import random
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import gguf
from gguf.constants import GGUFValueType
from gguf.gguf_reader import GGUFReader

TEMPLATE = "tokenizer.chat_template"
ALPHA = "adapter.lora.alpha"


@cache
def read(model: Path) -> GGUFReader:
    """A file's contents; a vocabulary takes seconds."""
    return GGUFReader(model)


def rewritten(
    model: Path,
    out: Path,
    *,
    fields: Mapping[str, object] | None = None,
    rename: Callable[[str], str] = lambda name: name,
) -> Path:
    """A GGUF file anew, its bytes of weights as they are.

    Args:
        model: the file.
        out: the new one.
        fields: values that take the place of those in the header.
        rename: of tensors.
    """
    reader = read(model)
    writer = gguf.GGUFWriter(out, "")
    given = dict(fields or {})
    for name, field in reader.fields.items():
        if name.startswith("GGUF."):
            continue
        kind = field.types[0]
        inner = field.types[-1] if kind is GGUFValueType.ARRAY else None
        value = given.pop(name, None)
        if name == "general.architecture":
            writer.add_string(name, field.contents())
            continue
        writer.add_key_value(name, field.contents() if value is None else value, kind, inner)
    assert not given, f"{model} has no {', '.join(given)}"
    for tensor in reader.tensors:
        writer.add_tensor(rename(tensor.name), tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return out


def with_template(model: Path, out: Path, template: str) -> Path:
    """A model with another chat template."""
    return rewritten(model, out, fields={TEMPLATE: template})


def shuffled_layers(model: Path, out: Path, seed: int = 1) -> Path:
    """A model whose layers are in another order, none in its place."""
    layers = sorted(
        {int(each.name.split(".")[1]) for each in read(model).tensors if "blk." in each.name}
    )
    order = list(layers)
    while any(a == b for a, b in zip(layers, order, strict=True)):
        random.Random(seed).shuffle(order)
        seed += 1
    places = dict(zip(layers, order, strict=True))

    def rename(name: str) -> str:
        if not name.startswith("blk."):
            return name
        _, number, rest = name.split(".", 2)
        return f"blk.{places[int(number)]}.{rest}"

    return rewritten(model, out, rename=rename)


def louder(adapter: Path, out: Path, times: float = 5.0) -> Path:
    """An adapter that works so many times as strongly."""
    alpha = read(adapter).fields[ALPHA].contents()
    return rewritten(adapter, out, fields={ALPHA: alpha * times})
