"""Rows that share a sequence never see each other, whatever the architecture."""

from typing import Any

import pytest
import tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from watching import Watch

from storytui_train.training import attention
from storytui_train.training.attention import PADDING, Spans, attend, spans_of
from storytui_train.training.learner import Learner, forward_loss
from storytui_train.training.lora import new_adapter


def learner_of(kind: str, **changed: Any) -> Learner:
    options = tiny.options(**changed)
    base = tiny.base_of(tiny.model_of(kind))
    learner = Learner(base, new_adapter(base, options, seed=1), options)
    generator = torch.Generator().manual_seed(5)
    for name, each in learner.named_parameters():
        if ".lora_B." in name:
            each.data.copy_(torch.randn(each.shape, generator=generator) * 0.1)
    return learner.train()


def gradients(learner: Learner) -> Tensor:
    return torch.cat([each.grad.reshape(-1) for each in learner.parameters() if each.requires_grad])


@pytest.mark.parametrize("kind", tiny.ARCHITECTURES)
def test_packed_rows_are_learnt_as_rows_alone(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention, "BLOCK", 5)
    rows, begins = tiny.some_rows(5)
    learner = learner_of(kind)

    def learn(*batches: list[list[int]]) -> tuple[float, int, Tensor]:
        learner.zero_grad()
        total, counted = 0.0, 0
        for lines in batches:
            loss, count = forward_loss(learner, tiny.batch_of(rows, begins, lines))
            loss.backward()
            total, counted = total + loss.item(), counted + count
        return total, counted, gradients(learner)

    alone = learn([[0]], [[1]], [[2]], [[3]], [[4]])
    trained = sum(len(row) - begin for row, begin in zip(rows, begins, strict=True))
    assert alone[1] == trained
    for packed in (
        learn([[3, 0, 2], [4, 1]]),
        learn([[0, 1, 2, 3, 4]]),
        learn([[0], [1, 2]], [[4], [3]]),
    ):
        assert packed[1] == trained
        assert packed[0] == pytest.approx(alone[0], rel=1e-5)
        assert torch.allclose(packed[2], alone[2], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", tiny.ARCHITECTURES)
def test_a_row_is_learnt_as_transformers_own_model_learns_it(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from peft import get_peft_model, set_peft_model_state_dict

    from storytui_train.training.lora import _weights_of, lora_config

    monkeypatch.setattr(attention, "BLOCK", 5)
    rows, begins = tiny.some_rows(1, most=40)
    learner = learner_of(kind)
    base = tiny.base_of(tiny.model_of(kind))
    own = get_peft_model(tiny.model_of(kind), lora_config(base, tiny.options()))
    set_peft_model_state_dict(own, _weights_of(learner.model))

    tokens = torch.tensor([rows[0]])
    logits = own(input_ids=tokens, use_cache=False).logits[0, begins[0] - 1 : -1]
    right = torch.nn.functional.cross_entropy(logits, tokens[0, begins[0] :], reduction="sum")
    right.backward()
    loss, count = forward_loss(learner, tiny.batch_of(rows, begins, [[0]]))
    loss.backward()

    theirs = {name: each.grad for name, each in own.named_parameters() if each.requires_grad}
    ours = {n: p.grad for n, p in learner.model.named_parameters() if p.requires_grad}
    assert len(theirs) == 2 * 7 * 2
    assert ours.keys() == theirs.keys()
    assert count == len(rows[0]) - begins[0]
    assert loss.item() == pytest.approx(right.item(), rel=1e-5)
    for name, each in theirs.items():
        assert each.abs().max() > 0, name
        assert torch.allclose(ours[name], each, rtol=1e-5, atol=1e-5), name


@given(st.lists(st.lists(st.integers(-1, 3), min_size=1, max_size=20), min_size=1, max_size=4))
@settings(max_examples=150, deadline=None)
def test_spans_are_the_runs_of_equal_segments(lines: list[list[int]]) -> None:
    length = max(len(line) for line in lines)
    lines = [line + [PADDING] * (length - len(line)) for line in lines]

    spans = spans_of(torch.tensor(lines))

    rebuilt = [[PADDING] * length for _ in lines]
    for line, first, last in spans.places:
        assert len(set(lines[line][first:last])) == 1
        assert first == 0 or lines[line][first - 1] != lines[line][first]
        assert last == length or lines[line][last] != lines[line][first]
        rebuilt[line][first:last] = lines[line][first:last]
    assert rebuilt == lines
    one_each = [line for line, _, _ in spans.places] == list(range(len(lines)))
    assert spans.alone == (one_each and all(first == 0 for _, first, _ in spans.places))


@given(
    tokens=st.integers(1, 40),
    window=st.sampled_from([None, 1, 3, 8, 64]),
    softcap=st.sampled_from([None, 1.5]),
    block=st.integers(1, 17),
    heads=st.sampled_from([(4, 4), (4, 2), (4, 1)]),
)
@settings(max_examples=60, deadline=None)
def test_windows_and_caps_by_blocks_are_those_of_a_whole_mask(
    tokens: int, window: int | None, softcap: float | None, block: int, heads: tuple[int, int]
) -> None:
    generator = torch.Generator().manual_seed(tokens)
    query = torch.randn(2, heads[0], tokens, 8, generator=generator)
    key, value = (torch.randn(2, heads[1], tokens, 8, generator=generator) for _ in range(2))
    scores = query @ key.repeat_interleave(heads[0] // heads[1], 1).transpose(2, 3) * 0.4
    if softcap is not None:
        scores = torch.tanh(scores / softcap) * softcap
    behind = torch.arange(tokens)[:, None] - torch.arange(tokens)
    unseen = (behind < 0) | (behind >= (window or tokens))
    shares = scores.masked_fill(unseen, float("-inf")).softmax(-1)
    right = shares @ value.repeat_interleave(heads[0] // heads[1], 1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attention, "BLOCK", block)
        made, _ = attend(
            torch.nn.Module(),
            *(query, key, value, None),
            scaling=0.4,
            sliding_window=window,
            softcap=softcap,
        )

    assert torch.allclose(made, right.transpose(1, 2), atol=1e-5)


def test_no_mask_as_long_as_the_sequence_squared_is_made() -> None:
    tokens, rows = 600, 20
    query, key, value = (torch.randn(1, 2, tokens, 8) for _ in range(3))
    each = tokens // rows
    spans = Spans(tuple((0, first, first + each) for first in range(0, tokens, each)), alone=False)

    with Watch() as watch:
        attend(torch.nn.Module(), query, key, value, None, spans=spans)
        attend(torch.nn.Module(), query, key, value, None, sliding_window=9, softcap=2.0)

    assert watch.largest < tokens * tokens


def test_padding_between_rows_sees_and_gives_nothing() -> None:
    segments = torch.tensor([[PADDING, 0, 0, PADDING, 1, PADDING]])
    query, key, value = (torch.randn(1, 2, 6, 8) for _ in range(3))

    made, _ = attend(torch.nn.Module(), query, key, value, None, spans=spans_of(segments))

    assert made[0, [0, 3, 5]].abs().sum() == 0
    assert torch.allclose(made[0, 1], value[0, :, 1])
    assert torch.allclose(made[0, 4], value[0, :, 4])


def test_a_mask_of_somebody_elses_is_refused() -> None:
    query, key, value = (torch.randn(1, 2, 4, 8) for _ in range(3))

    with pytest.raises(ValueError, match="without a mask"):
        attend(torch.nn.Module(), query, key, value, torch.ones(1, 1, 4, 4))


def test_the_first_token_of_a_row_is_never_learnt_from_the_row_before() -> None:
    rows, _ = tiny.some_rows(2)
    learner = learner_of("llama")

    _, count = forward_loss(learner, tiny.batch_of(rows, [0, 0], [[0, 1]]))

    assert count == len(rows[0]) + len(rows[1]) - 2


def test_a_batch_without_trained_tokens_has_gradients_of_zero() -> None:
    rows, _ = tiny.some_rows(2)
    learner = learner_of("llama")

    loss, count = forward_loss(learner, tiny.batch_of(rows, [len(row) for row in rows], [[0, 1]]))
    loss.backward()

    assert (loss.item(), count) == (0.0, 0)
    assert gradients(learner).abs().max() == 0
