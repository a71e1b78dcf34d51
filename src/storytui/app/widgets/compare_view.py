"""The differences between two texts, to be read change by change."""

import unicodedata
from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal, NamedTuple

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.style import Style
from textual.widgets import Static

from storytui.story.compare import Change, Piece, Summary, changes
from storytui.story.passages import Passage, passages
from storytui.story.visible import visible
from storytui.story.words import count_words

Scrolled = Literal["up", "down", "page_up", "page_down", "home", "end"]

_LONGEST_SHOWN = 6_000
"""Characters of one removed or added stretch beyond which its middle is left out."""
_SHEET_CHARACTERS = 10_000
"""About how much is laid out at once; more is laid out when a change in it is gone to."""

_ADDED, _REMOVED = "compare--added", "compare--removed"


class _Part(NamedTuple):
    """A stretch of what is shown."""

    shown: Content
    change: int | None = None
    """The number of the change that it belongs to, if to one."""


class CompareView(VerticalScroll, can_focus=False):
    """Shows the changes, each with what stands round it; one of them is the current one."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        _ADDED,
        _REMOVED,
        "compare--current",
        "compare--where",
    }

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._changes: list[Change] = []
        self._sheets: list[list[Passage]] = []
        self._parts: list[_Part] = []
        self._current = 0

    def compose(self) -> ComposeResult:
        """One text, laid out at once: that is quicker than a widget for each change."""
        yield Static(id="compare-text", markup=False)

    @property
    def change(self) -> Change | None:
        """The current change; None where there is none."""
        return self._changes[self._current] if self._changes else None

    @property
    def current(self) -> int:
        """The number of the current change, from 0."""
        return self._current

    def show(self, pieces: Sequence[Piece]) -> None:
        """Show a comparison, from its first change.

        Args:
            pieces: from `compare.compare`.
        """
        self._changes = changes(pieces)
        self._sheets = _sheets(passages(pieces))
        self._current = 0
        self._draw()
        self.scroll_home(animate=False, force=True, immediate=True)

    def say(self, sentence: str) -> None:
        """Show a sentence where there is nothing to compare."""
        self._changes, self._sheets, self._parts, self._current = [], [], [], 0
        self.query_one("#compare-text", Static).update(Content(visible(sentence)))

    def move(self, step: int) -> None:
        """Go `step` changes on, or back; the first and the last are the ends."""
        if not self._changes:
            return
        current = max(0, min(len(self._changes) - 1, self._current + step))
        if current != self._current:
            self._current = current
            self._draw()
        self.call_after_refresh(self._reveal)

    def scroll_by(self, where: Scrolled) -> None:
        """Scroll by a row or a page, or to an end, at once."""
        match where:
            case "up":
                self.scroll_up(animate=False)
            case "down":
                self.scroll_down(animate=False)
            case "page_up":
                self.scroll_page_up(animate=False)
            case "page_down":
                self.scroll_page_down(animate=False)
            case "home":
                self.scroll_home(animate=False)
            case "end":
                self.scroll_end(animate=False)

    def on_resize(self, event: Resize) -> None:
        """What was in sight is in another row now."""
        if self._current:
            self.call_after_refresh(self._reveal)

    def _draw(self) -> None:
        self._parts = list(self._laid_out())
        text = Content("").join(part.shown for part in self._parts)
        self.query_one("#compare-text", Static).update(text)

    def _sheet(self) -> int:
        """The number of the sheet that the current change is on."""
        for number, sheet in enumerate(self._sheets):
            if self._current < sheet[-1].first + sheet[-1].count:
                return number
        return 0

    def _laid_out(self) -> Iterator[_Part]:
        """The sheet that the current change is on."""
        if not self._sheets:
            return
        where = self.get_visual_style("compare--where")
        number = self._sheet()
        sheet = self._sheets[number]
        if number:
            yield _Part(Content.styled(f"{sheet[0].first:,} before these\n\n", where))
        for at, passage in enumerate(sheet):
            if at:
                yield _Part(Content("\n\n"))
            yield _Part(Content.styled(self._where(passage) + "\n", where), passage.first)
            yield from self._passage(passage)
        end = sheet[-1].first + sheet[-1].count
        if end < len(self._changes):
            rest = f"\n\n{len(self._changes) - end:,} after these"
            yield _Part(Content.styled(rest, where))

    def _where(self, passage: Passage) -> str:
        first, last = passage.first + 1, passage.first + passage.count
        numbers = f"{first:,}" if first == last else f"{first:,} to {last:,}"
        return f"{numbers} of {len(self._changes):,} · line {passage.line:,}"

    def _passage(self, passage: Passage) -> Iterator[_Part]:
        number = passage.first - 1
        previous = "equal"
        if passage.begins_inside:
            yield _Part(Content("…"))
        for at, piece in enumerate(passage.pieces):
            last = at == len(passage.pieces) - 1
            if piece.kind == "equal":
                yield _Part(Content(visible(piece.text)))
            else:
                number += previous == "equal"
                text = _changed(piece.text)
                if last:
                    text = text.removesuffix("\n")
                style = self.get_visual_style(
                    _ADDED if piece.kind == "added" else _REMOVED, partial=True
                )
                shown = Content(text).stylize(style)
                if number == self._current:
                    shown = shown.stylize(self._current_look())
                yield _Part(shown, number)
            previous = piece.kind
        if passage.ends_inside:
            yield _Part(Content("…"))

    def _current_look(self) -> Style:
        # A partial visual style loses a background that is not transparent.
        return Style(background=self.get_component_styles("compare--current").background)

    def _reveal(self) -> None:
        """Scroll so that the current change can be read, or its beginning where it is long."""
        width = self.query_one("#compare-text", Static).size.width
        mine = [at for at, part in enumerate(self._parts) if part.change == self._current]
        if not mine or not width:
            return
        top = _rows(self._parts[: mine[0]], width) - 1
        bottom = _rows(self._parts[: mine[-1] + 1], width)
        if top < self.scroll_y or bottom > self.scroll_y + self.size.height:
            self.scroll_to(y=max(top, 0), animate=False, force=True, immediate=True)


def differences(view: CompareView, counts: Summary, before_name: str, after_name: str) -> Content:
    """How much differs, in the looks that the differences have: the legend of a comparison.

    Args:
        view: whose looks are used.
        counts: how much differs.
        before_name: what the text before is called inside a sentence, as in “the file”.
        after_name: what the text after is called.
    """
    if not counts.changes:
        return Content("No difference.")
    removed = view.get_visual_style(_REMOVED, partial=True)
    added = view.get_visual_style(_ADDED, partial=True)
    return Content.assemble(
        f"{_counted(counts.changes, 'change')} · ",
        Content(_counted(counts.words_removed, "word")).stylize(removed),
        f" only in {visible(before_name, newlines=False)} · ",
        Content(_counted(counts.words_added, "word")).stylize(added),
        f" only in {visible(after_name, newlines=False)}",
    )


def _rows(parts: Sequence[_Part], width: int) -> int:
    """How many rows some parts take, the last of them perhaps not full."""
    return Content("").join(part.shown for part in parts).get_height({}, width)


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _sheets(found: Sequence[Passage]) -> list[list[Passage]]:
    """Passages in portions that can be laid out at once."""
    sheets: list[list[Passage]] = []
    room = 0
    for passage in found:
        if room <= 0:
            sheets.append([])
            room = _SHEET_CHARACTERS
        sheets[-1].append(passage)
        room -= sum(min(len(each.text), _LONGEST_SHOWN) for each in passage.pieces)
    return sheets


def _changed(text: str) -> str:
    """A removed or added stretch as it is shown: what could not be seen in it has a sign."""
    if len(text) > _LONGEST_SHOWN:
        head, tail = text[: _LONGEST_SHOWN * 3 // 4], text[-_LONGEST_SHOWN // 4 :]
        words = count_words(text[len(head) : len(text) - len(tail)])
        return f"{_changed(head)}\n… {_counted(words, 'word')} …\n{_changed(tail)}"
    if text.isspace():
        text = text.replace(" ", "·").replace("\t", "→")
    # A mark over a letter would be drawn over the piece before it.
    if unicodedata.category(text[0]).startswith("M"):
        text = "◌" + text
    return visible(text.replace("\n", "¶\n"))
