"""What the header of a usable model must say, beyond being a GGUF header.

llama.cpp ends its process over some of these and reads wrong places over others, so they are held
here first. Sources: the GGUF specification (ggml, docs/gguf.md), and what llama.cpp asserts while
it reads a model (llama-model.cpp, llama-vocab.cpp).
"""

import re

from storytui.models import gguf_layout as layout
from storytui.models.gguf_reading import Contents, GgufFaultError, Listing, named

_ARCHITECTURE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_NO_TOKEN = 0xFFFF_FFFF
"""A token's number that stands for none."""
_MOST_TOKENS = 1 << 24
_MOST_LENGTH = 1 << 31


def check_model(contents: Contents, *, file_size: int) -> None:
    """Hold a header against what a usable model says.

    Raises:
        GgufFaultError: something is missing or cannot be.
    """
    if not contents.tensors and parts_of(contents) == (0, 1):
        raise GgufFaultError("holds no weights")
    _check_weights(contents, file_size)
    architecture = architecture_of(contents)
    _check_shape(contents, architecture)
    _check_vocabulary(contents)


def check_part(contents: Contents, *, file_size: int) -> None:
    """Hold the header of a further part of a divided model against what it must say.

    Raises:
        GgufFaultError: its weights cannot be where it says.
    """
    _check_weights(contents, file_size)


def architecture_of(contents: Contents) -> str:
    """The kind of model.

    Raises:
        GgufFaultError: it does not say, or what it says is no name of one; or it is an adapter.
    """
    value = contents.values.get("general.architecture")
    if not isinstance(value, str):
        raise GgufFaultError("does not say what kind of model it is")
    if not _ARCHITECTURE.fullmatch(value):
        raise GgufFaultError(f"calls its kind of model {named(value)}")
    kind = contents.values.get("general.type", "model")
    if kind == "adapter":
        raise GgufFaultError(
            "is an adapter, which adds to a model and is none by itself", "Name a whole model."
        )
    return value


def parts_of(contents: Contents) -> tuple[int, int]:
    """Which part of how many the file is, counted from 0; (0, 1) for an undivided model.

    Raises:
        GgufFaultError: the two do not fit each other.
    """
    if "split.count" not in contents.values:
        return 0, 1
    count = _whole(contents, "split.count", least=0, most=99_999) or 1
    number = _whole(contents, "split.no", least=0, most=count - 1)
    return number, count


def _check_weights(contents: Contents, file_size: int) -> None:
    alignment = layout.DEFAULT_ALIGNMENT
    if "general.alignment" in contents.values:
        alignment = _whole(contents, "general.alignment", least=1, most=1 << 20)
    if alignment & (alignment - 1):
        raise GgufFaultError(f"aligns its weights to {alignment} bytes, which is no power of two")
    begin = -(-contents.end // alignment) * alignment
    used, before = 0, ""
    for tensor in sorted(contents.tensors, key=lambda each: each.offset):
        if tensor.offset % alignment:
            raise GgufFaultError(f"has the tensor {named(tensor.name)} at an odd place")
        if tensor.offset < used:
            raise GgufFaultError(
                f"has the tensors {named(before)} and {named(tensor.name)} in the same place"
            )
        used, before = tensor.offset + tensor.size, tensor.name
        if begin + used > file_size:
            raise GgufFaultError("breaks off before its weights end")


def _check_shape(contents: Contents, architecture: str) -> None:
    def key(name: str) -> str:
        return f"{architecture}.{name}"

    layers = _whole(contents, key("block_count"), least=1, most=layout.MOST_LAYERS)
    width = _whole(contents, key("embedding_length"), least=1, most=1 << 20)
    _whole(contents, key("context_length"), least=1, most=_MOST_LENGTH)
    for name, most in (
        ("attention.head_count", width),
        ("attention.head_count_kv", width),
        ("feed_forward_length", 1 << 24),
    ):
        _check_by_layer(contents, key(name), layers, most)
    for name in ("attention.key_length", "attention.value_length", "rope.dimension_count"):
        if key(name) in contents.values:
            _whole(contents, key(name), least=0, most=1 << 20)
    experts = 0
    if key("expert_count") in contents.values:
        experts = _whole(contents, key("expert_count"), least=0, most=layout.MOST_EXPERTS)
    _check_by_layer(contents, key("expert_used_count"), layers, experts)


def _check_by_layer(contents: Contents, key: str, layers: int, most: int) -> None:
    """A number for all layers, or a list of one for each."""
    value = contents.values.get(key)
    if not isinstance(value, Listing):
        if key in contents.values:
            _whole(contents, key, least=0, most=most)
        return
    if value.count != layers or value.kind not in (4, layout.INT32):
        raise GgufFaultError(f"has {value.count:,} entries in {named(key)} for {layers} layers")
    if any(not 0 <= each <= most for each in contents.numbers(key)):
        raise GgufFaultError(f"has a number in {named(key)} that cannot be")


def _check_vocabulary(contents: Contents) -> None:
    model = contents.values.get("tokenizer.ggml.model")
    if not isinstance(model, str):
        raise GgufFaultError("does not say how it reads text (tokenizer.ggml.model)")
    tokens = contents.values.get("tokenizer.ggml.tokens")
    if not isinstance(tokens, Listing) or tokens.kind != layout.STRING or not tokens.count:
        raise GgufFaultError("has no vocabulary")
    if tokens.count > _MOST_TOKENS:
        raise GgufFaultError(f"claims a vocabulary of {tokens.count:,} tokens")
    # llama.cpp gives each empty token a name of its own.
    texts = [each for each in contents.raw_strings("tokenizer.ggml.tokens") if each]
    if len(set(texts)) != len(texts):
        raise GgufFaultError("has a token twice in its vocabulary")
    for name, kinds in (
        ("scores", (layout.FLOAT32, layout.INT32)),
        ("token_type", (layout.INT32,)),
    ):
        key = f"tokenizer.ggml.{name}"
        if key in contents.values:
            _check_list(contents, key, kinds, least=tokens.count)
    for name, kinds in (("merges", (layout.STRING,)), ("suppress_tokens", (layout.INT32,))):
        key = f"tokenizer.ggml.{name}"
        if key in contents.values:
            _check_list(contents, key, kinds, least=0)
    for name in ("bos", "eos"):
        key = f"tokenizer.ggml.{name}_token_id"
        if contents.values.get(key, _NO_TOKEN) != _NO_TOKEN:
            _whole(contents, key, least=0, most=tokens.count - 1)


def _check_list(contents: Contents, key: str, kinds: tuple[int, ...], *, least: int) -> None:
    value = contents.values[key]
    if not isinstance(value, Listing) or value.kind not in kinds:
        raise GgufFaultError(f"has {named(key)} of the wrong type")
    if value.count < least:
        raise GgufFaultError(f"has {value.count:,} entries in {named(key)} for {least:,} tokens")


def _whole(contents: Contents, key: str, *, least: int, most: int) -> int:
    """A whole number that must be there."""
    value = contents.values.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise GgufFaultError(f"does not say {named(key)}")
    if not least <= value <= most:
        raise GgufFaultError(f"says {value:,} for {named(key)}, which cannot be")
    return value
