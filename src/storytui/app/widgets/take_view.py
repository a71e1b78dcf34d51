"""A take as the writer reads it: the reasoning, dim and foldable, then the answer."""

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.events import Click
from textual.geometry import Region
from textual.message import Message
from textual.style import Style
from textual.widgets import Static

from storytui.app.keys import bind
from storytui.story.visible import visible

Span = tuple[int, int]

CARET = "▌"
"""Stands where the model writes."""

# Light on purpose, like the manuscript's own: a heading line, and emphasis inside one line.
_HEADING = re.compile(r"^#{1,6} .*$", re.MULTILINE)
_STRONG = re.compile(r"(?<![\w*])\*\*(?=\S)[^*\n]+?(?<=\S)\*\*(?![\w*])")
_EMPHASIS = re.compile(
    r"(?<![\w*])\*(?=[^\s*])[^*\n]+?(?<=[^\s*])\*(?![\w*])|(?<!\w)_(?=\S)[^_\n]+?(?<=\S)_(?!\w)"
)


@dataclass(frozen=True, slots=True)
class TakeState:
    """What the view shows of a take; the model's text as it came."""

    reasoning: str = ""
    answer: str = ""
    folded: bool = False
    taken: int = 0
    """How many characters of the answer stand in the manuscript."""
    upcoming: Span | None = None
    """What the accept key would take."""
    writing: str = ""
    """The segment that is being written; empty when nothing is."""
    note: str = ""
    """What is going on, or went wrong, while there is nothing else to read."""


def settled(text: str, *, growing: bool) -> str:
    """The part of `text` that will not move: while it grows, its last, unfinished word waits.

    A word that is still being written might not fit its line and jump to the next.
    """
    if not growing:
        return text
    return text[: max((at for at in map(text.rfind, (" ", "\n")) if at >= 0), default=0)]


