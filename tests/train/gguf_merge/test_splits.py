"""Models in several files: read as one, and divided again."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_models import entries, read, shapes, values, write_model

from storytui.models.gguf_reading import Tensor
from storytui_train.errors import GgufError
from storytui_train.gguf.deltas import read_deltas
from storytui_train.gguf.merge import merge
from storytui_train.gguf.splits import divided, part_paths, read_model


@pytest.fixture(scope="module")
def parts(folder: Path) -> tuple[Path, ...]:
    """The mixed model in five files, by gguf-py."""

    def kinds(name: str) -> str:
        return "q6_k" if "ffn_down" in name or name == "output.weight" else "q4_k"

    write_model(folder / "split.gguf", kinds, parts=5)
    return tuple(sorted(folder.glob("split-*-of-*.gguf")))


def test_parts_are_read_as_one(parts: tuple[Path, ...], mixed: Path) -> None:
    model, whole = read_model(parts[0]), read_model(mixed)

    assert len(model.parts) == len(parts) == 5
    assert [each.name for each in model.tensors] == [each.name for each in whole.tensors]
    assert model.pairs == whole.pairs


def test_merging_parts_makes_the_file_that_merging_the_whole_makes(
    parts: tuple[Path, ...], mixed: Path, adapter: Path, tmp_path: Path
) -> None:
    merge(read_model(parts[0]), read_deltas(adapter, parts[0]), tmp_path / "from-parts.gguf")
    merge(read_model(mixed), read_deltas(adapter, mixed), tmp_path / "from-whole.gguf")

    assert (tmp_path / "from-parts.gguf").read_bytes() == (
        tmp_path / "from-whole.gguf"
    ).read_bytes()


def test_a_model_is_divided_as_its_base_is(
    parts: tuple[Path, ...], adapter: Path, tmp_path: Path
) -> None:
    out = tmp_path / "merged.gguf"

    done = merge(read_model(parts[0]), read_deltas(adapter, parts[0]), out, most=None)

    files = [Path(each) for each in done.files]
    assert [each.name for each in files] == [
        f"merged-{number:05}-of-00005.gguf" for number in range(1, 6)
    ]
    assert sorted(tmp_path.iterdir()) == files
    for file, part in zip(files, parts, strict=True):
        assert list(read(file)) == list(read(part))
        assert file.stat().st_size == pytest.approx(part.stat().st_size, abs=64)
    merge(read_model(parts[0]), read_deltas(adapter, parts[0]), out)
    assert read(*files) == read(out)


def test_a_model_is_divided_by_size_as_llama_cpp_wants_it(
    mixed: Path, adapter: Path, tmp_path: Path
) -> None:
    done = merge(
        read_model(mixed), read_deltas(adapter, mixed), tmp_path / "merged.gguf", most=150_000
    )

    files = [Path(each) for each in done.files]
    assert len(files) > 2
    for number, file in enumerate(files):
        said = values(file)
        assert (said["split.no"], said["split.count"]) == (number, len(files))
        assert said["split.tensors.count"] == len(shapes())
        weights = sum(len(each.raw) for each in read(file).values())
        assert weights <= 150_000 or len(read(file)) == 1
    first = entries(files[0])
    assert {key: each for key, each in first.items() if not key.startswith("split.")} == entries(
        mixed
    )
    assert set(entries(files[1])) == {"split.no", "split.count", "split.tensors.count"}
    assert len(read_model(files[0]).parts) == len(files)


def test_llama_cpp_loads_what_was_divided(mixed: Path, adapter: Path, tmp_path: Path) -> None:
    import subprocess
    import sys

    done = merge(
        read_model(mixed), read_deltas(adapter, mixed), tmp_path / "merged.gguf", most=300_000
    )
    code = (
        "import os, sys, llama_cpp as c; p = c.llama_model_default_params(); "
        "m = c.llama_model_load_from_file(os.fsencode(sys.argv[1]), p); "
        "print(c.llama_model_n_params(m))"
    )

    ended = subprocess.run(
        [sys.executable, "-c", code, done.files[0]], capture_output=True, text=True, check=True
    )

    assert int(ended.stdout) == sum(len_of(each) for each in shapes().values())


def len_of(shape: tuple[int, ...]) -> int:
    numbers = 1
    for each in shape:
        numbers *= each
    return numbers


def test_a_missing_part_is_named(parts: tuple[Path, ...], tmp_path: Path) -> None:
    for each in parts:
        if "00003" not in each.name:
            (tmp_path / each.name).symlink_to(each)

    with pytest.raises(GgufError, match=r"There is no model .*-00003-of-00005\.gguf"):
        read_model(tmp_path / parts[0].name)


def test_another_part_than_the_first_is_refused(parts: tuple[Path, ...]) -> None:
    with pytest.raises(GgufError, match="is part 2 of 5"):
        read_model(parts[1])


def test_parts_that_do_not_belong_together_are_refused(
    parts: tuple[Path, ...], tmp_path: Path
) -> None:
    for place, each in enumerate(parts):
        source = parts[1] if place == 3 else each
        (tmp_path / each.name).symlink_to(source)

    with pytest.raises(GgufError, match="is not part 4 of 5"):
        read_model(tmp_path / parts[0].name)


@given(sizes=st.lists(st.integers(1, 50), min_size=1, max_size=40), most=st.integers(1, 120))
def test_division_keeps_order_and_size(sizes: list[int], most: int) -> None:
    tensors = [Tensor(f"t{place}", 0, size) for place, size in enumerate(sizes)]

    groups = divided(tensors, most)

    assert [each for group in groups for each in group] == tensors
    for group in groups:
        assert group
        assert sum(each.size for each in group) <= most or len(group) == 1
    for one, other in pairwise(groups):
        assert sum(each.size for each in one) + other[0].size > most


def test_too_many_parts_are_refused() -> None:
    with pytest.raises(GgufError, match="1,500 parts"):
        divided([Tensor(f"t{place}", 0, 10) for place in range(1500)], 5)


def test_a_name_with_a_number_gives_the_others() -> None:
    named = [each.name for each in part_paths(Path("a/m-00001-of-00003.gguf"), 2)]

    assert named == ["m-00001-of-00002.gguf", "m-00002-of-00002.gguf"]
    assert part_paths(Path("m.gguf"), 1) == (Path("m.gguf"),)
