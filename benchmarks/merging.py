"""What merging an adapter into a quantised model costs, and what is left of the adapter.

    python benchmarks/merging.py speed [--layers 28] [--threads N] [--folder DIR]
    python benchmarks/merging.py quality BOOK... --adapter FILE --half FILE --type Q4_0

`speed` writes a file in the shapes and types of Qwen2.5-7B's Q4_K_M, filled with random weights,
and an adapter of rank 16 on all linear layers, and merges them in a process of its own. `quality`
makes a quantised model of a 16-bit one, and scores held-out books by it bare, with the adapter,
with the adapter merged into it, and with the adapter merged into the 16-bit one before.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from storytui.engine.messages import ModelConfig
from storytui.engine.model_info import Adapter
from storytui.engine.process import ProcessEngine
from storytui.engine.quantising import Request, quantise
from storytui.engine.scores import Passage
from storytui.models.mixtures import kind_of
from storytui_train.gguf import layout
from storytui_train.gguf.deltas import read_deltas
from storytui_train.gguf.ggml import ggml
from storytui_train.gguf.merge import merge
from storytui_train.gguf.quantise import NUMBERS, merge_and_quantise, type_named
from storytui_train.gguf.splits import read_model

WIDTH, INNER, KEPT, VOCABULARY, RANK = 3584, 18944, 512, 152_064, 16
SHAPES = {
    "attn_q": (WIDTH, WIDTH),
    "attn_k": (WIDTH, KEPT),
    "attn_v": (WIDTH, KEPT),
    "attn_output": (WIDTH, WIDTH),
    "ffn_gate": (WIDTH, INNER),
    "ffn_up": (WIDTH, INNER),
    "ffn_down": (INNER, WIDTH),
}
LARGEST = 4 * WIDTH * INNER
"""Bytes of the largest touched tensor in float32."""
MERGING = """
import json, re, resource, sys, time
from pathlib import Path
from storytui_train.gguf.deltas import read_deltas
from storytui_train.gguf.merge import merge
from storytui_train.gguf.splits import read_model
base, adapter, out = map(Path, sys.argv[1:4])
began = time.perf_counter()
merge(read_model(base), read_deltas(adapter, base), out, threads=int(sys.argv[4]))
wall = time.perf_counter() - began
used = resource.getrusage(resource.RUSAGE_SELF)
# Not ru_maxrss, which begins with what the process that started this one had.
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
print(json.dumps({"wall": wall, "cpu": used.ru_utime + used.ru_stime, "peak": peak}))
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    speed = commands.add_parser("speed")
    speed.add_argument("--layers", type=int, default=28)
    speed.add_argument("--threads", type=int, default=0)
    speed.add_argument("--strength", type=float, default=0.01, help="of the product")
    quality = commands.add_parser("quality")
    quality.add_argument("books", nargs="+", type=Path)
    quality.add_argument("--adapter", type=Path, required=True)
    quality.add_argument("--half", type=Path, required=True, help="the model in 16 bits")
    quality.add_argument("--type", type=type_named, required=True)
    quality.add_argument(
        "--shipped", type=Path, help="the quantised model; else llama.cpp makes it"
    )
    for each in (speed, quality):
        each.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        if options.command == "speed":
            measure(Path(folder), options.layers, options.threads, options.strength)
        else:
            compare(options, Path(folder))


# --- speed --------------------------------------------------------------------------------------