class TakeView(VerticalScroll, can_focus=True):
    """Shows one take, follows it as it grows, and keeps what can be taken next in sight."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "take--taken",
        "take--upcoming",
        "take--heading",
        "take--strong",
        "take--emphasis",
        "take--caret",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("pane-previous-take", "turn(-1)"),
        bind("pane-next-take", "turn(1)"),
        Binding("space", "fold", "Fold the reasoning", show=False),
    ]

    @dataclass
    class Turned(Message):
        """The writer wants to see the take before (-1) or after (1)."""

        step: int

    @dataclass
    class Folded(Message):
        """The writer wants the reasoning folded or unfolded."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._state = TakeState()
        self._drawn: dict[str, object] = {}
        """What each part was drawn from."""
        # Textual's own anchor holds a short text at the bottom; this one grows downward.
        self._following = False
        self._followed_to = 0.0

    def compose(self) -> ComposeResult:
        """The reasoning with its arrow, and the answer under it."""
        with Horizontal(id="reasoning-row"):
            yield Static("▾", id="reasoning-arrow", markup=False)
            yield Static(id="reasoning", markup=False)
        yield Static(id="answer", markup=False)
        yield Static(id="note", markup=False)

    def begin(self, *, follow: bool) -> None:
        """Another take comes: show it from its start, or follow it as it grows."""
        self._following, self._followed_to = follow, 0.0
        self.scroll_home(animate=False, force=True, immediate=True)

    def show(self, state: TakeState) -> None:
        """Show a take as it stands now."""
        before, self._state = self._state, state
        row = self.query_one("#reasoning-row", Horizontal)
        row.display = bool(state.reasoning) or state.writing == "reasoning"
        self.query_one("#reasoning-arrow", Static).update("▸" if state.folded else "▾")
        reasoning = self.query_one("#reasoning", Static)
        reasoning.set_class(state.folded, "folded")
        growing = state.writing == "reasoning"
        if self._changed("reasoning", (state.reasoning, state.folded, growing)):
            reasoning.update(self._reasoning(state))
        answer = self.query_one("#answer", Static)
        growing = state.writing == "answer"
        answer.display = bool(state.answer) or growing
        if self._changed("answer", (state.answer, state.taken, state.upcoming, growing)):
            answer.update(self._answer(state))
        note = self.query_one("#note", Static)
        note.display = bool(state.note)
        if self._changed("note", state.note):
            note.update(Content(visible(state.note, newlines=False)))
        if state.taken != before.taken and state.upcoming is not None:
            self._following = False
            self.call_after_refresh(self._show_upcoming)
        elif state.writing or before.writing:
            # Who scrolled up reads something; who is at the end again wants to go on.
            if self.scroll_y < self._followed_to:
                self._following = self.scroll_y >= self.max_scroll_y
            self.call_after_refresh(self._follow)

    def draw_anew(self) -> None:
        """Have `show` draw everything, whatever stands there."""
        self._drawn.clear()

    def _changed(self, part: str, drawn_from: object) -> bool:
        """Whether a part must be drawn: a Static that is given the same lays all out again."""
        if self._drawn.get(part, self) == drawn_from:
            return False
        self._drawn[part] = drawn_from
        return True

    def action_turn(self, step: int) -> None:
        """Ask for another take."""
        self.post_message(self.Turned(step))

    def action_fold(self) -> None:
        """Ask for the reasoning to be folded or unfolded."""
        self.post_message(self.Folded())

    def on_click(self, event: Click) -> None:
        """A click on the reasoning folds it."""
        if event.widget is not None and (event.widget.id or "").startswith("reasoning"):
            event.stop()
            self.post_message(self.Folded())

    def _reasoning(self, state: TakeState) -> Content:
        growing = state.writing == "reasoning"
        if state.folded:
            return Content(visible(" ".join(state.reasoning.split()), newlines=False))
        return self._with_caret(visible(settled(state.reasoning, growing=growing)), growing)

    def _with_caret(self, text: str, growing: bool) -> Content:
        if not growing:
            return Content(text)
        return Content.assemble(text, (CARET, self.get_visual_style("take--caret")))

    def _answer(self, state: TakeState) -> Content:
        growing = state.writing == "answer"
        text = settled(state.answer, growing=growing)
        # White space in front of an answer belongs to the manuscript, not to the pane.
        start = len(text) - len(text.lstrip())
        spans: list[tuple[int, int, Style]] = []
        for pattern, name in (
            (_HEADING, "take--heading"),
            (_STRONG, "take--strong"),
            (_EMPHASIS, "take--emphasis"),
        ):
            style = self.get_visual_style(name, partial=True)
            spans += [(*match.span(), style) for match in pattern.finditer(text)]
        if state.upcoming is not None:
            begin, end = state.upcoming
            begin += len(text[begin:end]) - len(text[begin:end].lstrip())
            spans.append((begin, end, self.get_visual_style("take--upcoming", partial=True)))
        if state.taken:
            spans.append((0, state.taken, self.get_visual_style("take--taken", partial=True)))
        content = styled(text, start, spans)
        if growing:
            content = content.append(Content.styled(CARET, self.get_visual_style("take--caret")))
        return content

    def _follow(self) -> None:
        """Scroll to the end of what was written."""
        if self._following:
            self.scroll_end(animate=False, immediate=True)
            self._followed_to = self.scroll_y

    def _show_upcoming(self) -> None:
        """Scroll so that the stretch the accept key would take can be read."""
        state = self._state
        answer = self.query_one("#answer", Static)
        if state.upcoming is None or not answer.size.width:
            return
        text = state.answer.lstrip()
        lead = len(state.answer) - len(text)
        begin, end = (max(at - lead, 0) for at in state.upcoming)
        width = answer.size.width
        top = max(Content(visible(text[:begin].rstrip())).get_height({}, width) - 1, 0)
        bottom = Content(visible(text[:end])).get_height({}, width)
        at = answer.virtual_region
        self.scroll_to_region(
            Region(0, at.y + top, width, max(bottom - top + 1, 1)), animate=False, force=True
        )


def styled(text: str, start: int, spans: list[tuple[int, int, Style]]) -> Content:
    """`text` from `start` on with styles on it, its control characters made visible.

    Args:
        text: the model's own text.
        start: the first character to show.
        spans: begin, end and style, in characters of `text`; later ones lie over earlier ones.
    """
    cuts = {start, len(text)}
    for begin, end, _ in spans:
        cuts |= {min(max(begin, start), len(text)), min(max(end, start), len(text))}
    places = sorted(cuts)
    pieces: list[Content] = []
    for begin, end in pairwise(places):
        piece = Content(visible(text[begin:end]))
        for span_begin, span_end, style in spans:
            if span_begin <= begin and end <= span_end:
                piece = piece.stylize(style)
        pieces.append(piece)
    return Content("").join(pieces)
