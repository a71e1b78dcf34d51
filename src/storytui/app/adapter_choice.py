"""Choose a LoRA adapter: a list of those that go with the model, and of none."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Label, OptionList
from textual.widgets.option_list import Option
from textual.worker import Worker, WorkerState

from storytui.app.adapting import AdaptingRoom
from storytui.app.condition import Condition
from storytui.app.screens.story import StoryScreen
from storytui.engine.adapting import adapted
from storytui.engine.api import ModelError
from storytui.engine.model_info import Adapter, ModelInfo
from storytui.folders import as_typed
from storytui.models.adapter_offers import Offer, adapters_here, offers
from storytui.settings import Settings
from storytui.story.visible import visible


class AdapterChoice:
    """What is laid over the model of one writing screen."""

    def __init__(
        self,
        screen: StoryScreen,
        room: AdaptingRoom,
        condition: Condition,
        settings: Settings,
        ready: Callable[[ModelInfo], None],
    ) -> None:
        """Change nothing yet.

        Args:
            screen: where she is asked, and told.
            room: switches.
            condition: knows the model.
            settings: where adapters are, and how strongly the settings' own works.
            ready: is told what the model is from now on.
        """
        self._screen = screen
        self._room = room
        self._condition = condition
        self._settings = settings
        self._ready = ready

    def ask(self) -> None:
        """Have her choose."""
        info = self._condition.info
        if info is None:
            self._screen.say("The model is not loaded yet; an adapter is laid over it then.")
        elif info.remote:
            self._screen.say("The model runs on a server, and its adapters are not chosen here.")
        else:
            screen = AdapterScreen(info, self._settings)
            self._screen.app.push_screen(screen, partial(self._chosen, info))

    def refused(self, problem: str) -> None:
        """The switch failed: the model is as it was before."""
        if self._condition.failed(problem):
            self._screen.complain(problem)
        self._room.warm_up()

    def _chosen(self, shown: ModelInfo, adapters: tuple[Adapter, ...] | None) -> None:
        info = self._condition.info
        if adapters is None:
            return
        if info is None:
            self._screen.say("The model is not there now; choose the adapter again when it is.")
            return
        if info.path != shown.path:
            name = visible(shown.name, newlines=False)
            self._screen.say(f"The adapter was for {name}, which is not the model any more.")
            return
        self._condition.asked()
        self._room.adapt(adapters)
        # What is asked for from now on is the new one's.
        self._ready(adapted(info, adapters))


class AdapterScreen(ModalScreen[tuple[Adapter, ...] | None]):
    """The adapters that go with the model; dismissed with the chosen ones, or None."""

    CSS_PATH = "screens/dialog.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

    def __init__(self, info: ModelInfo, settings: Settings) -> None:
        """Look for adapters once it is shown.

        Args:
            info: the model.
            settings: where adapters are, and which one they name.
        """
        super().__init__()
        self._info = info
        self._settings = settings
        self._offers: list[Offer] = []
        self.listed = False
        """Whether all that are here are shown."""

    def compose(self) -> ComposeResult:
        """A title, what is going on, and a list."""
        with Vertical(classes="dialog -tall"):
            name = visible(self._info.name, newlines=False)
            yield Label(f"Adapters for {name}", classes="dialog-title", markup=False)
            yield Label("looking for adapters", classes="dialog-text", markup=False)
            yield OptionList(compact=True, markup=False)
            yield Label("enter chooses · esc leaves", classes="dialog-hint", markup=False)

    def on_mount(self) -> None:
        """Look for them in a thread: folders may be large, or slow."""
        self.query_one(OptionList).add_option(Option("none", id="0"))
        self.run_worker(self._find, name="find adapters", thread=True, exit_on_error=False)

    def _find(self) -> Sequence[Offer] | str:
        """The adapters, or why they cannot be told."""
        try:
            return offers(adapters_here(self._settings.models.folders), Path(self._info.path))
        except ModelError as error:
            return str(error)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Show what was found."""
        event.stop()
        if event.state is WorkerState.ERROR:
            self._show([], f"Adapters cannot be listed ({type(event.worker.error).__name__}).")
        elif event.state is WorkerState.SUCCESS:
            found = event.worker.result
            if isinstance(found, str):
                self._show([], found)
            elif found is not None:
                self._show(found)

    def _show(self, found: Sequence[Offer], problem: str = "") -> None:
        self._offers = [each for each in found if each.agrees]
        others = len(found) - len(self._offers)
        if not problem:
            problem = _said(len(self._offers), others)
        self.query_one(".dialog-text", Label).update(Text(visible(problem)))
        options = self.query_one(OptionList)
        options.add_options(
            Option(_row(each), id=str(number)) for number, each in enumerate(self._offers, 1)
        )
        names = [each.path.stem for each in self._offers]
        in_use = self._info.adapter
        options.highlighted = names.index(in_use) + 1 if in_use in names else 0
        options.focus()
        self.listed = True

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        number = int(event.option.id or 0)
        if number == 0:
            self.dismiss(())
            return
        offer = self._offers[number - 1]
        path = os.path.abspath(offer.path)
        model = self._settings.model
        its_own = os.path.abspath(as_typed(model.adapter)) == path
        self.dismiss(
            (
                Adapter(
                    path=path,
                    scale=model.adapter_scale if its_own else 1.0,
                    prompt_format="" if offer.header is None else offer.header.prompt_format,
                ),
            )
        )

    def action_leave(self) -> None:
        """Change nothing."""
        self.dismiss(None)


def _said(fitting: int, others: int) -> str:
    """What is said above the list."""
    if fitting:
        return f"{others:,} more are here for other models." if others else "They go with it."
    if others:
        return f"None goes with it; {others:,} for other models are here."
    return "There is none here. Put LoRA adapters (GGUF files) where your models are."


def _row(offer: Offer) -> Text:
    """An adapter as a row of the list."""
    row = Text(offer.name, no_wrap=True, overflow="ellipsis")
    if offer.header is not None:
        row.append(f"   rank {offer.header.rank}, {offer.header.size / 2**20:.1f} MiB", "dim")
    return row
