"""Asks llama.cpp, in a process of its own, what it says of its buffers."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import reported_buffers

from storytui.models.model_memory import Opening
from storytui.models.shape import Shape


def reported(
    path: Path, shape: Shape, openings: Sequence[Opening], *, only_sizes: bool = True
) -> list[dict[str, int]]:
    """What llama.cpp says of its buffers, for each way to open a context."""
    request = {
        "path": str(path),
        "only_sizes": only_sizes,
        "openings": [{**asdict(each), "sequences": each.sequences_for(shape)} for each in openings],
    }
    answer = subprocess.run(
        [sys.executable, reported_buffers.__file__],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr[-2000:]
    reports: list[dict[str, int]] = json.loads(answer.stdout)
    return reports
