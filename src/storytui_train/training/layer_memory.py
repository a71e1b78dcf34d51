"""PURE. What one layer holds while its way back is computed, in bytes.

Counted tensor by tensor, as autograd keeps them: transformers' decoder layers (norms that compute
in float32, attention that keeps no matrix of tokens by tokens) with adapters on bitsandbytes'
four-bit layers. The tests hold it against what such layers really allocate.
"""

from collections.abc import Sequence

from storytui_train.training.trained_shape import TrainedLayer

FLOAT = 4
"""Bytes of a float32, which adapters and norms compute in."""
BLOCK = 256
"""Queries whose scores exist at one time where a layer has a window or caps its scores."""
_SCORES = 4 * FLOAT
"""Bytes of such scores while the way back is computed through them: themselves, their tangents,
their shares and a gradient."""


def kept_bytes(
    layer: TrainedLayer, width: int, tokens: int, ranks: Sequence[int], compute: int, lines: int = 1
) -> int:
    """Bytes that a layer's forward pass keeps for its way back.

    Args:
        layer: what the layer has.
        width: elements of a token's embedding.
        tokens: of a line.
        ranks: of the adapters of its linear layers, in their order.
        compute: bytes of a number that is computed with: 2 or 4.
        lines: that are computed together.
    """
    half = compute < FLOAT
    # Each norm keeps its input as float32, and one number a token; where that is another type,
    # it stands beside the sums of what came in and what attention and the inner layer added.
    each = layer.norms * FLOAT * (width + 1) + (2 * compute * width if half else 0)
    # What adapters read, once for those that read the same; queries, keys and values as attention
    # wants them and what it gives, which is read too.
    each += compute * (2 * width + 2 * layer.asked + 2 * layer.kept) + FLOAT * layer.heads
    # Both halves of the inner layer, the one through its curve, and their product.
    each += 4 * compute * layer.inner
    if layer.head_norms:
        each += FLOAT * (layer.asked + layer.kept)
    each += compute * sum(ranks)
    # Adapters are float32, and cast to what is computed with.
    pairs = zip(layer.linears, ranks, strict=True)
    cast = compute * sum(rank * (one.inputs + one.outputs) for one, rank in pairs) if half else 0
    return cast + lines * (tokens * each + _spread_bytes(layer, tokens, compute))


def dropped_bytes(layer: TrainedLayer, tokens: int, compute: int, lines: int = 1) -> int:
    """Bytes that dropout keeps beside that: what each adapter reads, and what was dropped of it."""
    return lines * tokens * (compute + 1) * sum(each.inputs for each in layer.linears)


def back_bytes(layer: TrainedLayer, width: int, tokens: int, compute: int, lines: int = 1) -> int:
    """Bytes that the way back through a layer needs beside what was kept.

    The largest moment is the inner layer's: gradients of what stands between its two halves. That
    of attention comes when those are gone; it counts where scores are computed in blocks.
    """
    ends = 2 * compute * width
    scores = 0
    if layer.capped or 0 < layer.window < tokens:
        seen = min(tokens, BLOCK + (layer.window or tokens))
        scores = _SCORES * layer.heads * min(BLOCK, tokens) * seen
    return lines * (tokens * ends + max(2 * compute * layer.inner * tokens, scores))


def _spread_bytes(layer: TrainedLayer, tokens: int, compute: int) -> int:
    """Bytes of keys and values repeated for each block of queries and each head, which are kept."""
    windowed = 0 < layer.window < tokens
    if not (windowed or layer.capped):
        return 0
    window = layer.window if windowed else tokens
    seen = 0
    for first in range(0, tokens, BLOCK):
        last = min(first + BLOCK, tokens)
        seen += last - max(0, first - window + 1)
    masks = BLOCK * seen
    # A block's own keys and values are parts of the whole ones where they need no repeating.
    repeated = 2 * seen * layer.asked * compute if layer.heads > layer.kv_heads else 0
    return repeated + masks
