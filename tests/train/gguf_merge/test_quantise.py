"""Adapters merged into 16-bit models, which llama.cpp then quantises."""

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from importance_files import write_matrix
from small_models import (
    NUMBERS,
    distance,
    entries,
    floats,
    halves,
    is_touched,
    make_adapter,
    read,
    values,
    wanted,
    write_model,
)

from storytui.engine.api import ModelError
from storytui.engine.quantising import Request, quantise
from storytui.models.details import QUANTISATIONS
from storytui_train.errors import GgufError
from storytui_train.gguf import quantise as quantising_module
from storytui_train.gguf.deltas import read_deltas
from storytui_train.gguf.ggml import ggml
from storytui_train.gguf.importance import read_importance
from storytui_train.gguf.merge import Merged
from storytui_train.gguf.quantise import _room, check_can_make, merge_and_quantise, type_named
from storytui_train.gguf.splits import read_model

MATRICES = halves()


@pytest.fixture(scope="module")
def half(folder: Path) -> Path:
    """In float16."""
    return write_model(folder / "half.gguf", lambda _: "f16")


@pytest.fixture(scope="module")
def bare(half: Path, folder: Path) -> Path:
    """The same without an adapter, quantised by llama.cpp."""
    out = folder / "bare.gguf"
    quantise(Request(source=os.fsencode(half), out=os.fsencode(out), kind=15, threads=1))
    return out


def made(base: Path, adapter: Path, out: Path, kind: str = "Q4_K_M", **more: object) -> Merged:
    return merge_and_quantise(
        read_model(base),
        read_deltas(adapter, base),
        out,
        kind=kind,
        threads=1,
        **more,  # type: ignore[arg-type]
    )


