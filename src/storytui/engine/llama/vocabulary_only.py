"""A model of which only the tokenizer and the chat template are loaded: it counts and encodes."""

import sys
from collections.abc import Callable
from pathlib import Path

import llama_cpp

from storytui.engine.llama.loaded import metadata, name_of
from storytui.engine.llama.loading import load_model
from storytui.engine.llama.vocabulary import LlamaVocabulary, frame_of
from storytui.engine.messages import ModelConfig
from storytui.engine.model_info import PROMPT_FORMAT, ModelInfo


class VocabularyOnly:
    """The vocabulary of a model's file; none of its tensors is read, and no GPU is used."""

    def __init__(self, config: ModelConfig, on_progress: Callable[[float], None]) -> None:
        """Load it.

        Raises:
            ModelError: the file is missing or broken.
        """
        self._model = load_model(config, on_progress)
        self.vocabulary = LlamaVocabulary(llama_cpp.llama_model_get_vocab(self._model))
        source = metadata(self._model, "tokenizer.chat_template")
        self.frame, kind, problem = frame_of(source, self.vocabulary)
        if problem:
            sys.stderr.write(f"{problem}\n")
        architecture = metadata(self._model, "general.architecture")
        trained = self._number(f"{architecture}.context_length")
        self.info = ModelInfo(
            name=name_of(Path(config.path)),
            path=config.path,
            architecture=architecture,
            context=trained,
            trained_context=trained,
            layers=self._number(f"{architecture}.block_count"),
            gpu_layers=0,
            backend="CPU",
            threads=0,
            chat_template=kind,
            template_problem=problem,
            stored_format=metadata(self._model, PROMPT_FORMAT).strip(),
        )

    def _number(self, key: str) -> int:
        """A whole number of the file's header; llama.cpp reads no sizes of such a model."""
        value = metadata(self._model, key)
        return int(value) if value.isdecimal() else 0
