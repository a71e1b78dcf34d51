"""What stands in the file: the same product under each setting, in the editor's eyes too."""

import math
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import tiny_gguf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_by_hand import (
    ALPHA,
    LAYER,
    RANK,
    SHAPES,
    Tensors,
    pair,
    peft_folder,
    read_back,
    tensors,
    tiny_base,
)
from safetensors.numpy import load_file, save_file

from storytui_train.errors import GgufError
from storytui_train.gguf.adapter import changes_of, convert_adapter
from storytui_train.gguf.base_file import read_base_file
from storytui_train.gguf.metadata import About
from storytui_train.gguf.peft_adapter import read_adapter
from storytui_train.gguf.permutation import to_gguf

NAMES = {
    f"{LAYER}.self_attn.q_proj": "blk.0.attn_q.weight",
    f"{LAYER}.self_attn.v_proj": "blk.0.attn_v.weight",
    f"{LAYER}.mlp.down_proj": "blk.0.ffn_down.weight",
}
SHARED = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base(tmp_path_factory.mktemp("base") / "tiny.gguf")


def added(path: Path) -> Tensors:
    """What llama.cpp adds to each tensor: alpha / rank · B·A, as it computes it."""
    said, found = read_back(path)
    alpha = said["adapter.lora.alpha"]
    products = {}
    for name in {each.rpartition(".")[0] for each in found}:
        a, b = (found[f"{name}.lora_{half}"].astype(np.float64) for half in "ab")
        products[name] = alpha / b.shape[1] * (b @ a)
    return products


def wanted(weights: Tensors, scalings: dict[str, float]) -> Tensors:
    """What peft adds, with llama's order of rows."""
    products = {}
    for module, name in NAMES.items():
        a, b = (
            weights[f"base_model.model.{module}.lora_{half}.weight"].astype(np.float64)
            for half in "AB"
        )
        product = scalings[module] * (b @ a)
        products[name] = to_gguf(product, tiny_gguf.HEADS) if "attn_q" in name else product
    return products


def far(found: Tensors, expected: Tensors) -> float:
    """The largest relative error of a product."""
    assert found.keys() == expected.keys()
    return max(
        float(np.linalg.norm(found[name] - each) / (np.linalg.norm(each) or 1))
        for name, each in expected.items()
    )


@SHARED
@given(
    st.floats(-100, 100).filter(lambda each: abs(each) > 1e-3),
    st.booleans(),
    st.dictionaries(st.sampled_from(["q_proj", "v_proj"]), st.just(0.0) | st.floats(1e-3, 60)),
    st.tuples(st.floats(-8, 3), st.floats(-8, 3)).filter(lambda sizes: sum(sizes) >= -7),
    st.sampled_from(["f32", "f16"]),
)
def test_the_product_is_the_same_for_every_scale_and_size(
    tmp_path: Path,
    base: Path,
    about: About,
    alpha: float,
    rslora: bool,
    alphas: dict[str, float],
    sizes: tuple[float, float],
    kind: Literal["f16", "f32"],
) -> None:
    weights = {
        name: each * np.float32(10 ** sizes["lora_B" in name]) for name, each in tensors().items()
    }
    folder = peft_folder(
        tmp_path, weights, lora_alpha=alpha, use_rslora=rslora, alpha_pattern=alphas
    )
    scalings = {
        module: alphas.get(module.rpartition(".")[2], alpha) / (RANK**0.5 if rslora else RANK)
        for module in SHAPES
    }
    made = convert_adapter(folder, base, tmp_path / "made.gguf", about, kind=kind)
    assert far(added(made.path), wanted(weights, scalings)) <= (1e-6 if kind == "f32" else 1e-3)


def test_each_layer_may_have_a_rank_of_its_own(tmp_path: Path, base: Path, about: About) -> None:
    weights: Tensors = {}
    ranks = dict(zip(SHAPES, (2, 4, 7), strict=True))
    for module, shape in SHAPES.items():
        weights |= pair(module, shape, rank=ranks[module])
    folder = peft_folder(
        tmp_path / "mixed",
        weights,
        use_rslora=True,
        rank_pattern={"q_proj": 2, r".*\.mlp\..*": 7},
    )
    made = convert_adapter(folder, base, tmp_path / "made.gguf", about, kind="f32")
    scalings = {module: ALPHA / math.sqrt(rank) for module, rank in ranks.items()}
    assert far(added(made.path), wanted(weights, scalings)) <= 1e-6
    assert made.rank == 7


