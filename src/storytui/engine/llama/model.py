"""A loaded model and its memory: tokens in, logits out; evaluated tokens moved, shared and kept."""

import ctypes
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from storytui.engine.adapting import adapted
from storytui.engine.api import EngineError, ModelError, Sampling
from storytui.engine.llama.adapters import LoadedAdapters
from storytui.engine.llama.devices import device_report
from storytui.engine.llama.loaded import Figures, info_of, metadata
from storytui.engine.llama.loading import (
    FEW_SEQUENCES,
    SEQUENCES,
    load_model,
    open_context,
    remembers_by_state,
)
from storytui.engine.llama.quiet import Effort
from storytui.engine.llama.sampler import LlamaSampler, Penalties
from storytui.engine.llama.vocabulary import begin_vocabulary, frame_of
from storytui.engine.messages import ModelConfig
from storytui.engine.model_info import Adapter
from storytui.engine.processors import physical_cores

GPU_CONTEXT = 16_384
CPU_CONTEXT = 4_096
"""Tokens of context where none is set: a CPU reads some hundred tokens a second, and she waits."""
SCORE_BYTES = 32 * 1024 * 1024
"""Of logits that are kept at once while texts are scored: some 100 tokens' of the largest
vocabularies but one."""
_MAIN = 0


class LlamaModel:
    """A loaded model and its context; used by one thread at a time."""

    def __init__(self, config: ModelConfig, on_progress: Callable[[float], None]) -> None:
        """Load the model.

        Raises:
            ModelError: the file is missing, broken, or does not fit the settings.
        """
        report = device_report()
        gpu = config.gpu_layers != 0 and bool(report.gpus)
        self._model = load_model(config, on_progress)
        vocab = llama_cpp.llama_model_get_vocab(self._model)
        vocabulary = begin_vocabulary(vocab)
        trained: int = llama_cpp.llama_model_n_ctx_train(self._model)
        if config.context > trained:
            raise ModelError(
                f"a context of {config.context:,} tokens was asked for, but the model "
                f"{Path(config.path).name} was trained with {trained:,}; ask for at most that"
            )
        context = config.context or min(GPU_CONTEXT if gpu else CPU_CONTEXT, trained)
        self.batch = 512 if gpu else 128
        """Tokens evaluated at once: what a stop waits for."""
        self.ahead_batch = 128 if gpu else 32
        """Tokens evaluated at once where nobody waits: what she waits for if she then asks."""
        threads = config.threads or physical_cores()
        self._recurrent = remembers_by_state(self._model)
        self._window: int = llama_cpp.llama_model_n_swa(self._model)
        """Tokens that the layers with a sliding window see; 0: there are none."""
        row = 4 * llama_cpp.llama_vocab_n_tokens(vocab)
        outputs = min(self.batch, SCORE_BYTES // row) if config.scores else 0
        self._context = open_context(
            self._model,
            config,
            context,
            threads,
            batch=self.batch,
            outputs=outputs,
            on_cpu=not gpu,
        )
        self.vocabulary = vocabulary()
        self._effort = Effort(self._context, threads, on_cpu=not gpu)
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._moves = not self._recurrent and bool(llama_cpp.llama_memory_can_shift(self._memory))
        self._lacking = False
        """Whether the cache came from a file: llama.cpp leaves out of it what no window sees at
        its end, even where the windows are whole."""
        sequences: int = llama_cpp.llama_n_seq_max(self._context)
        self._guard = sequences - 1 if self._moves and self._window else 0
        """A sequence that holds all that the cache holds; 0: none is needed.

        llama.cpp takes a cell for new tokens when one sequence alone holds it and its token is out
        of that sequence's sliding window, even where the windows are whole and cells are free
        (find_slot in llama-kv-cache.cpp). A cell that two sequences hold is never taken."""
        self.batch_each = max(outputs, sequences)
        """The most tokens evaluated at once where the logits of each are kept."""
        self.most_branches = max(1, sequences - FEW_SEQUENCES - bool(self._guard))
        """Replies that can be written side by side, in the sequences from 2 on."""
        self._batch = llama_cpp.llama_batch_init(self.batch, 0, 1)
        self.rows: list[int] = []
        """Where in the last batch the tokens are whose logits are kept."""
        self._views: dict[int, NDArray[np.float32]] = {}
        self._penalties = Penalties(self._model, self.vocabulary.size)
        self.context: int = llama_cpp.llama_n_ctx(self._context)
        source = metadata(self._model, "tokenizer.chat_template")
        self.frame, kind, problem = frame_of(source, self.vocabulary)
        if problem:
            sys.stderr.write(f"{problem}\n")
        self.info = info_of(
            self._model,
            config,
            Figures(
                context=self.context,
                trained_context=trained,
                threads=threads,
                on_gpu=gpu,
                devices=report.gpus if gpu else tuple(filter(None, [report.cpu])),
                chat_template=kind,
                template_problem=problem,
                can_move=self._moves,
            ),
        )
        self._adapters = LoadedAdapters(self._model, self._context)
        self.adapt(config.adapters)

    def adapt(self, adapters: Sequence[Adapter]) -> bool:
        """Have these adapters work, and no others.

        Returns whether that makes it another model: what was evaluated is then to be forgotten.

        Raises:
            AdapterError: one cannot be used, or not with this model; all is as it was.
        """
        changed = self._adapters.use(adapters)
        self.info = adapted(self.info, self._adapters.looked_at(adapters))
        return changed

    # --- evaluating -------------------------------------------------------------------------------

    def be_quiet(self, quiet: bool) -> None:
        """Leave the editor room in the next evaluations, or use all threads.

        Called by the thread that evaluates next; see `storytui.engine.llama.quiet`.
        """
        self._effort.be_quiet(quiet)

    def evaluate(self, tokens: Sequence[int], position: int, sequence: int = _MAIN) -> None:
        """Evaluate at most `batch` tokens of a sequence; the last one's logits are kept.

        Args:
            tokens: one at the least.
            position: of the first of them: the one behind the sequence's last.
            sequence: whose they are.

        Raises:
            EngineError: llama.cpp could not.
        """
        self.evaluate_side_by_side(((sequence, position, tokens),))

    def evaluate_each(self, tokens: Sequence[int], position: int) -> None:
        """Evaluate at most `batch_each` tokens of the cache; the logits of each are kept.

        Raises:
            EngineError: llama.cpp could not.
        """
        self._decode(((_MAIN, position, tokens),), each=True)

    def evaluate_side_by_side(self, steps: Sequence[tuple[int, int, Sequence[int]]]) -> None:
        """Evaluate (sequence, position, tokens) in one batch; each step's last logits are kept.

        Raises:
            EngineError: llama.cpp could not.
            ValueError: more tokens than one batch takes, or none for a step.
        """
        self._decode(steps)

    def _decode(
        self, steps: Sequence[tuple[int, int, Sequence[int]]], *, each: bool = False
    ) -> None:
        batch = self._batch
        count = sum(len(tokens) for _, _, tokens in steps)
        if count > self.batch or not all(len(tokens) for _, _, tokens in steps):
            raise ValueError(f"{count} tokens in {len(steps)} steps, of {self.batch} at the most")
        self.rows.clear()
        index = 0
        for sequence, position, tokens in steps:
            for offset, token in enumerate(tokens):
                batch.token[index] = token
                batch.pos[index] = position + offset
                batch.n_seq_id[index] = 1
                batch.seq_id[index][0] = sequence
                batch.logits[index] = each or offset == len(tokens) - 1
                if batch.logits[index]:
                    self.rows.append(index)
                index += 1
        batch.n_tokens = count
        began, used = time.perf_counter(), time.process_time()
        status = llama_cpp.llama_decode(self._context, batch)
        if status != 0:
            raise EngineError(f"llama.cpp could not evaluate the text (status {status}); try again")
        self._effort.took(time.perf_counter() - began, time.process_time() - used)
        if self._adapters.unproved:
            self._adapters.prove(self.logits())
        for sequence, position, tokens in steps if self._guard else ():
            if sequence == _MAIN:
                self._guarded(position, position + len(tokens))

    def logits(self, index: int = 0) -> NDArray[np.float32]:
        """The logits of the last evaluation's step `index`; they hold until the next one."""
        pointer = llama_cpp.llama_get_logits_ith(self._context, self.rows[index])
        address = ctypes.addressof(pointer.contents)
        view = self._views.get(address)
        if view is None:
            # llama.cpp keeps its buffer, and making the view costs more than using it.
            if len(self._views) >= max(SEQUENCES, self.batch_each):
                self._views.clear()
            view = np.ctypeslib.as_array(pointer, shape=(self.vocabulary.size,))
            self._views[address] = view
        return view

    def mask(self, tokens: NDArray[np.intp], index: int = 0) -> None:
        """Make these tokens impossible for the next draw from step `index`."""
        self.logits(index)[tokens] = -np.inf

    def sampler(self, sampling: Sampling, prompt: Sequence[int] = ()) -> LlamaSampler:
        """A sampler for one reply, whose penalties know the prompt."""
        stages = self._penalties.after(sampling, prompt)
        return LlamaSampler(self._context, self, stages, sampling)

    def prime(self, sampling: Sampling, prompt: Sequence[int]) -> None:
        """Do ahead what takes time in `sampler`; a prompt much like this one is quicker too."""
        self._penalties.prime(sampling, prompt)

    # --- the memory -------------------------------------------------------------------------------

    @property
    def can_move(self) -> bool:
        """Whether evaluated tokens can be moved to other positions now, and cut anywhere.

        A cache with sliding windows that came from a file cannot, until it is cleared.
        """
        return self._moves and not self._lacking

    def remove(self, start: int, end: int, sequence: int = _MAIN) -> bool:
        """Forget a sequence's tokens from position `start` up to `end` (-1: all that follow).

        False where the memory cannot: recurrent layers remember no single token.
        """
        if self._guard and sequence == _MAIN:
            llama_cpp.llama_memory_seq_rm(self._memory, self._guard, start, end)
        return bool(llama_cpp.llama_memory_seq_rm(self._memory, sequence, start, end))

    def shift(self, start: int, end: int, by: int) -> None:
        """Move the cache's tokens from `start` up to `end` (-1: all that follow) by positions.

        Their cells move for all sequences that share them. Needs `can_move`.
        """
        llama_cpp.llama_memory_seq_add(self._memory, _MAIN, start, end, by)

    def share(self, source: int, target: int, start: int, end: int) -> None:
        """Have sequence `target` hold these tokens of sequence `source` too, in the same cells.

        Recurrent layers have one state for all of a sequence: they share it whole.
        """
        llama_cpp.llama_memory_seq_cp(self._memory, source, target, start, end)
        if self._guard and target == _MAIN:
            self._guarded(start, end)

    def _guarded(self, start: int, end: int) -> None:
        """See to it that the cache's tokens from `start` up to `end` stay."""
        llama_cpp.llama_memory_seq_cp(self._memory, _MAIN, self._guard, start, end)

    def clear(self) -> None:
        """Forget everything."""
        llama_cpp.llama_memory_clear(self._memory, True)
        self._lacking = False

    def holds(self, length: int) -> bool:
        """Whether a token evaluated at position `length` of the cache would find all it looks at.

        Not where a sliding window has dropped some of it, and with recurrent layers only at the
        very end. llama.cpp's server asks the same before it goes back.
        """
        first: int = llama_cpp.llama_memory_seq_pos_min(self._memory, _MAIN)
        last: int = llama_cpp.llama_memory_seq_pos_max(self._memory, _MAIN)
        if length == 0:
            return True
        if length > last + 1:
            return False
        if self._recurrent:
            return length == last + 1
        return first <= max(0, length - self._window)

    def checkpoint(self) -> bytes:
        """What the cache needs to come back here, once later tokens are evaluated.

        Only what it would have dropped by then: the state of recurrent layers, and sliding windows.

        Raises:
            EngineError: llama.cpp could not.
        """
        flags = llama_cpp.LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY
        size = llama_cpp.llama_state_seq_get_size_ext(self._context, _MAIN, flags)
        state = (ctypes.c_uint8 * size)()
        written = llama_cpp.llama_state_seq_get_data_ext(self._context, state, size, _MAIN, flags)
        if written != size:
            raise EngineError("llama.cpp could not write down what it has read; try again")
        return bytes(state)

    def restore(self, state: bytes) -> bool:
        """Bring back a checkpoint; what was evaluated after it is then to be removed.

        False where it could not: then the cache is of no more use.
        """
        flags = llama_cpp.LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY
        buffer = (ctypes.c_uint8 * len(state)).from_buffer_copy(state)
        read = llama_cpp.llama_state_seq_set_data_ext(
            self._context, buffer, len(state), _MAIN, flags
        )
        return bool(read == len(state))

    # --- files ------------------------------------------------------------------------------------

    def state_size(self) -> int:
        """Bytes that the cache's state would take in a file, tokens not counted."""
        size: int = llama_cpp.llama_state_seq_get_size(self._context, _MAIN)
        return size

    def save_state(self, path: Path, tokens: Sequence[int]) -> int:
        """Write the cache into a file, with the tokens it holds; returns its bytes.

        Raises:
            EngineError: it could not be written.
        """
        held = (llama_cpp.llama_token * len(tokens))(*tokens)
        written: int = llama_cpp.llama_state_seq_save_file(
            self._context, os.fsencode(path), _MAIN, held, len(tokens)
        )
        if not written:
            raise EngineError(f"llama.cpp could not write {path.name}; the disk may be full")
        return written

    def load_state(self, path: Path, most: int) -> list[int]:
        """Take up a cache from a file, in place of what there is; returns its tokens.

        Args:
            path: a file that `save_state` wrote, for the same model and settings.
            most: the most tokens it may have.

        Raises:
            EngineError: it could not be read; nothing is evaluated then.
        """
        self.clear()
        held = (llama_cpp.llama_token * most)()
        count = ctypes.c_size_t()
        read = llama_cpp.llama_state_seq_load_file(
            self._context, os.fsencode(path), _MAIN, held, most, ctypes.byref(count)
        )
        if not read:
            self.clear()
            raise EngineError(f"llama.cpp could not read {path.name}; it is of no use")
        self._lacking = llama_cpp.llama_memory_seq_pos_min(self._memory, _MAIN) > 0
        if self._guard:
            self._guarded(0, count.value)
        return list(held[: count.value])

    def close(self) -> None:
        """Give the memory back; the model is not used afterwards."""
        llama_cpp.llama_batch_free(self._batch)
        llama_cpp.llama_free(self._context)
        llama_cpp.llama_model_free(self._model)
