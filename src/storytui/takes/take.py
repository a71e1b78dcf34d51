"""A take: one reply as it grows, and what became of it."""

from dataclasses import dataclass, field
from typing import Literal

State = Literal["writing", "complete", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class Accepted:
    """A stretch of the answer that stands in the manuscript, and how it got there."""

    start: int
    """Where the stretch begins in the answer, in characters."""
    end: int
    drop_text: str = ""
    """The blanks before the cursor that made way for it."""
    inserted: str = ""
    """What was inserted into the manuscript."""


@dataclass(slots=True)
class Take:
    """One reply of the model, with what is needed to make it again."""

    number: int = 1
    seed: int = 0
    model: str = ""
    format: str = ""
    direction: str = ""
    words: int = 0
    reasoning: str = ""
    answer: str = ""
    state: State = "writing"
    problem: str = ""
    """What went wrong, as a sentence for the writer; empty where nothing did."""
    stop: str = ""
    """Why the reply ended: `closed`, `length`, `cut` or `stopped`."""
    statistics: object | None = None
    """What the reply cost, as the engine reports it."""
    accepted: list[int] = field(default_factory=list)
    """Ends of the accepted stretches of the answer, in characters."""
    dismissed: bool = False

    @property
    def taken(self) -> int:
        """How many characters of the answer stand in the manuscript."""
        return self.accepted[-1] if self.accepted else 0

    @property
    def finished_with(self) -> bool:
        """Whether there is nothing left to take, now or later."""
        raise NotImplementedError

    def add(self, segment: str, text: str) -> None:
        """More text of a segment arrived."""
        raise NotImplementedError

    def retract(self, segment: str, kept: int) -> None:
        """Only the first `kept` characters of a segment stand."""
        raise NotImplementedError

    def next_sentence(self) -> tuple[int, int] | None:
        """The stretch up to the end of the next sentence, with the white space before it."""
        raise NotImplementedError

    def next_paragraph(self) -> tuple[int, int] | None:
        """The stretch up to the end of the paragraph."""
        raise NotImplementedError

    def rest(self) -> tuple[int, int] | None:
        """All that is left of the answer so far."""
        raise NotImplementedError

    def accept(self, end: int) -> None:
        """The answer up to `end` stands in the manuscript."""
        raise NotImplementedError

    def give_back(self) -> int | None:
        """Take the last acceptance back; returns where the taken text ends now, or None."""
        raise NotImplementedError
