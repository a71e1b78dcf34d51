"""Frozen token embeddings, in host memory or wherever else: a table of which a batch reads rows."""

import torch
from torch import Tensor, nn


class FrozenEmbedding(nn.Module):
    """Looks tokens up where the table is, and gives what it finds to a device.

    The table is no parameter: nothing that moves a model to a device, counts its parameters or
    casts them takes hold of it. It may be the output head's, where both are one.
    """

    def __init__(self, table: Tensor, device: torch.device, scale: float | None = None) -> None:
        """Keep `table`.

        Args:
            table: of shape (vocabulary, width).
            device: where what was looked up is wanted.
            scale: what embeddings are multiplied by (gemma); None: nothing.
        """
        super().__init__()
        self._held = (table,)
        self.scale = scale
        self.device = device
        self.num_embeddings, self.embedding_dim = table.shape

    @property
    def weight(self) -> Tensor:
        """The table."""
        return self._held[0]

    def forward(self, tokens: Tensor) -> Tensor:
        """Embeddings of shape (…, width) for tokens of shape (…)."""
        found = nn.functional.embedding(tokens.to(self.weight.device), self.weight)
        found = found.to(self.device, non_blocking=True)
        if self.scale is not None:
            # Rounded to the embeddings' type first, as transformers does.
            found = found * torch.tensor(self.scale, dtype=found.dtype, device=found.device)
        return found
