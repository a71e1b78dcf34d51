"""The takes of one place in the manuscript, and which of them is shown."""

from storytui.takes.take import Take


class Shelf:
    """The takes of one place, in the order they were made; one of them is shown."""

    def __init__(self) -> None:
        self._takes: list[Take] = []
        self._shown = -1

    @property
    def takes(self) -> tuple[Take, ...]:
        """All of them, oldest first."""
        return tuple(self._takes)

    @property
    def current(self) -> Take | None:
        """The take that is shown; None on an empty shelf."""
        return self._takes[self._shown] if self._takes else None

    @property
    def open_take(self) -> Take | None:
        """The take shown, where something of it may still be taken; else None."""
        take = self.current
        return None if take is None or take.dismissed or take.finished_with else take

    @property
    def number(self) -> str:
        """Which take is shown, of how many: `1/2`; empty on an empty shelf."""
        return f"{self._shown + 1}/{len(self._takes)}" if self._takes else ""

    def add(self, take: Take) -> Take:
        """Put a new take on the shelf, number it and show it."""
        self._takes.append(take)
        self._shown = len(self._takes) - 1
        take.number = len(self._takes)
        return take

    def previous(self) -> Take | None:
        """Show the take before; the first stays shown."""
        self._shown = max(self._shown - 1, 0) if self._takes else -1
        return self.current

    def next(self) -> Take | None:
        """Show the take after; the last stays shown."""
        self._shown = min(self._shown + 1, len(self._takes) - 1)
        return self.current
