"""How the model is: not loaded yet, there, or gone, and what the status line says of it."""

from storytui.engine.api import Readiness
from storytui.engine.model_info import ModelInfo


class Condition:
    """What is known of the model, and what the writer was told of it."""

    def __init__(self, *, remote: bool = False) -> None:
        """Know nothing yet.

        Args:
            remote: whether the model is on a server.
        """
        self.remote = remote
        """Whether the model is on a server, or is to be."""
        self.info: ModelInfo | None = None
        """The model, where it is loaded."""
        self.absent = False
        """Whether there is none, until the writer asks again."""
        self.none_chosen = False
        """Whether that is because none was chosen."""
        self.unagreed = ""
        """The host that she has not agreed to send story text to; empty: there is none."""
        self._declined = False
        self._mourning = False
        """Whether its process ended and has not come back yet; it was told then."""
        self._told_of_it = ""
        """What was told of how it was loaded."""
        self._died_of = self._failed_of = ""
        """What was told of a death and of a run that failed; the first of the two tells both."""

    def ready(self, info: ModelInfo, more: str = "") -> str:
        """It is loaded; returns what the writer is to be told of it and was not, or nothing.

        Args:
            info: the model.
            more: what else she is to be told of it.
        """
        self.info, self.remote = info, info.remote
        self.none_chosen = False
        self.absent = self._mourning = False
        self._failed_of = self.unagreed = ""
        # Its plan is worked out anew whenever it is started again.
        says = " ".join(filter(None, (info.template_problem, info.note, more)))
        news = says if says != self._told_of_it else ""
        self._told_of_it = says
        return news

    def not_ready(self, *, none_chosen: bool = False, unagreed: str = "") -> None:
        """It could not be loaded, or there is none.

        Args:
            none_chosen: whether there is none, since none was chosen.
            unagreed: the host that she has not agreed to send story text to, where that is why.
        """
        self.absent, self.none_chosen, self._mourning = True, none_chosen, False
        self.unagreed, self._declined = unagreed, False
        if unagreed:
            self.info = None

    def changing(self) -> None:
        """Another one takes its place."""
        self.info, self.absent, self.none_chosen, self._mourning = None, False, False, False
        self._died_of = self._failed_of = self.unagreed = self._told_of_it = ""
        self._declined = self.remote = False

    def agreed(self) -> None:
        """She agreed that story text is sent there."""
        self.unagreed, self.absent = "", False

    def declined(self) -> None:
        """She did not; the next key asks her again."""
        self._declined = True

    def died(self, problem: str, *, gave_up: bool) -> bool:
        """Its process ended; returns whether the writer has not heard of it.

        Args:
            problem: why, as a sentence.
            gave_up: whether it is not started again before she asks.
        """
        news = problem != self._failed_of and (gave_up or not self._mourning)
        self._died_of = problem
        self.info, self._mourning, self.absent = None, not gave_up, gave_up
        return news

    def failed(self, problem: str) -> bool:
        """A run failed; returns whether the writer has not heard of it."""
        self._failed_of = problem
        return problem != self._died_of

    def to_be_looked_at(self, problem: str) -> bool:
        """Whether a run that is over tells that the model is to be asked what it is.

        Args:
            problem: why the run ended early; empty where nothing went wrong.
        """
        if self.info is None:
            return not problem
        # She may have taken her consent back.
        return self.remote and bool(problem)

    def asked(self) -> None:
        """The writer asks again: what fails now is news."""
        self._died_of = self._failed_of = ""

    @property
    def begins(self) -> str:
        """What it does first when it is asked for a reply, or for nothing yet."""
        if self.remote:
            return "waiting for the server"
        return "loading the model" if self.info is None else "reading"

    @property
    def runs_on(self) -> str:
        """Its name and what it runs on: a backend, or a server."""
        if self.info is None:
            return ""
        runs_on = self.info.backend
        if self.partly:
            runs_on += f", {self.info.gpu_layers} of {self.info.layers + 1} layers"
        name = self.info.name
        if self.info.adapter:
            name += f" + {self.info.adapter}"
            if self.info.adapter_scale != 1:
                name += f" × {self.info.adapter_scale:g}"
        return f"{name} · {runs_on}"

    @property
    def partly(self) -> bool:
        """Whether only some of its layers are on the GPU."""
        return self.info is not None and 0 < self.info.gpu_layers <= self.info.layers

    def says(self, readiness: Readiness | None) -> str:
        """What the status line says while nothing is written; empty: what it said before.

        Args:
            readiness: how far the model is with the story; None where it has not begun.
        """
        if self.info is not None:
            return "ready" if self.info.remote else how_ready(readiness)
        if self.unagreed and not self._declined:
            return "waits for your consent"
        if self.absent:
            return "no model"
        return "starting the model again" if self._mourning else ""


def how_ready(readiness: Readiness | None) -> str:
    """What the status line says of a model that is loaded and does not write."""
    if readiness is None or readiness.total == 0:
        return "loaded"
    if readiness.up_to_date:
        return "ready"
    return f"reading {100 * readiness.done // readiness.total} %"
