"""llama.cpp through llama-cpp-python's low-level API; the only file that imports llama_cpp.

Runs in the child process only. llama-cpp-python's high-level `Llama` class is not used: it cannot
take a prompt in parts, nor stop in the middle of one, and its loop ran at half the speed.
"""

import ctypes
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
from llama_cpp import _ggml
from numpy.typing import NDArray

from storytui.engine.api import EngineError, ModelError, ModelInfo, Sampling
from storytui.engine.messages import ModelConfig
from storytui.engine.template import PLAIN_FRAME, Frame, TemplateError, render_frame
from storytui.engine.tokens import without_marks

GPU_CONTEXT = 16_384
CPU_CONTEXT = 4_096
"""Tokens of context where none is set: a CPU reads some hundred tokens a second, and she waits."""

_CONTROL = llama_cpp.LLAMA_TOKEN_ATTR_CONTROL | llama_cpp.LLAMA_TOKEN_ATTR_UNKNOWN
_QUANTISATION = re.compile(r"[-._](?:I?Q\d\w*|B?F16|F32|MXFP4)(?:-\d+-of-\d+)?$", re.IGNORECASE)
_DRY_BREAKERS = (b"\n", b":", b'"', b"*")  # llama.cpp's own defaults
_GGML_DEVICE_GPU = 1  # enum ggml_backend_dev_type in ggml-backend.h; 2 is an integrated GPU


@dataclass(frozen=True, slots=True)
class LlamaControlToken:
    """A control token, and whether it swallows the blanks beside it."""

    token: int
    strips_left: bool
    strips_right: bool


class LlamaVocabulary:
    """The tokenizer of a loaded model; safe to use from several threads."""

    def __init__(self, vocab: Any) -> None:
        self._vocab = vocab
        self.size: int = llama_cpp.llama_vocab_n_tokens(vocab)
        self.bos: int | None = (
            llama_cpp.llama_vocab_bos(vocab) if llama_cpp.llama_vocab_get_add_bos(vocab) else None
        )
        self._control: dict[str, LlamaControlToken] = {}
        self._added: dict[str, int] = {}
        """Tokens that were added to the vocabulary and are matched in any text."""
        self._marks: dict[int, str] = {}
        """Tokens that no plain text may become, with their texts."""
        ends: list[int] = []
        for token in range(self.size):
            attributes = llama_cpp.llama_vocab_get_attr(vocab, token)
            if llama_cpp.llama_vocab_is_eog(vocab, token):
                ends.append(token)
                self._marks[token] = self.text(token)
            if attributes & _CONTROL:
                self._add_control(token)
            elif attributes & llama_cpp.LLAMA_TOKEN_ATTR_USER_DEFINED:
                self._added[self.text(token)] = token
        self.ends = frozenset(ends)
        """End-of-generation tokens."""

    @property
    def control(self) -> Mapping[str, LlamaControlToken]:
        """Control tokens by their text."""
        return self._control

    def _add_control(self, token: int) -> None:
        text = self.text(token)
        if text:
            attributes = llama_cpp.llama_vocab_get_attr(self._vocab, token)
            self._marks[token] = text
            self._control[text] = LlamaControlToken(
                token,
                bool(attributes & llama_cpp.LLAMA_TOKEN_ATTR_LSTRIP),
                bool(attributes & llama_cpp.LLAMA_TOKEN_ATTR_RSTRIP),
            )

    def reserve_marks_of(self, frame: Frame) -> None:
        """Make the added tokens in a chat template's own text control tokens.

        Some models mark their turns with them, and llama.cpp matches added tokens in any text:
        a story with such a mark in it would end the writer's turn.
        """
        for text, token in self._added.items():
            if text.strip() and (text in frame.before or text in frame.after):
                self._add_control(token)

    def text(self, token: int) -> str:
        """The vocabulary's own text of a token; empty for none."""
        if token < 0:
            return ""
        raw: bytes = llama_cpp.llama_vocab_get_text(self._vocab, token)
        return raw.decode("utf-8", "replace")

    def text_of_bos(self) -> str:
        """Text of the begin-of-sequence token."""
        return self.text(llama_cpp.llama_vocab_bos(self._vocab))

    def text_of_eos(self) -> str:
        """Text of the end-of-sequence token."""
        return self.text(llama_cpp.llama_vocab_eos(self._vocab))

    def tokenize(self, text: str) -> list[int]:
        """Tokens of a plain run: its text never becomes a control token.

        Raises:
            EngineError: llama.cpp could not, or nothing but control tokens came of it.
        """
        return without_marks(text, self._tokens, self._tokens_inside, self._marks)

    def tokenize_inside(self, text: str) -> list[int]:
        """Tokens of text that continues a plain run; otherwise as `tokenize`."""
        return without_marks(text, self._tokens_inside, self._tokens_inside, self._marks)

    def _tokens(self, text: str) -> list[int]:
        # Lone surrogates do not come over the pipe; whoever calls this directly gets a "?".
        raw = text.encode("utf-8", "replace")
        room = len(raw) + 8
        buffer = (llama_cpp.llama_token * room)()
        count = llama_cpp.llama_tokenize(self._vocab, raw, len(raw), buffer, room, False, False)
        if count < 0:
            raise EngineError("the tokenizer of the model failed on a text")
        return buffer[:count]

    @cached_property
    def _lead(self) -> list[int]:
        return self._tokens("\n")

    def _tokens_inside(self, text: str) -> list[int]:
        # SentencePiece vocabularies put a space before every text: a line break in front takes it,
        # and is cut off again.
        tokens = self._tokens("\n" + text) if self._adds_space else []
        if tokens[: len(self._lead)] == self._lead:
            return tokens[len(self._lead) :]
        return self._tokens(text)

    @cached_property
    def _adds_space(self) -> bool:
        return b"".join(map(self.piece, self._tokens("a"))) != b"a"

    def piece(self, token: int) -> bytes:
        """The bytes that a token stands for; control tokens stand for none."""
        size = 32
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = llama_cpp.llama_token_to_piece(self._vocab, token, buffer, size, 0, False)
            if length >= 0:
                return buffer.raw[:length]
            size = -length

    @cached_property
    def pieces(self) -> list[bytes]:
        """The bytes of every token, by its number."""
        return [self.piece(token) for token in range(self.size)]


