"""The bare loop: llama.cpp's low-level API and nothing else, as fast as Python can drive it.

Runs in a process of its own: `python -m storytui.bench.bare`, with one JSON object on standard
input (`model`, `prompt`, `tokens`, `context`, `threads`, `gpu_layers`, `batch`, `seed`,
`same_samplers`), and prints tokens a second.
"""

import ctypes
import json
import sys
import time
from typing import Any

import llama_cpp


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _quiet(_level: int, _text: bytes, _data: Any) -> None:
    pass


def _add_penalties(sampler: Any, vocab: Any) -> None:
    """The editor's stages against repetition, with its default settings."""
    llama_cpp.llama_sampler_chain_add(
        sampler,
        llama_cpp.llama_sampler_init_penalties(
            llama_cpp.llama_vocab_n_tokens(vocab), 256, 1.05, 0.0, 0.0
        ),
    )
    breakers = (ctypes.c_char_p * 4)(b"\n", b":", b'"', b"*")
    llama_cpp.llama_sampler_chain_add(
        sampler,
        llama_cpp.llama_sampler_init_dry(vocab, 0.8, 1.75, 2, 2048, breakers, len(breakers)),
    )


def main() -> None:
    """Decode as many tokens as asked for, and print how fast."""
    asked = json.load(sys.stdin)
    llama_cpp.llama_log_set(_quiet, ctypes.c_void_p())
    llama_cpp.llama_backend_init()
    model_parameters = llama_cpp.llama_model_default_params()
    model_parameters.n_gpu_layers = asked["gpu_layers"]
    model = llama_cpp.llama_model_load_from_file(asked["model"].encode(), model_parameters)
    parameters = llama_cpp.llama_context_default_params()
    parameters.n_ctx = asked["context"]
    parameters.n_batch = parameters.n_ubatch = asked["batch"]
    parameters.n_threads = parameters.n_threads_batch = asked["threads"]
    parameters.no_perf = True
    context = llama_cpp.llama_init_from_model(model, parameters)
    vocab = llama_cpp.llama_model_get_vocab(model)

    raw = asked["prompt"].encode()
    buffer = (llama_cpp.llama_token * (len(raw) + 8))()
    count = llama_cpp.llama_tokenize(vocab, raw, len(raw), buffer, len(buffer), False, True)
    tokens = buffer[:count]
    batch = asked["batch"]
    for start in range(0, count, batch):
        piece = (llama_cpp.llama_token * len(tokens[start : start + batch]))(
            *tokens[start : start + batch]
        )
        llama_cpp.llama_decode(context, llama_cpp.llama_batch_get_one(piece, len(piece)))

    sampler = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
    if asked["same_samplers"]:
        _add_penalties(sampler, vocab)
    llama_cpp.llama_sampler_chain_add(sampler, llama_cpp.llama_sampler_init_min_p(0.05, 1))
    llama_cpp.llama_sampler_chain_add(sampler, llama_cpp.llama_sampler_init_temp(0.8))
    llama_cpp.llama_sampler_chain_add(sampler, llama_cpp.llama_sampler_init_dist(asked["seed"]))
    one = (llama_cpp.llama_token * 1)()
    single = llama_cpp.llama_batch_get_one(one, 1)
    one[0] = llama_cpp.llama_sampler_sample(sampler, context, -1)
    began = time.perf_counter()
    for _ in range(asked["tokens"] - 1):
        llama_cpp.llama_decode(context, single)
        one[0] = llama_cpp.llama_sampler_sample(sampler, context, -1)
    print((asked["tokens"] - 1) / (time.perf_counter() - began))


if __name__ == "__main__":
    main()
