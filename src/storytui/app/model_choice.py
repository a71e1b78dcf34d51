"""Choosing a model while the story is open: the screen, a download, another engine."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from storytui.app.fetching import Fetching, how_far
from storytui.app.flow import Flow
from storytui.app.keys import key_of
from storytui.app.running import what_runs
from storytui.app.screens.models import ModelsScreen
from storytui.app.screens.story import StoryScreen
from storytui.engine.adapting import in_force
from storytui.engine.api import EngineError
from storytui.engine.model_info import ModelInfo
from storytui.models.beside_plan import beside_plan
from storytui.models.offers import Offer, Shelf, Used


class ModelChoice:
    """The models of one writing screen."""

    def __init__(
        self, screen: StoryScreen, flow: Flow, make_shelf: Callable[[], Shelf], wanted_format: str
    ) -> None:
        """Choose nothing yet.

        Args:
            screen: the writing screen; gets the messages of downloads.
            flow: gets another engine.
            make_shelf: makes what the models come from, in a thread.
            wanted_format: the prompt format of the settings.
        """
        self.fetching = Fetching(screen)
        """The download that goes on."""
        self._screen = screen
        self._flow = flow
        self._make_shelf = make_shelf
        self._made: Shelf | None = None
        self._wanted_format = wanted_format
        self._shown: ModelsScreen | None = None
        self._here: tuple[str, Path] | None = None
        """A model that was fetched while a reply was written."""

    async def choose(self, *, first: bool = False) -> None:
        """Show the models and do what she chooses.

        Args:
            first: whether she did not ask for it.
        """
        if self._made is None:
            self._made = await asyncio.to_thread(self._make_shelf)
        if first:
            leaving = "writes with the small built-in model" if _built_in() else "writes without"
        else:
            leaving = "goes back to the page"
        running = await self._what_runs()
        if first and self._screen.area.changed:
            # She writes already; nothing comes between.
            palette = key_of("palette", self._screen.keys)
            self._screen.say(f"No model is chosen yet; {palette}, Models, shows those there are.")
            return
        self._shown = ModelsScreen(
            self._shelf,
            leaving=leaving,
            running=running,
            cancel=self._cancel,
            typed=self._screen.area.insert if first else None,
        )
        self._shown.show_fetching(self.fetching.offer, self.fetching.fetched)
        try:
            offer = await self._screen.app.push_screen_wait(self._shown)
        finally:
            self._shown = None
        self._screen.area.focus()
        if offer is None:
            return
        self._here = None
        if offer.path is not None:
            self._cancel()
            await self._use(offer.name, offer.path, offer.called)
        else:
            self._fetch(offer)

    @property
    def _shelf(self) -> Shelf:
        assert self._made is not None
        return self._made

    async def loaded(self) -> None:
        """The model is loaded: what runs is shown where the models are on the screen."""
        if self._shown is not None:
            self._shown.show_running(await self._what_runs())

    async def _what_runs(self) -> Sequence[str]:
        """What runs, a line each."""
        info = self._flow.model
        if info is None:
            return ("It is not loaded yet.",)
        return what_runs(info, self._wanted_format, await asyncio.to_thread(beside_plan, info))

    def _fetch(self, offer: Offer) -> None:
        self.fetching.begin(offer, self._shelf.fetch(offer))
        self._shelf.fetching(offer)
        self._show()

    def _cancel(self) -> None:
        if self.fetching.offer is not None:
            self._screen.say(
                f"The download of {self.fetching.offer.name} was left off; what is here stays, and "
                "choosing the model again goes on with it."
            )
            self._shelf.fetching(None)
        self.fetching.cancel()
        self._show()

    def told(self, event: Fetching.Told) -> None:
        """A download goes on."""
        if self.fetching.told(event):
            self._show()

    async def ended(self, event: Fetching.Ended) -> None:
        """A download is over."""
        if not self.fetching.ended(event):
            return
        self._show()
        if event.problem:
            self._screen.complain(event.problem)
        elif event.path is not None:
            self._shelf.fetching(None)
            if self._flow.writing:
                # No reply is cut short for it.
                self._here = (event.offer.name, event.path)
                self._screen.say(f"{event.offer.name} is here; it goes on after this reply.")
            else:
                await self._use(event.offer.name, event.path)

    async def reply_ended(self) -> None:
        """The model has written its reply: one that came meanwhile takes its place."""
        here, self._here = self._here, None
        if here is not None:
            await self._use(*here)

    def _show(self) -> None:
        """Bring what is said of a download up to date."""
        offer, fetched = self.fetching.offer, self.fetching.fetched
        status = self._screen.status
        status.fetching = "" if offer is None else f"{offer.name} {how_far(fetched)}"
        if self._shown is not None:
            self._shown.show_fetching(offer, fetched)

    async def _use(self, name: str, path: Path, called: str = "") -> None:
        """Have a model go on with the story, now and at the next start."""
        try:
            used = await asyncio.to_thread(self._shelf.use, path, called)
        except EngineError as error:
            self._screen.complain(str(error))
            return
        info = self._flow.model
        if used.only_now:
            self._screen.complain(f"{name} is the model until you quit. {used.only_now}")
        else:
            server = info.backend if info is not None and info.remote else ""
            instead = f", and {server} is asked no more" if server else ""
            self._screen.say(f"{name} is the model from now on{instead}.")
        if info is None or info.remote or Path(info.path) != path or _laid(info) != _laid(used):
            self._flow.use(used.make)

    def close(self) -> None:
        """The editor closes; a download can be gone on with."""
        self.fetching.close()
        if self._made is not None:
            self._made.close()


def _laid(over: ModelInfo | Used) -> list[tuple[str, float]]:
    """What is laid over a model: which files, and how strongly."""
    return [(each.path, each.scale) for each in in_force(over.adapters)]


def _built_in() -> bool:
    from storytui.models.starter import starter_model

    return starter_model() is not None
