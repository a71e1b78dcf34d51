"""How hard llama.cpp works: with all threads for what she waits for, else quietly.

What matters depends on how llama.cpp was built:

- With OpenMP, as llama-cpp-python is on Linux, there is no pool of llama.cpp's own to poll. Each
  calling thread has a team, made at its first parallel region; the team's threads begin with the
  niceness of the thread that made them, so a niced thread computes niced. Inside a region a thread
  that waits for the others spins for a moment and then sleeps; between regions too, where
  OMP_WAIT_POLICY does not say `active`. With one thread there is neither team nor waiting. Once
  all teams together have more threads than there are processors, GNU's OpenMP hardly spins any
  more in any of them, for as long as the threads that own them live: a second team of two on two
  cores made each step of the first 1.7 times as long. So the quiet one gets what is to spare.
- Without OpenMP a pool is attached: its threads are made by the thread that first works quietly,
  with low priority, and sleep at once when there is nothing to do. Where none is attached
  llama.cpp makes new threads for every step.

In both cases fewer threads than cores leave one to the editor.
"""

import contextlib
import ctypes
from typing import Any

import llama_cpp
from llama_cpp import _ggml
from llama_cpp import llama_cpp as bindings

from storytui.engine.llama.pace import Pace
from storytui.engine.processors import processors

_MOST_THREADS = 512  # GGML_MAX_N_THREADS in ggml.h
_LOW = -1  # GGML_SCHED_PRIO_LOW in ggml.h


class _PoolParameters(ctypes.Structure):
    """struct ggml_threadpool_params of ggml.h."""

    _fields_ = (
        ("cpumask", ctypes.c_bool * _MOST_THREADS),
        ("n_threads", ctypes.c_int),
        ("prio", ctypes.c_int),
        ("poll", ctypes.c_uint32),
        ("strict_cpu", ctypes.c_bool),
        ("paused", ctypes.c_bool),
    )


class Effort:
    """How many threads a context computes with, and with what priority."""

    def __init__(self, context: Any, threads: int, *, on_cpu: bool) -> None:
        """Begin with all threads.

        Args:
            context: llama.cpp's.
            threads: the most it uses.
            on_cpu: whether they do all the work.
        """
        self._context = context
        self._threads = threads
        self._on_cpu = on_cpu
        self._quiet = False
        self._crowded = False
        self._pace = Pace()
        self._pool: Any = None
        self._pool_tried = False

    @property
    def quiet_threads(self) -> int:
        """Threads that compute when it works quietly: one core is left to the editor."""
        # One of a team's threads is the caller, which is there anyway.
        spare = processors() - self._threads + 1
        return max(1, min(self._threads - 1, spare))

    def be_quiet(self, quiet: bool) -> None:
        """Compute quietly from now on, or with all threads.

        To be called by the thread that evaluates next, between evaluations.
        """
        if quiet == self._quiet:
            return
        self._quiet = quiet
        self._crowded = False
        if quiet and not self._pool_tried:
            self._pool_tried = True
            # llama.cpp does not check that a pool has as many threads as it is told to use.
            self._pool = _pool(self._threads)
        if self._pool is not None:
            if quiet:
                bindings._lib.llama_attach_threadpool(self._context, self._pool, self._pool)
            else:
                bindings._lib.llama_detach_threadpool(self._context)
        self._use(self.quiet_threads if quiet else self._threads)

    def took(self, seconds: float, used: float) -> None:
        """An evaluation took so long: where others hold the cores, leave them one for a while.

        Args:
            seconds: from its start to its end.
            used: seconds of processor time that this process used meanwhile.
        """
        if self._quiet or self._threads == 1 or not self._on_cpu:
            return
        self._pace.took(seconds, used, self._threads)
        if self._pace.crowded != self._crowded:
            self._crowded = self._pace.crowded
            self._use(self._threads - 1 if self._crowded else self._threads)

    def _use(self, threads: int) -> None:
        llama_cpp.llama_set_n_threads(self._context, threads, threads)


def _pool(threads: int) -> Any:
    """A pool of low priority that does not poll; None where this build offers none."""
    library, llama = _ggml.libggml, bindings._lib
    with contextlib.suppress(AttributeError):
        llama.llama_attach_threadpool.argtypes = [ctypes.c_void_p] * 3
        llama.llama_attach_threadpool.restype = None
        llama.llama_detach_threadpool.argtypes = [ctypes.c_void_p]
        llama.llama_detach_threadpool.restype = None
        library.ggml_threadpool_params_init.argtypes = [
            ctypes.POINTER(_PoolParameters),
            ctypes.c_int,
        ]
        library.ggml_threadpool_params_init.restype = None
        library.ggml_threadpool_new.argtypes = [ctypes.POINTER(_PoolParameters)]
        library.ggml_threadpool_new.restype = ctypes.c_void_p
        parameters = _PoolParameters()
        library.ggml_threadpool_params_init(ctypes.byref(parameters), threads)
        if parameters.n_threads != threads:
            return None  # The structure is another one than this version's.
        parameters.prio = _LOW
        parameters.poll = 0
        return library.ggml_threadpool_new(ctypes.byref(parameters))
    return None