@dataclass(frozen=True, slots=True)
class _Log:
    """llama.cpp's log: to the error output (the log file), the last errors kept for messages."""

    errors: list[str]


_log = _Log([])


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _on_log(level: int, text: bytes, _data: Any) -> None:
    line = text.decode("utf-8", "replace")
    sys.stderr.write(line)
    if level >= 4 and line.strip():  # GGML_LOG_LEVEL_ERROR
        _log.errors.append(line.strip())
        del _log.errors[:-8]


class LlamaModel:
    """A loaded model and its context: tokens in, logits out."""

    def __init__(self, config: ModelConfig, on_progress: Callable[[float], None]) -> None:
        """Load the model.

        Raises:
            ModelError: the file is missing, broken, or does not fit the settings.
        """
        llama_cpp.llama_log_set(_on_log, ctypes.c_void_p())
        llama_cpp.llama_backend_init()
        _log.errors.clear()
        backend = _gpu_backend()
        wants_gpu = backend is not None and config.gpu_layers != 0
        self._model = self._load(config, on_progress)
        self.vocabulary = LlamaVocabulary(llama_cpp.llama_model_get_vocab(self._model))
        trained: int = llama_cpp.llama_model_n_ctx_train(self._model)
        if config.context > trained:
            raise ModelError(
                f"a context of {config.context:,} tokens was asked for, but the model "
                f"{Path(config.path).name} was trained with {trained:,}; ask for at most that"
            )
        default = GPU_CONTEXT if wants_gpu else CPU_CONTEXT
        context = config.context or min(default, trained)
        self.batch = 512 if wants_gpu else 128
        """Tokens evaluated at once: what a stop waits for."""
        threads = config.threads or physical_cores()
        self._context = self._open(context, threads, config.path)
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._batch = llama_cpp.llama_batch_init(self.batch, 0, 1)
        self._logits: NDArray[np.float32] = np.empty(0, dtype=np.float32)
        self._logits_at = 0
        self.context: int = llama_cpp.llama_n_ctx(self._context)
        layers: int = llama_cpp.llama_model_n_layer(self._model)
        asked = layers + 1 if config.gpu_layers < 0 else config.gpu_layers
        self.frame, kind = frame_of(self._metadata("tokenizer.chat_template"), self.vocabulary)
        self.info = ModelInfo(
            name=_name(Path(config.path)),
            path=config.path,
            architecture=self._metadata("general.architecture"),
            context=self.context,
            trained_context=trained,
            layers=layers,
            gpu_layers=min(asked, layers + 1) if wants_gpu else 0,
            backend=backend if wants_gpu and backend else "CPU",
            threads=threads,
            chat_template=kind,
        )

    def _load(self, config: ModelConfig, on_progress: Callable[[float], None]) -> Any:
        path = Path(config.path)
        if not path.is_file():
            raise ModelError(f"there is no model file {path}")
        parameters = llama_cpp.llama_model_default_params()
        parameters.n_gpu_layers = config.gpu_layers if config.gpu_layers >= 0 else 10_000

        def report(fraction: float, _data: Any) -> bool:
            on_progress(fraction)
            return True

        # Kept until the load is done: ctypes holds no reference of its own.
        callback = llama_cpp.llama_progress_callback(report)
        parameters.progress_callback = callback
        model = llama_cpp.llama_model_load_from_file(os.fsencode(path), parameters)
        if not model:
            raise ModelError(f"{path.name} cannot be loaded as a model: {_reason()}")
        return model

    def _open(self, context: int, threads: int, path: str) -> Any:
        parameters = llama_cpp.llama_context_default_params()
        parameters.n_ctx = context
        parameters.n_batch = self.batch
        parameters.n_ubatch = self.batch
        parameters.n_threads = threads
        parameters.n_threads_batch = threads
        parameters.no_perf = True
        opened = llama_cpp.llama_init_from_model(self._model, parameters)
        if not opened:
            raise ModelError(
                f"there is not enough memory for {Path(path).name} with a context of "
                f"{context:,} tokens: {_reason()}; ask for a smaller context"
            )
        return opened

    def _metadata(self, key: str) -> str:
        size = 256
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = llama_cpp.llama_model_meta_val_str(self._model, key.encode(), buffer, size)
            if length < size:
                return buffer.value.decode("utf-8", "replace") if length > 0 else ""
            size = length + 1

    def rewind(self, length: int) -> bool:
        """Forget all evaluated tokens from position `length` on.

        False where the model's memory cannot do that: then everything is forgotten.
        """
        if llama_cpp.llama_memory_seq_rm(self._memory, 0, length, -1):
            return True
        llama_cpp.llama_memory_clear(self._memory, True)
        return length == 0

    def evaluate(self, tokens: Sequence[int], position: int) -> None:
        """Evaluate at most `batch` tokens from `position` on; the last one's logits are kept.

        Raises:
            EngineError: llama.cpp could not.
        """
        batch = self._batch
        count = len(tokens)
        batch.n_tokens = count
        for index, token in enumerate(tokens):
            batch.token[index] = token
            batch.pos[index] = position + index
            batch.n_seq_id[index] = 1
            batch.seq_id[index][0] = 0
            batch.logits[index] = False
        batch.logits[count - 1] = True
        status = llama_cpp.llama_decode(self._context, batch)
        if status != 0:
            raise EngineError(f"llama.cpp could not evaluate the text (status {status}); try again")

    def mask(self, tokens: NDArray[np.intp]) -> None:
        """Make these tokens impossible for the next draw."""
        pointer = llama_cpp.llama_get_logits_ith(self._context, -1)
        address = ctypes.addressof(pointer.contents)
        if address != self._logits_at:
            # llama.cpp keeps its buffer, and making the view costs more than using it.
            self._logits = np.ctypeslib.as_array(pointer, shape=(self.vocabulary.size,))
            self._logits_at = address
        self._logits[tokens] = -np.inf

    def sampler(self, sampling: Sampling) -> "LlamaSampler":
        """A sampler for one reply."""
        return LlamaSampler(self, sampling)

    @cached_property
    def dry(self) -> dict[tuple[float, float, int, int], Any]:
        """DRY samplers by their settings; making one walks the vocabulary, copying does not."""
        return {}

    @property
    def handles(self) -> tuple[Any, Any]:
        """llama.cpp's model and context."""
        return self._model, self._context


