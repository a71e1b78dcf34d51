"""Writes tiny GGUF files, whole and broken, and knows where each of their fields begins."""

import random
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache

UINT8, INT8, UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY, UINT64 = 0, 1, 4, 5, 6, 7, 8, 9, 10
F32, F16, Q4_0 = 0, 1, 2

_CODES = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<B", 10: "<Q"}

LAYERS, WIDTH, HEADS, INNER, CONTEXT = 1, 32, 2, 64, 512

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@dataclass(frozen=True)
class Pair:
    """One entry: its value already as bytes, its type by number."""

    key: bytes
    kind: int
    value: bytes


@dataclass(frozen=True)
class Weights:
    """One tensor; without an offset it follows the one before."""

    name: bytes
    shape: tuple[int, ...]
    kind: int = F32
    offset: int | None = None
    dimensions: int | None = None


@dataclass
class File:
    """The bytes of a file, and where its fields are."""

    data: bytearray = field(default_factory=bytearray)
    fields: list[tuple[int, int, str]] = field(default_factory=list)
    """Where each begins, its length in bytes, and what it is."""
    header: int = 0
    """Bytes of the header."""

    def add(self, what: str, raw: bytes) -> None:
        self.fields.append((len(self.data), len(raw), what))
        self.data += raw

    def number(self, what: str, code: str, value: int) -> None:
        self.add(what, struct.pack(code, value))

    def text(self, what: str, raw: bytes) -> None:
        self.number(f"length of {what}", "<Q", len(raw))
        self.add(what, raw)


def scalar(key: str, kind: int, value: float) -> Pair:
    return Pair(key.encode(), kind, struct.pack(_CODES[kind], value))


def text(key: str, value: str | bytes) -> Pair:
    return Pair(key.encode(), STRING, packed(value))


def packed(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(raw)) + raw


def listing(key: str, kind: int, values: Sequence[float | str | bytes]) -> Pair:
    body = b"".join(
        packed(each) if isinstance(each, str | bytes) else struct.pack(_CODES[kind], each)
        for each in values
    )
    return Pair(key.encode(), ARRAY, struct.pack("<IQ", kind, len(values)) + body)


def write(
    pairs: Iterable[Pair],
    tensors: Iterable[Weights],
    *,
    version: int = 3,
    alignment: int = 32,
    magic: bytes = b"GGUF",
) -> File:
    """A file of these entries and tensors, its weights small random numbers."""
    pairs, tensors = tuple(pairs), tuple(tensors)
    file = File()
    file.add("magic", magic)
    file.number("version", "<I", version)
    file.number("count of tensors", "<Q", len(tensors))
    file.number("count of entries", "<Q", len(pairs))
    for pair in pairs:
        name = pair.key.decode("utf-8", "replace")
        file.text(f"key {name}", pair.key)
        file.number(f"type of {name}", "<I", pair.kind)
        if pair.kind == STRING:
            file.add(f"length of text {name}", pair.value[:8])
            file.add(f"text {name}", pair.value[8:])
        elif pair.kind == ARRAY:
            file.add(f"element type of {name}", pair.value[:4])
            file.add(f"count of {name}", pair.value[4:12])
            file.add(f"elements of {name}", pair.value[12:])
        else:
            file.add(f"value of {name}", pair.value)
    end = 0
    for tensor in tensors:
        name = tensor.name.decode("utf-8", "replace")
        file.text(f"tensor {name}", tensor.name)
        dimensions = len(tensor.shape) if tensor.dimensions is None else tensor.dimensions
        file.number(f"dimensions of {name}", "<I", dimensions)
        for place, each in enumerate(tensor.shape):
            file.number(f"dimension {place} of {name}", "<Q", each)
        file.number(f"type of tensor {name}", "<I", tensor.kind)
        offset = end if tensor.offset is None else tensor.offset
        file.number(f"offset of {name}", "<Q", offset)
        # One that was put somewhere else takes no room from those that follow.
        end = _aligned(end + _size(tensor), alignment)
    file.header = len(file.data)
    file.data += b"\0" * (_aligned(file.header, alignment) - file.header)
    file.data += _weights(min(end, 1 << 20))
    return file


