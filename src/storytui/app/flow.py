"""How a story goes on: what the keys do with the engine, the desk and the pane.

The writing screen makes it after the first paint and hands it what comes up: keys and messages.
"""

from collections.abc import Callable
from functools import partial

from textual.containers import Container

from storytui.app.adapter_choice import AdapterChoice
from storytui.app.adapting import AdaptingRoom
from storytui.app.agreeing import ask_to_send
from storytui.app.ahead import Ahead
from storytui.app.asking import disagreement, new_seed, options, side_by_side, take_asked_for
from storytui.app.condition import Condition
from storytui.app.desk import Desk
from storytui.app.engine_room import Asked, EngineRoom
from storytui.app.kept_takes import KeptTakes
from storytui.app.pane_view import PaneView, means
from storytui.app.screens.story import StoryScreen
from storytui.app.taking import Taking
from storytui.app.widgets.pane import Pane
from storytui.app.wishes import Wishes
from storytui.continuing import Options
from storytui.engine.api import Engine, Finished, Readiness, Writing
from storytui.engine.model_info import ModelInfo
from storytui.manuscript.home import Home
from storytui.manuscript.journal_records import OpenTakes
from storytui.manuscript.reading_places import ReadingPlaces
from storytui.manuscript.states import StatePlace, place_for_state


