"""What llama.cpp's log says of a model that it loaded: its buffers, layers, flash attention.

Pure: lines in, values out. The wording is that of llama.cpp's sources (llama-model.cpp,
llama-kv-cache.cpp, llama-memory-recurrent.cpp, llama-context.cpp) from 2025 to the end of 2026; it
is no promise, so what is not recognised is left out and nothing depends on it. The log repeats the
header's texts too, so a line counts only if it begins as one about memory does.
"""

import re
from collections.abc import Sequence

from storytui.engine.devices import Buffer, Buffers, Part

_WHO = r"[~\w]+: +"
"""The function that says it."""
_OPENED = re.compile(_WHO + "constructing llama_context")
"""Begins what is said of a context; what failed before it does not count."""
_BUFFER = re.compile(
    _WHO + r"(?P<place>\S+) +(?P<what>model|KV|RS|compute|output|\S+ \S+ state) buffer size"
    r" *= *(?P<mib>\d{1,12}(?:\.\d+)?) MiB"
)
_PARTS: dict[str, Part] = {
    "model": "weights",
    "KV": "kv",
    "RS": "kv",
    "compute": "compute",
    "output": "output",
}
_FLASH = (
    re.compile(_WHO + r"flash_attn += +(?P<state>\w+)"),
    re.compile(_WHO + r"Flash Attention was auto, set to (?P<state>\w+)"),
    re.compile(_WHO + r"Flash Attention (?:not supported, set to )?(?P<state>enabled|disabled)"),
)
_OFFLOADED = re.compile(_WHO + r"offloaded (?P<there>\d+)/\d+ layers to GPU")


def buffers_in(lines: Sequence[str]) -> Buffers:
    """The buffers of a model and of the context that was opened last."""
    found = []
    for line in _that_count(lines):
        match = _BUFFER.match(line)
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
            match = form.match(line)
            if match is not None:
                state = match["state"]
    return {"enabled": True, "1": True, "disabled": False, "0": False}.get(state)


def gpu_layers_in(lines: Sequence[str]) -> int | None:
    """Layers that were put on GPUs, the output counted as one; None: it is not said."""
    found = [int(match["there"]) for line in lines if (match := _OFFLOADED.match(line))]
    return found[-1] if found else None


def _that_count(lines: Sequence[str]) -> list[str]:
    """The lines about the model, and those about the last context."""
    opened = [number for number, line in enumerate(lines) if _OPENED.match(line)]
    if not opened:
        return list(lines)
    return [*lines[: opened[0]], *lines[opened[-1] :]]
