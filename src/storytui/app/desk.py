"""What lies on the writer's desk: the takes for one place, and what of them was accepted.

The desk changes the manuscript and the takes together, so that the two never tell different
stories: an acceptance that the writer undoes, or deletes whole, is the take's again, and one that
she brings back with redo is accepted again. It knows no engine and shows nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from storytui.app.growing import Growing, Run
from storytui.app.widgets.manuscript import Insertion, ManuscriptArea, Mark
from storytui.continuing import Plan
from storytui.engine.api import Event
from storytui.manuscript.journal_records import (
    OpenTake,
    OpenTakes,
    StandingPiece,
    to_bytes,
    to_text,
)
from storytui.story.joining import join
from storytui.story.prompt import UnknownFormatError, prompt_format
from storytui.takes.shelf import Shelf
from storytui.takes.take import Take

NEARBY = 4000
"""How many characters before and after the place `join` gets to see."""

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Acceptance:
    """A stretch of the answer that was put into the manuscript."""

    end: int
    """Where it ends in the answer."""
    insertion: Insertion
    begin_mark: Mark
    end_mark: Mark


@dataclass(slots=True)
class _Ledger:
    """The acceptances of one take: those that stand, and those that an undo took away."""

    take: Take
    standing: list[_Acceptance] = field(default_factory=list)
    undone: list[_Acceptance] = field(default_factory=list)


class Desk:
    """The takes of one place in one manuscript."""

    def __init__(self, area: ManuscriptArea) -> None:
        """Begin with an empty desk.

        Args:
            area: the manuscript that accepted text goes into.
        """
        self.shelf = Shelf()
        """The takes of the place."""
        self._run = Run()
        self._area = area
        self._place: Mark | None = None
        self._ledgers: dict[int, _Ledger] = {}

    # --- what there is ----------------------------------------------------------------------------

    @property
    def take(self) -> Take | None:
        """The take that is shown; None while there is none, or it was dismissed."""
        take = self.shelf.current
        return None if take is None or take.dismissed else take

    @property
    def written(self) -> tuple[Take, ...]:
        """The takes that are being written, side by side, or were until now in the same run."""
        return self._run.takes

    @property
    def growing(self) -> Growing | None:
        """How the shown take grows; None where nothing more comes of it."""
        return self._run.of(self.take)

    @property
    def progress(self) -> str:
        """What goes on while there is no text yet, of the shown take or the first that grows."""
        shown = self.growing or self._run.first
        return "" if shown is None else shown.progress

    @property
    def place(self) -> int | None:
        """Where the next accepted text goes, in characters; None before the first take."""
        return None if self._place is None else self._place.offset

    @property
    def here(self) -> bool:
        """Whether the cursor is where accepted text goes."""
        return self._place is not None and self._area.offset == self._place.offset

    @property
    def open(self) -> bool:
        """Whether something of the shown take may still be taken, now or when it has come."""
        return self.shelf.open_take is not None

    @property
    def upcoming(self) -> Span | None:
        """The stretch that the next sentence would be; None where nothing can be taken."""
        return None if self.take is None else self.take.next_sentence()

    # --- takes begin, and grow -----------------------------------------------------------------

    def same_place(self, *, again: bool) -> bool:
        """Whether a new take is for the place of the takes that are here.

        Args:
            again: the writer asked for another take of the same place; otherwise the place is
                the same while the cursor stands there and the shown take is not used up.
        """
        return again or (self.here and self.open)

    def begin(self, takes: Sequence[Take], progress: str = "reading") -> None:
        """Put new takes on the desk and show the first; on an empty one the cursor is their place.

        Args:
            takes: one, or several that are written side by side.
            progress: what goes on while there is no text yet.
        """
        if self._place is None:
            self._place = self._area.mark(self._area.offset, gravity="right")
        for take in takes:
            self.shelf.add(take)
            self._ledgers[id(take)] = _Ledger(take)
        for _ in takes[1:]:
            self.shelf.previous()
        self._run = Run(takes, progress)

    def receive(self, event: Event | Plan, number: int = 0) -> None:
        """Something came of the takes that are being written; `number` says of which, from 0."""
        self._run.receive(event, number)

    def end(self, problem: str = "") -> None:
        """Nothing more comes of the takes that were being written; what came stays."""
        self._run.end(problem)
        self._run = Run()

    # --- accepting --------------------------------------------------------------------------------

    def accept(self, span: Span | None) -> bool:
        """Put a stretch of the shown take's answer into the manuscript, as one undo step.

        Returns whether there was a stretch and the cursor stood where it belongs.
        """
        take, place = self.take, self._place
        if take is None or place is None or span is None or not self.here:
            return False
        begin, end = span
        at = place.offset
        joined = join(
            self._between(at - NEARBY, at),
            take.answer[begin:end],
            self._between(at, at + NEARBY),
            first=begin == 0,
            verbatim=_is_verbatim(take),
        )
        insertion = self._area.insert_joined(joined, at)
        # After a piece that brought its own break before what follows, the cursor is not its end.
        self._move_place(self._area.offset)
        ledger = self._ledgers[id(take)]
        ledger.standing.append(
            _Acceptance(
                end,
                insertion,
                self._area.mark(insertion.start),
                self._area.mark(insertion.start + len(insertion.inserted), gravity="right"),
            )
        )
        self._forget(ledger.undone)
        take.accept(end)
        return True

    def give_back(self) -> bool:
        """Take the last accepted stretch out of the manuscript again.

        Returns whether it could be: text that was changed since is the writer's own.
        """
        take = self.take
        ledger = None if take is None else self._ledgers[id(take)]
        if take is None or ledger is None or not ledger.standing:
            return False
        if not self._area.take_back(ledger.standing[-1].insertion):
            return False
        ledger.undone.append(ledger.standing.pop())
        take.give_back()
        return True

    @property
    def can_give_back(self) -> bool:
        """Whether something of the shown take stands in the manuscript."""
        return self.take is not None and bool(self._ledgers[id(self.take)].standing)

    def follow_edits(self) -> bool:
        """The manuscript changed: let the takes follow undo and redo; returns whether any did."""
        followed = came_back = False
        for ledger in self._ledgers.values():
            while ledger.standing and self._reads(ledger.standing[-1], inserted=False):
                ledger.undone.append(ledger.standing.pop())
                ledger.take.give_back()
                followed = True
            while not followed and ledger.undone and self._reads(ledger.undone[-1], inserted=True):
                acceptance = ledger.undone.pop()
                # The engine may have cut the answer back since.
                if ledger.take.taken < acceptance.end <= len(ledger.take.answer):
                    ledger.standing.append(acceptance)
                    ledger.take.accept(acceptance.end)
                    came_back = True
        return followed or came_back

    # --- kept through a crash ---------------------------------------------------------------------

    def laid_open(self) -> OpenTakes:
        """What lies on the desk, for the journal."""
        if self._place is None:
            return OpenTakes((0, 0), -1, [])
        takes = [
            OpenTake(
                take.id,
                [
                    StandingPiece(
                        each.end,
                        each.begin_mark.location,
                        to_bytes(each.insertion.removed),
                        to_bytes(each.insertion.inserted),
                    )
                    for each in self._ledgers[id(take)].standing
                ],
            )
            for take in self.shelf.takes
        ]
        shown = [take is self.shelf.current for take in self.shelf.takes].index(True)
        return OpenTakes(self._place.location, shown, takes)

    def lay_open(self, laid: OpenTakes, takes: Mapping[str, Take]) -> None:
        """Put takes back as they lay.

        A piece that does not stand where it stood is the writer's own text by now.

        Args:
            laid: what lay on the desk.
            takes: the takes by their id, as they were kept; one that is missing is left out.
        """
        self.clear()
        area = self._area
        self._place = area.mark(area.offset_of(laid.place), gravity="right")
        for each in laid.takes:
            take = takes.get(each.id)
            if take is None:
                continue
            if take.state == "writing":
                take.state = "stopped"
            self.shelf.add(take)
            ledger = self._ledgers[id(take)] = _Ledger(take)
            take.accepted.clear()
            for piece in each.pieces:
                self._stand_again(ledger, piece)
        if not self.shelf.takes:
            self.clear()
        for _ in range(len(self.shelf.takes) - 1 - max(laid.shown, 0)):
            self.shelf.previous()

    def _stand_again(self, ledger: _Ledger, piece: StandingPiece) -> None:
        area, inserted = self._area, to_text(piece.inserted)
        start = area.offset_of(piece.start)
        end = start + len(inserted)
        if not ledger.take.taken < piece.end <= len(ledger.take.answer):
            return
        ledger.take.accept(piece.end)
        if self._between(start, end) == inserted:
            insertion = Insertion(
                start, to_text(piece.removed), inserted, area.mark(start, "right")
            )
            ledger.standing.append(
                _Acceptance(piece.end, insertion, area.mark(start), area.mark(end, "right"))
            )

    # --- between takes ----------------------------------------------------------------------------

    def turn(self, step: int) -> None:
        """Show the take before (-1) or after (1); a dismissed one comes back first."""
        current = self.shelf.current
        if current is not None and current.dismissed:
            current.dismissed = False
            return
        take = self.shelf.previous() if step < 0 else self.shelf.next()
        if take is not None:
            take.dismissed = False

    def dismiss(self) -> None:
        """Put the shown take out of sight."""
        if self.take is not None:
            self.take.dismissed = True

    def go_to_place(self) -> None:
        """Put the cursor where accepted text goes."""
        if self._place is not None:
            self._area.move_to(self._place.offset)

    def clear(self) -> None:
        """Leave the place: its takes are put away, what was accepted stays in the manuscript."""
        for ledger in self._ledgers.values():
            self._forget(ledger.standing)
            self._forget(ledger.undone)
        if self._place is not None:
            self._area.unmark(self._place)
        self._ledgers, self._place, self.shelf = {}, None, Shelf()

    # --- the manuscript ---------------------------------------------------------------------------

    def _between(self, begin: int, end: int) -> str:
        begin = max(begin, 0)
        return self._area.get_text_range(
            self._area.location_of(begin), self._area.location_of(max(begin, end))
        )

    def _reads(self, acceptance: _Acceptance, *, inserted: bool) -> bool:
        """Whether an acceptance's stretch of the manuscript reads as inserted, or as before it."""
        insertion = acceptance.insertion
        begin, end = acceptance.begin_mark.offset, acceptance.end_mark.offset
        expected = insertion.inserted if inserted else insertion.removed
        return end - begin == len(expected) and self._between(begin, end) == expected

    def _move_place(self, offset: int) -> None:
        if self._place is not None and self._place.offset != offset:
            self._area.unmark(self._place)
            self._place = self._area.mark(offset, gravity="right")

    def _forget(self, acceptances: list[_Acceptance]) -> None:
        for acceptance in acceptances:
            self._area.unmark(acceptance.begin_mark)
            self._area.unmark(acceptance.end_mark)
        acceptances.clear()


def _is_verbatim(take: Take) -> bool:
    """Whether a take's answer is what follows the story's last character."""
    try:
        return prompt_format(take.format).verbatim
    except UnknownFormatError:
        return False