class Flow(Taking):
    """The engine, the desk and the pane of one writing screen."""

    def __init__(self, screen: StoryScreen, side: Container, wishes: Wishes) -> None:
        """Lay the desk; `furnish` puts the pane into its place.

        Args:
            screen: gets the engine's messages, and owns manuscript and status line.
            side: the place of the pane.
            wishes: what the editor was started with.
        """
        self.room = AdaptingRoom(screen, wishes.engine_factory)
        """The engine."""
        desk = Desk(screen.area)
        super().__init__(screen, desk, KeptTakes(screen, desk))
        self.pane = Pane(
            words=wishes.settings.continuing.words, direction=wishes.direction, id="pane"
        )
        self.ahead = Ahead(self.room, screen.area, wishes.settings.ahead, self._wanted)
        """What the engine does while she pauses."""
        self._side = side
        self._settings = wishes.settings
        self._welcome = wishes.first_start
        self._folded = False
        self._condition = Condition(remote=bool(wishes.settings.remote.address))
        self.adapters = AdapterChoice(
            screen, self.room, self._condition, wishes.settings, self.ready
        )
        """What is laid over the model."""
        self._view = PaneView(wishes.settings.keys)
        self._notes = ""
        self._seed = new_seed()
        """The next take's, where the settings fix none: what is done ahead is done with it."""

    async def furnish(self) -> None:
        """Put the pane into its place, and load the model."""
        await self._side.mount(self.pane)
        self._screen.status.engine = self._condition.begins
        self.show()
        self.at_home()
        self.room.warm_up()

    def at_home(self) -> None:
        """What is kept of the manuscript is kept in this home from now on."""
        home = self._screen.safekeeping.home
        if self.room.places is not None:
            self.room.places.close()
        self.room.places = ReadingPlaces(None if home is None else home.folder)
        if home is not None:
            self.room.keep_state(partial(_state_place, home, self._settings.ahead.state_mb))

    @property
    def model(self) -> ModelInfo | None:
        """The model, where it is loaded."""
        return self._condition.info

    @property
    def none_chosen(self) -> bool:
        """Whether there is no model, since none was chosen."""
        return self._condition.none_chosen

    @property
    def writing(self) -> bool:
        """Whether the model writes, and was not told to stop."""
        return self.room.busy and not self.room.stopping

    # --- state goes down --------------------------------------------------------------------------

    def show(self) -> None:
        """Bring pane and status line up to date with the desk."""
        state = self._view.state(
            self.desk, folded=self._folded, writing=self.writing, welcome=self._welcome
        )
        self.pane.show(state)
        self._side.set_class(state.filled, "-filled")
        self._side.set_class(bool(state.welcome), "-welcome")
        self._show_engine()
        self._screen.refresh_bindings()

    def _show_engine(self) -> None:
        """Bring what the status line says of the engine up to date."""
        desk, status = self.desk, self._screen.status
        if self.writing:
            status.engine = f"{desk.progress or 'writing'} · {self._view.key('stop')} stops"
        elif says := self._condition.says(self.ahead.readiness):
            status.engine = says

    def lay_open(self, laid: OpenTakes) -> None:
        """Put the takes of a session that did not end well back on the desk."""
        self._kept.lay_open(laid, self.show)

    # --- what comes of the engine -----------------------------------------------------------------

    def loading(self, fraction: float) -> None:
        """The model is being loaded."""
        if not self.writing:
            self._screen.status.engine = f"loading the model {fraction * 100:.0f} %"

    def ready(self, info: ModelInfo) -> None:
        """The model is loaded."""
        if news := self._condition.ready(info, disagreement(self._settings, info)):
            self._screen.complain(news)
        self._screen.status.model = self._condition.runs_on
        self._screen.status.warning = self._condition.partly
        self._kept.find_hash(info)
        self.ahead.moved()
        self.show()

    def use(self, make: Callable[[], Engine]) -> None:
        """Have another model from now on; what was written stays.

        Args:
            make: makes its engine; called in a thread.
        """
        self._condition.changing()
        self.ahead.readiness = None
        status = self._screen.status
        status.model, status.speed, status.warning = "", 0.0, False
        status.engine = "loading the model"
        self.room.use(make)
        self.show()

    def readied(self, readiness: Readiness) -> None:
        """The engine tells how far it is with what was asked ahead."""
        self.ahead.told(readiness)
        self._show_engine()

    def not_ready(self, problem: str, *, none_chosen: bool = False, unagreed: str = "") -> None:
        """The model could not be loaded, or there is none; the page works without one.

        Args:
            problem: why, as a sentence.
            none_chosen: whether there is none, since none was chosen.
            unagreed: the host that she has not agreed to send story text to, where that is why.
        """
        self._condition.not_ready(none_chosen=none_chosen, unagreed=unagreed)
        self._screen.status.model = self._condition.runs_on
        self._screen.status.warning = not unagreed
        if unagreed:
            key = self._view.key("go-on")
            self._screen.say(f"Nothing is sent to {unagreed} before you agree; {key} asks you.")
        elif not (none_chosen and self._screen.asking):
            self._screen.complain(problem)
        self.show()

    def died(self, problem: str, *, gave_up: bool) -> None:
        """The model's process ended; it is started again, and the writer told once.

        Where it did so several times in a row, only her next key starts it again.
        """
        if self._condition.died(problem, gave_up=gave_up):
            self._screen.complain(problem)
        self._screen.status.warning = gave_up
        if not gave_up:
            self.room.warm_up()
        self.show()

    def arrived(self, event: EngineRoom.Arrived) -> None:
        """More of the reply, or its end; what an old run still says is dropped."""
        if event.run != self.room.run:
            return
        had_answer, written = self._has_answer, self.desk.written
        for number, each in event.events:
            self.desk.receive(each, number)
            if isinstance(each, Finished):
                self._screen.status.speed = each.statistics.tokens_per_second
            elif isinstance(each, Writing):
                self._screen.status.speed = each.tokens_per_second
        if self._settings.continuing.collapse_reasoning and self._has_answer and not had_answer:
            self._folded = True
        if event.ended:
            self.room.ended(event.run)
            self.desk.end(event.problem)
            if event.problem and self._condition.failed(event.problem):
                self._screen.complain(event.problem)
            if self._condition.to_be_looked_at(event.problem):
                self.room.warm_up()
            self.ahead.moved()
        self._kept.keep_written(written, ended=event.ended)
        self.show()

    @property
    def _has_answer(self) -> bool:
        return any(take.answer for take in self.desk.written)

    # --- what comes of the page -------------------------------------------------------------------

    def edited(self) -> None:
        """The story changed; the takes follow undo and redo."""
        if self.desk.follow_edits():
            self._kept.keep(*self.desk.shelf.takes)
        else:
            self._kept.keep()
        self.ahead.changed()
        self._moved()

    def moved(self) -> None:
        """The cursor may be elsewhere: what the keys do may have changed."""
        self.ahead.moved()
        self._moved()

    def _moved(self) -> None:
        if self.desk.take is not None:
            self.show()
        else:
            self._show_engine()

    def knows(self, notes: str) -> None:
        """These are the standing notes."""
        if notes != self._notes:
            self._notes = notes
            self.asks_otherwise()

    def asks_otherwise(self) -> None:
        """The direction, the length or the notes are other ones."""
        self.ahead.changed()
        self._show_engine()

    def _wanted(self) -> Asked | None:
        """What the key would ask for now; None while it cannot ask, is at work, or asks a server,
        which does nothing ahead."""
        info = self._condition.info
        if info is None or info.remote or self.room.busy:
            return None
        area = self._screen.area
        earlier = len(self.desk.shelf.takes) if self.desk.same_place(again=False) else 0
        return Asked(area.text, area.offset, self._options(earlier, self._candidates))

    # --- the keys ---------------------------------------------------------------------------------

    def allows(self, action: str, *, in_text: bool) -> bool:
        """Whether a key means its action now, or goes on to the widget that has the focus.

        Args:
            action: the action.
            in_text: whether the manuscript has the focus.
        """
        return means(
            action, self.desk, in_text=in_text, writing=self.writing, welcome=self._welcome
        )

    def begin(self, *, again: bool, candidates: int = 0) -> None:
        """Ask for a take at the cursor, and show at once that work began.

        Args:
            again: for the place of the earlier takes, and beside them.
            candidates: how many takes, side by side; 0: as the settings say.
        """
        if self._condition.unagreed:
            then = partial(self.begin, again=again, candidates=candidates)
            self._screen.ask(partial(self._ask_to_send, then), "agree")
            return
        area, desk = self._screen.area, self.desk
        if again and desk.place is not None:
            desk.go_to_place()
        self._welcome = self._folded = False
        self._condition.asked()
        self._screen.status.speed = 0.0
        desk.end()
        if not desk.same_place(again=again):
            desk.clear()
        asked = self._options(len(desk.shelf.takes), candidates or self._candidates)
        self._seed = new_seed()
        text, offset = area.text, area.offset
        before = text[:offset]
        takes = [
            take_asked_for(each, self._condition.info, self._kept.model_hash, before)
            for each in side_by_side(asked)
        ]
        desk.begin(takes, self._condition.begins)
        self.ahead.asked(offset)
        self.room.start(text, offset, asked)
        self._kept.keep(*takes)
        self.pane.take_view.begin(follow=True)
        self.show()

    async def _ask_to_send(self, then: Callable[[], None]) -> None:
        await ask_to_send(self._screen, self._condition, then)
        self.show()

    def stop(self) -> None:
        """Stop the model; what came stays."""
        self.room.stop()
        self.show()

    def turn(self, step: int) -> None:
        """Show an earlier (-1) or later (1) take."""
        self.desk.turn(step)
        self._kept.keep_shown()
        self.pane.take_view.begin(follow=self.desk.growing is not None)
        self.show()

    def dismiss(self) -> None:
        """Empty the pane."""
        self._welcome = False
        self.desk.dismiss()
        self._kept.keep_shown()
        self.show()

    def toggle_reasoning(self) -> None:
        """Fold or unfold the reasoning."""
        self._folded = not self._folded
        self.show()

    def switch_to_direction(self) -> None:
        """To the direction and back."""
        if self.pane.direction.has_focus_within:
            self._screen.area.focus()
        else:
            # Where the pane comes from below it may be away, and what is away takes no focus.
            self._side.set_class(True, "-filled")
            self._screen.call_after_refresh(self.pane.direction.focus_direction)

    def switch_to_pane(self) -> None:
        """To the take and back."""
        view = self.pane.take_view
        if view.has_focus or self.desk.take is None:
            self._screen.area.focus()
        else:
            view.focus()

    def show_prompt(self) -> None:
        """Ask what the model would see."""
        area = self._screen.area
        self.room.make_prompt(area.text, area.offset, self._options(0, 1))

    def read_again(self) -> None:
        """Have the model forget what it has read, and read everything again."""
        self.room.rebuild()
        self.asks_otherwise()

    def close(self) -> None:
        """The editor closes: nothing waits for the model."""
        self.ahead.close()
        self.room.close()
        if self.room.places is not None:
            self.room.places.close()

    @property
    def _candidates(self) -> int:
        return self._settings.continuing.candidates

    def _options(self, earlier: int, candidates: int) -> Options:
        row = self.pane.direction
        return options(
            self._settings,
            direction=row.text,
            words=row.words,
            notes=self._notes,
            candidates=candidates,
            earlier=earlier,
            seed=self._seed,
        )


def _state_place(home: Home, megabytes: int, info: ModelInfo) -> StatePlace | None:
    """Where what a model has read of a manuscript is kept; makes room for it.

    None for a model on a server, which keeps what it has read itself.
    """
    if info.remote:
        return None
    model = info.path
    if info.adapter:
        model += f"\0{info.adapter}\0{info.adapter_scale:g}"
    return place_for_state(home.folder.parent, home.folder, model, megabytes * 2**20)
