"""What llama.cpp's log says of a model that it loaded: its buffers, layers, flash attention.

Pure: lines in, values out. The wording is that of llama.cpp's sources (llama-model.cpp,
llama-kv-cache.cpp, llama-memory-recurrent.cpp, llama-context.cpp) from 2025 to the end of 2026; it
is no promise, so what is not recognised is left out and nothing depends on it.
"""

import re
from collections.abc import Sequence

from storytui.engine.devices import Buffer, Buffers, Part

_OPENED = "constructing llama_context"
"""Begins what is said of a context; what failed before it does not count."""
_BUFFER = re.compile(
    r"(?P<place>\S+) +(?P<what>model|KV|RS|compute|output|\S+ \S+ state) buffer size"
    r" *= *(?P<mib>[\d.]+) MiB"
)
_PARTS: dict[str, Part] = {
    "model": "weights",
    "KV": "kv",
    "RS": "kv",
    "compute": "compute",
    "output": "output",
}
_FLASH = (
    re.compile(r"flash_attn += +(?P<state>\w+)"),
    re.compile(r"Flash Attention was auto, set to (?P<state>\w+)"),
    re.compile(r"Flash Attention (?:not supported, set to )?(?P<state>enabled|disabled)"),
)
_OFFLOADED = re.compile(r"offloaded (?P<there>\d+)/\d+ layers to GPU")


def buffers_in(lines: Sequence[str]) -> Buffers:
    """The buffers of a model and of the context that was opened last."""
    found = []
    for line in _that_count(lines):
        match = _BUFFER.search(line)
        if match is not None:
            size = round(float(match["mib"]) * (1 << 20))
            found.append(Buffer(_PARTS.get(match["what"], "kv"), match["place"], size))
    return Buffers(tuple(found))


def flash_attention_in(lines: Sequence[str]) -> bool | None:
    """Whether the context that was opened last uses flash attention; None: it is not said.

    What is asked for comes first, as `auto` where llama.cpp decides, and then what it decided.
    """
    state = ""
    for line in _that_count(lines):
        for form in _FLASH:
            match = form.search(line)
            if match is not None:
                state = match["state"]
    return {"enabled": True, "1": True, "disabled": False, "0": False}.get(state)


def gpu_layers_in(lines: Sequence[str]) -> int | None:
    """Layers that were put on GPUs, the output counted as one; None: it is not said."""
    found = [int(match["there"]) for line in lines if (match := _OFFLOADED.search(line))]
    return found[-1] if found else None


def _that_count(lines: Sequence[str]) -> list[str]:
    """The lines about the model, and those about the last context."""
    opened = [number for number, line in enumerate(lines) if _OPENED in line]
    if not opened:
        return list(lines)
    return [*lines[: opened[0]], *lines[opened[-1] :]]
