"""When the engine goes ahead: after a pause, with what the next key would ask for.

A key that changes something only sets a time; one timer looks at it. What the whole manuscript is
copied for happens after the pause, and never on a key.
"""

import asyncio
from collections.abc import Callable

from storytui.app.engine_room import Asked, EngineRoom
from storytui.app.mains import on_mains
from storytui.app.widgets.manuscript import ManuscriptArea, Mark
from storytui.engine.api import HowFar, Readiness
from storytui.engine.model_info import ModelInfo
from storytui.settings import AheadSettings

NEAR = 400
"""Characters in front of the last continuation's place that cost little to read again."""
BEHIND = 4000
"""Characters behind that place that are taken for going on from it."""


class Ahead:
    """What is done ahead for one manuscript."""

    def __init__(
        self,
        room: EngineRoom,
        area: ManuscriptArea,
        settings: AheadSettings,
        wanted: Callable[[], Asked | None],
    ) -> None:
        """Do nothing yet.

        Args:
            room: the engine.
            area: the manuscript.
            settings: how far, and after which pause.
            wanted: what the next key would ask for, seed and all; None while it would ask for
                nothing. Asked after the pause.
        """
        self.readiness: Readiness | None = None
        """How far the engine is with what would be asked for now; None where it has not begun."""
        self._room = room
        self._area = area
        self._how_far = settings.how_far
        self._pause = settings.pause_ms / 1000
        self._wanted = wanted
        self._edited = False
        self._went = False
        """Whether anything was asked ahead, or at all."""
        self._place: Mark | None = None
        """Where the last continuation was asked for."""
        self._due = 0.0
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def on(self) -> bool:
        """Whether anything is done ahead."""
        return self._how_far != "off" and self._pause > 0

    @property
    def waiting(self) -> bool:
        """Whether a pause has begun and is not over."""
        return self._timer is not None

    # --- what happens -----------------------------------------------------------------------------

    def changed(self) -> None:
        """The text, or what would be asked, is another; typing has the machine to itself."""
        self._edited = True
        self.moved()

    def moved(self) -> None:
        """The cursor is elsewhere, or the engine has nothing else to do: begin after a pause."""
        if not self.on:
            return
        self._room.rest()
        self.readiness = None
        if self._closed:
            return
        loop = asyncio.get_running_loop()
        self._due = loop.time() + self._pause
        if self._timer is None:
            self._timer = loop.call_at(self._due, self._look)

    def asked(self, offset: int) -> None:
        """The writer asks for a continuation at `offset`: its cache is worth keeping."""
        if self._place is not None:
            self._area.unmark(self._place)
        self._place = self._area.mark(offset, "right")
        # Where nothing comes of it, what was begun ahead is for another text all the same.
        self._went, self._edited, self.readiness = True, True, None

    def told(self, readiness: Readiness) -> None:
        """The engine tells how far it is."""
        self.readiness = readiness

    def close(self) -> None:
        """Begin nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._closed = True

    # --- after the pause --------------------------------------------------------------------------

    def _look(self) -> None:
        """The timer went off: go ahead, or wait for the rest of a pause that began later."""
        self._timer = None
        loop = asyncio.get_running_loop()
        if loop.time() < self._due:
            self._timer = loop.call_at(self._due, self._look)
            return
        asked = self._wanted()
        if asked is not None:
            far = self._far if asked.options.candidates == 1 else _read
            self._room.go_ahead(asked, far, edited=self._edited, spare=self._spare)
            self._went, self._edited = True, False

    def _far(self, info: ModelInfo) -> HowFar:
        return far_enough(info) if self._how_far == "auto" else self._how_far

    @property
    def _spare(self) -> bool:
        """Whether reading here could cost what was read for a place that she comes back to."""
        if self._place is None:
            return self._went and not self._edited
        return not -NEAR <= self._area.offset - self._place.offset <= BEHIND


def _read(_info: ModelInfo) -> HowFar:
    """What is done ahead of several takes, which are written side by side or not at all."""
    return "read"


def far_enough(info: ModelInfo) -> HowFar:
    """What is done ahead where the writer has not said it: thinking takes power and time."""
    on_gpu = info.gpu_layers > 0 and info.backend != "CPU"
    return "think" if on_gpu and on_mains() else "read"
