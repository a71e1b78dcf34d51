"""Draws tokens with llama.cpp's samplers, whose penalties know the prompt."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import llama_cpp
import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from storytui.engine.api import Sampling

_DRY_BREAKERS = (b"\n", b":", b'"', b"*")  # llama.cpp's own defaults
_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
STEP_BACK = 128
"""Tokens before the prompt's end at which its penalties are kept too: most changes are behind."""
MOST_KEPT = 4


class Rows(Protocol):
    """Where in the last batch a step's logits are."""

    rows: list[int]


class LlamaSampler:
    """Draws tokens; the order of its stages is that of llama.cpp's own tools (common/sampling)."""

    def __init__(
        self, context: Any, rows: Rows, penalties: Sequence[Any], sampling: Sampling
    ) -> None:
        """Make the stages.

        Args:
            context: llama.cpp's, whose logits are drawn from.
            rows: says where they are.
            penalties: the first stages; they are owned from now on.
            sampling: the settings.
        """
        self._context = context
        self._rows = rows
        self._remembers = bool(penalties)
        self._chain = llama_cpp.llama_sampler_chain_init(
            llama_cpp.llama_sampler_chain_default_params()
        )
        for stage in penalties:
            self._add(stage)
        if sampling.temperature > 0:
            if sampling.top_k:
                self._add(llama_cpp.llama_sampler_init_top_k(sampling.top_k))
            if sampling.top_p < 1:
                self._add(llama_cpp.llama_sampler_init_top_p(sampling.top_p, 1))
            if sampling.min_p > 0:
                self._add(llama_cpp.llama_sampler_init_min_p(sampling.min_p, 1))
            if sampling.xtc_probability > 0:
                self._add(
                    llama_cpp.llama_sampler_init_xtc(
                        sampling.xtc_probability, sampling.xtc_threshold, 1, sampling.seed
                    )
                )
            self._add(llama_cpp.llama_sampler_init_temp(sampling.temperature))
            self._add(llama_cpp.llama_sampler_init_dist(sampling.seed))
        else:
            self._add(llama_cpp.llama_sampler_init_greedy())

    def _add(self, stage: Any) -> None:
        llama_cpp.llama_sampler_chain_add(self._chain, stage)

    def accept(self, tokens: Sequence[int]) -> None:
        """Tell the penalties of tokens that were not drawn here."""
        for token in tokens if self._remembers else ():
            llama_cpp.llama_sampler_accept(self._chain, token)

    def draw(self, index: int = 0) -> int:
        """Draw the next token from the logits of the last evaluation's step `index`."""
        row = self._rows.rows[index]
        token: int = llama_cpp.llama_sampler_sample(self._chain, self._context, row)
        return token

    def draw_from(self, logits: NDArray[np.float32]) -> int:
        """Draw the next token from logits that were kept aside; otherwise as `draw`."""
        candidates = np.empty(len(logits), dtype=_CANDIDATE)
        candidates["id"] = np.arange(len(logits), dtype=np.int32)
        candidates["logit"] = logits
        candidates["p"] = 0.0
        pointer = candidates.ctypes.data_as(llama_cpp.llama_token_data_p)
        array: Any = llama_cpp.llama_token_data_array(pointer, len(logits), -1, False)
        llama_cpp.llama_sampler_apply(self._chain, ctypes.byref(array))
        # A stage may have put its own candidates in the place of these.
        token: int = array.data[array.selected].id
        llama_cpp.llama_sampler_accept(self._chain, token)
        return token

    def close(self) -> None:
        """Free the sampler."""
        llama_cpp.llama_sampler_free(self._chain)


@dataclass(frozen=True, slots=True)
class _Kept:
    """Penalties that know a prompt's first `length` tokens; they look at the last of them only."""

    settings: Sampling
    length: int
    prompt: int
    """Tokens of the whole prompt."""
    seen: list[int]
    stages: list[Any]


