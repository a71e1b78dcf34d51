"""Rows that share a sequence attend to themselves alone, in models of each kind of attention."""

from functools import partial
from typing import Any

import pytest

from storytui_train.training.packing import apart, lay_out, pack
from storytui_train.training.rows import TokenRow

SIZES = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 128,
}
ROWS = [
    TokenRow(id=str(n), book="b", reply=2, tokens=tuple((7 * n + 3 * k) % 60 + 1 for k in range(m)))
    for n, m in enumerate((19, 7, 12, 5))
]
LENGTHS = [len(each.tokens) for each in ROWS]


def tiny(kind: str, attention: str) -> Any:
    import torch
    import transformers

    torch.set_num_threads(1)
    torch.manual_seed(1)
    name = {"llama": "Llama", "qwen2": "Qwen2", "gemma3": "Gemma3Text", "gemma2": "Gemma2"}[kind]
    model_name = {"gemma3": "Gemma3ForCausalLM"}.get(kind, f"{name}ForCausalLM")
    # Windows that are shorter than a row.
    windows = {"sliding_window": 6} if kind.startswith("gemma") else {}
    config = getattr(transformers, f"{name}Config")(**SIZES, **windows)
    config._attn_implementation = attention
    return getattr(transformers, model_name)(config).float().eval()


def logits(model: Any, sequences: list[Any], *, together: bool) -> dict[int, Any]:
    """The logits of each row, by its number, where its sequences are computed as they are."""
    import torch

    found: dict[int, Any] = {}
    for turn in [sequences] if together else [[each] for each in sequences]:
        layout = lay_out(turn, ROWS.__getitem__)
        with torch.no_grad():
            made = model(
                input_ids=torch.tensor(layout.tokens),
                position_ids=torch.tensor(layout.positions),
                use_cache=False,
            ).logits
        for line, packed in enumerate(turn):
            segments = torch.tensor(layout.segments[line])
            for number, row in enumerate(packed.rows):
                found[row] = made[line][segments == number]
    return found


@pytest.mark.parametrize(
    ("kind", "attention"),
    [
        ("llama", "sdpa"),
        ("llama", "eager"),
        ("qwen2", "sdpa"),
        ("gemma2", "eager"),
        ("gemma3", "sdpa"),
        ("gemma3", "eager"),
    ],
)
def test_a_row_has_the_same_logits_whatever_shares_its_sequence(kind: str, attention: str) -> None:
    model = tiny(kind, attention)
    numbers = range(len(ROWS))

    alone = logits(model, apart(numbers, LENGTHS), together=False)
    packed = logits(model, pack(numbers, LENGTHS, 32), together=True)
    padded = logits(model, apart(numbers, LENGTHS), together=True)

    for row in numbers:
        assert float((packed[row] - alone[row]).abs().max()) < 1e-5
        assert float((padded[row] - alone[row]).abs().max()) < 1e-5


@pytest.mark.parametrize("kind", ["llama", "gemma3"])
def test_it_is_found_out_whether_a_model_keeps_rows_apart(kind: str) -> None:
    from storytui_train.training.separation import attends_apart

    model = tiny(kind, "sdpa")

    def forward(ids: Any, positions: Any, **more: Any) -> Any:
        return model(input_ids=ids, position_ids=positions, **more).logits

    assert attends_apart(partial(forward, use_cache=False), 64)
    # With a cache transformers looks at no positions, and says nothing.
    assert not attends_apart(partial(forward, use_cache=True), 64)


def test_a_mask_of_ones_brings_rows_together() -> None:
    import torch

    from storytui_train.training.separation import attends_apart

    model = tiny("llama", "sdpa")

    def forward(ids: Any, positions: Any) -> Any:
        mask = torch.ones_like(ids)
        return model(
            input_ids=ids, position_ids=positions, attention_mask=mask, use_cache=False
        ).logits

    assert not attends_apart(forward, 64)
