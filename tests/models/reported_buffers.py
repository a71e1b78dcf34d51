"""Loads a model and says what llama.cpp reports of its buffers: a process of its own.

Run with a model's path and `Opening`s as JSON on standard input; answers with a list of the bytes
that llama.cpp's log names for each, as far as it prints them: in MiB with two places.
"""

import ctypes
import json
import os
import re
import sys
from typing import Any

import llama_cpp

_MIB = 1 << 20
_LINES = {
    "weights": re.compile(r"model buffer size = +([\d.]+) MiB"),
    "kv": re.compile(r": size = +([\d.]+) MiB \("),
    "output": re.compile(r"output buffer size = +([\d.]+) MiB"),
    "compute": re.compile(r"compute buffer size = +([\d.]+) MiB"),
}
_CACHE_TYPES = {"f16": 1, "q8_0": 8}


def main() -> None:
    # What native code prints must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    said: list[str] = []

    @llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
    def listen(_level: int, line: bytes, _data: ctypes.c_void_p) -> None:
        said.append(line.decode("utf-8", "replace"))

    llama_cpp.llama_log_set(listen, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    request = json.load(sys.stdin)
    parameters = llama_cpp.llama_model_default_params()
    # Else the CPU repacks the weights, and touches all of them.
    parameters.use_extra_bufts = False
    if request["only_sizes"]:
        # Buffers are measured and not allocated, so contexts of gigabytes take no time.
        parameters.no_alloc = True
        parameters.load_mode = llama_cpp.LLAMA_LOAD_MODE_NONE
    model = llama_cpp.llama_model_load_from_file(os.fsencode(request["path"]), parameters)
    if not model:
        sys.exit("".join(said))
    loading = "".join(said)
    reports = []
    for opening in request["openings"]:
        said.clear()
        if not _opened(model, opening):
            sys.exit("".join(said))
        reports.append(_reported(loading + "".join(said)))
    json.dump(reports, answers)
    answers.close()


def _opened(model: Any, opening: dict[str, Any]) -> bool:
    parameters = llama_cpp.llama_context_default_params()
    parameters.n_ctx = opening["context"]
    parameters.n_batch = opening["batch"]
    parameters.n_ubatch = opening["batch"]
    parameters.n_seq_max = opening["sequences"]
    parameters.n_outputs_max = opening["outputs"] or opening["sequences"]
    parameters.kv_unified = True
    parameters.swa_full = opening["whole_windows"]
    parameters.flash_attn_type = int(opening["flash_attention"])
    parameters.type_k = parameters.type_v = _CACHE_TYPES[opening["kv_type"]]
    context = llama_cpp.llama_init_from_model(model, parameters)
    if context:
        llama_cpp.llama_free(context)
    return bool(context)


def _reported(log: str) -> dict[str, int]:
    return {
        name: round(sum(float(each) for each in line.findall(log)) * _MIB)
        for name, line in _LINES.items()
    }


if __name__ == "__main__":
    main()
