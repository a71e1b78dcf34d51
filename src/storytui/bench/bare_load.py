"""The bare load: llama.cpp's low-level API loads a model, opens a context, and nothing else.

Runs in a process of its own: `python -m storytui.bench.bare_load`, with one JSON object on standard
input (`model`, `context`, `threads`, `gpu_layers`, `batch`, `sequences`, `whole_windows`,
`flash_attention`, `kv_type`), prints a line when the context is there, and ends with its input.
"""

import ctypes
import json
import os
import sys
from typing import Any

import llama_cpp


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _quiet(_level: int, _text: bytes, _data: Any) -> None:
    pass


def main() -> None:
    """Load, say so, and wait for the end."""
    asked = json.loads(sys.stdin.readline())
    llama_cpp.llama_log_set(_quiet, ctypes.c_void_p())
    llama_cpp.llama_backend_init()
    model_parameters = llama_cpp.llama_model_default_params()
    model_parameters.n_gpu_layers = asked["gpu_layers"]
    model = llama_cpp.llama_model_load_from_file(os.fsencode(asked["model"]), model_parameters)
    parameters = llama_cpp.llama_context_default_params()
    parameters.n_ctx = asked["context"]
    parameters.n_batch = parameters.n_ubatch = asked["batch"]
    parameters.n_seq_max = asked["sequences"]
    if hasattr(parameters, "n_outputs_max"):
        parameters.n_outputs_max = asked["sequences"]
    parameters.kv_unified = True
    parameters.swa_full = asked["whole_windows"]
    parameters.n_threads = parameters.n_threads_batch = asked["threads"]
    parameters.no_perf = True
    parameters.flash_attn_type = int(asked["flash_attention"])
    if asked["kv_type"] == "q8_0":
        parameters.type_k = parameters.type_v = llama_cpp.GGML_TYPE_Q8_0
    context = llama_cpp.llama_init_from_model(model, parameters) if model else None
    if not context:
        sys.exit("the model could not be loaded")
    print("ready", flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
