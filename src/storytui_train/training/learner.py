"""A model that is trained: a batch of packed rows in, the sum of its trained tokens' losses out."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from storytui_train.recipe_training import TrainOptions
from storytui_train.training import lean as lean_layers
from storytui_train.training.attention import PADDING, spans_of
from storytui_train.training.base import Base
from storytui_train.training.checkpointing import Keeper, install
from storytui_train.training.loss import block_loss

if TYPE_CHECKING:
    from peft import PeftModel

BATCH = ("input_ids", "positions", "segments", "trained")
"""What a batch holds; see `Learner.forward`."""


class Learner(nn.Module):
    """A base with an adapter. It can be wrapped by whoever spreads training over processes."""

    def __init__(
        self, base: Base, model: "PeftModel", options: TrainOptions, *, lean: bool = True
    ) -> None:
        """Make ready for training.

        Args:
            base: what `model` was made of.
            model: the base with its adapter.
            options: how much is in memory at one time.
            lean: whether adapted layers are computed without copies; not where something has to
                see the calls of the adapter's own modules, as FSDP with a wrapper for each has.
        """
        super().__init__()
        self.model = model
        self.keeper = Keeper(options.checkpointing)
        self._causal: tuple[Any] = (base.model,)
        self._compute = base.compute
        self._rows = options.loss_rows
        self._softcap: float | None = getattr(base.config, "final_logit_softcapping", None)
        install(base.model.model.layers, self.keeper)
        self.lean = bool(lean and lean_layers.install(model))

    def forward(
        self, input_ids: Tensor, positions: Tensor, segments: Tensor, trained: Tensor
    ) -> tuple[Tensor, int]:
        """The sum of the losses in nats, float32, and the number of tokens that it is of.

        Args:
            input_ids: tokens of shape (lines, tokens).
            positions: of each token in its row, of the same shape.
            segments: the row that each token belongs to, of the same shape; `PADDING`: none.
            trained: which tokens are learnt, true or false, of the same shape. The first token
                of a row has nothing that it could be predicted from and never counts.

        They may be on the CPU: where rows are is asked there, without waiting for a GPU.
        """
        causal = self._causal[0]
        self.keeper.begin()
        spans = spans_of(segments)
        learnt = (
            trained[:, 1:] & (segments[:, 1:] == segments[:, :-1]) & (segments[:, 1:] != PADDING)
        )
        line, before = learnt.nonzero(as_tuple=True)
        targets = input_ids[line, before + 1]
        half = self._compute != torch.float32
        device = causal.lm_head.weight.device
        # The adapters' float32 is cast to the type that is computed in, never the layers' inputs,
        # which are many times as large, to theirs.
        with torch.autocast(device.type, dtype=self._compute if half else None, enabled=half):
            hidden = causal.model(
                inputs_embeds=causal.model.embed_tokens(input_ids),
                position_ids=positions.to(device),
                use_cache=False,
                spans=spans,
            ).last_hidden_state
        chosen = hidden[line.to(device), before.to(device)]
        loss = block_loss(
            chosen,
            causal.lm_head.weight,
            targets.to(device),
            rows=self._rows,
            softcap=self._softcap,
        )
        return loss, chosen.shape[0]


def forward_loss(model: nn.Module, batch: Mapping[str, Tensor]) -> tuple[Tensor, int]:
    """The one way in which a batch is learnt or measured.

    Args:
        model: a `Learner`, or what accelerate made of one.
        batch: tensors by the names of `BATCH`; others are passed over.

    Returns:
        The sum of the losses in nats, in float32, to be divided by a count of the caller's own;
        and the number of tokens that it is of.
    """
    loss, count = model(**{name: batch[name] for name in BATCH})
    return loss, count
