"""Logits of llama.cpp for given tokens, in a process of its own: keys and values in float32.

Run as `python llama_logits.py` with a JSON list of jobs on standard input, each
{"model": PATH, "adapter": PATH or "", "tokens": [..], "out": PATH.npy}; jobs of one model follow
each other. `logits_of` does that.
"""

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Job:
    model: Path
    tokens: Sequence[int]
    adapter: Path | None = None


def logits_of(jobs: Sequence[Job], folder: Path) -> list[NDArray[np.float32]]:
    """The logits at each token of each job: tokens × vocabulary."""
    asked = [
        {
            "model": str(job.model),
            "adapter": str(job.adapter or ""),
            "tokens": list(job.tokens),
            "out": str(folder / f"logits-{number}.npy"),
        }
        for number, job in enumerate(jobs)
    ]
    done = subprocess.run(
        [sys.executable, str(Path(__file__))],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [np.load(each["out"]) for each in asked]


def _main() -> None:
    import llama_cpp as cpp

    jobs = json.load(sys.stdin)
    cpp.llama_backend_init()
    model: Any = None
    opened = ""
    for job in jobs:
        if job["model"] != opened:
            if model is not None:
                cpp.llama_model_free(model)
            parameters = cpp.llama_model_default_params()
            parameters.n_gpu_layers = 0
            model = cpp.llama_model_load_from_file(os.fsencode(job["model"]), parameters)
            assert model, f"{job['model']} cannot be loaded"
            opened = job["model"]
        np.save(job["out"], _logits(cpp, model, job["tokens"], job["adapter"]))


def _logits(cpp: Any, model: Any, tokens: list[int], adapter: str) -> NDArray[np.float32]:
    count = len(tokens)
    parameters = cpp.llama_context_default_params()
    parameters.n_ctx = max(256, count)
    parameters.n_batch = parameters.n_ubatch = max(256, count)
    parameters.n_threads = parameters.n_threads_batch = 1
    parameters.type_k = parameters.type_v = cpp.GGML_TYPE_F32
    parameters.flash_attn_type = cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
    if hasattr(parameters, "n_outputs_max"):
        parameters.n_outputs_max = count
    context = cpp.llama_init_from_model(model, parameters)
    assert context
    handle = None
    if adapter:
        handle = cpp.llama_adapter_lora_init(model, os.fsencode(adapter))
        assert handle, f"{adapter} cannot be loaded"
        handles = (cpp.llama_adapter_lora_p_ctypes * 1)(handle)
        assert cpp.llama_set_adapters_lora(context, handles, 1, (ctypes.c_float * 1)(1.0)) == 0
    batch = cpp.llama_batch_init(count, 0, 1)
    batch.n_tokens = count
    for place, token in enumerate(tokens):
        batch.token[place] = token
        batch.pos[place] = place
        batch.n_seq_id[place] = 1
        batch.seq_id[place][0] = 0
        batch.logits[place] = 1
    assert cpp.llama_decode(context, batch) == 0
    width = cpp.llama_vocab_n_tokens(cpp.llama_model_get_vocab(model))
    found = np.ctypeslib.as_array(cpp.llama_get_logits(context), shape=(count, width)).copy()
    cpp.llama_batch_free(batch)
    cpp.llama_free(context)
    if handle:
        cpp.llama_adapter_lora_free(handle)
    return found


if __name__ == "__main__":
    _main()
