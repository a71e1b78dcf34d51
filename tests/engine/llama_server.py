"""llama.cpp's own server, run by the test; from the package xllamacpp (extra `bench`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def llama_server(model: Path, context: int) -> Iterator[str]:
    """A server with a model; its address.

    Args:
        model: a GGUF file.
        context: tokens.
    """
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(model)
    parameters.n_ctx = context
    parameters.n_gpu_layers = 0
    parameters.fit_params = False
    parameters.warmup = False
    parameters.n_parallel = 1
    for each in (parameters.cpuparams, parameters.cpuparams_batch):
        # Threads that wait for each other are slow where another program has the cores.
        each.n_threads = 1
    # Only when it sends a sign of life does it notice that nobody listens any more.
    parameters.sse_ping_interval = 1
    parameters.port = 0
    running: Any = xllamacpp.Server(parameters)
    yield running.listening_address
    del running
