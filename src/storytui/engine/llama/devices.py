"""llama.cpp's own list of devices, through ggml's C API (ggml-backend.h).

What a GPU answers here is not verified on one. CUDA makes its context when it is asked for its
memory, so what that takes is not free any more in the first answer.
"""

import ctypes
from functools import cache
from typing import Any

import llama_cpp
from llama_cpp import _ggml

from storytui.engine.devices import Device, DeviceReport, Kind
from storytui.engine.llama import backend

_KINDS: dict[int, Kind] = {0: "cpu", 1: "gpu", 2: "integrated", 3: "accelerator"}
"""enum ggml_backend_dev_type in ggml-backend.h."""


def device_report() -> DeviceReport:
    """What there is to run a model on, and how this llama.cpp was built."""
    backend.begin()
    return DeviceReport(
        devices=devices(),
        offloads=bool(llama_cpp.llama_supports_gpu_offload()),
        system=_text(llama_cpp.llama_print_system_info()).strip(" |"),
        library=llama_cpp.__version__,
    )


def devices() -> tuple[Device, ...]:
    """All devices, with their memory as it is now; none where this llama.cpp does not say."""
    library = _library()
    if library is None:
        return ()
    handles = [library.ggml_backend_dev_get(n) for n in range(library.ggml_backend_dev_count())]
    return tuple(_device(library, each) for each in handles)


def free_memory() -> dict[str, int]:
    """Bytes that are free on each GPU now, by its name."""
    return {each.name: each.free for each in devices() if each.kind in ("gpu", "integrated")}


def _device(library: Any, handle: int) -> Device:
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    library.ggml_backend_dev_memory(handle, ctypes.byref(free), ctypes.byref(total))
    return Device(
        name=_text(library.ggml_backend_dev_name(handle)),
        description=_text(library.ggml_backend_dev_description(handle)).strip(),
        kind=_KINDS.get(library.ggml_backend_dev_type(handle), "other"),
        total=total.value,
        # A GPU that shares the machine's memory may say that more is free than there is.
        free=min(free.value, total.value),
    )


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode("utf-8", "replace")


@cache
def _library() -> Any:
    """ggml with the types of these functions told; None where it lacks one of them."""
    library = _ggml.libggml
    handle = ctypes.c_void_p
    sizes = [handle, ctypes.POINTER(ctypes.c_size_t), ctypes.POINTER(ctypes.c_size_t)]
    try:
        for function, arguments, result in (
            (library.ggml_backend_dev_count, [], ctypes.c_size_t),
            (library.ggml_backend_dev_get, [ctypes.c_size_t], handle),
            (library.ggml_backend_dev_type, [handle], ctypes.c_int),
            (library.ggml_backend_dev_name, [handle], ctypes.c_char_p),
            (library.ggml_backend_dev_description, [handle], ctypes.c_char_p),
            (library.ggml_backend_dev_memory, sizes, None),
        ):
            function.argtypes = arguments
            function.restype = result
    except AttributeError:
        return None
    return library