def frame_of(template: str, vocabulary: LlamaVocabulary) -> tuple[Frame, str]:
    """What a chat template puts round the user message, and whether it is the model's own.

    Args:
        template: Jinja, from the model's metadata; empty where it has none.
        vocabulary: the model's; the template's marks are made its control tokens.

    Returns the frame, and `gguf` or, where the plain one is used, `default`.
    """
    if not template:
        return PLAIN_FRAME, "default"
    try:
        frame = render_frame(template, bos=vocabulary.text_of_bos(), eos=vocabulary.text_of_eos())
    except TemplateError as error:
        sys.stderr.write(f"{error}; the plain default is used\n")
        return PLAIN_FRAME, "default"
    vocabulary.reserve_marks_of(frame)
    return frame, "gguf"


class LlamaSampler:
    """Draws tokens; the order of its stages is that of llama.cpp's own tools (common/sampling)."""

    def __init__(self, model: LlamaModel, sampling: Sampling) -> None:
        handle, self._context = model.handles
        vocab = llama_cpp.llama_model_get_vocab(handle)
        self._chain = llama_cpp.llama_sampler_chain_init(
            llama_cpp.llama_sampler_chain_default_params()
        )
        trained = llama_cpp.llama_model_n_ctx_train(handle)
        self.memory = 0
        """How many of the last tokens the penalties look at."""
        if sampling.repeat_penalty != 1.0 and sampling.repeat_last_n:
            self.memory = sampling.repeat_last_n
            self._add(_penalties(model.vocabulary.size, sampling))
        if sampling.dry_multiplier and sampling.dry_last_n:
            self.memory = max(self.memory, sampling.dry_last_n)
            key = (
                sampling.dry_multiplier,
                sampling.dry_base,
                sampling.dry_allowed_length,
                sampling.dry_last_n,
            )
            if key not in model.dry:
                breakers = (ctypes.c_char_p * len(_DRY_BREAKERS))(*_DRY_BREAKERS)
                model.dry[key] = _dry(vocab, trained, key, breakers)
            self._add(llama_cpp.llama_sampler_clone(model.dry[key]))
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
        """Tell the penalties of tokens that were not drawn here: those of the prompt."""
        for token in tokens[-self.memory :] if self.memory else ():
            llama_cpp.llama_sampler_accept(self._chain, token)

    def draw(self) -> int:
        """Draw the next token from the last logits."""
        token: int = llama_cpp.llama_sampler_sample(self._chain, self._context, -1)
        return token

    def close(self) -> None:
        """Free the sampler."""
        llama_cpp.llama_sampler_free(self._chain)


