"""How much memory a run takes: of the GPU where it runs on one, else of this program; each is
called what it is.
"""

import ctypes
import os
import re
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import torch

_STATUS = Path("/proc/self/status")
_LIBRARIES = (
    "transformers.models.auto.modeling_auto",
    *("peft", "bitsandbytes", "gguf", "torch.utils.tensorboard"),
)
"""What a run would import on its way."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""Of glibc's malloc.h."""
LARGE = 256 << 10
"""Bytes from which on a piece of memory has pages of its own, while a base is read."""
LARGEST_KEPT, KEPT = 32 << 20, 256 << 20
"""Bytes of a piece, the most that glibc allows, and of all that is kept, while it is trained."""


def hold_no_freed_memory() -> bool:
    """Have freed memory go back to the system at once; whether that can be asked for here.

    For reading a base. glibc would keep what a tensor needed for a moment, in pieces between
    others: of a small model half as much again as the model has.
    """
    return _thresholds(LARGE, LARGE)


def use_freed_memory_again() -> bool:
    """Have freed memory be kept for what comes next; whether that can be asked for here.

    For training. Each step needs pieces of the same sizes as the one before, and having the system
    give them anew, zeroed page by page, took a quarter of a step's time and more.
    """
    return _thresholds(LARGEST_KEPT, KEPT)


def _thresholds(own_pages: int, trim: int) -> bool:
    """Set the sizes, in bytes, of pieces that have pages of their own, and of what is free at the
    heap's end and goes back (mallopt(3)). Thresholds that are set no longer change by themselves.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, own_pages) and mallopt(_M_TRIM_THRESHOLD, trim))


class MemoryWatch:
    """Memory of one process, from when it is made."""

    def __init__(self, device: torch.device) -> None:
        """Begin to watch: the program and its libraries are no part of what a CPU run grew by."""
        self._device = device
        self._cuda = device.type == "cuda"
        for name in _LIBRARIES:
            import_module(name)
        self._began = 0 if self._cuda else _status("VmRSS")
        self.what = "GPU memory" if self._cuda else "memory of this program, on the CPU"
        """What the figures are of."""
        self.short = "GPU" if self._cuda else "RAM"
        """The same in short."""
        self.again()

    def again(self) -> None:
        """Forget the peak so far, as far as the system lets one."""
        if self._cuda:
            torch.cuda.reset_peak_memory_stats(self._device)
        else:
            with suppress(OSError):
                Path("/proc/self/clear_refs").write_text("5")

    def now(self) -> int:
        """Bytes at this moment; 0: not known."""
        return torch.cuda.memory_reserved(self._device) if self._cuda else _status("VmRSS")

    def peak(self) -> int:
        """The most bytes so far; 0: not known."""
        if self._cuda:
            return int(torch.cuda.max_memory_reserved(self._device))
        return _status("VmHWM")

    def taken(self) -> int:
        """As `plan` counts: all of the GPU that this process has, or what the program grew by."""
        if not self._cuda:
            return max(0, self.peak() - self._began)
        from storytui.models.graphics_here import ask_smi
        from storytui_train.training.memory_plan import CONTEXT_BYTES

        told = ask_smi(["--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits"])
        for line in told.splitlines():
            pid, _, used = (each.strip() for each in line.partition(","))
            if pid == str(os.getpid()) and used.isdecimal():
                # What torch has reserved it keeps, so at the end this is the most.
                return int(used) << 20
        return self.peak() + CONTEXT_BYTES


def _status(name: str) -> int:
    """A figure of this process, in bytes (proc(5), /proc/pid/status); 0: not known."""
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB", _STATUS.read_text(), re.MULTILINE)
    except OSError:
        return _most() if name == "VmHWM" else 0
    return int(found[1]) * 1024 if found else 0


def _most() -> int:
    """The most bytes that this process ever had, where there is no /proc."""
    try:
        import resource
    except ImportError:
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if os.uname().sysname == "Darwin" else most * 1024
