"""A working folder in which everything was made that can be published, all of it small."""

import json
from collections.abc import Sequence
from pathlib import Path

import msgspec
import tiny_gguf
from example_rows import row
from tiny_gguf import STRING, Weights, listing, text

from storytui_train.data.dataset.writing import write_dataset
from storytui_train.data.pipeline.record import Record, hashes, sha256_of, write_record
from storytui_train.recipe import load

RECIPE = """
name = "Tales"
licence = "cc0-1.0"
sources = [{ type = "gutenberg", ids = [11] }]
[train]
base = "Qwen/Qwen2.5-7B-Instruct"
gguf = "base/Tiny-Q4_K_M.gguf"
rank = 8
[export]
name = "Tales 7B"
[publish]
repository = "owner/tales"
licence = "apache-2.0"
tags = ["gothic"]
"""
MODEL = ("model", "adapter", "gguf")


def figure(mean: float) -> dict[str, float]:
    return {"mean": mean, "low": mean - 0.1, "high": mean + 0.1, "rows": 20, "books": 3}


REPORT = {
    "version": "1",
    "rows": 120,
    "takes": 24,
    "confidence": 0.95,
    "titles": {"a": "Alice", "b": "Emma", "c": "Dracula"},
    "base": "Bare | model",
    "of_books": {"paragraphs": figure(2.0)},
    "models": [
        {"name": "Bare | model", "figures": {"bits_prompt": figure(1.2), "copied": figure(3.0)}},
        {
            "name": "Tales 7B",
            "figures": {"bits_prompt": figure(1.1), "paragraphs": figure(1.9)},
            "verdict": {"worse": False, "sentence": "Tales 7B is better than Bare | model."},
        },
    ],
}


def adapter_gguf() -> bytes:
    pairs = [
        text("general.architecture", "llama"),
        text("general.type", "adapter"),
        text("adapter.type", "lora"),
        listing("general.languages", STRING, ["en"]),
    ]
    return bytes(tiny_gguf.write(pairs, [Weights(b"blk.0.attn_q.weight.lora_a", (32, 8))]).data)


def make(folder: Path, recipe: str = RECIPE, *, rows: Sequence[object] | None = None) -> Path:
    """Write recipe and working folder; returns the recipe's path."""
    path = folder / "tales.toml"
    path.write_text(recipe)
    (folder / "base").mkdir(exist_ok=True)
    (folder / "base" / "Tiny-Q4_K_M.gguf").write_bytes(bytes(tiny_gguf.llama().data))
    work = folder / "tales"
    adapter = work / "train" / "adapter"
    adapter.mkdir(parents=True, exist_ok=True)
    config = {"base_model_name_or_path": str(folder / "secret" / "weights"), "r": 8}
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    (adapter / "adapter_model.safetensors").write_bytes(b"weights" * 1000)
    (adapter / "README.md").write_text("peft's own")
    lines = [
        {"step": 10, "loss": 3.0},
        {"step": 20, "loss": 2.5, "validation": 2.75},
        {"step": 30, "validation": 2.5},
        {"step": 40, "validation": 2.625},
    ]
    log = "\n".join(map(json.dumps, lines)) + '\n{"step": 41, "lo'
    (work / "train" / "log.jsonl").write_text(log)
    (work / "gguf").mkdir(exist_ok=True)
    (work / "gguf" / "adapter.gguf").write_bytes(adapter_gguf())
    (work / "gguf" / "merged-Q4_K_M.gguf").write_bytes(bytes(tiny_gguf.llama(name="Tales").data))
    evaluation = work / "evaluation"
    evaluation.mkdir(exist_ok=True)
    (evaluation / "report.json").write_text(json.dumps(REPORT))
    (evaluation / "report.md").write_text("# Evaluation\n")
    (evaluation / "kept.jsonl").write_text("not for others\n")
    (evaluation / "bits.png").write_bytes(b"png")
    (work / "dataset").mkdir(exist_ok=True)
    made = [row(number) for number in range(4)] if rows is None else rows
    write_dataset(made, work / "dataset" / "parts", load(path), plots=False)  # type: ignore[arg-type]
    held_out = [msgspec.json.encode(row(90, split="test"))]
    (work / "dataset" / "parts" / "rows" / "test.jsonl").write_bytes(b"\n".join(held_out))
    note(work)
    return path


def note(work: Path, *, others: Sequence[str] = ()) -> None:
    """Write the records of training, export and evaluation, of what is there.

    Args:
        work: the working folder.
        others: SHA-256 of models that were measured besides.
    """
    rows = work / "dataset" / "parts" / "rows"
    read = [rows / f"{split}.jsonl" for split in ("train", "validation")]
    adapter = hashes((work / "train" / "adapter").iterdir(), work / "train")
    run = {
        "dataset": {each.name: sha256_of(each) for each in read if each.is_file()},
        "outputs": adapter,
        "finished": "2020-01-01T00:00:00Z",
    }
    (work / "train" / "run.json").write_text(json.dumps(run))
    trained = {f"train/{name}": digest for name, digest in adapter.items()}
    exported = hashes((work / "gguf").glob("*.gguf"), work)
    base = sha256_of(work.parent / "base" / "Tiny-Q4_K_M.gguf")
    _record(work, "export", {**trained, "base": base}, exported)
    identities = [base, *(f"{base}+{each}@1 auto x" for each in exported.values()), *others]
    models = {f"model {number}": each for number, each in enumerate(identities)}
    made = [each for each in (work / "evaluation").iterdir() if each.suffix != ".jsonl"]
    inputs = {"rows": sha256_of(rows / "test.jsonl"), **models}
    _record(work, "evaluate", inputs, hashes(made, work))


def _record(work: Path, stage: str, inputs: dict[str, str], outputs: dict[str, str]) -> None:
    record = Record(
        stage=stage,
        fingerprint="0" * 64,
        inputs=inputs,
        settings={},
        versions={},
        counts={},
        outputs=outputs,
        seconds=1.0,
        finished="2020-01-01T00:00:00Z",
    )
    write_record(work / f"{stage}.json", record)
