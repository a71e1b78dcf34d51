"""Attention in which rows that share a sequence never see each other, for every architecture here.

It is registered with transformers under a name of its own. Each row of a packed sequence is
attended to by itself, so that nothing of one can reach another and no mask as long as the sequence
squared is ever made. Sliding windows and gemma2's soft-capped scores are computed a block of
queries at a time.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from torch.utils.checkpoint import checkpoint

NAME = "storytui"
"""What transformers knows it by (`attn_implementation`)."""
PADDING = -1
"""The segment of tokens that belong to no row."""
BLOCK = 256
"""Queries whose scores exist at one time where a kernel of torch's cannot be used as it is."""


@dataclass(frozen=True, slots=True)
class Spans:
    """Where the rows of a batch are."""

    places: tuple[tuple[int, int, int], ...]
    """Line of the batch, first token and the one behind the last of each row, in order."""
    alone: bool
    """Whether each line holds one row from its beginning: padding behind it is seen by nobody."""


def spans_of(segments: Tensor) -> Spans:
    """Find the rows of a batch.

    Args:
        segments: whole numbers of shape (lines, tokens): for each token the row that it belongs
            to, equal for neighbours of one row; `PADDING` for tokens of none.
    """
    begins = torch.ones_like(segments, dtype=torch.bool)
    begins[:, 1:] = segments[:, 1:] != segments[:, :-1]
    lines, tokens = segments.shape
    found = begins.nonzero().tolist()
    kinds = segments[begins].tolist()
    places: list[tuple[int, int, int]] = []
    for number, ((line, first), kind) in enumerate(zip(found, kinds, strict=True)):
        last = tokens
        if number + 1 < len(found) and found[number + 1][0] == line:
            last = found[number + 1][1]
        if kind != PADDING:
            places.append((line, first, last))
    alone = len(places) == lines and all(first == 0 for _, first, _ in places)
    return Spans(tuple(places), alone)


def register() -> str:
    """Make the attention known to transformers; returns its name."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, attend)
    return NAME


def attend(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    softcap: float | None = None,
    spans: Spans | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """Causal attention within each row, as transformers calls it.

    Args:
        module: the attention layer that asks.
        query: of shape (lines, heads, tokens, size of a head).
        key: as `query`, with as many heads or a whole part of them.
        value: as `key`.
        attention_mask: none; rows are told apart by `spans`.
        scaling: what scores are multiplied by.
        dropout: share of the attention that is left out in training.
        sliding_window: tokens, its own among them, that a token sees; None: all before it.
        softcap: scores are kept within ± this by a tangent; None: they are not.
        spans: where the rows are; None: each line is one.
        others: what else transformers passes on, such as positions.

    Returns:
        Of shape (lines, tokens, heads, size of a head); zeros for padding between rows.
    """
    del module, others
    if attention_mask is not None or query.shape[2] != key.shape[2]:
        raise ValueError("this attention is for training: whole rows, without a mask")
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling

    def within(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        windowed = sliding_window is not None and q.shape[2] > sliding_window
        if softcap is None and not windowed:
            return scaled_dot_product_attention(
                q, k, v, dropout_p=dropout, is_causal=True, scale=scale, enable_gqa=True
            )
        window = sliding_window if windowed and sliding_window is not None else q.shape[2]
        return _in_blocks(q, k, v, scale, dropout, window, softcap)

    if spans is None or spans.alone:
        return within(query, key, value).transpose(1, 2).contiguous(), None
    lines, heads, tokens, _ = query.shape
    rows: list[list[Tensor]] = [[] for _ in range(lines)]
    done = [0] * lines

    def fill(line: int, until: int) -> None:
        if until > done[line]:
            shape = (1, heads, until - done[line], value.shape[-1])
            rows[line].append(value.new_zeros(shape))

    for line, first, last in spans.places:
        fill(line, first)
        q, k, v = (each[line : line + 1, :, first:last] for each in (query, key, value))
        rows[line].append(within(q, k, v))
        done[line] = last
    for line in range(lines):
        fill(line, tokens)
    whole = torch.cat([torch.cat(parts, dim=2) for parts in rows])
    return whole.transpose(1, 2).contiguous(), None


def _in_blocks(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    scale: float,
    dropout: float,
    window: int,
    softcap: float | None,
) -> Tensor:
    """Causal attention, `BLOCK` queries at a time, each with the keys that it can see alone."""
    groups = query.shape[1] // key.shape[1]
    blocks = []
    for first in range(0, query.shape[2], BLOCK):
        last = min(first + BLOCK, query.shape[2])
        begin = max(0, first - window + 1)
        # How far each key lies behind each query.
        behind = torch.arange(first, last, device=query.device)[:, None] - torch.arange(
            begin, last, device=query.device
        )
        seen = (behind >= 0) & (behind < window)
        q, k, v = query[:, :, first:last], key[:, :, begin:last], value[:, :, begin:last]
        if groups > 1:
            k, v = (each.repeat_interleave(groups, dim=1) for each in (k, v))
        if softcap is None:
            block = scaled_dot_product_attention(
                q, k, v, attn_mask=seen, dropout_p=dropout, scale=scale
            )
        elif torch.is_grad_enabled():
            # Only one block's scores are kept, on the way back too.
            block = checkpoint(_capped, q, k, v, seen, scale, dropout, softcap, use_reentrant=False)
        else:
            block = _capped(q, k, v, seen, scale, dropout, softcap)
        blocks.append(block)
    return torch.cat(blocks, dim=2)


def _capped(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    seen: Tensor,
    scale: float,
    dropout: float,
    softcap: float,
) -> Tensor:
    scores = torch.matmul(query, key.transpose(2, 3)) * scale
    scores = torch.tanh(scores / softcap) * softcap
    scores = scores.masked_fill(~seen, torch.finfo(scores.dtype).min)
    shares = torch.softmax(scores, dim=-1, dtype=torch.float32).to(query.dtype)
    if dropout:
        shares = torch.nn.functional.dropout(shares, dropout)
    return torch.matmul(shares, value)
