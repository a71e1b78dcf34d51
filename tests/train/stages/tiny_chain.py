"""A tiny model as a GGUF file, a data set, and a recipe that goes from the one to the other."""

from pathlib import Path

import made_models
import msgspec
import small_run
import torch

CONTEXT = 2048

RECIPE = """\
name = "Tiny Voice"
folder = "work"
[train]
base = "tiny.gguf"
sequence = 1600
quantisation = "none"
rank = 4
alpha = 8.0
batch = 2
steps = 2
learning_rate = 5e-3
validate_every = 2
[export]
outputs = ["adapter", "direct"]
[evaluate]
rows = 3
takes = 0
"""


def make(folder: Path, *, test: int = 3) -> Path:
    """Put base, data set and recipe into a folder; returns the recipe.

    Args:
        folder: gets them.
        test: rows that are held out for measuring.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model = made_models.tiny_model("llama")
    model.config.max_position_embeddings = CONTEXT
    made_models.write_model(folder / "tiny.gguf", model)
    work = folder / "work"
    small_run.make_dataset(work / "dataset" / "parts", rows=6, validation=2)
    if test:
        rows = [small_run.some_row(number, "test") for number in range(test)]
        lines = b"".join(msgspec.json.encode(each) + b"\n" for each in rows)
        (work / "dataset" / "parts" / "rows" / "test.jsonl").write_bytes(lines)
    (work / ".storytui-train").write_bytes(b"1\n")
    path = folder / "recipe.toml"
    path.write_text(RECIPE, encoding="utf-8")
    torch.set_num_threads(1)
    return path
