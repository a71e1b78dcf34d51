"""Whether rows that share a sequence are kept apart by a base, tried as training calls it."""

from typing import Any

from torch import Tensor

from storytui_train.training.attention import spans_of
from storytui_train.training.base import Base
from storytui_train.training.separation import attends_apart


def keeps_apart(base: Base) -> bool:
    """Whether a row has the same outputs whatever row stands in front of it.

    Dropout is off afterwards: each step of training turns it on, and each validation off.
    """
    causal: Any = base.model
    decoder = causal.model
    # An adapter's dropout, which is on when it is made, differs between two runs by itself.
    decoder.eval()

    def forward(tokens: Tensor, positions: Tensor) -> Tensor:
        made: Tensor = decoder(
            inputs_embeds=decoder.embed_tokens(tokens),
            position_ids=positions,
            use_cache=False,
            spans=spans_of((positions == 0).cumsum(1)),
        ).last_hidden_state
        return made

    return attends_apart(forward, base.config.vocab_size, base.device)
