"""What is refused, and what stays as it was then."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from importance_files import write_matrix
from small_models import floats, halves, make_adapter, read, write_model

from storytui.models.half_files import half_file
from storytui_train.errors import GgufError
from storytui_train.gguf.deltas import read_deltas
from storytui_train.gguf.merge import check_can_keep, merge
from storytui_train.gguf.merging import merge_files
from storytui_train.gguf.splits import part_paths, read_model
from storytui_train.gguf.writing import check_room, remove_left, replacing

OLD = b"what stood there before"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A file that is there already."""
    path = tmp_path / "there" / "out.gguf"
    path.parent.mkdir()
    path.write_bytes(OLD)
    return path


def untouched(out: Path) -> bool:
    """Whether the old file is whole and alone."""
    return out.read_bytes() == OLD and list(out.parent.iterdir()) == [out]


def test_an_adapter_for_another_base_is_refused_by_name(plain: Path, tmp_path: Path) -> None:
    matrices = halves()
    for half in ("a", "b"):
        matrices[f"blk.7.attn_q.weight.lora_{half}"] = matrices[f"blk.1.attn_q.weight.lora_{half}"]
    adapter = make_adapter(tmp_path / "other.gguf", matrices)

    with pytest.raises(GgufError, match=r"changes blk\.7\.attn_q\.weight, which plain does not"):
        read_deltas(adapter, plain)


def test_an_adapter_for_another_base_is_refused_by_shape(plain: Path, tmp_path: Path) -> None:
    matrices = halves()
    name = "blk.1.attn_q.weight.lora_a"
    matrices[name] = matrices[name][:, :128].copy()
    adapter = make_adapter(tmp_path / "other.gguf", matrices)

    with pytest.raises(GgufError, match=r"as 128 × 256, and in plain it is 256 × 256"):
        read_deltas(adapter, plain)


def test_a_model_is_no_adapter_and_an_adapter_no_model(plain: Path, adapter: Path) -> None:
    with pytest.raises(GgufError, match="is no adapter by what it says"):
        read_deltas(plain, plain)
    with pytest.raises(GgufError, match="is an adapter"):
        read_model(adapter)


def test_a_touched_type_that_needs_an_importance_matrix_is_refused(
    adapter: Path, tmp_path: Path, out: Path
) -> None:
    base = write_model(
        tmp_path / "small.gguf", lambda name: "iq2_xs" if name == "blk.0.attn_q.weight" else "q4_0"
    )

    with pytest.raises(GgufError, match=r"blk\.0\.attn_q\.weight.*iq2_xs.*--imatrix"):
        merge(read_model(base), read_deltas(adapter, base), out)
    assert untouched(out)


@pytest.mark.parametrize("kind", ["iq2_xs", "q4_k", "f16"])
def test_whether_all_layers_can_keep_their_types_is_known_from_the_headers(
    kind: str, tmp_path: Path
) -> None:
    model = read_model(write_model(tmp_path / "small.gguf", lambda _: kind))
    check_can_keep(model, importance=True)
    if kind == "iq2_xs":
        with pytest.raises(GgufError, match=r"importance under \[export\]"):
            check_can_keep(model, importance=False)
    else:
        check_can_keep(model, importance=False)


def test_the_same_type_untouched_is_copied(adapter: Path, tmp_path: Path, out: Path) -> None:
    base = write_model(
        tmp_path / "small.gguf", lambda name: "iq2_xs" if name == "blk.0.attn_k.weight" else "q4_0"
    )

    merge(read_model(base), read_deltas(adapter, base), out)

    assert read(out)["blk.0.attn_k.weight"] == read(base)["blk.0.attn_k.weight"]


def test_an_importance_matrix_of_another_model_is_refused(
    mixed: Path, adapter: Path, out: Path
) -> None:
    importance = {"blk.0.attn_q.weight": np.ones(512, "f4")}

    with pytest.raises(GgufError, match=r"has 512 numbers .* needs 256"):
        merge(read_model(mixed), read_deltas(adapter, mixed), out, importance=importance)
    assert untouched(out)


def test_an_adapter_with_weights_that_are_no_numbers_is_refused(
    mixed: Path, tmp_path: Path, out: Path
) -> None:
    matrices = halves()
    matrices["blk.1.attn_q.weight.lora_b"][3, 2] = np.nan
    adapter = make_adapter(tmp_path / "broken.gguf", matrices)

    with pytest.raises(GgufError, match=r"blk\.1\.attn_q\.weight\.lora_b that are no numbers"):
        merge(read_model(mixed), read_deltas(adapter, mixed), out)
    assert untouched(out)


