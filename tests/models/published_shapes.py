"""Sparse GGUF files in the shapes and types of published models: a true header, and no weights.

Shapes from the models' published configurations; types as llama.cpp's quantiser chooses them for
Q4_K_M (llama-quant.cpp). Such a file takes some megabytes of disk, loads through mmap, and
llama.cpp reports the model's true buffers.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

from tiny_gguf import (
    FLOAT32,
    INT32,
    STRING,
    UINT32,
    Pair,
    Weights,
    listing,
    scalar,
    text,
    tokens,
    write,
)

from storytui.models.gguf_layout import TENSOR_TYPES

F32, Q4_K, Q6_K = 0, 12, 14
_ALIGNMENT = 32


@dataclass(frozen=True)
class Published:
    """What a model's configuration says."""

    name: str
    architecture: str
    layers: int
    width: int
    heads: int
    kv_heads: int
    inner: int
    vocabulary: int
    context: int
    head: int = 128
    biased: bool = False
    """Queries, keys and values have biases."""
    normed: bool = False
    """Queries and keys are normed."""
    normed_after: bool = False
    tied: bool = False
    window: int = 0
    factors: int = 0
    """Elements of `rope_freqs.weight`; 0: there is none."""


QWEN_2_5_7B = Published("Qwen2.5-7B", "qwen2", 28, 3584, 28, 4, 18944, 152064, 32768, biased=True)
QWEN_2_5_32B = Published("Qwen2.5-32B", "qwen2", 64, 5120, 40, 8, 27648, 152064, 32768, biased=True)
LLAMA_3_1_8B = Published(
    "Llama-3.1-8B", "llama", 32, 4096, 32, 8, 14336, 128256, 131072, factors=64
)
QWEN_3_8B = Published("Qwen3-8B", "qwen3", 36, 4096, 32, 8, 12288, 151936, 40960, normed=True)
MISTRAL_NEMO_12B = Published("Mistral-Nemo-12B", "llama", 40, 5120, 32, 8, 14336, 131072, 1024000)
GEMMA_3_12B = Published(
    "Gemma-3-12B",
    "gemma3",
    48,
    3840,
    16,
    8,
    15360,
    262208,
    131072,
    head=256,
    normed=True,
    normed_after=True,
    tied=True,
    window=1024,
)
PUBLISHED = (
    QWEN_2_5_7B,
    QWEN_2_5_32B,
    LLAMA_3_1_8B,
    QWEN_3_8B,
    MISTRAL_NEMO_12B,
    GEMMA_3_12B,
)


def write_sparse(model: Published, folder: Path) -> Path:
    """A model's file in the folder, of its full length."""
    numbers: dict[str, float] = {
        "block_count": model.layers,
        "context_length": model.context,
        "embedding_length": model.width,
        "feed_forward_length": model.inner,
        "attention.head_count": model.heads,
        "attention.head_count_kv": model.kv_heads,
        "attention.key_length": model.head,
        "attention.value_length": model.head,
        "rope.dimension_count": model.head,
        "attention.layer_norm_rms_epsilon": 1e-6,
    }
    if model.window:
        numbers["attention.sliding_window"] = model.window
    path = folder / f"{model.name}-Q4_K_M.gguf"
    write_numbers(path, model.architecture, numbers, model.vocabulary, _tensors(model))
    return path


def write_numbers(
    path: Path,
    architecture: str,
    numbers: Mapping[str, float | Sequence[int]],
    vocabulary: int,
    tensors: Iterable[Weights],
) -> None:
    """A file of an architecture's numbers and tensors, of its full length."""
    weights, end = _placed(tensors)
    file = write(
        _pairs(path.stem, architecture, numbers, vocabulary), weights, alignment=_ALIGNMENT
    )
    begin = -(-file.header // _ALIGNMENT) * _ALIGNMENT
    with path.open("wb") as target:
        target.write(file.data[:begin])
        target.truncate(begin + end)


def _pairs(
    name: str, architecture: str, numbers: Mapping[str, float | Sequence[int]], vocabulary: int
) -> list[Pair]:
    known = tokens()
    texts = known + [f"▁{number:x}" for number in range(vocabulary - len(known))]
    kinds = [2, 3, 3, *([6] * 256), *([1] * (vocabulary - 259))]
    pairs = [text("general.architecture", architecture), text("general.name", name)]
    for key, value in numbers.items():
        key = f"{architecture}.{key}"
        if isinstance(value, Sequence):
            pairs.append(listing(key, INT32, value))
        else:
            pairs.append(scalar(key, UINT32 if isinstance(value, int) else FLOAT32, value))
    return [
        *pairs,
        text("tokenizer.ggml.model", "llama"),
        listing("tokenizer.ggml.tokens", STRING, texts),
        listing("tokenizer.ggml.scores", FLOAT32, [0.0] * vocabulary),
        listing("tokenizer.ggml.token_type", INT32, kinds),
        scalar("tokenizer.ggml.bos_token_id", UINT32, 1),
        scalar("tokenizer.ggml.eos_token_id", UINT32, 2),
    ]


def _tensors(model: Published) -> Iterator[Weights]:
    wide, kept = model.heads * model.head, model.kv_heads * model.head
    yield Weights(
        b"token_embd.weight", (model.width, model.vocabulary), Q6_K if model.tied else Q4_K
    )
    yield Weights(b"output_norm.weight", (model.width,))
    if not model.tied:
        yield Weights(b"output.weight", (model.width, model.vocabulary), Q6_K)
    if model.factors:
        yield Weights(b"rope_freqs.weight", (model.factors,))
    for number in range(model.layers):
        more = Q6_K if _more_bits(number, model.layers) else Q4_K
        prefix = b"blk.%d." % number
        yield Weights(prefix + b"attn_norm.weight", (model.width,))
        for name, rows, kind in (
            (b"q", wide, Q4_K),
            (b"k", kept, Q4_K),
            (b"v", kept, more),
        ):
            yield Weights(prefix + b"attn_%s.weight" % name, (model.width, rows), kind)
            if model.biased:
                yield Weights(prefix + b"attn_%s.bias" % name, (rows,))
            if model.normed and name != b"v":
                yield Weights(prefix + b"attn_%s_norm.weight" % name, (model.head,))
        yield Weights(prefix + b"attn_output.weight", (wide, model.width), Q4_K)
        if model.normed_after:
            yield Weights(prefix + b"post_attention_norm.weight", (model.width,))
            yield Weights(prefix + b"post_ffw_norm.weight", (model.width,))
        yield Weights(prefix + b"ffn_norm.weight", (model.width,))
        yield Weights(prefix + b"ffn_gate.weight", (model.width, model.inner), Q4_K)
        yield Weights(prefix + b"ffn_up.weight", (model.width, model.inner), Q4_K)
        yield Weights(prefix + b"ffn_down.weight", (model.inner, model.width), more)


def _more_bits(number: int, layers: int) -> bool:
    """Which layers' values and inner layers have Q6_K (use_more_bits in llama-quant.cpp)."""
    eighth = layers // 8
    return number < eighth or number >= 7 * layers // 8 or (number - eighth) % 3 == 2


def _placed(tensors: Iterable[Weights]) -> tuple[list[Weights], int]:
    """The tensors one behind the other, and where the last ends."""
    placed, end = [], 0
    for each in tensors:
        per_block, block_bytes = TENSOR_TYPES[each.kind]
        placed.append(Weights(each.name, each.shape, each.kind, offset=end))
        size = prod(each.shape) // per_block * block_bytes
        end = -(-(end + size) // _ALIGNMENT) * _ALIGNMENT
    return placed, end
