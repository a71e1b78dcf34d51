"""The graph that llama.cpp computes for a batch, by sizes: what its intermediate results need.

Built in llama.cpp's order (llama-graph.cpp and its models) out of the tensors that a layer has: an
attention norm, queries with a bias, a gate beside the inner layer, a norm behind. For transformers
that gives llama.cpp's own figure, to the places that its log prints: the tests hold llama, qwen2,
qwen3, gemma2, gemma3, phi3, cohere2, qwen3moe and gpt-oss against it. Recurrent layers are taken
for layers without attention, which is some megabytes off for lfm2 and qwen35.
"""

from dataclasses import dataclass
from functools import lru_cache

from storytui.models.compute_buffer import Dimensions, Graph, Piece, buffer_size
from storytui.models.shape import Layer, Shape

CPU_ALIGNMENT = 32
"""Bytes (ggml-backend.cpp, TENSOR_ALIGNMENT)."""
GPU_ALIGNMENT = 128
"""Bytes (ggml-cuda.cu); not verified on a GPU."""
_FLOAT, _HALF, _INT, _LONG = 4, 2, 4, 8
_ROTATED = 64
"""Quantised keys and values are rotated where a head is a multiple of this (llama-kv-cache.cpp)."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The largest batch that a context computes, and the cache that it looks at."""

    tokens: int
    outputs: int
    """Tokens whose logits are computed at once."""
    cells: int
    """Tokens of context that the cache holds."""
    window_cells: int
    """Those that it holds for layers with a sliding window."""
    flash_attention: bool
    quantised: bool
    """Whether keys and values are."""
    on_gpu: bool
    """The embeddings then come from the CPU, ready made."""


@lru_cache(maxsize=512)
def compute_bytes(shape: Shape, batch: Batch) -> int:
    """Bytes of llama.cpp's compute buffer on the device that has the layers."""
    graph = _Builder(shape, batch).built()
    return buffer_size(graph, GPU_ALIGNMENT if batch.on_gpu else CPU_ALIGNMENT)