class Penalties:
    """Makes the stages that look at tokens before: penalties and DRY.

    To tell them of 2,048 tokens takes milliseconds, a copy a tenth of one. So the last ones are
    kept, at the prompt's end and a little before it, and told only of what follows. Each stage
    holds its last n tokens in a ring and all else follows from these: pushed behind the first ones
    of a prompt, the others leave the ring as if all had been pushed.
    """

    def __init__(self, model: Any, vocabulary: int) -> None:
        """Begin with nothing kept.

        Args:
            model: llama.cpp's.
            vocabulary: tokens in it.
        """
        self._vocab = llama_cpp.llama_model_get_vocab(model)
        self._trained: int = llama_cpp.llama_model_n_ctx_train(model)
        self._vocabulary = vocabulary
        self._dry: dict[tuple[float, float, int, int], Any] = {}
        """By their settings; making one walks the vocabulary, copying does not."""
        self._kept: list[_Kept] = []

    def after(self, sampling: Sampling, prompt: Sequence[int]) -> list[Any]:
        """Stages that know a prompt; whoever asks owns them."""
        return _copies(self._after(sampling, list(prompt)))

    def prime(self, sampling: Sampling, prompt: Sequence[int]) -> None:
        """Do ahead what `after` would do."""
        self._after(sampling, list(prompt))

    def _after(self, sampling: Sampling, prompt: list[int]) -> list[Any]:
        settings = structs.replace(sampling, seed=0)
        stages: list[Any] = []
        for length in (max(0, len(prompt) - STEP_BACK), len(prompt)):
            stages = self._up_to(settings, prompt, length)
        return stages

    def _up_to(self, settings: Sampling, prompt: list[int], length: int) -> list[Any]:
        """Stages that know the first tokens of a prompt; they are kept."""
        memory = _memory(settings)
        if not memory:
            return []
        best: _Kept | None = None
        start = max(0, length - memory)
        for each in self._kept:
            # The same tokens may stand elsewhere in it: the window's start has moved.
            for end in {each.length, each.length + len(prompt) - each.prompt}:
                known = (
                    start < end <= length
                    and each.settings == settings
                    and each.seen == prompt[max(0, end - memory) : end]
                )
                if known:
                    start, best = end, each
        if best is not None and start == length:
            return best.stages
        stages = self._new(settings) if best is None else _copies(best.stages)
        for token in prompt[start:length]:
            for stage in stages:
                llama_cpp.llama_sampler_accept(stage, token)
        seen = prompt[max(0, length - memory) : length]
        self._kept.append(_Kept(settings, length, len(prompt), seen, stages))
        while len(self._kept) > MOST_KEPT:
            for stage in self._kept.pop(0).stages:
                llama_cpp.llama_sampler_free(stage)
        return stages

    def _new(self, settings: Sampling) -> list[Any]:
        stages = []
        if settings.repeat_penalty != 1.0 and settings.repeat_last_n:
            stages.append(_repetition(self._vocabulary, settings))
        if settings.dry_multiplier and settings.dry_last_n:
            key = (
                settings.dry_multiplier,
                settings.dry_base,
                settings.dry_allowed_length,
                settings.dry_last_n,
            )
            if key not in self._dry:
                self._dry[key] = _dry(self._vocab, self._trained, key)
            stages.append(llama_cpp.llama_sampler_clone(self._dry[key]))
        return stages


def _copies(stages: Sequence[Any]) -> list[Any]:
    return [llama_cpp.llama_sampler_clone(each) for each in stages]


def _memory(settings: Sampling) -> int:
    """How many of the last tokens the penalties look at."""
    memory = 0
    if settings.repeat_penalty != 1.0:
        memory = settings.repeat_last_n
    if settings.dry_multiplier:
        memory = max(memory, settings.dry_last_n)
    return memory


def _repetition(vocabulary: int, sampling: Sampling) -> Any:
    arguments = (sampling.repeat_last_n, sampling.repeat_penalty, 0.0, 0.0)
    # llama-cpp-python 0.3.36 added the size of the vocabulary in front.
    if len(llama_cpp.llama_sampler_init_penalties.argtypes) == 5:
        return llama_cpp.llama_sampler_init_penalties(vocabulary, *arguments)
    return llama_cpp.llama_sampler_init_penalties(*arguments)


def _dry(vocab: Any, trained: int, key: tuple[float, float, int, int]) -> Any:
    breakers = (ctypes.c_char_p * len(_DRY_BREAKERS))(*_DRY_BREAKERS)
    arguments = (*key, breakers, len(_DRY_BREAKERS))
    # Older llama-cpp-python wants the length of the trained context as well.
    if len(llama_cpp.llama_sampler_init_dry.argtypes) == 8:
        return llama_cpp.llama_sampler_init_dry(vocab, trained, *arguments)
    return llama_cpp.llama_sampler_init_dry(vocab, *arguments)
