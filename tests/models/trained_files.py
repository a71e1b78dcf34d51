"""Files of models that were trained here, tiny ones, and what is known of them."""

from pathlib import Path
from typing import Any

import tiny_gguf as tiny

from storytui.models.trained import Measured, TrainedModel

MEASURED = Measured(
    base_bits=0.99,
    bits=0.94,
    low=-6.1,
    high=-4.0,
    change=-5.05,
    books=3,
    verdict="It is better than its base.",
    report="/nowhere/report.md",
)


def adapter_file(path: Path, rank: int = 4) -> Path:
    path.write_bytes(
        tiny.write(
            [
                tiny.text("general.architecture", "llama"),
                tiny.text("general.type", "adapter"),
                tiny.text("adapter.type", "lora"),
                tiny.scalar("adapter.lora.alpha", tiny.FLOAT32, 8.0),
            ],
            [tiny.Weights(b"blk.0.attn_q.weight.lora_a", (32, rank))],
        ).data
    )
    return path


def merged_file(path: Path) -> Path:
    path.write_bytes(tiny.llama().data)
    return path


def told(base: Path | str = "/models/base.gguf", **other: Any) -> TrainedModel:
    known = {"name": "mine", "base_name": "base", "recipe": "abc", "made": "2026-01-31"}
    return TrainedModel(**(known | {"base": str(base)} | other))
