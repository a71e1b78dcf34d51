"""Takes while they are written: what comes of a run goes into the take that it belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass

from storytui.continuing import Plan
from storytui.engine.api import (
    Event,
    Finished,
    Loading,
    Reading,
    Retracted,
    SegmentEnded,
    SegmentStarted,
    Text,
)
from storytui.takes.take import Take


@dataclass(slots=True)
class Growing:
    """A take that is being written."""

    take: Take
    progress: str
    """What goes on while there is no text yet: `reading 43 %`."""
    segment: str = ""
    """The segment that is being written."""

    @property
    def grows(self) -> bool:
        """Whether more comes of it."""
        return self.take.state == "writing"

    @property
    def begun(self) -> bool:
        """Whether something of the reply has come."""
        return bool(self.segment or self.take.reasoning or self.take.answer)


class Run:
    """The takes of one run, one or several that are written side by side."""

    def __init__(self, takes: Sequence[Take] = (), progress: str = "reading") -> None:
        """Begin with takes of which nothing has come.

        Args:
            takes: in the order of the run's numbers.
            progress: what goes on while there is no text yet.
        """
        self._all = tuple(Growing(take, progress) for take in takes)

    @property
    def takes(self) -> tuple[Take, ...]:
        """All of them, those too of which nothing more comes."""
        return tuple(each.take for each in self._all)

    def of(self, take: Take | None) -> Growing | None:
        """How a take grows; None where nothing more comes of it."""
        return next((each for each in self._all if each.take is take and each.grows), None)

    @property
    def first(self) -> Growing | None:
        """The first that still grows."""
        return next((each for each in self._all if each.grows), None)

    def receive(self, event: Event | Plan, number: int) -> None:
        """Something came of the run.

        Args:
            event: what came.
            number: of which of its takes, from 0.
        """
        if number >= len(self._all):
            return
        growing = self._all[number]
        take = growing.take
        match event:
            case Plan(request):
                for each in self.takes:
                    each.prompt, each.opening = request.message, event.opening
                    each.format = event.format
            case Loading(fraction):
                self._goes_on(f"loading the model {fraction * 100:.0f} %")
            case Reading(_, 0):
                # A server reads it, and what was said holds: it is waited for.
                pass
            case Reading(done, total):
                self._goes_on(f"reading {100 * done // max(total, 1)} %")
            case SegmentStarted(segment):
                growing.segment, growing.progress = segment, ""
            case Text(segment, text):
                take.add(segment, text)
            case Retracted(segment, kept):
                take.retract(segment, kept)
            case SegmentEnded(segment, _, tokens):
                take.keep_tokens(segment, tokens)
                growing.segment = ""
            case Finished(stop, statistics):
                take.stop, take.statistics = stop, statistics
                take.state = "stopped" if stop == "stopped" else "complete"

    def end(self, problem: str = "") -> None:
        """Nothing more comes; what came stays.

        Args:
            problem: why it ended early, as a sentence; empty where nothing went wrong.
        """
        for take in self.takes:
            if take.state == "writing":
                take.state = "failed" if problem else "stopped"
                take.problem = problem

    def _goes_on(self, progress: str) -> None:
        """The model and the prompt are the same for all of which nothing has come."""
        for each in self._all:
            if not each.begun:
                each.progress = progress