def test_what_is_untouched_is_what_llama_cpp_makes_of_the_base(
    half: Path, bare: Path, adapter: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.gguf"
    told: list[tuple[int, int]] = []

    done = made(half, adapter, out, quantising=lambda done, of: told.append((done, of)))

    alone, after = read(bare), read(out)
    assert {each.kind for each in after.values()} == {0, NUMBERS["q4_k"], NUMBERS["q6_k"]}
    for name, tensor in after.items():
        assert tensor.kind == alone[name].kind
        if is_touched(name):
            aim = wanted(read(half)[name], name, MATRICES)
            assert distance(floats(tensor), aim) < 0.09
            assert distance(floats(alone[name]), aim) > 0.3
        else:
            assert tensor == alone[name]
    assert (done.type, done.touched, done.size) == ("Q4_K_M", 4, out.stat().st_size)
    assert told[-1] == (len(after), len(after))
    assert list(tmp_path.iterdir()) == [out]


def test_entries_are_the_bases_but_for_the_type(half: Path, adapter: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.gguf"

    made(half, adapter, out, "Q8_0")

    before, after = entries(half), entries(out)
    changed = {key for key in after if after[key] != before.get(key)}
    assert changed == {"general.file_type", "general.quantization_version"}
    assert before.keys() <= after.keys()
    assert values(out)["general.file_type"] == 7


def test_what_is_added_to_bfloat16_is_not_rounded_away(tmp_path: Path) -> None:
    # A tenth of a per cent of each weight: less than half of bfloat16's step of 1/128.
    name = "blk.0.attn_q.weight"
    weights = np.full((256, 256), 1.0, "f4")
    matrices = halves()
    matrices[f"{name}.lora_a"][:] = 1
    matrices[f"{name}.lora_b"][:] = 0.001 / 8  # four of them, times alpha / rank
    adapter = make_adapter(tmp_path / "tiny.gguf", matrices)
    base = write_model(tmp_path / "base.gguf", lambda _: "bf16", change={name: weights})

    made(base, adapter, tmp_path / "out.gguf", "F32")

    assert np.allclose(floats(read(tmp_path / "out.gguf")[name]), 1.001, atol=2e-4)


def test_an_importance_matrix_reaches_llama_cpp(half: Path, adapter: Path, tmp_path: Path) -> None:
    name = "blk.0.attn_k.weight"
    weights = np.where(np.arange(256) % 2, 100, 0.001).astype("f4").reshape(1, 256)
    matrix = read_importance(write_matrix(tmp_path / "m.gguf", {name: weights}))

    made(half, adapter, tmp_path / "plain.gguf")
    made(half, adapter, tmp_path / "heeded.gguf", importance=matrix)

    plain, heeded = read(tmp_path / "plain.gguf"), read(tmp_path / "heeded.gguf")
    assert {each for each in plain if plain[each] != heeded[each]} == {name}
    aim = floats(read(half)[name])[:, 1::2]
    assert distance(floats(heeded[name])[:, 1::2], aim) < distance(
        floats(plain[name])[:, 1::2], aim
    )


def test_a_type_that_needs_an_importance_matrix_is_refused_at_once(
    half: Path, adapter: Path, tmp_path: Path
) -> None:
    with pytest.raises(GgufError, match="IQ2_XXS can be made only with an importance matrix"):
        made(half, adapter, tmp_path / "out.gguf", "IQ2_XXS")
    assert not list(tmp_path.iterdir())


def test_a_base_that_is_quantised_already_is_refused(
    mixed: Path, adapter: Path, tmp_path: Path
) -> None:
    with pytest.raises(GgufError, match=r"is quantised already .*q4_K.*--type same"):
        made(mixed, adapter, tmp_path / "out.gguf")
    assert not list(tmp_path.iterdir())


def test_eight_bits_are_enough_to_begin_with(adapter: Path, tmp_path: Path) -> None:
    base = write_model(tmp_path / "base.gguf", lambda _: "q8_0")
    name = "blk.1.ffn_down.weight"

    made(base, adapter, tmp_path / "out.gguf")

    after = read(tmp_path / "out.gguf")[name]
    assert after.kind == NUMBERS["q6_k"]
    assert distance(floats(after), wanted(read(base)[name], name, MATRICES)) < 0.025


def test_too_little_room_is_said_first(half: Path, adapter: Path, tmp_path: Path) -> None:
    with pytest.raises(GgufError, match=r"are to be written.*free\. Make"):
        made(half, adapter, tmp_path / "out.gguf", free=1 << 20)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["q8_0", "f16", "bf16"])
def test_room_is_counted_for_what_stands_there_meanwhile(
    kind: str, adapter: Path, tmp_path: Path
) -> None:
    base = write_model(tmp_path / "base.gguf", lambda _: kind)
    out = tmp_path / "out.gguf"
    meanwhile: list[int] = []

    def look(_done: int, _of: int) -> None:
        (whole,) = tmp_path.glob(".out.gguf.16-bit+*")
        meanwhile.append(sum(each.size for each in read_model(whole).tensors))

    made(base, adapter, out, quantising=look)

    model = read_model(base)
    counted = _room(model, read_deltas(adapter, base), "Q4_K_M")
    assert counted >= meanwhile[0] + sum(each.size for each in read_model(out).tensors)
    # And not for every tensor in 16 bits, where most are in 8.
    assert counted < 2 * sum(each.size for each in model.tensors) * (2 if kind == "q8_0" else 1)


def test_a_disk_that_becomes_full_is_said_whatever_llama_cpp_says(
    half: Path, adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ModelError("half.gguf cannot be quantised: basic_ios::clear: iostream error.")

    monkeypatch.setattr(quantising_module, "quantise", fail)
    with pytest.raises(GgufError, match="iostream error"):
        made(half, adapter, tmp_path / "out.gguf", free=1 << 40)
    usage = type("Usage", (), {"free": 1 << 20})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(
        GgufError, match=r"holds .*out\.gguf is full\. What stood there is as it was"
    ):
        made(half, adapter, tmp_path / "out.gguf", free=1 << 40)
    assert not list(tmp_path.iterdir())


def test_what_can_be_made_is_known_before(half: Path, mixed: Path) -> None:
    check_can_make(read_model(half), "IQ2_XXS", importance=True)
    with pytest.raises(GgufError, match=r"in a recipe as importance under \[export\]"):
        check_can_make(read_model(half), "IQ2_XXS", importance=False)
    with pytest.raises(GgufError, match=r'outputs = \["direct"\] under \[export\]'):
        check_can_make(read_model(mixed), "Q4_K_M", importance=False)


def test_ctrl_c_leaves_nothing(half: Path, adapter: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.gguf"
    out.write_bytes(b"old")

    def interrupt(done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made(half, adapter, out, quantising=interrupt)
    assert out.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [out]


def test_types_have_llama_cpps_names() -> None:
    import llama_cpp

    theirs = {
        name.removeprefix("LLAMA_FTYPE_MOSTLY_").removeprefix("LLAMA_FTYPE_ALL_"): number
        for name, number in vars(llama_cpp).items()
        if name.startswith(("LLAMA_FTYPE_MOSTLY_", "LLAMA_FTYPE_ALL_"))
    }
    assert {name: number for number, name in QUANTISATIONS.items()} == theirs
    assert type_named(" q4_k_m ") == "Q4_K_M"
    assert type_named("Q5_K") == "Q5_K_M"
    with pytest.raises(GgufError, match=r"There is no type Q9_9\. Name same, or one of BF16"):
        type_named("Q9_9")


def test_what_llama_cpp_says_against_it_is_passed_on(half: Path, tmp_path: Path) -> None:
    request = Request(
        source=os.fsencode(half), out=os.fsencode(tmp_path / "out.gguf"), kind=19, threads=1
    )

    with pytest.raises(ModelError, match=r"half\.gguf cannot be quantised: llama\.cpp says: "):
        quantise(request)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "want of memory"),
        ("import os; os.abort()", "signal 6"),
        ("import sys; sys.stdin.buffer.read(8); sys.exit(3)", "gives no reason"),
        ("print('nonsense')", "gives no reason"),
    ],
)
def test_however_its_process_ends_there_is_a_sentence(code: str, words: str) -> None:
    request = Request(source=b"model.gguf", out=b"out.gguf", kind=15)

    with pytest.raises(ModelError, match=rf"model\.gguf cannot be quantised: .*{words}"):
        quantise(request, command=(sys.executable, "-c", code))


def test_names_that_are_no_text_are_names(half: Path, adapter: Path, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"odd \xff folder")
    folder.mkdir()
    base = folder / "half.gguf"
    base.symlink_to(half)

    made(base, adapter, folder / "out.gguf", "Q8_0")

    assert sorted(folder.iterdir()) == [base, folder / "out.gguf"]


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked for in /proc")
def test_its_process_ends_with_whoever_asked(half: Path, tmp_path: Path) -> None:
    import subprocess
    import time

    code = (
        "import os, signal, subprocess, sys\n"
        "from storytui.engine import quantising\n"
        "class Watched(subprocess.Popen):\n"
        " def __init__(self, *a, **k):\n"
        "  super().__init__(*a, **k); print(self.pid, flush=True)\n"
        "quantising.subprocess.Popen = Watched\n"
        "waiting = ('import sys, time\\n'\n"
        "  'from storytui.engine.llama import quantising as q\\n'\n"
        "  'q.llama_cpp.llama_model_quantize = lambda *a: time.sleep(600)\\nq.main()')\n"
        "source, out = (each.encode() for each in sys.argv[1:])\n"
        "request = quantising.Request(source=source, out=out, kind=15)\n"
        "quantising.quantise(request, command=(sys.executable, '-c', waiting))\n"
    )
    asking = subprocess.Popen(
        [sys.executable, "-c", code, half, tmp_path / "out.gguf"], stdout=subprocess.PIPE, text=True
    )
    assert asking.stdout is not None
    child = int(asking.stdout.readline())
    assert is_there(child)

    asking.kill()
    asking.wait()

    until = time.monotonic() + 60
    while is_there(child) and time.monotonic() < until:
        time.sleep(0.05)
    assert not is_there(child)


def is_there(process: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text(encoding="ascii")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def test_a_type_that_needs_an_importance_matrix_is_made_with_one(
    half: Path, adapter: Path, tmp_path: Path
) -> None:
    matrices = {
        each.name: np.ones((1, each.shape[0]), "f4")
        for each in read_model(half).tensors
        if len(each.shape) == 2
    }
    matrix = read_importance(write_matrix(tmp_path / "m.gguf", matrices))
    out = tmp_path / "out.gguf"

    done = made(half, adapter, out, "IQ2_XXS", importance=matrix)

    assert done.touched
    kinds = {each.name: ggml().kind(each.kind).name for each in read_model(out).tensors}
    assert kinds["blk.0.attn_q.weight"] == "iq2_xxs"
    assert {each.name for each in tmp_path.iterdir()} == {"m.gguf", "out.gguf"}


def test_a_divided_base_becomes_one_file(adapter: Path, half: Path, tmp_path: Path) -> None:
    parts = tmp_path / "parts"
    parts.mkdir()
    divided = write_model(parts / "half.gguf", lambda _: "f16", parts=5)
    assert len(list(parts.iterdir())) > 1

    made(half, adapter, tmp_path / "one.gguf")
    made(divided, adapter, tmp_path / "of-parts.gguf")

    assert read(tmp_path / "of-parts.gguf") == read(tmp_path / "one.gguf")
