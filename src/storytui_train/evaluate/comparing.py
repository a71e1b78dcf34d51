"""Comparing takes blind: what is seen, what is asked next, what each key says.

Knows no terminal and no model: keys come in as names, lines go out. Which model wrote which take
is on none of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from storytui.story.visible import visible
from storytui_train.data.dataset.pages import GAP, SIDE_BY_SIDE, padded, wrapped
from storytui_train.evaluate.judgements import PACES, Pace

BEFORE = 10
"""Lines of the context that are seen first."""
KEYS = "j/k scroll  u back  q quit"
Question = Literal["better", "left", "right"]
_QUESTIONS: tuple[Question, ...] = ("better", "left", "right")
_SIDES = ("left", "right")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two takes behind one context, as they are shown."""

    pair: str
    """What it is kept by."""
    place: str
    """The book and where in it; fit to be shown."""
    context: str
    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody said of a pair."""

    better: Literal["left", "right", ""]
    left: Pace
    right: Pace


class Comparing:
    """Where somebody is in the pairs."""

    def __init__(
        self,
        pairs: Sequence[Pair],
        judged: set[str],
        keep: Callable[[Pair, Said], None],
        size: tuple[int, int],
    ) -> None:
        """Begin at the first pair that was not judged.

        Args:
            pairs: at least one.
            judged: the names of those that were; changed as more are.
            keep: keeps what is said of a pair, at once.
            size: the screen's columns and lines.
        """
        self._pairs = pairs
        self._judged = judged
        self._keep = keep
        self._number = self._next_open(0)
        self._answers: list[str] = []
        self._scroll = 0
        self._said = ""
        self.resize(size)

    @property
    def done(self) -> bool:
        """Whether all pairs are judged."""
        return self._number >= len(self._pairs)

    def resize(self, size: tuple[int, int]) -> None:
        """The screen has another size, in columns and lines."""
        self._columns, self._lines = max(size[0], 20), max(size[1], 6)
        self._lay_out()

    def press(self, key: str) -> bool:
        """Take a key; returns False where that was the end.

        Args:
            key: as `storytui_train.data.dataset.leafing.Leafing.press` takes them.
        """
        self._said = ""
        match key:
            case "q" | "interrupt":
                return False
            case "j" | "down":
                self._scroll_by(1)
            case "k" | "up":
                self._scroll_by(-1)
            case "page down" | " ":
                self._scroll_by(self._room)
            case "page up":
                self._scroll_by(-self._room)
            case "u" | "backspace":
                self._back()
            case "" | "escape":
                pass
            case _ if self.done:
                pass
            case _ if key in self._choices:
                self._answer(self._choices[key])
            case _:
                self._said = f"That is none of the keys. {self._asked()}"
        return True

    def screen(self) -> list[str]:
        """The screen's lines, all of them; what is asked stands in the last two."""
        body = self._body[self._start + self._scroll :][: self._room]
        body += [""] * (self._room - len(body))
        last = [self._said or self._asked(), KEYS]
        return [padded(each, self._columns - 1).rstrip() for each in (*self._head, *body, *last)][
            : self._lines
        ]

    # --- answers ----------------------------------------------------------------------------------

    @property
    def _question(self) -> Question:
        return _QUESTIONS[len(self._answers)]

    @property
    def _choices(self) -> Mapping[str, str]:
        """What each key says to the question."""
        if self._question == "better":
            return {"1": "left", "2": "right", "0": "", "=": ""}
        return {str(number): pace for number, pace in enumerate(PACES, 1)}

    def _asked(self) -> str:
        if self.done:
            return "All pairs are judged.  u goes back to the last one, q ends"
        left, right = ("left", "right") if self._wide else ("first", "second")
        if self._question == "better":
            return f"Which one goes on better?  1 the {left}  2 the {right}  0 neither"
        side = left if self._question == "left" else right
        choices = "  ".join(f"{key} {pace}" for key, pace in self._choices.items())
        return f"How far does the {side} one move the story?  {choices}"

    def _answer(self, answer: str) -> None:
        self._answers.append(answer)
        if len(self._answers) < len(_QUESTIONS):
            return
        better, left, right = self._answers
        pair = self._pairs[self._number]
        self._keep(pair, Said(_side(better), _pace(left), _pace(right)))
        self._judged.add(pair.pair)
        self._go(self._next_open(self._number + 1))

    def _back(self) -> None:
        """Take the last answer back; at a pair's beginning, go to the pair before."""
        if self._answers:
            self._answers.pop()
        elif self._number > 0:
            self._go(self._number - 1)
            self._said = f"What is said now counts. {self._asked()}"
        else:
            self._said = f"That is the first pair. {self._asked()}"

    def _next_open(self, number: int) -> int:
        while number < len(self._pairs) and self._pairs[number].pair in self._judged:
            number += 1
        return number

    def _go(self, number: int) -> None:
        self._number, self._answers, self._scroll = number, [], 0
        self._lay_out()

    # --- what is seen -----------------------------------------------------------------------------

    @property
    def _wide(self) -> bool:
        return self._columns >= SIDE_BY_SIDE

    def _lay_out(self) -> None:
        self._head: list[str] = []
        self._body: list[str] = []
        self._start = 0
        if not self.done:
            pair = self._pairs[self._number]
            place = f"{self._number + 1:,} of {len(self._pairs):,}"
            self._head = [
                *wrapped(f"{place} · {visible(pair.place, newlines=False)}", self._columns)
            ]
            context = wrapped(pair.context.rstrip(), self._columns)
            takes = self._takes(pair)
            self._body = [*context, "", *takes]
            self._start = max(0, len(context) - BEFORE)
        self._room = max(1, self._lines - len(self._head) - 2)
        self._scroll_by(0)

    def _takes(self, pair: Pair) -> list[str]:
        texts = pair.left.strip(), pair.right.strip()
        if not self._wide:
            first, second = (wrapped(each, self._columns) for each in texts)
            return ["── FIRST ", *first, "", "── SECOND ", *second]
        room = self._columns - len(GAP)
        widths = room // 2, room - room // 2
        left, right = (wrapped(text, width) for text, width in zip(texts, widths, strict=True))
        lines = max(len(left), len(right))
        left, right = (each + [""] * (lines - len(each)) for each in (left, right))
        return [
            GAP.join(padded(line, width) for line, width in zip(each, widths, strict=True)).rstrip()
            for each in [("LEFT", "RIGHT"), *zip(left, right, strict=True)]
        ]

    def _scroll_by(self, lines: int) -> None:
        down = max(0, len(self._body) - self._room - self._start)
        self._scroll = min(max(self._scroll + lines, -self._start), down)


def _side(answer: str) -> Literal["left", "right", ""]:
    return "left" if answer == "left" else "right" if answer == "right" else ""


def _pace(answer: str) -> Pace:
    return next(each for each in PACES if each == answer)
