"""The memory of training as arithmetic: worked by hand, monotonous, and as 7B has it."""

from dataclasses import replace

import pytest
import shapes
from hypothesis import given
from hypothesis import settings as tried
from hypothesis import strategies as st

from storytui_train.recipe_training import TrainOptions
from storytui_train.training.memory_plan import (
    CONTEXT_BYTES,
    Plan,
    Settings,
    adapter_sizes,
    nf4_bytes,
    plan_memory,
    state_bytes,
)
from storytui_train.training.memory_remedies import remedies
from storytui_train.training.plan import changes_for, settings_of

GIB = 1 << 30


def part(plan: Plan, name: str) -> int:
    return next(each.bytes for each in plan.parts if each.name == name)


def test_nf4_is_half_a_byte_a_weight_a_byte_a_block_and_a_float_for_256_blocks() -> None:
    tables = 16 * 4 + 256 * 4 + 4
    assert nf4_bytes(64 * 256 * 10) == 64 * 256 * 5 + 2560 + 10 * 4 + tables
    # What is left over has a scale, and a scale of scales, of its own.
    assert nf4_bytes(64 * 256 + 1) == 8193 + 257 + 2 * 4 + tables


def test_nf4_is_what_bitsandbytes_holds() -> None:
    import torch
    from bitsandbytes.functional import quantize_4bit

    weights = torch.randn(96, 1000)
    packed, state = quantize_4bit(weights, compress_statistics=True, quant_type="nf4")
    held = [packed, state.absmax, state.code, state.offset, state.state2.absmax, state.state2.code]
    assert sum(each.numel() * each.element_size() for each in held) == nf4_bytes(96_000)


def test_the_parts_of_a_tiny_model_by_hand() -> None:
    # Two layers: q 64x64, k and v 64x32, o 64x64, three of 64x160; vocabulary 500; float32.
    settings = Settings(
        quantisation="none",
        compute="float32",
        optimizer="adamw",
        rank=4,
        sequence=10,
        checkpointing="device",
        embeddings="device",
    )
    plan = plan_memory(shapes.tiny(), settings, GIB)
    one = 2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 160
    adapters = 2 * 4 * (2 * (64 + 64) + 2 * (64 + 32) + 3 * (64 + 160))
    assert part(plan, "weights") == 4 * 2 * one
    assert part(plan, "head") == part(plan, "embeddings") == 4 * 500 * 64
    assert part(plan, "norms") == 4 * (2 * 2 * 64 + 64)
    assert sum(adapter_sizes(plan.shape, settings)) == adapters
    assert part(plan, "adapters") == part(plan, "gradients") == 4 * adapters
    assert part(plan, "optimizer") == 8 * adapters
    assert part(plan, "layer inputs") == 2 * 10 * 64 * 4
    # Ten rows of 500 logits in float32 alone, what goes in and its gradient; hidden states.
    assert part(plan, "loss") == 10 * 500 * 4 + 2 * 10 * 64 * 4 + 3 * 10 * 64 * 4
    assert part(plan, "context") == CONTEXT_BYTES


def test_tied_embeddings_are_there_once() -> None:
    plan = plan_memory(shapes.tiny(tie_word_embeddings=True), Settings(), GIB)
    assert part(plan, "head") == 2 * 500 * 64
    assert "embeddings" not in {each.name for each in plan.parts}


def test_eight_bit_states_begin_with_tensors_of_4096() -> None:
    paged = Settings()
    assert state_bytes(4095, paged) == 8 * 4095
    assert state_bytes(4096, paged) == 2 * 4096 + 2 * 4 * 16
    assert state_bytes(4097, paged) == 2 * 4097 + 2 * 4 * 17
    assert state_bytes(4096, replace(paged, optimizer="adamw")) == 8 * 4096


