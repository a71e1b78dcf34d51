"""The loss of the tokens that are trained, a block of rows at a time: never full logits.

A block's logits exist once, as the float32 buffer that becomes its softmax and then its gradient
(and in the model's own type beside it). The gradient of the hidden states is worked out in the
same pass, while the logits are there: it is as large as the hidden states, and the head's product
is not computed a second time on the way back.
"""

from typing import Any

import torch
from torch import Tensor


def block_loss(
    hidden: Tensor,
    head: Tensor,
    targets: Tensor,
    *,
    rows: int,
    scale: float = 1.0,
    softcap: float | None = None,
) -> Tensor:
    """The sum of the cross entropies of `targets`, in nats, in float32.

    Divide it by a count of your own: over accumulated batches that is the count of all of them.

    Args:
        hidden: what the trained tokens are predicted from, of shape (tokens, width).
        head: the frozen output head, of shape (vocabulary, width); in a type of its own, which
            the product is computed in.
        targets: the tokens, of shape (tokens,).
        rows: tokens whose logits exist at one time.
        scale: what logits are multiplied by.
        softcap: logits are kept within ± this by a tangent (gemma2); None: they are not.

    Raises:
        ValueError: the head is to be trained, which this does not do.
    """
    if head.requires_grad:
        raise ValueError("the loss by blocks is for a frozen head")
    if rows < 1:
        raise ValueError("a block has at least one row")
    wanted = torch.is_grad_enabled() and hidden.requires_grad
    total: Tensor = _BlockLoss.apply(  # type: ignore[no-untyped-call]
        hidden, head, targets, rows, scale, softcap, wanted
    )
    return total


def block_bytes(rows: int, vocabulary: int, width: int, *, half: bool, softcap: bool) -> int:
    """The most bytes that one block takes beside hidden states, head and gradient.

    Args:
        rows: tokens of the block.
        vocabulary: tokens of the vocabulary.
        width: of a hidden state.
        half: whether the head is in 16 bits.
        softcap: whether logits are capped.
    """
    logits = rows * vocabulary
    size = 2 if half else 4
    # The float32 buffer; the logits in the head's type, or their gradient, where that is another
    # or they are needed once more; the tangents, on the way back through the cap.
    bytes_ = logits * 4 + (logits * size if half or softcap else 0) + (logits * 4 if softcap else 0)
    return bytes_ + 2 * rows * width * size


class _BlockLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        head: Tensor,
        targets: Tensor,
        rows: int,
        scale: float,
        softcap: float | None,
        wanted: bool,
    ) -> Tensor:
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        gradient = torch.empty_like(hidden) if wanted else None
        # A product of its own type, whatever autocast would choose.
        with torch.autocast(hidden.device.type, enabled=False):
            for first in range(0, hidden.shape[0], rows):
                last = min(first + rows, hidden.shape[0])
                total += _block(
                    hidden[first:last],
                    head,
                    targets[first:last],
                    scale,
                    softcap,
                    None if gradient is None else gradient[first:last],
                )
        if gradient is not None:
            ctx.save_for_backward(gradient)
        return total

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> Any:
        (gradient,) = ctx.saved_tensors
        return gradient * outer[0].to(gradient.dtype), None, None, None, None, None, None


def _block(
    hidden: Tensor,
    head: Tensor,
    targets: Tensor,
    scale: float,
    softcap: float | None,
    gradient: Tensor | None,
) -> Tensor:
    """The loss of one block; its gradient goes into `gradient`."""
    logits = torch.matmul(hidden.to(head.dtype), head.t())
    inner = scale if softcap is None else scale / softcap
    # Where the head is in float32 and nothing is capped, the logits themselves are the buffer.
    buffer = logits.float() if softcap is None else logits.to(torch.float32, copy=True)
    if inner != 1.0:
        buffer.mul_(inner)
    if softcap is not None:
        buffer.tanh_().mul_(softcap)
    else:
        del logits
    wanted = targets[:, None]
    right = buffer.gather(1, wanted)
    most = buffer.amax(dim=1, keepdim=True)
    sums = buffer.sub_(most).exp_().sum(dim=1, keepdim=True)
    loss = (sums.log() + most - right).sum()
    if gradient is None:
        return loss
    buffer.div_(sums)
    buffer.scatter_add_(1, wanted, buffer.new_full(wanted.shape, -1.0))
    if softcap is not None:
        # d(cap · tanh(y)) = cap · (1 − tanh²(y)) · dy
        tangents = logits.to(torch.float32, copy=True).mul_(inner).tanh_()
        del logits
        buffer.mul_(tangents.square_().neg_().add_(1.0)).mul_(softcap)
        del tangents
    if inner != 1.0:
        buffer.mul_(inner)
    gradient.copy_(torch.matmul(buffer.to(head.dtype), head))
    return loss
