"""The loss by blocks is the loss of full logits, which are never made."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy
from watching import Watch

from storytui_train.training.loss import block_bytes, block_loss


def case(tokens: int, vocabulary: int, width: int = 16, seed: int = 0) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(tokens, width, generator=generator).requires_grad_(True)
    head = torch.randn(vocabulary, width, generator=generator)
    targets = torch.randint(0, vocabulary, (tokens,), generator=generator)
    return hidden, head, targets


def full(
    hidden: torch.Tensor,
    head: torch.Tensor,
    targets: torch.Tensor,
    scale: float = 1.0,
    softcap: float | None = None,
) -> torch.Tensor:
    logits = hidden.double() @ head.double().t() * scale
    if softcap is not None:
        logits = torch.tanh(logits / softcap) * softcap
    return cross_entropy(logits, targets, reduction="sum")


@settings(max_examples=60, deadline=None)
@given(
    tokens=st.integers(1, 40),
    rows=st.integers(1, 50),
    vocabulary=st.integers(2, 90),
    scale=st.sampled_from([1.0, 0.25]),
    softcap=st.sampled_from([None, 3.0, 30.0]),
    outer=st.sampled_from([1.0, 0.125]),
    seed=st.integers(0, 1000),
)
def test_loss_and_gradient_are_those_of_full_logits(
    tokens: int,
    rows: int,
    vocabulary: int,
    scale: float,
    softcap: float | None,
    outer: float,
    seed: int,
) -> None:
    hidden, head, targets = case(tokens, vocabulary, seed=seed)
    other = hidden.detach().clone().requires_grad_(True)

    right = full(other, head, targets, scale, softcap)
    (right * outer).backward()
    loss = block_loss(hidden, head, targets, rows=rows, scale=scale, softcap=softcap)
    (loss * outer).backward()

    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(right.item(), rel=1e-5, abs=1e-5)
    assert torch.allclose(hidden.grad, other.grad, rtol=0, atol=1e-5)


def test_logits_of_hundreds_do_not_overflow() -> None:
    hidden, head, targets = case(8, 20)

    loss = block_loss(hidden * 300, head, targets, rows=3)

    assert loss.item() == pytest.approx(full(hidden * 300, head, targets).item(), rel=1e-5)


@pytest.mark.parametrize("softcap", [None, 5.0])
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_a_block_takes_what_is_said_and_never_is_there_more(
    kind: torch.dtype, softcap: float | None
) -> None:
    hidden, head, targets = case(tokens=200, vocabulary=1000, width=32)
    head = head.to(kind)

    with Watch() as watch:
        loss = block_loss(hidden, head, targets, rows=20, softcap=softcap)
        loss.backward()

    said = block_bytes(20, 1000, 32, half=kind == torch.bfloat16, softcap=softcap is not None)
    gradient = 2 * hidden.numel() * 4
    assert watch.largest == 20 * 1000
    assert 0.9 * said <= watch.peak <= said + gradient


def test_the_head_is_never_copied_to_float32() -> None:
    hidden, head, targets = case(tokens=10, vocabulary=1000, width=32)

    with Watch() as watch:
        block_loss(hidden, head.bfloat16(), targets, rows=5)

    # bfloat16() itself makes one of its size.
    assert [kind for kind, shape in watch.shapes if shape == (1000, 32)] == [torch.bfloat16]


def test_without_gradients_none_is_made() -> None:
    hidden, head, targets = case(tokens=30, vocabulary=50)

    with torch.no_grad():
        loss = block_loss(hidden, head, targets, rows=7)

    assert not loss.requires_grad
    assert loss.item() == pytest.approx(full(hidden, head, targets).item(), rel=1e-5)


def test_no_tokens_have_no_loss_and_a_gradient_of_none() -> None:
    hidden, head, targets = case(tokens=0, vocabulary=50)

    loss = block_loss(hidden, head, targets, rows=7)
    loss.backward()

    assert loss.item() == 0.0
    assert hidden.grad is not None
    assert hidden.grad.shape == hidden.shape


def test_a_head_that_is_trained_is_refused() -> None:
    hidden, head, targets = case(tokens=3, vocabulary=5)

    with pytest.raises(ValueError, match="frozen head"):
        block_loss(hidden, head.requires_grad_(True), targets, rows=2)