def test_the_largest_moment_counts_and_the_others_do_not() -> None:
    plan = plan_memory(shapes.qwen_7b(), Settings(), 8 * GIB)
    assert plan.peak == "layer"
    assert {each.when for each in plan.counted} == {"always", "layer"}
    assert plan.planned == sum(each.bytes for each in plan.counted)
    # A huge vocabulary and short rows: then it is the loss.
    loss = plan_memory(shapes.tiny(vocab_size=200_000), Settings(sequence=256), 8 * GIB)
    assert loss.peak == "loss"
    assert {each.when for each in loss.counted} == {"always", "loss"}


def test_ranks_of_single_modules_count() -> None:
    shape = shapes.tiny()
    same = adapter_sizes(shape, Settings(rank=8, rank_pattern={"q_proj": 8}))
    assert same == adapter_sizes(shape, Settings(rank=8))
    more = adapter_sizes(shape, Settings(rank=8, rank_pattern={"q_proj": 16}))
    assert sum(more) - sum(same) == 2 * 8 * (64 + 64)
    one = adapter_sizes(shape, Settings(rank=8, rank_pattern={"layers.1.mlp.down_proj": 9}))
    assert sum(one) - sum(same) == 160 + 64


def test_7b_fits_8_gib_at_4096_tokens_part_by_part() -> None:
    plan = plan_memory(shapes.qwen_7b(), settings_of(TrainOptions()), 8 * GIB)
    assert plan.fits
    assert changes_for(plan) == ()
    said = {each.name: each.bytes for each in plan.counted}
    assert said["weights"] == pytest.approx(6_525_288_448 * (0.5 + 1 / 64 + 4 / 64 / 256), rel=1e-4)
    assert said["head"] == 152_064 * 3_584 * 2
    assert said["adapters"] == said["gradients"] == 4 * 40_370_176
    assert said["optimizer"] == pytest.approx(40_370_176 * (2 + 8 / 256), rel=1e-3)
    assert "embeddings" not in said
    assert plan.host > 152_064 * 3_584 * 2 + 28 * 4_096 * 3_584 * 2 - 1
    assert plan.total < 7.5 * GIB


def test_7b_resident_is_what_was_measured_before() -> None:
    """5.2 GiB: NF4 with double quantisation 3.1, embeddings 1.0, output head 1.0."""
    plan = plan_memory(shapes.qwen_7b(), Settings(embeddings="device"), 8 * GIB)
    resident = sum(part(plan, name) for name in ("weights", "head", "embeddings", "norms"))
    assert resident == pytest.approx(5.2 * GIB, rel=0.02)


@pytest.mark.parametrize(
    "trap",
    [
        Settings(sequence=4_096, checkpointing="off"),
        Settings(sequence=4_096, quantisation="none"),
        Settings(sequence=4_096, loss_rows=4_096),
        Settings(sequence=4_096, embeddings="device"),
    ],
)
def test_without_what_makes_it_fit_7b_does_not_fit(trap: Settings) -> None:
    limit = 15 * GIB // 2
    assert plan_memory(shapes.qwen_7b(), Settings(), limit).fits
    assert not plan_memory(shapes.qwen_7b(), trap, limit).fits


settings = st.builds(
    Settings,
    device=st.sampled_from(["cuda", "cpu"]),
    sequence=st.integers(1, 3_000),
    rows_at_once=st.integers(1, 4),
    rank=st.integers(1, 64),
    quantisation=st.sampled_from(["nf4", "none"]),
    compute=st.sampled_from(["bfloat16", "float32"]),
    optimizer=st.sampled_from(["paged_adamw_8bit", "adamw"]),
    loss_rows=st.integers(1, 512),
    checkpointing=st.sampled_from(["host", "device", "off"]),
    embeddings=st.sampled_from(["host", "device"]),
)
made = st.builds(
    shapes.tiny,
    kind=st.sampled_from(["llama", "qwen2", "qwen3", "gemma2", "gemma3"]),
    layers=st.integers(1, 5),
    vocab_size=st.integers(10, 5_000),
    sliding_window=st.sampled_from([0, 100, 512]),
)