def test_a_base_with_weights_that_are_no_numbers_is_refused(
    adapter: Path, tmp_path: Path, out: Path
) -> None:
    name = "blk.1.ffn_down.weight"
    weights = np.zeros((256, 512), "f4")
    weights[200, 5] = np.inf
    base = write_model(tmp_path / "base.gguf", change={name: weights})

    with pytest.raises(GgufError, match=r"no finite numbers in blk\.1\.ffn_down\.weight"):
        merge(read_model(base), read_deltas(adapter, base), out)
    assert untouched(out)


@pytest.mark.parametrize("kind", ["f16", "q8_0", "q4_k"])
def test_a_sum_too_large_for_the_type_is_refused(
    kind: str, tmp_path: Path, adapter: Path, out: Path
) -> None:
    base = write_model(tmp_path / "base.gguf", lambda _: kind)

    with pytest.raises(GgufError, match=r"too large for .* smaller scale"):
        merge(read_model(base), read_deltas(adapter, base), out, scale=1e9)
    assert untouched(out)


@pytest.mark.parametrize("which", ["base", "link", "adapter", "hard"])
def test_no_input_is_written_over(which: str, plain: Path, adapter: Path, tmp_path: Path) -> None:
    places = {"base": plain, "adapter": adapter}
    place = places.get(which, tmp_path / "link.gguf")
    if which == "link":
        place.symlink_to(plain)
    if which == "hard":
        os.link(plain, place)
    before = (plain.read_bytes(), adapter.read_bytes())

    with pytest.raises(GgufError, match="is read and would be written over"):
        merge(read_model(plain), read_deltas(adapter, plain), place)
    assert (plain.read_bytes(), adapter.read_bytes()) == before


def test_a_part_of_the_base_is_not_written_over(adapter: Path, tmp_path: Path) -> None:
    base = write_model(tmp_path / "base.gguf", parts=8)

    with pytest.raises(GgufError, match="is read and would be written over"):
        merge(read_model(base), read_deltas(adapter, base), tmp_path / "base.gguf", most=None)


def test_places_where_nothing_can_be_written_are_refused(
    plain: Path, adapter: Path, tmp_path: Path
) -> None:
    model, deltas = read_model(plain), read_deltas(adapter, plain)

    with pytest.raises(GgufError, match="is a folder"):
        merge(model, deltas, tmp_path)
    with pytest.raises(GgufError, match="There is no folder"):
        merge(model, deltas, tmp_path / "none" / "out.gguf")
    with pytest.raises(GgufError, match="is not a file"):
        merge(model, deltas, Path(os.devnull))


def test_too_little_room_is_said_before_anything_is_written(
    mixed: Path, adapter: Path, out: Path
) -> None:
    with pytest.raises(GgufError, match=r"are to be written.*has 1 MiB free. Make \d+ MiB"):
        merge(read_model(mixed), read_deltas(adapter, mixed), out, free=1 << 20)
    assert untouched(out)


def test_room_is_counted_with_something_to_spare(tmp_path: Path) -> None:
    check_room(tmp_path, 100 << 20, free=164 << 20)
    with pytest.raises(GgufError, match="Make 1 MiB of room"):
        check_room(tmp_path, 100 << 20, free=(164 << 20) - 1)


def test_a_disk_that_is_full_after_all_leaves_the_old_file(
    mixed: Path, adapter: Path, out: Path
) -> None:
    # The system refuses to let a file of this process grow further, as a full disk does.
    code = (
        "import resource, sys; from pathlib import Path;"
        "from storytui_train.gguf.splits import read_model;"
        "from storytui_train.gguf.deltas import read_deltas;"
        "from storytui_train.gguf.merge import merge;"
        "from storytui_train.errors import GgufError;"
        "base, adapter, out = map(Path, sys.argv[1:]);"
        "model, deltas = read_model(base), read_deltas(adapter, base);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))\n"
        "try:\n merge(model, deltas, out)\nexcept GgufError as error:\n print(error)"
    )

    ended = subprocess.run(
        [sys.executable, "-c", code, mixed, adapter, out],
        capture_output=True,
        text=True,
        check=True,
    )

    assert "is full" in ended.stdout
    assert untouched(out)


def test_ctrl_c_leaves_the_old_file(mixed: Path, adapter: Path, out: Path) -> None:
    def interrupt(done: int, of: int) -> None:
        if done > of // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        merge(read_model(mixed), read_deltas(adapter, mixed), out, tell=interrupt)
    assert untouched(out)