@pytest.mark.parametrize("code", ["<f2", "bf16"])
def test_weights_in_sixteen_bits_are_read_exactly(tmp_path: Path, code: str) -> None:
    folder = peft_folder(tmp_path)
    path = folder / "adapter_model.safetensors"
    exact = {name: (each * 64).round() / 64 for name, each in load_file(path).items()}
    if code == "bf16":
        # All that bfloat16 can hold are float32's upper halves.
        exact = {
            name: (each.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
            for name, each in exact.items()
        }
        halves = {name: (each.view(np.uint32) >> 16).astype("<u2") for name, each in exact.items()}
        save_file(halves, path)
        path.write_bytes(_as_bf16(path))
    else:
        save_file({name: each.astype(code) for name, each in exact.items()}, path)
    for each in read_adapter(folder).pairs:
        a, b = each.matrices()
        assert np.array_equal(a, exact[each.a.name])
        assert np.array_equal(b, exact[each.b.name])


def _as_bf16(path: Path) -> bytes:
    """The file with its table saying BF16 for U16."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = data[8 : 8 + length].replace(b'"U16"', b'"BF16"')
    return len(header).to_bytes(8, "little") + header + data[8 + length :]


def test_names_from_inside_a_model_with_pictures_are_those_of_its_words(
    tmp_path: Path, base: Path, about: About
) -> None:
    for number, inside in enumerate(("model.language_model.layers", "language_model.model.layers")):
        weights = {name.replace("model.layers", inside): each for name, each in tensors().items()}
        folder = peft_folder(tmp_path / str(number), weights)
        made = convert_adapter(folder, base, tmp_path / f"{number}.gguf", about)
        assert set(added(made.path)) == set(NAMES.values())


def test_a_divided_base_is_read_in_all_its_parts(tmp_path: Path, about: About) -> None:
    base = tiny_base(tmp_path / "tiny-00001-of-00002.gguf", split=True)
    made = convert_adapter(peft_folder(tmp_path / "a"), base, tmp_path / "made.gguf", about)
    assert made.changes == len(SHAPES)
    second = base.with_name("tiny-00002-of-00002.gguf")
    with pytest.raises(GgufError, match=r"is part 2 of 2\. Name the first part"):
        convert_adapter(tmp_path / "a", second, tmp_path / "made.gguf", about)
    second.unlink()
    with pytest.raises(GgufError, match=r"There is no model .*00002-of-00002"):
        convert_adapter(tmp_path / "a", base, tmp_path / "made.gguf", about)


def test_what_merging_needs_is_in_the_bases_names_and_rows(tmp_path: Path, base: Path) -> None:
    changes = changes_of(read_adapter(peft_folder(tmp_path)), read_base_file(base))
    expected = wanted(tensors(), dict.fromkeys(SHAPES, ALPHA / RANK))
    found = {}
    for each in changes:
        a, b = each.matrices()
        found[each.name] = each.scaling * (b.astype(np.float64) @ a)
    assert far(found, expected) <= 1e-6


def test_the_same_adapter_makes_the_same_bytes(tmp_path: Path, base: Path, about: About) -> None:
    folder = peft_folder(tmp_path / "a")
    one, two = (
        convert_adapter(folder, base, tmp_path / f"{name}.gguf", about).path.read_bytes()
        for name in ("one", "two")
    )
    assert one == two


def test_half_the_numbers_take_half_the_room(tmp_path: Path, base: Path, about: About) -> None:
    folder = peft_folder(tmp_path / "a")
    sizes = {
        kind: sum(
            each.nbytes
            for each in read_back(
                convert_adapter(folder, base, tmp_path / kind, about, kind=kind).path
            )[1].values()
        )
        for kind in _KINDS
    }
    assert sizes["f32"] == 2 * sizes["f16"]


_KINDS: tuple[Any, ...] = ("f16", "f32")