@tried(deadline=None)
@given(made, settings, st.integers(1, 500))
def test_more_of_anything_never_takes_less(
    shape: shapes.TrainedShape, given_settings: Settings, more: int
) -> None:
    def total(changed: Settings) -> int:
        plan = plan_memory(shape, changed, GIB)
        return plan.total + plan.host

    before = total(given_settings)
    for name in ("sequence", "rows_at_once", "loss_rows"):
        grown = replace(given_settings, **{name: getattr(given_settings, name) + more})
        assert total(grown) >= before, name


@tried(deadline=None)
@given(made, settings)
def test_what_is_put_away_leaves_the_device(
    shape: shapes.TrainedShape, given_settings: Settings
) -> None:
    def device(**changed: object) -> int:
        return plan_memory(shape, replace(given_settings, **changed), GIB).total

    assert device(embeddings="host") <= device(embeddings="device")
    if len(shape.layers) > 2:
        # Two layers' inputs are on their way.
        assert device(checkpointing="host") <= device(checkpointing="device")
    assert device(checkpointing="device") <= device(checkpointing="off") or len(shape.layers) == 1


@tried(deadline=None)
@given(made, settings, st.integers(1, 2_000))
def test_it_fits_exactly_where_the_total_is_within_the_limit(
    shape: shapes.TrainedShape, given_settings: Settings, spare: int
) -> None:
    plan = plan_memory(shape, given_settings, 1)
    assert plan_memory(shape, given_settings, plan.total + spare).fits
    assert not plan_memory(shape, given_settings, plan.total - spare).fits
    assert plan.planned == sum(each.bytes for each in plan.counted)
    assert all(each.bytes >= 0 for each in plan.parts)


def test_what_to_change_is_planned_again_and_true() -> None:
    shape = shapes.qwen_7b()
    plan = plan_memory(shape, Settings(embeddings="device", checkpointing="device"), 6 * GIB)
    found = remedies(plan, {"small": shapes.tiny()})
    assert {"embeddings", "checkpointing", "sequence", "rank", "base"} <= {
        name for each in found for name in each.settings
    }
    for each in found:
        if "base" in each.settings:
            assert each.fits
            continue
        after = plan_memory(shape, replace(plan.settings, **each.settings), plan.limit)
        assert each.saves == plan.total - after.total > 0
        assert each.fits == after.fits
    assert any(each.fits and "base" not in each.settings for each in found)


def test_a_setting_is_lowered_no_further_than_it_has_to_be() -> None:
    shape = shapes.qwen_7b()
    plan = plan_memory(shape, Settings(), 6 * GIB)
    (shorter,) = [each for each in remedies(plan) if "sequence" in each.settings]
    longer = replace(plan.settings, sequence=int(shorter.settings["sequence"]) + 256)
    assert shorter.fits
    assert not plan_memory(shape, longer, plan.limit).fits


def test_no_single_change_being_enough_they_are_taken_together() -> None:
    shape = shapes.qwen_7b()
    plan = plan_memory(
        shape, Settings(embeddings="device", checkpointing="device", rank=32), 6 * GIB
    )
    *singles, together = remedies(plan)
    assert not any(each.fits for each in singles)
    assert len(together.settings) > 1
    assert together.fits
    assert plan_memory(shape, replace(plan.settings, **together.settings), plan.limit).fits


def test_on_a_cpu_there_is_one_memory_and_no_cuda() -> None:
    plan = plan_memory(shapes.tiny(), Settings(device="cpu"), GIB)
    assert plan.host == 0
    assert {"context", "fragmentation", "in flight"}.isdisjoint(each.name for each in plan.parts)
    assert settings_of(TrainOptions(), "cpu").compute == "float32"
    assert settings_of(TrainOptions(), "cpu").optimizer == "adamw"