def _penalties(vocabulary: int, sampling: Sampling) -> Any:
    arguments = (sampling.repeat_last_n, sampling.repeat_penalty, 0.0, 0.0)
    # llama-cpp-python 0.3.36 added the size of the vocabulary in front.
    if len(llama_cpp.llama_sampler_init_penalties.argtypes) == 5:
        return llama_cpp.llama_sampler_init_penalties(vocabulary, *arguments)
    return llama_cpp.llama_sampler_init_penalties(*arguments)


def _dry(vocab: Any, trained: int, key: tuple[float, float, int, int], breakers: Any) -> Any:
    arguments = (*key, breakers, len(_DRY_BREAKERS))
    # Older llama-cpp-python wants the length of the trained context as well.
    if len(llama_cpp.llama_sampler_init_dry.argtypes) == 8:
        return llama_cpp.llama_sampler_init_dry(vocab, trained, *arguments)
    return llama_cpp.llama_sampler_init_dry(vocab, *arguments)


def _name(path: Path) -> str:
    """A model's name for people: its file's, which they chose; metadata often name a training run.

    The quantisation at its end is left out: `CRA-v1-7B-Q4_K_M.gguf` is CRA-v1-7B.
    """
    return _QUANTISATION.sub("", path.stem) or path.stem


def _reason() -> str:
    """llama.cpp's own first word on why something failed: the later ones repeat it."""
    if not _log.errors:
        return "llama.cpp gives no reason"
    return _log.errors[0].removeprefix("llama_model_load: error loading model: ").split(": ", 1)[-1]


def _gpu_backend() -> str | None:
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
