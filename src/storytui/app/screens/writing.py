"""The writing screen: the page, the pane beside it, and the keys by which a story goes on."""

import random
from collections.abc import Callable
from typing import ClassVar

import msgspec
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.events import DescendantFocus, Resize
from textual.worker import Worker, WorkerState

from storytui.app.desk import Desk, Span
from storytui.app.engine_room import EngineRoom
from storytui.app.keys import bind
from storytui.app.pane_view import PaneView
from storytui.app.screens.story import StoryScreen
from storytui.app.widgets.direction import DirectionRow
from storytui.app.widgets.pane import Pane
from storytui.app.widgets.take_view import TakeView
from storytui.continuing import Options
from storytui.engine.api import Engine, Finished, ModelInfo, Sampling, Statistics, Text
from storytui.manuscript.file import StoryFile
from storytui.settings import Settings
from storytui.takes.take import Take

WIDE = 100
"""Columns from which the pane stands beside the page."""
NEW_SEEDS = 1_000_000
"""New seeds are below this: short enough to be read and typed again."""


class WritingScreen(StoryScreen):
    """Everything a writer sees while she writes."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("go-on", "go_on"),
        bind("stop", "stop"),
        bind("accept-sentence", "accept_sentence"),
        bind("accept-paragraph", "accept_paragraph"),
        bind("accept-rest", "accept_rest"),
        bind("give-back", "give_back"),
        bind("try-again", "try_again"),
        bind("previous-take", "turn(-1)"),
        bind("next-take", "turn(1)"),
        bind("dismiss", "dismiss_take"),
        bind("focus-direction", "focus_direction"),
        bind("focus-pane", "focus_pane"),
        bind("toggle-reasoning", "toggle_reasoning"),
        bind("show-prompt", "show_prompt"),
    ]

    def __init__(
        self,
        story_file: StoryFile,
        *,
        settings: Settings,
        engine_factory: Callable[[], Engine],
        first_start: bool,
        words_today: int,
        direction: str,
    ) -> None:
        """Show a story and continue it; the arguments are those of `build_app`."""
        super().__init__(story_file, measure=settings.editor.measure, words_today=words_today)
        self.room = EngineRoom(self, engine_factory)
        """The engine."""
        self._settings = settings
        self._direction = direction
        self._welcome = first_start
        self._folded = False
        self._model: ModelInfo | None = None
        self._tokens = 0
        self._view = PaneView(settings.keys)

    def compose_beside(self) -> ComposeResult:
        """Compose the pane."""
        yield Pane(words=self._settings.continuing.words, direction=self._direction, id="pane")

    @property
    def pane(self) -> Pane:
        """The pane."""
        return self.query_one("#pane", Pane)

    @property
    def writing(self) -> bool:
        """Whether the model writes, and was not told to stop."""
        return self.room.busy and not self.room.stopping

    def on_mount(self) -> None:
        """Lay the desk; the model is loaded once the page can be seen."""
        self.desk = Desk(self.area)
        self.status.engine = "loading the model"
        self.show_take()
        self.call_after_refresh(self.room.warm_up)

    def on_resize(self, event: Resize) -> None:
        """The pane stands beside the page where there is room, else it comes from below."""
        wide = event.size.width >= WIDE
        self.pane.styles.width = self._settings.editor.pane if wide else "100%"

    def on_unmount(self) -> None:
        """The editor closes: nothing waits for the model."""
        self.room.close()

    # --- state goes down --------------------------------------------------------------------------

    def show_take(self) -> None:
        """Bring pane and status line up to date with the desk."""
        desk = self.desk
        self.pane.show(
            self._view.state(desk, folded=self._folded, writing=self.writing, welcome=self._welcome)
        )
        if self.writing:
            stop = self._view.key("stop")
            self.status.engine = f"{desk.progress or 'writing'} · {stop} stops"
        elif self._model is not None:
            self.status.engine = "ready"
        self.refresh_bindings()

    # --- events come up ---------------------------------------------------------------------------

    def on_manuscript_area_edited(self) -> None:
        """The story changed; the takes follow undo and redo."""
        super().on_manuscript_area_edited()
        self.desk.follow_edits()
        if self.desk.take is not None:
            self.show_take()

    def on_text_area_selection_changed(self) -> None:
        """The cursor moved: what the keys do may have changed."""
        super().on_text_area_selection_changed()
        if self.desk.take is not None:
            self.show_take()

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """What the keys do depends on where the focus is."""
        self.refresh_bindings()

    def on_engine_room_progress(self, event: EngineRoom.Progress) -> None:
        """The model is being loaded."""
        if not self.writing:
            self.status.engine = f"loading the model {event.fraction * 100:.0f} %"

    def on_engine_room_ready(self, event: EngineRoom.Ready) -> None:
        """The model is loaded."""
        self._model = info = event.info
        runs_on = info.backend
        if 0 < info.gpu_layers < info.layers:
            runs_on = f"{info.backend}, {info.gpu_layers} of {info.layers} layers"
            self.status.warning = True
        self.status.model = f"{info.name} · {runs_on}"
        self.show_take()

    def on_engine_room_not_ready(self, event: EngineRoom.NotReady) -> None:
        """The model could not be loaded; the page works without one."""
        self.status.engine = "no model"
        self.status.warning = True
        self.complain(event.problem)

    def on_engine_room_arrived(self, event: EngineRoom.Arrived) -> None:
        """More of the reply, or its end; what an old run still says is dropped."""
        if event.run != self.room.run:
            return
        before = self.desk.segment
        for each in event.events:
            self.desk.receive(each)
            if isinstance(each, Text):
                self._tokens += 1
            elif isinstance(each, Finished) and isinstance(each.statistics, Statistics):
                self.status.speed = each.statistics.tokens_per_second
        if (
            before != "answer"
            and self._has_answer()
            and self._settings.continuing.collapse_reasoning
        ):
            self._folded = True
        if event.ended:
            self.room.ended(event.run)
            self.desk.end(event.problem)
            if event.problem:
                self.complain(event.problem)
            elif self._model is None:
                self.room.warm_up()
        self.show_take()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A fault in the program itself still ends the take and says so."""
        if event.state is WorkerState.ERROR:
            self.log.error(str(event.worker.error))
            self.complain(
                f"Something went wrong inside the editor ({type(event.worker.error).__name__}). "
                "The story is untouched; the next key press starts anew."
            )

    def on_take_view_turned(self, event: TakeView.Turned) -> None:
        """Left or right in the pane."""
        self.action_turn(event.step)

    def on_take_view_folded(self) -> None:
        """A click on the reasoning."""
        self.action_toggle_reasoning()

    def on_direction_row_submitted(self, event: DirectionRow.Submitted) -> None:
        """Enter in the direction."""
        self.area.focus()
        self._begin(again=self.desk.here and self.desk.open)

    def on_engine_room_prompt_made(self, event: EngineRoom.PromptMade) -> None:
        """What the model would see is known."""
        from storytui.app.screens.prompt_view import PromptScreen

        if event.prompt is None:
            self.complain(event.problem)
        else:
            self.app.push_screen(PromptScreen(event.prompt))

    # --- the keys ---------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether a key means its action now, or goes on to the widget that has the focus."""
        if not self.is_mounted or not hasattr(self, "desk"):
            return super().check_action(action, parameters)
        desk, in_text = self.desk, self.area.has_focus
        match action:
            case "stop":
                return self.writing
            case "accept_sentence":
                return in_text and desk.open and desk.here
            case "give_back":
                return in_text and desk.can_give_back
            case "accept_paragraph" | "accept_rest":
                return desk.open
            case "turn":
                return desk.shelf.current is not None
            case "dismiss_take":
                return not self.writing and (not in_text or self._welcome or desk.take is not None)
            case "toggle_reasoning":
                return desk.take is not None
        return super().check_action(action, parameters)

    def action_go_on(self) -> None:
        """Go on from the cursor; while the model writes, stop it."""
        if self.writing:
            self.action_stop()
        else:
            self._begin(again=False)

    def action_try_again(self) -> None:
        """Another take for the same place, with another seed."""
        if self.desk.place is None:
            self._begin(again=False)
        else:
            self.desk.go_to_place()
            self._begin(again=True)

    def action_stop(self) -> None:
        """Stop the model; what came stays."""
        self.room.stop()
        self.show_take()

    def action_accept_sentence(self) -> None:
        """Take the next sentence."""
        self._accept(self.desk.upcoming)

    def action_accept_paragraph(self) -> None:
        """Take the rest of the paragraph; from elsewhere, go to the place first."""
        self._accept(self.desk.take.next_paragraph() if self.desk.take else None)

    def action_accept_rest(self) -> None:
        """Take all that is left; from elsewhere, go to the place first."""
        self._accept(self.desk.take.rest() if self.desk.take else None)

    def action_give_back(self) -> None:
        """Give the last accepted piece back."""
        if not self.desk.give_back():
            self.say("That piece was changed since it was taken, so it stays.")
        self.show_take()

    def action_turn(self, step: int) -> None:
        """Show an earlier or later take."""
        self.desk.turn(step)
        self.pane.take_view.begin(follow=False)
        self.show_take()

    def action_dismiss_take(self) -> None:
        """From the pane back to the page; from the page, empty the pane."""
        if not self.area.has_focus:
            self.area.focus()
            return
        self._welcome = False
        self.desk.dismiss()
        self.show_take()

    def action_focus_direction(self) -> None:
        """To the direction and back."""
        row = self.pane.direction
        if row.has_focus_within:
            self.area.focus()
        else:
            self.pane.add_class("-filled")
            row.focus_direction()

    def action_focus_pane(self) -> None:
        """To the pane and back."""
        view = self.pane.take_view
        if view.has_focus or self.desk.take is None:
            self.area.focus()
        else:
            view.focus()

    def action_toggle_reasoning(self) -> None:
        """Fold or unfold the reasoning."""
        self._folded = not self._folded
        self.show_take()

    def action_go_to_place(self) -> None:
        """Put the cursor where the take belongs."""
        self.desk.go_to_place()
        self.area.focus()
        self.show_take()

    def action_show_prompt(self) -> None:
        """Show what the model would see."""
        self.room.make_prompt(self.area.text, self.area.offset, self._options(0))

    # --- going on ---------------------------------------------------------------------------------

    def _begin(self, *, again: bool) -> None:
        """Ask for a take at the cursor, and show at once that work began."""
        seed = self._seed(len(self.desk.shelf.takes) if again else 0)
        options = self._options(seed)
        self._welcome = self._folded = False
        self._tokens, self.status.speed = 0, 0.0
        self.desk.end()
        self.desk.begin(
            Take(
                seed=seed,
                model="" if self._model is None else self._model.name,
                format=options.format,
                direction=options.direction,
                words=options.words,
            ),
            again=again,
        )
        if self._model is None:
            self.desk.progress = "loading the model"
        self.room.start(self.area.text, self.area.offset, options)
        self.pane.take_view.begin(follow=True)
        self.show_take()

    def _accept(self, span: Span | None) -> None:
        if not self.desk.here:
            self.action_go_to_place()
        elif self.desk.accept(span):
            self.area.focus()
            self.show_take()

    def _has_answer(self) -> bool:
        return self.desk.written is not None and bool(self.desk.written.answer)

    def _seed(self, earlier: int) -> int:
        """A new seed; where the settings fix it, the takes of a place still differ."""
        fixed = self._settings.sampling.seed
        return random.randrange(NEW_SEEDS) if fixed < 0 else fixed + earlier

    def _options(self, seed: int) -> Options:
        row, continuing = self.pane.direction, self._settings.continuing
        drawn = msgspec.structs.asdict(self._settings.sampling) | {"seed": seed}
        return Options(
            format=continuing.format,
            direction=row.text,
            words=row.words,
            reasoning_tokens=continuing.reasoning_tokens,
            sampling=Sampling(**drawn),
        )
