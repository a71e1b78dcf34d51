"""The engine room, where adapters are laid over the model while it runs."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from textual.message import Message
from textual.screen import Screen

from storytui.app.engine_room import EngineRoom
from storytui.continuing import Options
from storytui.engine.api import Engine, EngineError
from storytui.engine.model_info import Adapter
from storytui.models.adapter_checking import examine_adapter
from storytui.models.adapter_offers import adapters_cache


class AdaptingRoom(EngineRoom):
    """Also switches adapters; `Ready` tells of the model as it is then."""

    @dataclass
    class NotAdapted(Message):
        """Other adapters could not be laid over the model, which is as it was."""

        problem: str

    def __init__(self, screen: Screen[None], make: Callable[[], Engine]) -> None:
        """As an engine room."""
        super().__init__(screen, make)
        self._switch = 0
        """The number of the last switch that was asked for."""
        self._switched = threading.Event()
        """Set while no switch is to come."""
        self._switched.set()

    def adapt(self, adapters: Sequence[Adapter]) -> None:
        """Have these adapters work, and no others; a reply that is being written is ended first.

        What is asked for from now on is written with them.
        """
        self.stop()
        self.rest()
        self._switch += 1
        self._switched.clear()
        self._work(partial(self._adapt, self._switch, tuple(adapters)), "adapt")

    def use(self, make: Callable[[], Engine]) -> None:
        """Have another engine from now on; an adapter was chosen for the one there."""
        self._forget_switch()
        super().use(make)

    def close(self) -> None:
        """Also let those end that wait for a switch."""
        self._forget_switch()
        super().close()

    def _forget_switch(self) -> None:
        self._switch += 1
        self._switched.set()

    # --- called in threads ------------------------------------------------------------------------

    def _adapt(self, number: int, adapters: Sequence[Adapter]) -> None:
        try:
            with self._turn:
                if number != self._switch:
                    return
                engine = self._place.get()
                base = Path(engine.load().path)
                for each in adapters:
                    examine_adapter(Path(each.path), base, adapters_cache())
                if number != self._switch:
                    return
                engine.adapt(adapters)
                self._load_now()
        except EngineError as error:
            if number == self._switch:
                self._screen.post_message(self.NotAdapted(str(error)))
        finally:
            if number == self._switch:
                self._switched.set()

    def _continue(self, run: int, text: str, offset: int, options: Options) -> None:
        self._switched.wait()
        super()._continue(run, text, offset, options)
