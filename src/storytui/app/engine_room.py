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
    ModelInfo,
    NoModelError,
    Prompt,
    Readiness,
)
from storytui.manuscript.reading_places import ReadingPlaces
from storytui.manuscript.states import StatePlace

CLOSE_SECONDS = 1.0
"""How long closing waits for an engine that is being made."""
CHANGE_SECONDS = 20.0
"""How long an engine may take to give its memory back before another one is made."""

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
        self._make = make
        self._next: Callable[[], Engine] | None = None
        """What makes the engine that is to take the place of the one there; None: it stays."""
        self._engine: Engine | None = None
        self._making = threading.Lock()
        self._turn = threading.Lock()
        self._closing = threading.Event()
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
        self._next = make
        self.warm_up()

    def keep_state(self, place: Callable[[ModelInfo], StatePlace | None]) -> None:
        """Have what the model has read kept when the editor closes, and taken up once it is loaded.

        Args:
            place: says where, in a thread; None keeps nothing.
        """
        self._state_place = place
        if self._engine is not None:
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
            if self._engine is not None:
                self._engine.stop()

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
            if self._engine is not None:
                self._engine.rest()

    def rebuild(self) -> None:
        """Have the engine forget all that it has read."""
        if self._engine is not None:
            self._work(self._engine.rebuild, "rebuild")

    def make_prompt(self, text: str, offset: int, options: Options) -> None:
        """Render what the model would see; `PromptMade` brings it."""
        self._work(partial(self._prompt, text, offset, options), "render the prompt")

    def close(self) -> None:
        """Give the engine back and let every thread end; nothing waits for the model."""
        self._closing.set()
        # A model's file that is being checked may take its time; who made it closes it then.
        if self._making.acquire(timeout=CLOSE_SECONDS):
            self._making.release()
            if self._engine is not None:
                self._engine.stop()
                self._engine.close()

    def _work(self, job: Callable[[], None], name: str) -> None:
        self._screen.run_worker(
            job, name=name, group=name, exclusive=True, thread=True, exit_on_error=False
        )

    # --- called in threads ------------------------------------------------------------------------

    def _get(self) -> Engine:
        with self._making:
            if self._closing.is_set():
                raise EngineError("The editor is closing.")
            if self._next is not None:
                before, self._engine = self._engine, None
                self._make, self._next = self._next, None
                if before is not None:
                    before.close(CHANGE_SECONDS)
            if self._engine is None:
                engine = self._make()
                engine.on_death(self._mourn)
                engine.on_readiness(self._readied)
                if self._closing.is_set():
                    engine.close()
                    raise EngineError("The editor is closing.")
                self._engine = engine
            return self._engine

    def _mourn(self, error: EngineError) -> None:
        if not self._closing.is_set():
            gave_up = isinstance(error, EngineGaveUpError)
            self._screen.post_message(self.Died(str(error), gave_up))

    def _load(self) -> None:
        try:
            if self._next is not None:
                # A reply of the one there is still coming to its end.
                with self._turn:
                    self._get()
            engine = self._get()
            for each in engine.loading():
                self._tell_of(engine, self.Progress(each.fraction))
            info = engine.load()
            place = self._state_place(info)
            if place is not None:
                engine.warm(place.path, place.room)
            self._tell_of(engine, self.Ready(info))
        except (EngineDiedError, EngineGaveUpError):
            # `Died` has told already.
            return
        except EngineError as error:
            host = error.host if isinstance(error, ConsentNeededError) else ""
            if not self._closing.is_set():
                none = isinstance(error, NoModelError)
                self._screen.post_message(self.NotReady(str(error), none, host))

    def _tell_of(self, engine: Engine, message: Message) -> None:
        """Post what is news of the engine, unless there is another one by now."""
        if engine is self._engine and self._next is None and not self._closing.is_set():
            self._screen.post_message(message)

    def _continue(self, run: int, text: str, offset: int, options: Options) -> None:
        problem = "The reply ended early. Press the key again to go on."
        try:
            with self._turn:
                if not self._is_over(run):
                    engine = self._get()
                    told = False
                    for came in continue_side_by_side(engine, text, offset, options, self.places):
                        self._inbox.put(_Item(run, came=came))
                        # A stop that came before the engine had begun went unheard: say it again.
                        # With the plan it has not begun yet.
                        if self._is_over(run) and not told and not isinstance(came[1], Plan):
                            told = True
                            engine.stop()
            problem = ""
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
            engine = self._get()
            far = how_far(engine.load())
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

    def _readied(self, readiness: Readiness) -> None:
        self._inbox.tell((self._ahead, readiness))

    def _prompt(self, text: str, offset: int, options: Options) -> None:
        try:
            with self._turn:
                prompt = show_prompt(self._get(), text, offset, options, self.places)
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
