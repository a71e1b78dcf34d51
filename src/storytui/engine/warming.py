"""Warm after reopening: the evaluated cache goes into a file, and comes back from it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from msgspec import structs

from storytui.engine.cells import Cells
from storytui.engine.messages import ModelConfig, Warm
from storytui.engine.model_info import Adapter, ModelInfo
from storytui.engine.state_file import (
    KeptState,
    ModelIdentity,
    StatefulMemory,
    identity_of,
    keep,
    take_up,
)


class LoadedModel(StatefulMemory, Protocol):
    """A model whose cache can be kept, and what is known of it."""

    info: ModelInfo

    def close(self) -> None:
        """Give its memory back."""
        ...


class Warmth:
    """The file in which one model's cache is kept between two sessions."""

    def __init__(self, config: ModelConfig, model: LoadedModel, cells: Cells) -> None:
        """Keep nothing until `begin` says where.

        Args:
            config: what was asked for.
            model: what was loaded.
            cells: its cache.
        """
        self._config = config
        self._model = model
        self._cells = cells
        self._place: Warm | None = None
        self._identity: ModelIdentity | None = None

    def begin(self, place: Warm) -> None:
        """Take up what is kept in a file, where it fits and nothing is evaluated yet."""
        self._place = place
        self._identify()
        if self._identity is None or self._cells.tokens:
            return
        found = take_up(Path(place.path), self._identity, self._model)
        if found is not None:
            logits = np.frombuffer(found.logits, dtype=np.float32) if found.logits else None
            self._cells.take_up(found.tokens, found.exact, logits)

    def adapted(self, adapters: Sequence[Adapter]) -> None:
        """Other adapters work, and nothing is evaluated yet: the cache will be of another model."""
        self._config = structs.replace(self._config, adapters=tuple(adapters))
        if self._place is not None:
            self._identify()

    def _identify(self) -> None:
        from importlib.metadata import version  # takes a while, and the model is there first

        # Asked now: another model may have the file's name by the time the state is kept.
        library = version("llama-cpp-python")
        self._identity = identity_of(self._config, self._model.info, library)

    def end(self) -> None:
        """Keep the cache in the file; where it cannot be kept, there is none."""
        if self._place is None or self._identity is None:
            return
        tokens, exact, logits = self._cells.up_to_known()
        if not tokens:
            return
        state = KeptState(
            model=self._identity,
            tokens=tuple(tokens),
            exact=exact,
            logits=b"" if logits is None else logits.tobytes(),
        )
        # The card's memory is free for the next editor before the file is sealed.
        keep(
            Path(self._place.path), state, self._model, self._place.room, written=self._model.close
        )
