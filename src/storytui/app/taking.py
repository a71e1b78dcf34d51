"""How she takes what lies on the desk into the manuscript, and gives it back."""

from abc import ABC, abstractmethod

from storytui.app.desk import Desk, Span
from storytui.app.kept_takes import KeptTakes
from storytui.app.screens.story import StoryScreen


class Taking(ABC):
    """The takes on one desk, on their way into the manuscript."""

    def __init__(self, screen: StoryScreen, desk: Desk, kept: KeptTakes) -> None:
        """Take nothing yet.

        Args:
            screen: owns the manuscript and what keeps it safe.
            desk: the takes.
            kept: keeps them.
        """
        self.desk = desk
        """The takes."""
        self._screen = screen
        self._kept = kept

    @abstractmethod
    def show(self) -> None:
        """Bring what is shown up to date with the desk."""

    def accept_sentence(self) -> None:
        """Take the next sentence."""
        self._accept(self.desk.upcoming)

    def accept_paragraph(self) -> None:
        """Take the rest of the paragraph; from elsewhere, go to the place first."""
        self._accept(self.desk.take.next_paragraph() if self.desk.take else None)

    def accept_rest(self) -> None:
        """Take all that is left; from elsewhere, go to the place first."""
        self._accept(self.desk.take.rest() if self.desk.take else None)

    def _accept(self, span: Span | None) -> None:
        if not self.desk.here:
            self.go_to_place()
        elif self.desk.accept(span):
            self._kept.keep_shown()
            self._screen.safekeeping.version("accepted")
            self._screen.area.focus()
            self.show()

    def give_back(self) -> None:
        """Give the last accepted piece back."""
        if not self.desk.give_back():
            self._screen.say("That piece was changed since it was taken, so it stays.")
        self._kept.keep_shown()
        self.show()

    def go_to_place(self) -> None:
        """Put the cursor where the take belongs."""
        self.desk.go_to_place()
        self._screen.area.focus()
        self.show()