def measure(folder: Path, layers: int, threads: int, strength: float) -> None:
    base, adapter, out = (folder / f"{name}.gguf" for name in ("base", "adapter", "out"))
    write_base(base, layers)
    write_adapter(adapter, layers, strength)
    ended = subprocess.run(
        [sys.executable, "-c", MERGING, base, adapter, out, str(threads)],
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(ended.stdout)
    weights = layers * sum(columns * rows for columns, rows in SHAPES.values())
    peak = found["peak"] * 1024 / 1e6
    print(
        f"{base.stat().st_size / 1e9:.2f} GB, {layers} layers, {weights / 1e9:.2f} billion weights "
        f"touched: {found['wall'] / 60:.1f} minutes, {found['cpu'] / 60:.1f} minutes of processor "
        f"time ({found['cpu'] / found['wall']:.2f} cores busy), {weights / found['cpu'] / 1e6:.1f} "
        f"million weights a second and core"
    )
    print(
        f"peak {peak:,.0f} MB; 4 times the largest tensor in float32 and 300 MB are "
        f"{(4 * LARGEST + 3e8) / 1e6:,.0f} MB"
    )


def write_base(path: Path, layers: int) -> None:
    """The file, its weights random; of each type and width one piece is quantised and repeated."""
    tensors = [("token_embd.weight", (WIDTH, VOCABULARY), 12), ("output_norm.weight", (WIDTH,), 0)]
    tensors.append(("output.weight", (WIDTH, VOCABULARY), 14))
    for layer in range(layers):
        tensors.append((f"blk.{layer}.attn_norm.weight", (WIDTH,), 0))
        tensors.append((f"blk.{layer}.ffn_norm.weight", (WIDTH,), 0))
        for name, shape in SHAPES.items():
            kind = kind_of("Q4_K_M", name, 2, layer, layers)
            tensors.append((f"blk.{layer}.{name}.weight", shape, kind))
    file = layout.arranged(pairs(layers), tensors, version=3, alignment=32)
    pieces: dict[tuple[int, int], bytes] = {}
    with path.open("wb") as target:
        target.write(file.head)
        for tensor in file.tensors:
            target.seek(len(file.head) + tensor.offset)
            columns = tensor.shape[0]
            if (tensor.kind, columns) not in pieces:
                weights = np.random.default_rng(1).standard_normal((64, columns)) * 0.03
                raw = ggml().from_floats(ggml().kind(tensor.kind), weights.astype("f4"))
                pieces[tensor.kind, columns] = raw.tobytes()
            piece, left = pieces[tensor.kind, columns], tensor.size
            while left:
                target.write(piece[:left])
                left -= min(left, len(piece))
        target.truncate(file.size)


def pairs(layers: int) -> Iterator[bytes]:
    numbers = {
        "block_count": layers,
        "context_length": 32768,
        "embedding_length": WIDTH,
        "feed_forward_length": INNER,
        "attention.head_count": 28,
        "attention.head_count_kv": 4,
    }
    yield layout.pair("general.architecture", "qwen2")
    yield layout.pair("general.name", "Shapes of Qwen2.5-7B")
    for key, value in numbers.items():
        yield layout.pair(f"qwen2.{key}", value)
    yield layout.pair("tokenizer.ggml.model", "gpt2")
    yield layout.pair("tokenizer.ggml.tokens", [f"t{each}" for each in range(VOCABULARY)])


def write_adapter(path: Path, layers: int, strength: float) -> None:
    chance = np.random.default_rng(2)
    tensors = []
    for layer in range(layers):
        for name, (columns, rows) in SHAPES.items():
            tensors.append((f"blk.{layer}.{name}.weight.lora_a", (columns, RANK), 1))
            tensors.append((f"blk.{layer}.{name}.weight.lora_b", (RANK, rows), 1))
    said = [
        layout.pair("general.architecture", "qwen2"),
        layout.pair("general.type", "adapter"),
        layout.pair("adapter.type", "lora"),
        layout.pair("adapter.lora.alpha", float(RANK)),
    ]
    file = layout.arranged(said, tensors, version=3, alignment=32)
    with path.open("wb") as target:
        target.write(file.head)
        for tensor in file.tensors:
            target.seek(len(file.head) + tensor.offset)
            size = 1.0 if tensor.name.endswith("a") else 0.03 * strength / math.sqrt(RANK)
            target.write((chance.standard_normal(tensor.shape) * size).astype("f2").tobytes())
        target.truncate(file.size)


# --- quality ------------------------------------------------------------------------------------


def compare(options: argparse.Namespace, folder: Path) -> None:
    half, adapter = options.half, options.adapter
    shipped = options.shipped or folder / "shipped.gguf"
    if not options.shipped:
        quantise(
            Request(
                source=os.fsencode(half),
                out=os.fsencode(shipped),
                kind=NUMBERS[options.type],
                again=True,
            )
        )
    direct, nearest, before = (folder / f"{name}.gguf" for name in ("direct", "nearest", "before"))
    model, deltas = read_model(shipped), read_deltas(adapter, shipped)
    merge(model, deltas, direct)
    merge(model, deltas, nearest, nearest=True)
    merge_and_quantise(read_model(half), read_deltas(adapter, half), before, kind=options.type)
    rows = [
        (f"{options.type} bare", shipped, ()),
        (f"{options.type} + adapter", shipped, (Adapter(path=str(adapter)),)),
        (f"merged straight into {options.type}", direct, ()),
        ("the same, rounded to the nearest", nearest, ()),
        (f"merged in 16 bits, then {options.type}", before, ()),
        ("16 bits bare", half, ()),
        ("16 bits + adapter", half, (Adapter(path=str(adapter)),)),
    ]
    asked = [each for book in options.books for each in passages(book)]
    bare = None
    for name, path, adapters in rows:
        bits = scored(path, adapters, asked)
        bare = bits if bare is None else bare
        print(f"| {name} | {bits:.4f} | {100 * (bits / bare - 1):+.2f} % |", flush=True)


def passages(book: Path, many: int = 5) -> list[Passage]:
    """Excerpts spread over a book: some hundred words to go by, and as many that are scored."""
    text = book.read_text("utf-8-sig", "replace").replace("\r", "")
    found = []
    for number in range(many):
        begin = text.index("\n\n", int(len(text) * (number + 1) / (many + 1.5))) + 2
        excerpt = text[begin : begin + 1500]
        cut = excerpt.index(" ", 600)
        found.append(
            Passage(message="Continue the story.", opening=excerpt[:cut], text=excerpt[cut:])
        )
    return found


def scored(path: Path, adapters: tuple[Adapter, ...], asked: list[Passage]) -> float:
    """Bits per byte of the excerpts."""
    config = ModelConfig(
        path=str(path), context=1024, threads=1, scores=True, adapters=adapters, exact=True
    )
    engine = ProcessEngine(config)
    try:
        nats = -sum(sum(each.logprobs) for each in engine.score(asked))
    finally:
        engine.close()
    return nats / math.log(2) / sum(len(each.text.encode()) for each in asked)


if __name__ == "__main__":
    main()
