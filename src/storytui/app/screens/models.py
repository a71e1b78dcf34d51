"""The models: those that are here, those to download, and what each would be on this machine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Key
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input, Label, OptionList, Static
from textual.widgets.option_list import Option
from textual.worker import Worker, WorkerState

from storytui.app.fetching import how_far
from storytui.app.model_rows import details, rows
from storytui.app.screens.confirm import PAUSE_SECONDS
from storytui.app.widgets.plain_input import PlainInput
from storytui.engine.api import EngineError
from storytui.models.offers import Fetched, Offer, Offers, Shelf
from storytui.story.visible import visible

_HEADINGS = {
    "here": "On this machine",
    "catalogue": "To download",
    "hub": "In this repository",
    "repository": "On Hugging Face",
}


class ModelsScreen(Screen[Offer | None]):
    """Choose a model; dismissed with the offer to use or to fetch, or None.

    Looking at the machine and asking the Hub happen in threads; a key works meanwhile.
    """

    CSS_PATH = "models.tcss"
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("space", "details", show=False),
        Binding("slash", "search", show=False),
        Binding("c", "cancel", show=False),
    ]

    @dataclass
    class Looked(Message):
        """What there is."""

        offers: Offers

    @dataclass
    class Came(Message):
        """An answer of the Hub's."""

        question: int
        offers: tuple[Offer, ...]
        problem: str = ""

    def __init__(
        self,
        shelf: Shelf,
        *,
        leaving: str = "write on",
        running: Sequence[str] = (),
        cancel: Callable[[], None] = lambda: None,
        typed: Callable[[str], object] | None = None,
    ) -> None:
        """Show what a shelf has.

        Args:
            shelf: where the models come from.
            leaving: what happens without a choice, for the hint.
            running: what runs now, a line each.
            cancel: ends the download that goes on.
            typed: where the screen comes unasked: takes what she types, which is for the page.
        """
        super().__init__()
        self._shelf = shelf
        self._leaving = leaving
        self._runs_now = running
        self._cancel = cancel
        self._typed = typed
        self._last_key = monotonic()
        self._steered = False
        """Whether she moved in the list: what she types is for it."""
        self._offers: Offers | None = None
        self._shown: tuple[Offer, ...] = ()
        """Those of the list, in its order."""
        self._question = 0
        """The number of the question to the Hub whose answer is shown or waited for; 0: none is."""
        self._asked = 0
        """How many questions there were; answers to older ones are dropped."""
        self._searched: tuple[Offer, ...] = ()
        """What the last search brought, while a repository of it is shown."""
        self._fetched: tuple[Offer, Fetched | None] | None = None

    def compose(self) -> ComposeResult:
        """Title, warnings, the list, what there is to say of the chosen one, and the keys."""
        with Vertical(id="models-box"):
            with Horizontal(id="models-head"):
                yield Label("Choose a model", id="models-title", markup=False)
                yield Label("looking at this machine", id="models-machine", markup=False)
            yield Static(id="models-warning", markup=False)
            yield PlainInput(placeholder="words, or OWNER/REPO", id="models-search", compact=True)
            yield OptionList(id="models-list", compact=True, markup=False)
            yield Static(id="models-details", markup=False)
            yield Static(id="models-fetching", markup=False)
            yield Static(id="models-hint", markup=False)

    def on_mount(self) -> None:
        """Look at the machine."""
        self.query_one("#models-search").display = False
        self._hint()
        self._show_fetching()
        self._work(self._look, "look at the machine")
        if self._typed is None:
            self.query_one(OptionList).focus()
        self._last_key = monotonic()

    def on_resize(self) -> None:
        """The columns are others."""
        if self._shown:
            self._list(self._shown, keep=True)

    # --- in threads -------------------------------------------------------------------------------

    def _work(self, job: Callable[[], None], name: str) -> None:
        self.run_worker(
            job, name=name, group=name, exclusive=True, thread=True, exit_on_error=False
        )

    def _look(self) -> None:
        try:
            offers = self._shelf.offers()
        except EngineError as error:
            offers = Offers("", (), warnings=(str(error),))
        self.post_message(self.Looked(offers))

    def _ask(self, question: int, asked: Callable[[], tuple[Offer, ...]]) -> None:
        try:
            came = self.Came(question, asked())
        except EngineError as error:
            came = self.Came(question, (), str(error))
        self.post_message(came)

    # --- what comes -------------------------------------------------------------------------------

    @on(Looked)
    def _show(self, event: Looked) -> None:
        event.stop()
        self._offers = event.offers
        self.query_one("#models-machine", Label).update(
            Content(visible(event.offers.machine, newlines=False))
        )
        if not self._question:
            self._warn("\n".join(event.offers.warnings))
            self._list(event.offers.offers, chosen=event.offers.best)

    @on(Came)
    def _show_answer(self, event: Came) -> None:
        event.stop()
        if event.question != self._question:
            return
        self._warn(event.problem)
        if event.offers:
            if event.offers[0].group == "repository":
                self._searched = event.offers
            self._list(event.offers)
            self.query_one(OptionList).focus()
        elif not event.problem:
            self._warn("Nothing was found. Try fewer or other words.")

    @on(Worker.StateChanged)
    def _tell_of_failure(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR:
            event.stop()
            self.log.error(event.worker.error)
            self._warn(f"To {event.worker.name} did not work. esc leaves.")

    def show_fetching(self, offer: Offer | None, fetched: Fetched | None) -> None:
        """A download goes on, or none does."""
        self._fetched = None if offer is None else (offer, fetched)
        if self.is_mounted:
            self._show_fetching()

    def show_running(self, running: Sequence[str]) -> None:
        """The model is loaded, or another is: what runs, a line each."""
        self._runs_now = running
        if self.is_mounted:
            self._show_details()

    def _show_fetching(self) -> None:
        shown = self.query_one("#models-fetching", Static)
        shown.display = self._fetched is not None
        if self._fetched is not None:
            offer, fetched = self._fetched
            shown.update(
                Content(visible(f"{offer.name}: {how_far(fetched)} · c cancels", newlines=False))
            )

    def _warn(self, text: str) -> None:
        warning = self.query_one("#models-warning", Static)
        warning.update(Content(visible(text)))
        warning.display = bool(text)

    # --- the list ---------------------------------------------------------------------------------

    def _list(self, offers: tuple[Offer, ...], *, chosen: str = "", keep: bool = False) -> None:
        """Show offers, each group under its heading."""
        options = self.query_one(OptionList)
        at = options.highlighted
        self._shown = offers
        width = max(20, self.size.width - 8)
        listed: list[Option] = []
        places: dict[str, int] = {}
        made = list(zip(offers, rows(offers, width), strict=True))
        for group, heading in _HEADINGS.items():
            of_group = [each for each in made if each[0].group == group]
            if not of_group:
                continue
            if listed:
                listed.append(Option("", disabled=True))
            listed.append(Option(Content.assemble((heading, "$heading")), disabled=True))
            for offer, label in of_group:
                places[offer.id] = len(listed)
                listed.append(Option(label, id=offer.id))
        options.clear_options()
        options.add_options(listed)
        if keep and at is not None:
            options.highlighted = at
        elif places:
            options.highlighted = places.get(chosen, next(iter(places.values())))
        self._show_details()

    @property
    def _highlighted(self) -> Offer | None:
        options = self.query_one(OptionList)
        if options.highlighted is None:
            return None
        id = options.get_option_at_index(options.highlighted).id
        return next((each for each in self._shown if each.id == id), None)

    @on(OptionList.OptionHighlighted)
    def _show_details(self) -> None:
        offer = self._highlighted
        shown = Content("") if offer is None else details(offer)
        if offer is not None and offer.in_use and self._runs_now:
            lines = "\n".join(visible(each, newlines=False) for each in self._runs_now)
            shown = Content("\n").join(each for each in (shown, Content(lines)) if each)
        self.query_one("#models-details", Static).update(shown)
        self._hint()

    def _hint(self) -> None:
        offer = self._highlighted
        does = "begins"
        if offer is not None:
            fetches = "goes on with its download" if offer.begun else "downloads it and begins"
            does = {"here": "begins", "repository": "shows its models"}.get(offer.group, fetches)
        back = "esc goes back" if self._question else f"esc {self._leaving}"
        keys = (f"enter {does}", "space details", "/ searches Hugging Face", back)
        self.query_one("#models-hint", Static).update(Content(" · ".join(keys)))

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        offer = self._highlighted
        if offer is None:
            return
        if offer.group == "repository":
            self._put(partial(self._shelf.files, offer.id), f"Asking what {offer.name} has.")
        elif offer.fits or offer.group == "here":
            self.dismiss(offer)
        else:
            self._ask_first(offer)

    def _ask_first(self, offer: Offer) -> None:
        from storytui.app.screens.confirm import Choice, ConfirmScreen

        def answered(answer: str | None) -> None:
            if answer == "fetch":
                self.dismiss(offer)

        self.app.push_screen(
            ConfirmScreen(
                f"{offer.name} would not run well here: {offer.verdict}.",
                (Choice("fetch", "d", "Download it all the same"),),
            ),
            answered,
        )

    def on_key(self, event: Key) -> None:
        """Words that she was writing when the screen came are her story's, and end it."""
        if self._typed is None or self.focused is not None:
            return
        pause, self._last_key = monotonic() - self._last_key, monotonic()
        self._steered = self._steered or event.key in ("up", "down", "tab")
        asked = pause >= PAUSE_SECONDS or self._steered
        text = "\n" if event.key == "enter" else event.character if event.is_printable else None
        if asked and event.key in ("enter", "up", "down", "tab"):
            event.stop()
            self.query_one(OptionList).focus()
            if event.key == "enter":
                self.query_one(OptionList).action_select()
        elif text and not (asked and text in " /"):
            event.stop()
            event.prevent_default()
            self._typed(text)
            if self.is_current:
                self.dismiss(None)

    # --- the keys ---------------------------------------------------------------------------------

    def action_details(self) -> None:
        """Show or hide what there is to say of the chosen one."""
        shown = self.query_one("#models-details", Static)
        shown.display = not shown.display

    def action_search(self) -> None:
        """Search Hugging Face."""
        field = self.query_one("#models-search", PlainInput)
        field.display = True
        field.focus()

    @on(Input.Submitted)
    def _search(self, event: Input.Submitted) -> None:
        event.stop()
        words = event.value.strip()
        if not words:
            self.action_leave()
        elif "/" in words and " " not in words:
            self._put(partial(self._shelf.files, words), f"Asking what {words} has.")
        else:
            self._put(partial(self._shelf.search, words), "Asking Hugging Face.")

    def _put(self, asked: Callable[[], tuple[Offer, ...]], says: str) -> None:
        """Ask the Hub."""
        self._question = self._next_question()
        self._warn(says)
        self._work(partial(self._ask, self._question, asked), "ask Hugging Face")

    def _next_question(self) -> int:
        self._asked += 1
        return self._asked

    def action_cancel(self) -> None:
        """End the download that goes on."""
        if self._fetched is not None:
            self._cancel()
            self.show_fetching(None, None)

    def action_leave(self) -> None:
        """Back to the search, to the first list, or to the page."""
        field = self.query_one("#models-search", PlainInput)
        in_repository = bool(self._shown) and self._shown[0].group == "hub"
        if in_repository and self._searched:
            self._question = self._next_question()
            self._list(self._searched)
            self._warn("")
        elif field.display or self._question:
            self._question, self._searched = 0, ()
            field.display = False
            field.value = ""
            self._warn("")
            if self._offers is not None:
                self._show(self.Looked(self._offers))
            self.query_one(OptionList).focus()
        else:
            self.dismiss(None)
