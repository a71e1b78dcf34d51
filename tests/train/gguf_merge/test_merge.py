"""Adapters merged straight into models: what is touched, and what is not."""

from pathlib import Path

import numpy as np
import pytest
from importance_files import write_matrix
from small_models import (
    ALPHA,
    ERRORS,
    NUMBERS,
    WIDTH,
    Tensor,
    again,
    distance,
    entries,
    floats,
    halves,
    is_touched,
    make_adapter,
    read,
    wanted,
    write_model,
)

from storytui_train.gguf.deltas import read_deltas
from storytui_train.gguf.ggml import ggml
from storytui_train.gguf.importance import read_importance
from storytui_train.gguf.merge import Merged, merge
from storytui_train.gguf.requantising import Maker, Product
from storytui_train.gguf.splits import read_model

MATRICES = halves()


def merged(base: Path, adapter: Path, out: Path, **more: object) -> dict[str, Tensor]:
    merge(read_model(base), read_deltas(adapter, base), out, **more)  # type: ignore[arg-type]
    return read(out)


def arrived(base: Tensor, found: Tensor, aim: np.ndarray) -> float:  # type: ignore[type-arg]
    """Which share of what was to be added is there."""
    added = aim - floats(base)
    return float(((floats(found) - floats(base)) * added).sum() / (added * added).sum())


def test_float32_is_the_sum_by_the_formula(plain: Path, adapter: Path, tmp_path: Path) -> None:
    before = read(plain)

    after = merged(plain, adapter, tmp_path / "out.gguf", scale=0.7)

    for name, tensor in after.items():
        if is_touched(name):
            aim = wanted(before[name], name, MATRICES, 0.7)
            assert np.abs(floats(tensor) - aim).max() <= 1e-6
            assert distance(floats(before[name]), aim) > 0.2
        else:
            assert tensor == before[name]


@pytest.mark.parametrize(
    "kind",
    [
        *("f16", "bf16", "q8_0", "q6_k", "q5_k", "q5_1", "q5_0", "q4_k", "q4_1", "q4_0", "q3_k"),
        *("q2_k", "iq4_nl", "iq4_xs", "mxfp4"),
    ],
)
def test_each_type_stays_and_is_as_near_as_it_can_be(
    kind: str, adapter: Path, tmp_path: Path
) -> None:
    base = write_model(tmp_path / "base.gguf", lambda name: kind if is_touched(name) else "q4_0")
    before = read(base)

    after = merged(base, adapter, tmp_path / "out.gguf")

    assert {name: (each.kind, each.shape) for name, each in after.items()} == {
        name: (each.kind, each.shape) for name, each in before.items()
    }
    for name, tensor in after.items():
        if is_touched(name):
            aim = wanted(before[name], name, MATRICES)
            round_trip = distance(again(tensor.kind, aim), aim)
            assert distance(floats(tensor), aim) <= 1.5 * round_trip + 1e-6
            assert arrived(before[name], tensor, aim) == pytest.approx(1, abs=0.1)
        else:
            assert tensor == before[name]


WEAK = {
    # Of the weights' size: far below half a step of each type.
    **{"q2_k": 0.02, "q3_k": 0.01, "q4_0": 0.005, "q4_1": 0.005, "q4_k": 0.005, "iq4_nl": 0.005},
    **{"mxfp4": 0.005, "iq4_xs": 0.005, "q5_0": 0.003, "q5_1": 0.003, "q5_k": 0.003},
    **{"q6_k": 0.001, "q8_0": 0.0005, "bf16": 0.0002},
}


@pytest.mark.parametrize("kind", WEAK)
def test_a_weak_adapter_arrives_though_no_weight_moves_half_a_step(
    kind: str, tmp_path: Path
) -> None:
    matrices = halves(strength=WEAK[kind])
    adapter = make_adapter(tmp_path / "weak.gguf", matrices)
    base = write_model(tmp_path / "base.gguf", lambda name: kind if is_touched(name) else "q4_0")
    before = read(base)

    nearest = merged(base, adapter, tmp_path / "nearest.gguf", nearest=True)
    after = merged(base, adapter, tmp_path / "out.gguf")

    names = [name for name in before if is_touched(name)]
    aims = {name: wanted(before[name], name, matrices) for name in names}
    # Without chance, it is lost; what type there is scarcely matters.
    assert abs(mean([arrived(before[name], nearest[name], aims[name]) for name in names])) < 0.5
    found = [arrived(before[name], after[name], aims[name]) for name in names]
    assert mean(found) == pytest.approx(1, abs=0.35 if kind in ("q2_k", "q3_k") else 0.2)
    # What comes with it is less than the quantisation's own noise.
    noise = [distance(floats(after[name]), aims[name]) for name in names]
    assert max(noise) < 0.6 * ERRORS[kind]


def mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)


@pytest.mark.parametrize("kind", ["q4_0", "q4_k", "q6_k", "iq4_nl"])
def test_on_the_average_of_many_chances_the_sum_is_right(kind: str) -> None:
    chosen = ggml().kind(NUMBERS[kind])
    chance = np.random.default_rng(5)
    raw = ggml().from_floats(chosen, chance.standard_normal((4, 512)).astype("f4"))
    before = ggml().to_floats(chosen, raw, 512)
    size = 0.03 if kind == "q6_k" else 0.1
    b, a = chance.standard_normal((4, 2)), chance.standard_normal((2, 512))
    product = Product(a.astype("f4"), (b * size / 4).astype("f4"))

    total = np.zeros_like(before)
    for seed in range(200):
        maker = Maker(ggml(), chosen, chosen, 512, "a", seed)
        total += ggml().to_floats(chosen, maker.changed(raw, product, slice(0, 4)), 512) - before

    one = ggml().to_floats(chosen, maker.changed(raw, product, slice(0, 4)), 512) - before
    aim = product.b @ product.a
    # Chances even out by the square root of their number.
    assert distance(total / 200, aim) < 0.25 * distance(one, aim)


def test_zeros_of_bfloat16_become_what_is_added(tmp_path: Path) -> None:
    name = "blk.0.attn_q.weight"
    weights = np.zeros((256, 256), "f4")
    weights[:, 0] = 1e6
    base = write_model(tmp_path / "base.gguf", lambda _: "bf16", change={name: weights})
    adapter = make_adapter(tmp_path / "voice.gguf", MATRICES)

    after = merged(base, adapter, tmp_path / "out.gguf")[name]

    aim = wanted(read(base)[name], name, MATRICES)
    assert distance(floats(after)[:, 1:], aim[:, 1:]) < 0.003


def test_an_adapter_of_zeros_changes_no_byte(mixed: Path, tmp_path: Path) -> None:
    zeros = {name: each * (0 if name.endswith("lora_b") else 1) for name, each in MATRICES.items()}
    adapter = make_adapter(tmp_path / "zeros.gguf", zeros)

    assert merged(mixed, adapter, tmp_path / "out.gguf") == read(mixed)


