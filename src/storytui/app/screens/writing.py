"""The writing screen: the page, the pane beside it, and the keys by which a story goes on.

Only the page is there for the first paint. What has to do with the model is imported and mounted
after it; keys that come before wait for it.
"""

import gc
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.events import DescendantFocus, Resize
from textual.worker import Worker, WorkerState

from storytui.app.keys import bind, key_of
from storytui.app.screens.story import StoryScreen
from storytui.app.wishes import Wishes
from storytui.manuscript.opening import Opened

if TYPE_CHECKING:
    from storytui.app.adapting import AdaptingRoom
    from storytui.app.engine_room import EngineRoom
    from storytui.app.fetching import Fetching
    from storytui.app.flow import Flow
    from storytui.app.model_choice import ModelChoice
    from storytui.app.widgets.take_view import TakeView

WIDE = 100
"""Columns from which the pane stands beside the page."""


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
        # Textual's own, which the actions on the same keys would replace.
        Binding("tab", "next_field", show=False),
        Binding("shift+tab", "previous_field", show=False),
    ]

    def __init__(self, opened: Opened, wishes: Wishes, *, words_today: int) -> None:
        """Show a story.

        Args:
            opened: the story, and what there is to tell about it.
            wishes: what the editor was started with.
            words_today: words written today before this session.
        """
        super().__init__(opened, wishes.settings, words_today=words_today)
        self.flow: Flow | None = None
        """How the story goes on; None until the page was painted."""
        self._wishes = wishes
        self.models: ModelChoice | None = None
        """The models; None until they were asked for."""
        self._go_on_asked = False

    def compose_beside(self) -> ComposeResult:
        """Compose the place of the pane."""
        yield Container(id="side")

    def on_mount(self) -> None:
        """Let the page be seen before anything else is done."""
        self.call_after_refresh(self._furnish)

    async def _furnish(self) -> None:
        """Bring in what has to do with the model."""
        from storytui.app.flow import Flow

        if not self.is_attached:
            return  # The editor was told to end meanwhile.
        flow = Flow(self, self.query_one("#side", Container), self._wishes)
        await flow.furnish()
        self.flow = flow
        if self.opened.recovered is not None and self.opened.recovered.open_takes is not None:
            flow.lay_open(self.opened.recovered.open_takes)
        self.ask(self._bring_notes, "read the notes")
        self.refresh_bindings()
        if self._wishes.choose_model:
            self.choose_model(first=True)
        elif left_off := self._wishes.left_off:
            palette = key_of("palette", self._wishes.settings.keys)
            self.say(
                f"The download of {left_off} did not come to its end; choosing it again under "
                f"{palette}, Models, goes on with it."
            )
        if self._go_on_asked:
            flow.begin(again=False)
        if not gc.isenabled():
            # The command line turned it off for the start. What there is now stays to the end, so
            # it need never be looked at: later collections are short and typing does not wait.
            gc.freeze()
            gc.enable()

    def choose_model(self, *, first: bool = False) -> None:
        """Show the models.

        Args:
            first: whether she did not ask for it.
        """
        if self.models is None:
            make = self._wishes.make_shelf
            if self.flow is None or make is None:
                return
            from storytui.app.model_choice import ModelChoice

            wanted = self._wishes.settings.continuing.format
            self.models = ModelChoice(self, self.flow, make, wanted)
        if not self.asking:
            self.ask(partial(self.models.choose, first=first), "choose a model")

    async def _bring_notes(self) -> None:
        """What the model is given beside the story."""
        if self.story_file.path is not None:
            await self.read_notes(quietly=True)
            self.notes_edited()

    async def renamed(self) -> None:
        """The story has another name: what is kept of it may be kept elsewhere."""
        if self.flow is not None:
            self.flow.at_home()
        await super().renamed()

    def notes_edited(self) -> None:
        """The notes may be other ones."""
        if self.flow is not None:
            self.flow.knows("" if self.notes is None else self.notes.text)

    def notes_left_out(self, notes: str) -> str:
        """Why the model is not given such notes, as a sentence; empty where it is."""
        from storytui.app.asking import notes_left_out

        model = None if self.flow is None else self.flow.model
        return notes_left_out(self._wishes.settings.continuing.format, notes, model)

    def on_resize(self, event: Resize) -> None:
        """The pane stands beside the page where there is room, else it comes from below."""
        wide = event.size.width >= WIDE
        self.query_one("#side").styles.width = self._wishes.settings.editor.pane if wide else "100%"

    def on_unmount(self) -> None:
        """The editor closes: nothing waits for the model."""
        if self.models is not None:
            self.models.close()
        if self.flow is not None:
            self.flow.close()

    # --- events come up ---------------------------------------------------------------------------

    def on_manuscript_area_edited(self) -> None:
        """The story changed."""
        super().on_manuscript_area_edited()
        if self.flow is not None:
            self.flow.edited()

    def on_text_area_selection_changed(self) -> None:
        """The cursor moved."""
        super().on_text_area_selection_changed()
        if self.flow is not None:
            self.flow.moved()

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """What the keys do depends on where the focus is."""
        self.refresh_bindings()

    def on_engine_room_progress(self, event: "EngineRoom.Progress") -> None:
        """The model is being loaded."""
        if self.flow is not None:
            self.flow.loading(event.fraction)

    def on_engine_room_ready(self, event: "EngineRoom.Ready") -> None:
        """The model is loaded."""
        if self.flow is not None:
            self.flow.ready(event.info)
        if self.models is not None:
            self.ask(self.models.loaded, "the model is loaded")

    def on_engine_room_not_ready(self, event: "EngineRoom.NotReady") -> None:
        """The model could not be loaded."""
        if self.flow is not None:
            self.flow.not_ready(
                event.problem, none_chosen=event.none_chosen, unagreed=event.unagreed
            )

    def on_engine_room_died(self, event: "EngineRoom.Died") -> None:
        """The model's process ended."""
        if self.flow is not None:
            self.flow.died(event.problem, gave_up=event.gave_up)

    def on_engine_room_arrived(self, event: "EngineRoom.Arrived") -> None:
        """More of the reply, or its end."""
        if self.flow is not None:
            self.flow.arrived(event)
        if event.ended and self.models is not None:
            self.ask(self.models.reply_ended, "the reply ended")

    def on_engine_room_readied(self, event: "EngineRoom.Readied") -> None:
        """More was done ahead."""
        if self.flow is not None:
            self.flow.readied(event.readiness)

    def on_fetching_told(self, event: "Fetching.Told") -> None:
        """A model is being downloaded."""
        if self.models is not None:
            self.models.told(event)

    def on_fetching_ended(self, event: "Fetching.Ended") -> None:
        """A download is over."""
        if self.models is not None:
            self.ask(partial(self.models.ended, event), "a model was fetched")

    def on_adapting_room_not_adapted(self, event: "AdaptingRoom.NotAdapted") -> None:
        """Another adapter could not be laid over the model."""
        if self.flow is not None:
            self.flow.adapters.refused(event.problem)

    def on_engine_room_prompt_made(self, event: "EngineRoom.PromptMade") -> None:
        """What the model would see is known."""
        from storytui.app.screens.prompt_view import PromptScreen

        if event.prompt is None:
            self.complain(event.problem)
        else:
            self.app.push_screen(PromptScreen(event.prompt))

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A fault in the program itself ends the take, not the editor."""
        if event.state is WorkerState.ERROR:
            self.log.error(str(event.worker.error))
            self.complain(
                f"Something went wrong inside the editor ({type(event.worker.error).__name__}). "
                "The story is untouched; the next key press starts anew."
            )

    def on_take_view_turned(self, event: "TakeView.Turned") -> None:
        """Left or right in the pane."""
        self.action_turn(event.step)

    def on_take_view_folded(self) -> None:
        """A click on the reasoning."""
        self.action_toggle_reasoning()

    def on_direction_row_changed(self) -> None:
        """The direction or the length is another."""
        if self.flow is not None:
            self.flow.asks_otherwise()

    def on_direction_row_submitted(self) -> None:
        """Enter in the direction: back to the page, and go on from its cursor."""
        self.area.focus()
        if self.flow is not None:
            self.flow.begin(again=False)

    # --- the keys ---------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether a key means its action now, or goes on to the widget that has the focus."""
        if action in ("next_field", "previous_field"):
            return not self.area.has_focus
        if self.flow is None:
            return action not in _NEED_A_TAKE
        return self.flow.allows(action, in_text=self.area.has_focus)

    def action_next_field(self) -> None:
        """To the next field of the pane or the find bar; from the page there is no such way."""
        self.focus_next()

    def action_previous_field(self) -> None:
        """To the field before."""
        self.focus_previous()

    def action_go_on(self) -> None:
        """Go on from the cursor; while the model writes, stop it."""
        if self.flow is None:
            self._go_on_asked = True
        elif self.flow.writing:
            self.flow.stop()
        elif self.flow.none_chosen and self._wishes.make_shelf is not None:
            self.choose_model()
        else:
            self.flow.begin(again=False)

    def action_try_again(self) -> None:
        """Another take for the same place, with another seed."""
        if self.flow is None:
            self._go_on_asked = True
        else:
            self.flow.begin(again=True)

    def go_on_side_by_side(self, candidates: int) -> None:
        """Several takes at once, from the cursor."""
        if self.flow is not None:
            self.flow.begin(again=False, candidates=candidates)

    def read_again(self) -> None:
        """Have the model read everything again."""
        if self.flow is not None:
            self.flow.read_again()
            self.say("The model forgets what it has read, and reads everything again.")

    def choose_adapter(self) -> None:
        """Lay another adapter over the model, or none."""
        if self.flow is not None:
            self.flow.adapters.ask()

    def action_stop(self) -> None:
        """Stop the model; what came stays."""
        if self.flow is not None:
            self.flow.stop()

    def action_accept_sentence(self) -> None:
        """Take the next sentence."""
        if self.flow is not None:
            self.flow.accept_sentence()

    def action_accept_paragraph(self) -> None:
        """Take the rest of the paragraph."""
        if self.flow is not None:
            self.flow.accept_paragraph()

    def action_accept_rest(self) -> None:
        """Take all that is left."""
        if self.flow is not None:
            self.flow.accept_rest()

    def action_give_back(self) -> None:
        """Give the last accepted piece back."""
        if self.flow is not None:
            self.flow.give_back()

    def action_turn(self, step: int) -> None:
        """Show an earlier (-1) or later (1) take."""
        if self.flow is not None:
            self.flow.turn(step)

    def action_dismiss_take(self) -> None:
        """From the pane back to the page; from the page, empty the pane."""
        if self.flow is None:
            return
        if self.area.has_focus:
            self.flow.dismiss()
        else:
            self.area.focus()
            self.flow.show()

    def action_go_to_place(self) -> None:
        """Put the cursor where the take belongs."""
        if self.flow is not None:
            self.flow.go_to_place()

    def action_focus_direction(self) -> None:
        """To the direction and back."""
        if self.flow is not None:
            self.flow.switch_to_direction()

    def action_focus_pane(self) -> None:
        """To the pane and back."""
        if self.flow is not None:
            self.flow.switch_to_pane()

    def action_toggle_reasoning(self) -> None:
        """Fold or unfold the reasoning."""
        if self.flow is not None:
            self.flow.toggle_reasoning()

    def action_show_prompt(self) -> None:
        """Show what the model would see."""
        if self.flow is not None:
            self.flow.show_prompt()


_NEED_A_TAKE = frozenset(
    {"stop", "accept_sentence", "accept_paragraph", "accept_rest", "give_back", "turn"}
    | {"dismiss_take", "toggle_reasoning"}
)
"""Actions that mean nothing before there is a take."""
