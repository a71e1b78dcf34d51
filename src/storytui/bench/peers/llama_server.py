"""llama.cpp's own server, as the xllamacpp package brings it, asked over HTTP on this machine.

Runs as `python -m storytui.bench.peers.llama_server`; each line asks with `tokens`, the prompt.
What helps it is on: its cache reuse from 16 tokens in a row on, one slot, no copies of old
prompts in memory, which it would make before it answers.
"""

import http.client
import json
import time
from typing import Any
from urllib.parse import urlsplit

import xllamacpp

from storytui.bench.peers.listening import Answer, listen

CACHE_REUSE = 16
"""The server moves stretches of at least so many tokens."""


def _open(asked: dict[str, Any]) -> Answer:
    parameters = xllamacpp.CommonParams()
    parameters.model.path = asked["model"]
    parameters.n_ctx = asked["context"]
    parameters.n_gpu_layers = asked["gpu_layers"]
    parameters.fit_params = False
    parameters.n_parallel = 1
    parameters.n_cache_reuse = CACHE_REUSE
    parameters.cache_ram_mib = 0
    for each in (parameters.cpuparams, parameters.cpuparams_batch):
        each.n_threads = asked["threads"]
    parameters.port = 0
    # Kept alive by the function below.
    server = xllamacpp.Server(parameters)
    address = urlsplit(server.listening_address)
    connection = http.client.HTTPConnection(address.hostname or "", address.port)

    def answer(asked: dict[str, Any], _server: Any = server) -> dict[str, Any]:
        body = json.dumps(
            {
                "prompt": asked["tokens"],
                "n_predict": 1,
                "temperature": 0,
                "ignore_eos": True,
                "stream": True,
                "cache_prompt": True,
                "n_cache_reuse": CACHE_REUSE,
            }
        )
        # It ends a connection that was silent for a while, so that each gets a new one, untimed.
        connection.close()
        connection.connect()
        began = time.perf_counter()
        connection.request("POST", "/completion", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        first, last = 0.0, b""
        for line in response:
            if line.startswith(b"data: "):
                first = first or time.perf_counter() - began
                last = line
        timings = json.loads(last.removeprefix(b"data: "))["timings"]
        return {
            "first_token_ms": first * 1000,
            "evaluated_tokens": timings["prompt_n"],
        }

    return answer


if __name__ == "__main__":
    listen(_open)