def test_what_a_killed_run_left_goes_with_the_next(mixed: Path, adapter: Path, out: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path;"
        "from storytui_train.gguf.writing import replacing\n"
        "with replacing([Path(sys.argv[1])]) as files:\n"
        " files[0].write(b'half'); files[0].flush(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, out], check=False)
    left = [each for each in out.parent.iterdir() if each != out]
    assert [each.read_bytes() for each in left] == [b"half"]
    mine = half_file(out.with_name("other.gguf"))
    mine.write_bytes(b"of another file")

    merge(read_model(mixed), read_deltas(adapter, mixed), out)

    assert sorted(out.parent.iterdir()) == sorted([out, mine])
    assert out.read_bytes() != OLD


def test_what_a_killed_merge_left_beside_its_half_file_goes_too(out: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path;"
        "from storytui.models.half_files import half_file\n"
        "from storytui_train.gguf.writing import replacing\n"
        "with replacing([half_file(Path(sys.argv[1]), '16-bit')]) as files:\n"
        " files[0].write(b'half'); files[0].flush(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, out], check=False)
    assert len(list(out.parent.iterdir())) == 2
    others = [
        half_file(half_file(out, "16-bit")),
        half_file(out.with_name(f"{out.name}.other.gguf")),
    ]
    for each in others:
        each.write_bytes(b"of a process that runs")

    remove_left(out)

    assert sorted(out.parent.iterdir()) == sorted([out, *others])


def test_old_and_new_parts_never_pass_for_one_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = part_paths(tmp_path / "out.gguf", 3)
    for each in outputs:
        each.write_bytes(OLD)
    moved: list[Path] = []

    def fail(path: Path, target: Path) -> None:
        if moved:
            raise OSError(errno.EIO, "Input/output error")
        moved.append(target)
        os.replace(path, target)

    def write() -> None:
        with replacing(outputs) as files:
            for file in files:
                file.write(b"new")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fail)
        with pytest.raises(GgufError, match=r"error\. The model that stood there is gone"):
            write()

    assert moved == [outputs[2]]
    assert [each.read_bytes() for each in outputs[1:]] == [OLD, b"new"]
    assert not outputs[0].exists()


def test_parts_that_are_not_yet_moved_are_as_they_were(tmp_path: Path) -> None:
    outputs = part_paths(tmp_path / "out.gguf", 2)
    for each in outputs:
        each.write_bytes(OLD)

    with (
        pytest.raises(GgufError, match=r"is full\. What stood there is as it was"),
        replacing(outputs),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")

    assert [each.read_bytes() for each in outputs] == [OLD, OLD]


@pytest.mark.parametrize("kind", ["same", "Q8_0"])
def test_an_importance_matrix_is_not_written_over(
    kind: str, plain: Path, adapter: Path, tmp_path: Path
) -> None:
    matrix = write_matrix(tmp_path / "m.gguf", {"blk.0.attn_q.weight": np.ones((1, 256), "f4")})
    before = matrix.read_bytes()

    with pytest.raises(GgufError, match="is read and would be written over"):
        merge_files(str(plain), adapter, matrix, kind=kind, importance=matrix, threads=1)
    assert matrix.read_bytes() == before


def test_a_base_that_breaks_off_is_refused(mixed: Path, adapter: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(mixed.read_bytes()[:-5000])

    with pytest.raises(GgufError, match="breaks off before its weights end"):
        read_model(broken)


def test_a_base_that_shrinks_meanwhile_is_said(
    mixed: Path, adapter: Path, tmp_path: Path, out: Path
) -> None:
    base = tmp_path / "shrinking.gguf"
    base.write_bytes(mixed.read_bytes())
    model, deltas = read_model(base), read_deltas(adapter, base)
    os.truncate(base, base.stat().st_size // 2)

    with pytest.raises(GgufError, match=r"shrinking\.gguf cannot be read"):
        merge(model, deltas, out)
    assert untouched(out)


def test_norms_in_an_adapter_are_left_out_as_llama_cpp_does(plain: Path, tmp_path: Path) -> None:
    norm = np.full(256, 5, "f4")
    adapter = make_adapter(tmp_path / "norm.gguf", {**halves(), "output_norm.weight": norm})
    out = tmp_path / "out.gguf"

    merge(read_model(plain), read_deltas(adapter, plain), out)

    assert (floats(read(out)["output_norm.weight"]) == 1).all()
