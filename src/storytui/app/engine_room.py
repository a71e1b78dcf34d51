"""The engine behind the interface: its threads, and what comes from them in batches.

Nothing here changes what is shown. Threads put what the engine says into an inbox, which is emptied
into one message at a time.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from textual.message import Message
from textual.screen import Screen

from storytui.app.engine_place import EnginePlace
from storytui.app.inbox import Inbox
from storytui.continuing import Options, Plan, continue_side_by_side, plan, show_prompt
from storytui.engine.api import (
    ConsentNeededError,
    Engine,
    EngineDiedError,
    EngineError,
    EngineGaveUpError,
    Event,
    HowFar,
    NoModelError,
    Prompt,
    Readiness,
)
from storytui.engine.model_info import ModelInfo
from storytui.manuscript.reading_places import ReadingPlaces
from storytui.manuscript.states import StatePlace

Came = tuple[int, Event | Plan]
"""Something that came of a run, and of which of its takes, from 0."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a key would ask for now, at the cursor."""

    text: str
    offset: int
    options: Options


@dataclass(slots=True)
class _Item:
    """One thing in the inbox."""

    run: int
    came: Came | None = None
    ended: bool = False
    problem: str = ""


class EngineRoom:
    """Owns the engine, made on first use in a thread, and posts messages to its screen."""

    @dataclass
    class Progress(Message):
        """The model is being loaded."""

        fraction: float

    @dataclass
    class Ready(Message):
        """The model is loaded."""

        info: ModelInfo

    @dataclass
    class NotReady(Message):
        """The model could not be loaded; the sentence says why."""

        problem: str
        none_chosen: bool = False
        """Whether there is none to load."""
        unagreed: str = ""
        """The host that she has not agreed to send story text to; empty: that is not why."""

    @dataclass
    class Died(Message):
        """The process that owned the model ended, whether or not anything was asked of it."""

        problem: str
        gave_up: bool = False
        """Whether it did so several times in a row: it is started again when the writer asks."""

    @dataclass
    class Arrived(Message):
        """What came of a run since the last message."""

        run: int
        events: tuple[Came, ...]
        ended: bool
        """Whether nothing more comes of this run."""
        problem: str
        """Why it ended early, as a sentence; empty where nothing went wrong."""

    @dataclass
    class Readied(Message):
        """How far the engine is with what it was asked ahead last."""

        readiness: Readiness

    @dataclass
    class PromptMade(Message):
        """What the model would see."""

        prompt: Prompt | None
        problem: str = ""
        """Why it cannot be shown, as a sentence; empty where it can."""

    def __init__(self, screen: Screen[None], make: Callable[[], Engine]) -> None:
        """Make nothing yet.

        Args:
            screen: gets the messages.
            make: makes the engine; called once, in a thread, so it may import what is heavy.
        """
        self.run = 0
        """The number of the last run that was started."""
        self.busy = False
        """Whether that run still goes on."""
        self.places: ReadingPlaces | None = None
        """Where the manuscript's windows began."""
        self._state_place: Callable[[ModelInfo], StatePlace | None] = lambda _info: None
        self._screen = screen
        self._place = EnginePlace(make, self._introduce)
        self._closing = self._place.closing
        self._turn = threading.Lock()
        self._loaded: Engine | None = None
        """The last engine that had its model loaded: it may be at work for who has the turn."""
        self._stopped_run = 0
        self._inbox: Inbox[_Item, tuple[int, Readiness]] = Inbox(self._deliver)
        self._ahead = 0
        """The number of what was asked ahead last, or of the rest that was told after it."""
        self._resting = True
        self._edited = self._told = 0
        """The last number that came with an edit, and the last that the engine was told of."""

    # --- called on the loop -----------------------------------------------------------------------

    @property
    def stopping(self) -> bool:
        """Whether the run that goes on was told to end."""
        return self.busy and self._stopped_run >= self.run

    def warm_up(self) -> None:
        """Load the model in the background."""
        self._work(self._load, "load the model")

    def use(self, make: Callable[[], Engine]) -> None:
        """Have another engine from now on; the one there is given back first.

        Args:
            make: makes it; called once, in a thread.
        """
        self.stop()
        self._ahead += 1
        self._resting = False
        self._place.change(make)
        self.warm_up()

    def keep_state(self, place: Callable[[ModelInfo], StatePlace | None]) -> None:
        """Have what the model has read kept when the editor closes, and taken up once it is loaded.

        Args:
            place: says where, in a thread; None keeps nothing.
        """
        self._state_place = place
        if self._place.engine is not None:
            self._work(self._load, "load the model")

    def start(self, text: str, offset: int, options: Options) -> int:
        """Continue `text` at `offset`; returns the run's number, which its messages carry."""
        self.stop()
        self.run += 1
        self.busy = True
        self._ahead += 1
        self._inbox.loop = asyncio.get_running_loop()
        self._work(partial(self._continue, self.run, text, offset, options), "continue")
        return self.run

    def stop(self) -> None:
        """End the run that goes on; what came of it stays."""
        if self.busy:
            self._stopped_run = self.run
            engine = self._place.engine
            if engine is not None:
                engine.stop()

    def ended(self, run: int) -> None:
        """The screen has heard that `run` is over."""
        if run == self.run:
            self.busy = False
            # The engine may use the quiet to mend what it has read.
            self._resting = False

    def go_ahead(
        self, asked: Asked, how_far: Callable[[ModelInfo], HowFar], *, edited: bool, spare: bool
    ) -> None:
        """Have the engine do ahead what is asked; `Readied` tells how far it is.

        Args:
            asked: what the next key would ask for.
            how_far: says what is done of it, in a thread.
            edited: whether the text or what is asked is another than at the last call.
            spare: whether the last continuation's cache is worth more than this.
        """
        self._inbox.loop = asyncio.get_running_loop()
        self._ahead += 1
        self._resting = False
        if edited:
            self._edited = self._ahead
        job = partial(self._go_ahead, self._ahead, asked, how_far, spare=spare)
        self._work(job, "go ahead")

    def rest(self) -> None:
        """Have the engine leave off what it does ahead; costs nothing where it does nothing."""
        if not self._resting:
            self._resting = True
            self._ahead += 1
            engine = self._place.engine
            if engine is not None:
                engine.rest()

    def rebuild(self) -> None:
        """Have the engine forget all that it has read."""
        engine = self._place.engine
        if engine is not None:
            self._work(engine.rebuild, "rebuild")

    def make_prompt(self, text: str, offset: int, options: Options) -> None:
        """Render what the model would see; `PromptMade` brings it."""
        self._work(partial(self._prompt, text, offset, options), "render the prompt")

    def close(self) -> None:
        """Give the engine back and let every thread end; nothing waits for the model."""
        self._place.close()

    def _work(self, job: Callable[[], None], name: str) -> None:
        self._screen.run_worker(
            job, name=name, group=name, exclusive=True, thread=True, exit_on_error=False
        )

    # --- called in threads ------------------------------------------------------------------------

    def _introduce(self, engine: Engine) -> None:
        """Hear what a new engine tells unasked, for as long as it is there."""
        engine.on_death(partial(self._mourn, engine))
        engine.on_readiness(partial(self._readied, engine))

    def _mourn(self, engine: Engine, error: EngineError) -> None:
        self._tell_of(engine, self.Died(str(error), isinstance(error, EngineGaveUpError)))

    def _load(self) -> None:
        if self._place.changing and self._loaded is self._place.engine is not None:
            # A reply of the one there is still coming to its end.
            with self._turn:
                self._load_now()
        else:
            # Whoever waits for one that still loads hears that it was closed.
            self._load_now()

    def _load_now(self) -> None:
        engine: Engine | None = None
        try:
            engine = self._place.get()
            for each in engine.loading():
                self._tell_of(engine, self.Progress(each.fraction))
            info = engine.load()
            self._loaded = engine
            place = self._state_place(info)
            if place is not None:
                engine.warm(place.path, place.room)
            self._tell_of(engine, self.Ready(info))
        except (EngineDiedError, EngineGaveUpError):
            # `Died` has told already.
            return
        except EngineError as error:
            host = error.host if isinstance(error, ConsentNeededError) else ""
            none = isinstance(error, NoModelError)
            self._tell_of(engine, self.NotReady(str(error), none, host))

    def _tell_of(self, engine: Engine | None, message: Message) -> None:
        """Post what is news of the engine, or that there is none, unless another is wanted."""
        if self._place.is_heard(engine):
            self._screen.post_message(message)

    def _continue(self, run: int, text: str, offset: int, options: Options) -> None:
        problem = "The reply ended early. Press the key again to go on."
        try:
            with self._turn:
                if not self._is_over(run):
                    engine = self._place.get()
                    told = False
                    for came in continue_side_by_side(engine, text, offset, options, self.places):
                        if isinstance(came[1], Plan):
                            self._loaded = engine
                        self._inbox.put(_Item(run, came=came))
                        # A stop that came before the engine had begun went unheard: say it again.
                        # With the plan it has not begun yet.
                        if self._is_over(run) and not told and not isinstance(came[1], Plan):
                            told = True
                            engine.stop()
            problem = ""
        except EngineDiedError as error:
            # One that was closed for another is not missed by a reply that was told to end.
            problem = "" if self._is_over(run) else str(error)
        except (EngineError, ValueError) as error:
            problem = str(error)
        finally:
            self._inbox.put(_Item(run, ended=True, problem=problem))

    def _go_ahead(
        self,
        number: int,
        asked: Asked,
        how_far: Callable[[ModelInfo], HowFar],
        *,
        spare: bool,
    ) -> None:
        with suppress(EngineError, ValueError), self._turn:
            # A story without a beginning, a model that went: the key will say so when it is
            # pressed. What was asked meanwhile says more.
            if number != self._ahead or self._closing.is_set():
                return
            engine = self._place.get()
            far = how_far(engine.load())
            self._loaded = engine
            # Where the cursor only passes by, she will be back where the window began before.
            planned = plan(
                engine, asked.text, asked.offset, asked.options, self.places, remember=not spare
            )
            if number != self._ahead:
                return
            # An edit counts until the engine has heard of it: a cursor key may come in between.
            edited, self._told = self._edited > self._told, number
            engine.ahead(planned.request, far, edited=edited, spare=spare)
            if number != self._ahead:
                # A key came between the two; what it told the engine was told before.
                engine.rest()

    def _readied(self, engine: Engine, readiness: Readiness) -> None:
        if self._place.is_heard(engine):
            self._inbox.tell((self._ahead, readiness))

    def _prompt(self, text: str, offset: int, options: Options) -> None:
        try:
            with self._turn:
                prompt = show_prompt(self._place.get(), text, offset, options, self.places)
            if not self._closing.is_set():
                self._screen.post_message(self.PromptMade(prompt))
        except (EngineError, ValueError) as error:
            if not self._closing.is_set():
                self._screen.post_message(self.PromptMade(None, str(error)))

    def _is_over(self, run: int) -> bool:
        return self._closing.is_set() or self._stopped_run >= run

    # --- the inbox, on the loop -------------------------------------------------------------------

    def _deliver(self, items: list[_Item], readiness: tuple[int, Readiness] | None) -> None:
        if self._closing.is_set():
            return
        for run in sorted({item.run for item in items}):
            mine = [item for item in items if item.run == run]
            self._screen.post_message(
                self.Arrived(
                    run,
                    events=tuple(item.came for item in mine if item.came is not None),
                    ended=any(item.ended for item in mine),
                    problem=next((item.problem for item in mine if item.problem), ""),
                )
            )
        if readiness is not None and readiness[0] == self._ahead and not self._resting:
            self._screen.post_message(self.Readied(readiness[1]))