@cache
def _weights(size: int) -> bytes:
    dice = random.Random(1)
    numbers = [dice.randrange(-4096, 4096) / 65536 for _ in range(size // 4)]
    return struct.pack(f"<{len(numbers)}f", *numbers)


def _aligned(size: int, alignment: int) -> int:
    return -(-size // alignment) * alignment


def _size(tensor: Weights) -> int:
    elements = 1
    for each in tensor.shape:
        elements *= each
    return min(
        1 << 20, {F32: elements * 4, F16: elements * 2}.get(tensor.kind, elements // 32 * 18)
    )


def tokens() -> list[str]:
    """A vocabulary that SentencePiece models must have at least: specials, bytes, letters."""
    letters = [chr(each) for each in range(ord("a"), ord("z") + 1)]
    return ["<unk>", "<s>", "</s>", *(f"<0x{each:02X}>" for each in range(256)), "▁", *letters]


def llama_pairs(*, template: str | None = CHATML, name: str = "Tiny") -> list[Pair]:
    """The entries of a llama that llama.cpp loads."""
    vocabulary = tokens()
    kinds = [2, 3, 3, *([6] * 256), *([1] * (len(vocabulary) - 259))]
    pairs = [
        text("general.architecture", "llama"),
        text("general.name", name),
        scalar("llama.block_count", UINT32, LAYERS),
        scalar("llama.context_length", UINT32, CONTEXT),
        scalar("llama.embedding_length", UINT32, WIDTH),
        scalar("llama.feed_forward_length", UINT32, INNER),
        scalar("llama.attention.head_count", UINT32, HEADS),
        scalar("llama.attention.head_count_kv", UINT32, HEADS),
        scalar("llama.attention.layer_norm_rms_epsilon", FLOAT32, 1e-5),
        scalar("llama.rope.dimension_count", UINT32, WIDTH // HEADS),
        text("tokenizer.ggml.model", "llama"),
        listing("tokenizer.ggml.tokens", STRING, vocabulary),
        listing("tokenizer.ggml.scores", FLOAT32, [-float(each) for each in range(len(kinds))]),
        listing("tokenizer.ggml.token_type", INT32, kinds),
        scalar("tokenizer.ggml.bos_token_id", UINT32, 1),
        scalar("tokenizer.ggml.eos_token_id", UINT32, 2),
        scalar("tokenizer.ggml.unknown_token_id", UINT32, 0),
        scalar("tokenizer.ggml.add_bos_token", BOOL, 1),
    ]
    if template is not None:
        pairs.append(text("tokenizer.chat_template", template))
    return pairs


def llama_tensors() -> list[Weights]:
    """The tensors of that llama."""
    vocabulary = len(tokens())
    return [
        Weights(b"token_embd.weight", (WIDTH, vocabulary)),
        Weights(b"output_norm.weight", (WIDTH,)),
        Weights(b"blk.0.attn_norm.weight", (WIDTH,)),
        *(Weights(b"blk.0.attn_%c.weight" % each, (WIDTH, WIDTH)) for each in b"qkv"),
        Weights(b"blk.0.attn_output.weight", (WIDTH, WIDTH)),
        Weights(b"blk.0.ffn_norm.weight", (WIDTH,)),
        Weights(b"blk.0.ffn_gate.weight", (WIDTH, INNER)),
        Weights(b"blk.0.ffn_up.weight", (WIDTH, INNER)),
        Weights(b"blk.0.ffn_down.weight", (INNER, WIDTH)),
    ]


def llama(*, template: str | None = CHATML, name: str = "Tiny") -> File:
    """A whole llama of one layer with random weights: some 80 KB."""
    return write(llama_pairs(template=template, name=name), llama_tensors())
