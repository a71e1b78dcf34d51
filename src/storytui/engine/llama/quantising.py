"""The process that quantises one file with llama.cpp: a request on its input, lines on its output.

Run as `python -m storytui.engine.llama.quantising`; `storytui.engine.quantising` is the other half.
"""

import ctypes
import os
import re
import sys
import threading
from typing import Any, BinaryIO

import llama_cpp
import msgspec

from storytui.engine.own_process import end_now
from storytui.engine.quantising import LENGTH, Done, Fault, Progress, Request

_DEBUG, _ERROR = 1, 4  # enum ggml_log_level in ggml.h
_TENSOR = re.compile(rb"\s*\[\s*(\d+)/\s*(\d+)\]")
"""How llama.cpp begins the line of each tensor (llama-quant.cpp)."""


class _Talk:
    """What llama.cpp says, passed on: tensors as progress, errors kept, all of it to the log."""

    def __init__(self, output: BinaryIO) -> None:
        self._output = output
        self.reason = ""

    def say(self, answer: Progress | Done | Fault) -> None:
        """Answer with a line."""
        self._output.write(msgspec.json.encode(answer) + b"\n")
        self._output.flush()

    def hear(self, level: int, text: bytes, _data: Any) -> None:
        """A piece of llama.cpp's log."""
        if level != _DEBUG:
            sys.stderr.buffer.write(text)
            sys.stderr.buffer.flush()
        if level == _ERROR and text.strip() and not self.reason:
            words = text.decode("utf-8", "replace").strip()
            self.reason = words.rsplit("failed to quantize: ", 1)[-1].rstrip(".")
        if match := _TENSOR.match(text):
            self.say(Progress(int(match[1]), int(match[2])))


def main() -> None:
    """Do what is asked for on standard input."""
    # What native code prints goes to the log.
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    source = sys.stdin.buffer
    (length,) = LENGTH.unpack(source.read(LENGTH.size))
    request = msgspec.msgpack.decode(source.read(length), type=Request)
    threading.Thread(target=_end_with, args=(source,), daemon=True).start()
    talk = _Talk(output)
    hear = llama_cpp.llama_log_callback(talk.hear)
    llama_cpp.llama_log_set(hear, ctypes.c_void_p())
    llama_cpp.llama_backend_init()
    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.nthread = request.threads
    parameters.ftype = request.kind
    parameters.allow_requantize = request.again
    matrix = _matrix(request.importance)
    if matrix is not None:
        parameters.imatrix = matrix
    status = llama_cpp.llama_model_quantize(request.source, request.out, ctypes.byref(parameters))
    talk.say(Fault(talk.reason) if status else Done())
    # The thread that waits for the input's end cannot be ended otherwise.
    end_now()


def _matrix(importance: dict[str, bytes]) -> Any:
    """An importance matrix as llama.cpp takes it: entries, and one without a name at the end."""
    if not importance:
        return None
    entry = llama_cpp.llama_model_imatrix_data
    entries = (entry * (len(importance) + 1))()
    for place, (name, raw) in zip(entries, importance.items(), strict=False):
        numbers = (ctypes.c_float * (len(raw) // 4)).from_buffer_copy(raw)
        place.name, place.size = name.encode(), len(raw) // 4
        place.data = ctypes.cast(numbers, ctypes.POINTER(ctypes.c_float))
        _kept.append(numbers)
    return entries


_kept: list[Any] = []
"""The numbers that llama.cpp reads."""


def _end_with(source: BinaryIO) -> None:
    """End when whoever asked is gone: nobody waits for the file."""
    source.read()
    end_now(status=1)


if __name__ == "__main__":
    main()
