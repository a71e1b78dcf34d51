"""What llama.cpp runs on and what it says: its log, the GPU, the cores."""

import ctypes
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llama_cpp
from llama_cpp import _ggml

_DEBUG, _ERROR, _CONTINUED = 1, 4, 5  # enum ggml_log_level in ggml.h
_GGML_DEVICE_GPU = 1  # enum ggml_backend_dev_type in ggml-backend.h; 2 is an integrated GPU


@dataclass(slots=True)
class _Log:
    """llama.cpp's log: to the error output (the log file), the last errors kept for messages."""

    errors: list[str]
    level: int = 0


_log = _Log([])


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _on_log(level: int, text: bytes, _data: Any) -> None:
    if level != _CONTINUED:
        _log.level = level
    if _log.level == _DEBUG:
        # Thousands of lines for every load.
        return
    line = text.decode("utf-8", "replace")
    sys.stderr.write(line)
    if _log.level == _ERROR and line.strip():
        _log.errors.append(line.strip())
        del _log.errors[:-8]


def begin() -> None:
    """Have llama.cpp ready, its log caught, and nothing said so far."""
    llama_cpp.llama_log_set(_on_log, ctypes.c_void_p())
    llama_cpp.llama_backend_init()
    _log.errors.clear()


def reason() -> str:
    """llama.cpp's own first word on why something failed: the later ones repeat it."""
    if not _log.errors:
        return "llama.cpp gives no reason"
    return _log.errors[0].removeprefix("llama_model_load: error loading model: ").split(": ", 1)[-1]


def gpu_backend() -> str | None:
    """Name of the backend of the first GPU that llama.cpp can use; None without one."""
    if not llama_cpp.llama_supports_gpu_offload():
        return None
    library = _ggml.libggml
    library.ggml_backend_dev_count.restype = ctypes.c_size_t
    library.ggml_backend_dev_get.restype = ctypes.c_void_p
    library.ggml_backend_dev_get.argtypes = [ctypes.c_size_t]
    library.ggml_backend_dev_type.argtypes = [ctypes.c_void_p]
    library.ggml_backend_dev_type.restype = ctypes.c_int
    library.ggml_backend_dev_name.argtypes = [ctypes.c_void_p]
    library.ggml_backend_dev_name.restype = ctypes.c_char_p
    for index in range(library.ggml_backend_dev_count()):
        device = library.ggml_backend_dev_get(index)
        if library.ggml_backend_dev_type(device) in (_GGML_DEVICE_GPU, _GGML_DEVICE_GPU + 1):
            name: bytes = library.ggml_backend_dev_name(device)
            return name.decode("utf-8", "replace").rstrip("0123456789")
    return None


def processors() -> int:
    """Processors this process may use, hyperthreads counted."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def physical_cores() -> int:
    """Cores this process may use, hyperthreads not counted where the system tells them apart."""
    try:
        allowed = os.sched_getaffinity(0)
    except AttributeError:
        return max(1, (os.cpu_count() or 2) // 2)
    siblings = set()
    for core in allowed:
        path = Path(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list")
        try:
            siblings.add(path.read_text().strip())
        except OSError:
            siblings.add(str(core))
    return len(siblings) or 1