class _Builder:
    """Builds the graph of one batch."""

    def __init__(self, shape: Shape, batch: Batch) -> None:
        self._shape = shape
        self._batch = batch
        self._graph = Graph()
        self._gemma = shape.architecture.startswith("gemma")
        tokens = batch.tokens
        self._positions = _given((tokens, 1, 1, 1), _INT)
        self._kept: dict[bool, tuple[Piece, Piece, Piece]] = {}
        """Places in the cache for keys and for values, and the mask; by whether windowed."""
        most_values = max((each.values for each in shape.layers), default=0)
        places = tokens if batch.flash_attention else tokens * most_values
        for windowed, cells in ((False, batch.cells), (True, batch.window_cells)):
            self._kept[windowed] = (
                _given((tokens, 1, 1, 1), _LONG),
                _given((places, 1, 1, 1), _LONG),
                _given((cells, tokens, 1, 1), _HALF if batch.flash_attention else _FLOAT),
            )
        self._rotations: dict[tuple[bool, str], Piece] = {}
        self._out = _given((batch.outputs, 1, 1, 1), _INT)

    def built(self) -> Graph:
        """The graph."""
        shape, graph = self._shape, self._graph
        stream = self._embeddings()
        last = len(shape.layers) - 1
        for number, layer in enumerate(shape.layers):
            before = stream
            normed = current = self._norm(layer, "attn_norm", stream)
            if layer.kv_heads and _has_attention(layer):
                current = self._attention(layer, current)
            if number == last:
                current, before = _rows(current, self._out), _rows(before, self._out)
                normed = _rows(normed, self._out)
            current = self._norm(layer, "post_attention_norm", current)
            middle = _sum(current, before)
            # Where nothing norms what attention added, the inner layer works beside it.
            beside = not layer.tensors.keys() & {"ffn_norm.weight", "post_attention_norm.weight"}
            inner = normed if beside else self._norm(layer, "ffn_norm", middle)
            current = self._norm(layer, "post_ffw_norm", self._inner(layer, inner))
            stream = _sum(current, middle)
        final = _scaled(_normed(stream))
        final.output = True
        logits = _mat(shape.vocabulary, final)
        logits.output = True
        graph.expand(logits)
        return graph

    def _embeddings(self) -> Piece:
        tokens, width = self._batch.tokens, self._shape.width
        vectors = _given((width, tokens, 1, 1), _FLOAT)
        if self._batch.on_gpu:
            stream = vectors
        else:
            # Both kinds of input are there, tokens and vectors, whichever is used.
            numbers = _given((tokens, 1, 1, 1), _INT)
            stream = Piece((width, tokens, 1, 1), _FLOAT, (numbers,))
            self._graph.expand(stream)
            self._graph.expand(vectors)
        if self._gemma:
            stream = _scaled(stream)
        self._graph.expand(stream)
        return stream

    def _norm(self, layer: Layer, name: str, piece: Piece) -> Piece:
        """Normed and scaled, where the layer does that."""
        if f"{name}.weight" not in layer.tensors:
            return piece
        normed = _scaled(_normed(piece))
        return _scaled(normed) if f"{name}.bias" in layer.tensors else normed

    # --- attention --------------------------------------------------------------------------------

    def _attention(self, layer: Layer, current: Piece) -> Piece:
        tokens, graph = self._batch.tokens, self._graph
        query, key, value = self._projected(layer, current)
        # Cohere's layers that see everything do not know positions.
        turned = layer.windowed or self._shape.architecture != "cohere2"
        query = self._heads(layer, "attn_q_norm", query, layer.heads, turned=turned)
        key = self._heads(layer, "attn_k_norm", key, layer.kv_heads, turned=turned)
        value = self._heads(layer, "", value, layer.kv_heads, turned=False)
        if self._gemma:
            query = _scaled(query)
        rotated = self._batch.quantised and not layer.key_length % _ROTATED
        if rotated:
            query = self._rotated(layer, "keys", query)
            key = self._rotated(layer, "keys", key)
            if not layer.value_length % _ROTATED:
                value = self._rotated(layer, "values", value)
        order = (query, key, value) if self._shape.window else (query, value, key)
        for each in order:
            graph.expand(each)
        key_places, value_places, mask = self._kept[layer.windowed]
        flat: Dimensions = (layer.kv_heads * layer.key_length, tokens, 1, 1)
        graph.expand(_store(_view(key, flat), key_places))
        graph.expand(_store(_view(value, (value.size // _FLOAT, 1, 1, 1)), value_places))
        asked = _view(_view(query, query.shape), (query.shape[0], tokens, layer.heads, 1))
        width = layer.heads * (layer.value_length or layer.key_length)
        if self._batch.flash_attention:
            mixed = Piece((width // layer.heads, layer.heads, tokens, 1), _FLOAT, (asked, mask))
            result = _view(mixed, (width, tokens, 1, 1))
        else:
            scores = Piece((mask.shape[0], tokens, layer.heads, 1), _FLOAT, (asked,))
            if self._shape.architecture in ("gemma2", "grok"):
                scores = _scaled(_scaled(_scaled(scores)))
            weights = Piece(scores.shape, _FLOAT, (scores, mask), in_place=True)
            mixed = Piece((width // layer.heads, tokens, layer.heads, 1), _FLOAT, (weights,))
            shown = _view(mixed, (width // layer.heads, layer.heads, tokens, 1))
            result = Piece((width, tokens, 1, 1), _FLOAT, (shown,))
        graph.expand(result)
        if rotated and not layer.value_length % _ROTATED:
            result = self._rotated(layer, "values", result)
        return self._linear(layer, "attn_output", self._shape.width, result)

    def _projected(self, layer: Layer, current: Piece) -> tuple[Piece, Piece, Piece]:
        """Queries, keys and values of a batch."""
        wide = layer.heads * layer.key_length
        keys = layer.kv_heads * layer.key_length
        values = layer.kv_heads * (layer.value_length or layer.key_length)
        if "attn_qkv.weight" not in layer.tensors:
            return (
                self._linear(layer, "attn_q", wide, current),
                self._linear(layer, "attn_k", keys, current),
                self._linear(layer, "attn_v", values, current),
            )
        whole = self._linear(layer, "attn_qkv", wide + keys + values, current)
        tokens = self._batch.tokens
        return (
            _view(whole, (wide, tokens, 1, 1)),
            _view(whole, (keys, tokens, 1, 1)),
            _view(whole, (values, tokens, 1, 1)),
        )

    def _heads(self, layer: Layer, norm: str, piece: Piece, heads: int, *, turned: bool) -> Piece:
        """Divided into heads; normed where the layer does that, and turned by position."""
        tokens = self._batch.tokens
        length = piece.shape[0] // heads
        piece = _view(piece, (length, heads, tokens, 1))
        if norm:
            piece = self._norm(layer, norm, piece)
        if turned:
            piece = Piece(piece.shape, _FLOAT, (piece, self._positions), in_place=True)
        return piece

    def _rotated(self, layer: Layer, which: str, piece: Piece) -> Piece:
        """Turned by a fixed matrix, so that quantising loses less; each cache has its own."""
        # Keys by the largest matrix whose side divides a head, values by the smallest.
        side = layer.key_length & -layer.key_length if which == "keys" else _ROTATED
        known = (layer.windowed, which)
        matrix = self._rotations.setdefault(known, _given((side, side, 1, 1), _FLOAT))
        flat: Dimensions = (side, piece.size // _FLOAT // side, 1, 1)
        turned = Piece(flat, _FLOAT, (matrix, _view(piece, flat)))
        return _view(turned, piece.shape)

    # --- the inner layer --------------------------------------------------------------------------

    def _inner(self, layer: Layer, current: Piece) -> Piece:
        if "ffn_gate_inp.weight" in layer.tensors:
            return self._experts(layer, current)
        if "ffn_up.weight" not in layer.tensors:
            return current
        width = layer.tensors["ffn_up.weight"].shape[1]
        after = layer.tensors["ffn_down.weight"].shape[0]
        up = self._linear(layer, "ffn_up", width, current)
        if "ffn_gate.weight" in layer.tensors:
            gate = self._linear(layer, "ffn_gate", width, current)
            active = Piece(gate.shape, _FLOAT, (gate, up))
        elif width == 2 * after:
            active = Piece((after, *up.shape[1:]), _FLOAT, (up,))
        else:
            active = _scaled(up)
        return self._linear(layer, "ffn_down", self._shape.width, active)

    def _experts(self, layer: Layer, current: Piece) -> Piece:
        """A mixture of experts: each token goes through some of them."""
        used = self._shape.experts_used
        width, tokens = current.shape[:2]
        count = layer.tensors["ffn_gate_inp.weight"].shape[-1]
        logits = _mat(count, current)
        chances = Piece(logits.shape, _FLOAT, (logits,), in_place=True)
        sorted_ = Piece(chances.shape, _INT, (chances,))
        chosen = _view(sorted_, (used, tokens, 1, 1))
        shares = Piece(
            (1, used, tokens, 1), _FLOAT, (_view(chances, (1, count, tokens, 1)), chosen)
        )
        self._graph.expand(shares)
        spread = _view(current, (width, 1, tokens, 1))
        name = "ffn_up_exps.weight"
        if name in layer.tensors:
            inner: Dimensions = (layer.tensors[name].shape[1], used, tokens, 1)
            up = Piece(inner, _FLOAT, (spread, chosen))
            gate = Piece(inner, _FLOAT, (spread, chosen))
        else:
            both = layer.tensors["ffn_gate_up_exps.weight"].shape[1]
            whole = Piece((both, used, tokens, 1), _FLOAT, (spread, chosen))
            inner = (both // 2, used, tokens, 1)
            up, gate = _view(whole, inner), _view(whole, inner)
        active = Piece(inner, _FLOAT, (gate, up))
        down = Piece((width, used, tokens, 1), _FLOAT, (active, chosen))
        weighted = Piece(down.shape, _FLOAT, (down, shares), in_place=True)
        self._graph.expand(weighted)
        views = [_view(weighted, current.shape) for _ in range(used)]
        for each in views:
            self._graph.expand(each)
        total = views[0]
        for each in views[1:]:
            total = _sum(total, each)
            self._graph.expand(total)
        return total

    def _linear(self, layer: Layer, name: str, rows: int, piece: Piece) -> Piece:
        """Through a matrix of weights, and its bias where it has one."""
        result = _mat(rows, piece)
        return _scaled(result) if f"{name}.bias" in layer.tensors else result


def _has_attention(layer: Layer) -> bool:
    return any(f"attn_{name}.weight" in layer.tensors for name in ("q", "qkv"))


def _given(shape: Dimensions, element: int) -> Piece:
    """What is written from outside before the graph is computed."""
    return Piece(shape, element)


def _mat(rows: int, piece: Piece) -> Piece:
    """The product with a matrix of weights."""
    return Piece((rows, *piece.shape[1:]), _FLOAT, (piece,))


def _normed(piece: Piece) -> Piece:
    return Piece(piece.shape, _FLOAT, (piece,), in_place=True)


_scaled = _normed
"""Multiplied by weights, added to a bias, scaled: the same size, in place where that goes."""


def _sum(left: Piece, right: Piece) -> Piece:
    return Piece(left.shape, _FLOAT, (left, right), in_place=True)


def _rows(piece: Piece, numbers: Piece) -> Piece:
    """Some rows of a matrix."""
    return Piece((piece.shape[0], numbers.shape[0], 1, 1), _FLOAT, (piece, numbers))


def _view(piece: Piece, shape: Dimensions) -> Piece:
    """The same memory in another shape."""
    return Piece(shape, piece.element, (piece,), base=piece.base or piece)


def _store(piece: Piece, places: Piece) -> Piece:
    """Written into the cache."""
    return Piece(piece.shape, piece.element, (piece, places), stored=True)
