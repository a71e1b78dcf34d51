"""What llama.cpp runs on and what it says: its log, the GPU, the cores."""

import ctypes
import sys
from dataclasses import dataclass
from typing import Any

import llama_cpp

_DEBUG, _ERROR, _CONTINUED = 1, 4, 5  # enum ggml_log_level in ggml.h
_MOST_LINES = 4096
"""Lines of the log that are kept; a load says some hundreds."""


@dataclass(slots=True)
class _Log:
    """llama.cpp's log: to the error output (the log file), the last errors kept for messages."""

    errors: list[str]
    lines: list[str]
    """What was said while a model was loaded."""
    level: int = 0


_log = _Log([], [])


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _on_log(level: int, text: bytes, _data: Any) -> None:
    if level != _CONTINUED:
        _log.level = level
    if _log.level == _DEBUG:
        # Thousands of lines for every load.
        return
    line = text.decode("utf-8", "replace")
    sys.stderr.write(line)
    if len(_log.lines) < _MOST_LINES:
        _log.lines.append(line)
    if _log.level == _ERROR and line.strip():
        _log.errors.append(line.strip())
        del _log.errors[:-8]


def begin() -> None:
    """Have llama.cpp ready, its log caught, and nothing said so far."""
    llama_cpp.llama_log_set(_on_log, ctypes.c_void_p())
    llama_cpp.llama_backend_init()
    forget_reasons()


def forget_reasons() -> None:
    """Begin anew with why something fails."""
    _log.errors.clear()
    _log.lines.clear()


def said() -> list[str]:
    """The lines of llama.cpp's log since `begin`, as far as they are kept."""
    return list(_log.lines)


def reasons() -> list[str]:
    """llama.cpp's last errors, the oldest first."""
    return list(_log.errors)


def reason() -> str:
    """llama.cpp's own first word on why something failed: the later ones repeat it."""
    if not _log.errors:
        return "llama.cpp gives no reason"
    return _log.errors[0].removeprefix("llama_model_load: error loading model: ").split(": ", 1)[-1]
