"""Whether a model keeps rows apart that share a sequence. Imports torch."""

from collections.abc import Callable
from typing import Any

import torch

LENGTHS = (8, 6)
"""Tokens of the two rows that are tried."""
TOLERANCE = 1e-3
"""Of the outputs' largest value: what rounding may change where nothing is seen of the other."""


def attends_apart(
    forward: Callable[[Any, Any], Any], vocabulary: int, device: str | torch.device = "cpu"
) -> bool:
    """Whether a row has the same outputs whatever row stands in front of it in its sequence.

    It is tried, not looked up: transformers tells rows apart by their positions, but only where no
    attention mask and no cache is given, and not for each kind of attention; where it does not, a
    model would be trained on rows that see each other, and nothing would say so.

    Args:
        forward: what training calls: token ids and positions, both (1, tokens), to logits or last
            hidden states (1, tokens, any).
        vocabulary: how many tokens the model knows.
        device: where the model takes its input.
    """
    first, second = LENGTHS
    positions = torch.tensor([[*range(first), *range(second)]], device=device)
    behind = [(7 + 5 * n) % vocabulary for n in range(second)]
    found = []
    for step in (3, 11):
        front = [(1 + step * n) % vocabulary for n in range(first)]
        with torch.no_grad():
            made = forward(torch.tensor([front + behind], device=device), positions)
        found.append(made[0, first:].float())
    one, other = found
    return float((one - other).abs().max()) <= TOLERANCE * float(one.abs().max())