def test_a_scale_of_nothing_changes_no_byte(mixed: Path, adapter: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.gguf"

    assert merged(mixed, adapter, out, scale=0.0) == read(mixed)
    assert out.read_bytes() == mixed.read_bytes()


def test_rows_that_nothing_is_added_to_stay(tmp_path: Path) -> None:
    # Q5_K does not come back the same when it is quantised again.
    base = write_model(tmp_path / "base.gguf", lambda _: "q5_k")
    matrices = {name: each.copy() for name, each in MATRICES.items()}
    name = "blk.1.attn_q.weight"
    matrices[f"{name}.lora_b"][10:] = 0
    adapter = make_adapter(tmp_path / "few.gguf", matrices)

    before = read(base)[name].raw
    after = merged(base, adapter, tmp_path / "out.gguf")[name].raw

    width = len(before) // WIDTH
    assert after[10 * width :] == before[10 * width :]
    changed = [
        after[at : at + width] != before[at : at + width] for at in range(0, 10 * width, width)
    ]
    assert all(changed)


def test_threads_do_not_change_a_byte(mixed: Path, adapter: Path, tmp_path: Path) -> None:
    merged(mixed, adapter, tmp_path / "one.gguf", threads=1)
    merged(mixed, adapter, tmp_path / "five.gguf", threads=5)

    assert (tmp_path / "one.gguf").read_bytes() == (tmp_path / "five.gguf").read_bytes()


def test_small_blocks_do_not_change_what_arrives(
    mixed: Path, adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = merged(mixed, adapter, tmp_path / "one.gguf")

    monkeypatch.setattr("storytui_train.gguf.merge.BLOCK", 1000)
    monkeypatch.setattr("storytui_train.gguf.merge.COPIED", 777)
    blocks = merged(mixed, adapter, tmp_path / "two.gguf")

    for name, tensor in whole.items():
        if is_touched(name):
            assert distance(floats(blocks[name]), floats(tensor)) < 1e-3
        else:
            assert blocks[name] == tensor


def test_alpha_of_nothing_leaves_the_scale_as_it_is(plain: Path, tmp_path: Path) -> None:
    adapter = make_adapter(tmp_path / "bare.gguf", MATRICES, alpha=0.0)
    name = "blk.0.attn_q.weight"

    after = merged(plain, adapter, tmp_path / "out.gguf", scale=0.5)

    # As llama.cpp has it: scale times B times A.
    aim = wanted(read(plain)[name], name, MATRICES, 0.5 * 4 / ALPHA)
    assert np.abs(floats(after[name]) - aim).max() <= 1e-6


def test_each_expert_gets_its_own_product(tmp_path: Path) -> None:
    matrices = halves(touched=["ffn_down_exps"], experts=3)
    adapter = make_adapter(tmp_path / "experts.gguf", matrices)
    base = write_model(tmp_path / "base.gguf", experts=3)
    name = "blk.1.ffn_down_exps.weight"

    after = merged(base, adapter, tmp_path / "out.gguf")

    aim = wanted(read(base)[name], name, matrices)
    assert np.abs(floats(after[name]) - aim).max() <= 1e-6


def test_embeddings_that_are_looked_up_get_theirs(plain: Path, tmp_path: Path) -> None:
    chance = np.random.default_rng(3)
    name = "token_embd.weight"
    before = read(plain)[name]
    a = chance.standard_normal((before.shape[1], 4)).astype("f4")
    b = chance.standard_normal((WIDTH, 4)).astype("f4")
    adapter = make_adapter(tmp_path / "words.gguf", {f"{name}.lora_a": a, f"{name}.lora_b": b})

    after = merged(plain, adapter, tmp_path / "out.gguf")

    aim = floats(before) + ALPHA / 4 * a.astype("f8") @ b.T.astype("f8")
    assert np.allclose(floats(after[name]), aim, atol=1e-5)


def test_all_entries_are_the_same_bytes(mixed: Path, adapter: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.gguf"
    merged(mixed, adapter, out)

    assert entries(out) == entries(mixed)
    assert list(entries(out)) == list(entries(mixed))


def test_an_unusual_alignment_is_kept(adapter: Path, tmp_path: Path) -> None:
    base = write_model(tmp_path / "base.gguf", lambda _: "q4_k", alignment=256)

    after = merged(base, adapter, tmp_path / "out.gguf")

    assert set(after) == set(read(base))
    assert after["output.weight"] == read(base)["output.weight"]


def test_it_says_what_was_done_and_how_far_it_is(
    mixed: Path, adapter: Path, tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []
    out = tmp_path / "out.gguf"

    done = merge(
        read_model(mixed),
        read_deltas(adapter, mixed),
        out,
        tell=lambda done, of: told.append((done, of)),
    )

    size = out.stat().st_size
    assert done == Merged(
        files=(str(out),), size=size, touched=4, copied=17, type="same", seconds=done.seconds
    )
    assert told[-1] == (size, size)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_an_importance_matrix_makes_types_that_need_one(adapter: Path, tmp_path: Path) -> None:
    names = read_names(adapter)
    matrix = write_matrix(
        tmp_path / "matrix.gguf",
        {name: np.ones((1, 512 if "down" in name else 256), "f4") for name in names},
    )
    base = write_model(
        tmp_path / "base.gguf", lambda name: "iq2_xxs" if name == names[0] else "q4_0"
    )

    after = merged(base, adapter, tmp_path / "out.gguf", importance=read_importance(matrix).values)

    assert after[names[0]].kind == NUMBERS["iq2_xxs"]
    aim = wanted(read(base)[names[0]], names[0], MATRICES)
    assert distance(floats(after[names[0]]), aim) < 0.45


def read_names(adapter: Path) -> list[str]:
    return sorted({each.rpartition(".")[0] for each in read(adapter)})
